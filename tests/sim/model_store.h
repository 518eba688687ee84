// The controller's disk, and the store over it: batches become durable in order, a while after they
// were given, in transactions of what waited together. A controller that dies takes with it what
// was not durable yet; one that dies between the disk and its word leaves a job nobody heard of.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "ctld/state_store.h"
#include "tests/sim/scene.h"

namespace reeve::sim {

// What survives.
struct Disk {
  std::map<JobId, std::string> jobs;
  std::map<std::string, std::string> nodes;
  std::map<std::string, std::string> partitions;
  std::map<std::string, std::string> reservations;
  std::map<uint32_t, std::string> usage;
  std::map<std::pair<JobId, StepId>, std::string> steps;
  std::map<std::string, std::string> blobs;
  std::map<std::pair<uint32_t, std::string>, std::string> requests;
  std::map<uint64_t, std::string> outbox;
  std::optional<ctld::StoredCounters> counters;
  uint64_t last_sequence = 0;
  uint64_t epoch = 0;
  uint64_t commits = 0;  // transactions of all lives
  bool failing = false;
  absl::Duration slowness;
  std::function<void(const ctld::Batch&)> on_durable;
};

class ModelStore : public ctld::StateStore {
 public:
  // `at_commit` is asked before (0) and after (1) a transaction is durable.
  ModelStore(Scene* scene, Disk* disk, const Life* life, Random* random,
             std::function<void(int phase)> at_commit);

  absl::StatusOr<ctld::StoredState> Load() override;
  void Commit(ctld::Batch batch, std::function<void(absl::Status)> done) override;
  absl::StatusOr<std::string> ReadBlob(const std::string& hash) override;
  absl::StatusOr<std::vector<ctld::OutboxRecord>> ReadOutbox(uint64_t after, size_t limit) override;

 private:
  struct Waiting {
    ctld::Batch batch;
    std::function<void(absl::Status)> done;
  };
  void WriteSoon();
  void Write();
  void Apply(const ctld::Batch& batch);

  Scene* const scene_;
  Disk* const disk_;
  const Life* const life_;
  Random* const random_;
  const std::function<void(int)> at_commit_;
  std::deque<Waiting> waiting_;
  bool writing_ = false;
  absl::Status failure_;
};

}  // namespace reeve::sim
