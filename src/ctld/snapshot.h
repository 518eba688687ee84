// What queries read: an immutable picture of the committed state. Publishing a change costs what
// changed, never the length of the queue. A picture is made when somebody takes one and shares the
// jobs and their chunks of 256 with what comes later: a chunk is copied when one of its jobs
// changes for the first time after that. Readers on any thread keep the picture they took.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "ctld/core/priority_factors.h"
#include "ctld/published_job.h"
#include "reeve/v1/types.pb.h"

namespace reeve::ctld {

class PublishedState {
 public:
  // null when there is no such job.
  std::shared_ptr<const PublishedJob> FindJob(uint32_t id) const;
  struct Cursor {
    size_t chunk = 0;
    size_t slot = 0;
  };
  // The jobs in the order of their ids, one a call; null at the end.
  const PublishedJob* NextJob(Cursor* cursor) const;
  const std::vector<std::shared_ptr<const pb::Node>>& nodes() const { return nodes_; }
  const std::vector<std::shared_ptr<const pb::Partition>>& partitions() const {
    return partitions_;
  }
  const std::vector<std::shared_ptr<const pb::Reservation>>& reservations() const {
    return reservations_;
  }
  const std::vector<pb::License>& licenses() const { return licenses_; }
  // What the priorities of pending jobs are worked out from; null before it is known.
  const PriorityBook* priorities() const { return priorities_.get(); }

 private:
  friend class Publisher;
  static constexpr uint32_t kChunkBits = 8;
  struct Chunk {
    std::array<std::shared_ptr<const PublishedJob>, 1 << kChunkBits> jobs;
    uint32_t count = 0;
  };
  uint32_t first_chunk_ = 0;
  std::vector<std::shared_ptr<const Chunk>> chunks_;  // null where no job is left
  std::vector<std::shared_ptr<const pb::Node>> nodes_;
  std::vector<std::shared_ptr<const pb::Partition>> partitions_;
  std::vector<std::shared_ptr<const pb::Reservation>> reservations_;
  std::vector<pb::License> licenses_;
  std::shared_ptr<const PriorityBook> priorities_;
};

// Makes the pictures. One thread writes (the loop), any thread takes.
class Publisher {
 public:
  void PutJob(std::shared_ptr<const PublishedJob> job);
  void RemoveJob(uint32_t id);
  void PutNode(std::shared_ptr<const pb::Node> node);  // by name; new ones at the end
  void SetNodes(std::vector<std::shared_ptr<const pb::Node>> nodes);
  void SetPartitions(std::vector<std::shared_ptr<const pb::Partition>> partitions);
  void SetReservations(std::vector<std::shared_ptr<const pb::Reservation>> reservations);
  void SetLicenses(std::vector<pb::License> licenses);
  void SetPriorities(std::shared_ptr<const PriorityBook> priorities);
  void Publish();  // what was put since becomes visible at once

  // The first one after a Publish copies the list of chunks; others share it.
  std::shared_ptr<const PublishedState> Take() const;

 private:
  // The writer's alone, until it publishes.
  struct Changes {
    std::vector<std::pair<uint32_t, std::shared_ptr<const PublishedJob>>>
        jobs;                // in order; null: gone
    bool all_nodes = false;  // the nodes are those below and no others
    std::vector<std::shared_ptr<const pb::Node>> nodes;
    std::optional<std::vector<std::shared_ptr<const pb::Partition>>> partitions;
    std::optional<std::vector<std::shared_ptr<const pb::Reservation>>> reservations;
    std::optional<std::vector<pb::License>> licenses;
    std::shared_ptr<const PriorityBook> priorities;
  };

  // With mutex_ held.
  PublishedState::Chunk* WritableChunk(uint32_t id);
  void Put(uint32_t id, std::shared_ptr<const PublishedJob> job);
  void Remove(uint32_t id);
  void Put(std::shared_ptr<const pb::Node> node);
  void DropLeadingChunks();

  Changes changes_;
  mutable std::mutex mutex_;
  PublishedState state_;
  // Made since the last picture was: nobody else has them.
  mutable absl::flat_hash_map<uint32_t, std::shared_ptr<PublishedState::Chunk>> own_;
  absl::flat_hash_map<std::string, size_t> node_index_;
  mutable std::shared_ptr<const PublishedState> picture_;  // null: state_ has changed since
};

}  // namespace reeve::ctld
