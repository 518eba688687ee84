// What the controller keeps on disk, as an interface without SQL.
//
// A commit is one batch of records; batches that wait together become one transaction (group
// commit) that is on disk, synced, before any of their `done` is called. Batches become durable in
// the order given.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/ids.h"

namespace reeve::ctld {

struct RequestRecord {  // the answer that a repeated request id gets again
  uint32_t uid = 0;
  std::string request_id;
  std::string bytes;  // pb::StoredRequest
};

struct StepRecord {  // what a step is launched with, until it has started everywhere
  JobId job;
  StepId step;
  std::string bytes;  // pb::StoredStepSpec
};

struct OutboxRecord {  // one accounting record that reevedbd has not acknowledged
  uint64_t sequence = 0;
  std::string bytes;  // pb::AccountingRecord
};

struct StoredCounters {  // numbers that never go back
  uint32_t next_job_id = 0;
  uint32_t next_priority = 0;
};

struct Batch {
  std::vector<std::pair<JobId, std::string>> jobs;  // pb::Job, replaced by id
  std::vector<JobId> removed_jobs;
  std::vector<std::pair<std::string, std::string>> nodes;       // pb::StoredNode by name
  std::vector<std::pair<std::string, std::string>> partitions;  // pb::StoredPartition by name
  std::vector<std::string> removed_partitions;
  std::vector<std::pair<std::string, std::string>> reservations;  // pb::Reservation by name
  std::vector<std::string> removed_reservations;
  std::vector<std::pair<std::string, std::string>> blobs;  // hash, bytes; there already: no change
  std::vector<std::string> removed_blobs;
  std::vector<std::pair<uint32_t, std::string>> usage;  // pb::StoredUsage by user
  std::vector<uint32_t> removed_usage;
  std::vector<StepRecord> steps;
  std::vector<std::pair<JobId, StepId>> removed_steps;  // after `steps`
  std::vector<RequestRecord> requests;
  std::vector<std::pair<uint32_t, std::string>> forgotten_requests;  // uid, request id
  std::vector<OutboxRecord> outbox;
  std::optional<uint64_t> outbox_acknowledged;  // these and all before them go
  std::optional<StoredCounters> counters;

  bool empty() const {
    return jobs.empty() && removed_jobs.empty() && nodes.empty() && partitions.empty() &&
           removed_partitions.empty() && blobs.empty() && removed_blobs.empty() && steps.empty() &&
           removed_steps.empty() && requests.empty() && forgotten_requests.empty() &&
           reservations.empty() && removed_reservations.empty() && outbox.empty() &&
           usage.empty() && removed_usage.empty() && !outbox_acknowledged && !counters;
  }
};

struct StoredState {
  std::vector<std::string> jobs;  // pb::Job
  std::vector<std::string> nodes;
  std::vector<std::string> partitions;     // pb::StoredPartition
  std::vector<std::string> reservations;   // pb::Reservation
  std::vector<std::string> steps;          // pb::StoredStepSpec
  std::vector<std::string> requests;       // pb::StoredRequest
  std::vector<std::string> usage;          // pb::StoredUsage
  std::optional<StoredCounters> counters;  // absent: a new store
  uint64_t last_sequence = 0;          // of the outbox, also when all of it has been acknowledged
  uint64_t epoch = 0;                  // of this opening: higher than ever before
  std::string incarnation;             // random, drawn when the store was made
  std::vector<std::string> set_aside;  // damaged records left out, as "job 17"
};

class StateStore {
 public:
  virtual ~StateStore() = default;  // writes what is queued

  // Everything, once, before the first Commit. Raises the epoch on disk.
  virtual absl::StatusOr<StoredState> Load() = 0;

  // Queues; `done` is called on the store's thread, with the failure when the disk refused. After
  // a failure every later commit fails too: nothing may be acknowledged that is not on disk.
  virtual void Commit(Batch batch, std::function<void(absl::Status)> done) = 0;

  // From any thread; blocks on the disk. NotFound for an unknown hash.
  virtual absl::StatusOr<std::string> ReadBlob(const std::string& hash) = 0;

  // The oldest `limit` records after `sequence`. From any thread; blocks on the disk.
  virtual absl::StatusOr<std::vector<OutboxRecord>> ReadOutbox(uint64_t after, size_t limit) = 0;
};

struct StoreOptions {
  bool set_aside_damaged = false;  // go on without damaged records, instead of refusing all
};

// SQLite in WAL mode with synchronous=FULL in `<folder>/state.db`. FailedPrecondition for a store
// of a newer version, one that another controller holds open, or (at Load) one with a damaged
// record; DataLoss for a damaged file. The message says what can be done.
absl::StatusOr<std::unique_ptr<StateStore>> OpenSqliteStore(const std::string& folder,
                                                            StoreOptions options = {});

}  // namespace reeve::ctld
