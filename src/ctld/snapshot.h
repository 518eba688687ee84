// What queries read: an immutable picture of the committed state. Publishing a change costs what
// changed (one chunk of 256 jobs is copied, jobs and the other chunks are shared), never the length
// of the queue; readers on any thread keep the picture they took.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
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
  std::shared_ptr<const PriorityBook> priorities_;
};

// Makes the next picture. One thread writes (the loop), any thread takes.
class Publisher {
 public:
  void PutJob(std::shared_ptr<const PublishedJob> job);
  void RemoveJob(uint32_t id);
  void PutNode(std::shared_ptr<const pb::Node> node);  // by name; new ones at the end
  void SetNodes(std::vector<std::shared_ptr<const pb::Node>> nodes);
  void SetPartitions(std::vector<std::shared_ptr<const pb::Partition>> partitions);
  void SetReservations(std::vector<std::shared_ptr<const pb::Reservation>> reservations);
  void SetPriorities(std::shared_ptr<const PriorityBook> priorities);
  void Publish();  // what was put since becomes visible at once

  std::shared_ptr<const PublishedState> Take() const;

 private:
  PublishedState::Chunk* WritableChunk(uint32_t id);

  PublishedState next_;
  absl::flat_hash_map<uint32_t, std::shared_ptr<PublishedState::Chunk>>
      copied_;  // since the last Publish
  absl::flat_hash_map<std::string, size_t> node_index_;
  mutable std::mutex mutex_;
  std::shared_ptr<const PublishedState> published_ = std::make_shared<PublishedState>();
};

}  // namespace reeve::ctld
