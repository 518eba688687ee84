// The jobs that could start as far as they are concerned: by rank, and by shape and partition (and
// by user, where nodes are not shared with other users). Jobs of one shape in one partition are
// interchangeable: they share one verdict, and when the first of them cannot start now, none can.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/functional/function_ref.h"
#include "ctld/core/id_map.h"
#include "ctld/core/job.h"
#include "ctld/core/node_bits.h"
#include "ctld/core/ready_key.h"
#include "ctld/core/reasons.h"
#include "ctld/core/select_nodes.h"
#include "ctld/core/track.h"

namespace reeve::ctld {

// What is known about jobs of one shape in one partition.
struct Verdict {
  Reason reason = Reason::kResources;
  std::string detail;
  bool can_run_later = false;  // worth planning

  friend bool operator==(const Verdict&, const Verdict&) = default;
};

struct ShapeQueue {
  std::shared_ptr<const Shape> shape;
  PartitionIndex partition = 0;
  uint32_t sole_user = 0;  // as in Terms
  JobId het;               // of that heterogeneous job alone, whose leader is in it; 0: none
  absl::btree_set<ReadyKey> jobs;

  // From the configuration; made when first needed.
  bool fitted = false;
  Terms terms;
  NodeBits fits;  // nodes of the partition that an empty one of could take a task
  uint32_t fit_count = 0;
  // The terms of its jobs when they have waited long enough for few switches; null: they ask for
  // no fewer than there are.
  std::shared_ptr<const Terms> anywhere;
  // The same jobs inside of magnetic reservations: fitted, and without jobs of their own.
  std::vector<std::shared_ptr<ShapeQueue>> magnets;
  std::string inside;  // of which reservation this is one of those
  // Of a heterogeneous job: each component as if it were alone, by offset; `fits` is of all of
  // them.
  std::vector<ShapeQueue> together;

  bool judged = false;
  Verdict verdict;

  // Since the job of that rank could not start now: what was missing, and what nodes have gained.
  bool blocked = false;
  ReadyKey blocked_rank;
  uint32_t missing_nodes = 0;
  uint64_t missing_tasks = 0;
  uint32_t gained_nodes = 0;
  uint64_t gained_tasks = 0;
  bool lacks_licenses = false;

  // No later job can be planned before that while nothing grows (Plan::grown_epoch).
  Instant not_before = 0;
  ReadyKey not_before_rank;
  uint64_t not_before_epoch = 0;

  // When others were last looked for that could make room for the job of that rank, in vain: it is
  // done again when something has changed (the epoch), or by that time.
  ReadyKey preempt_rank;
  uint64_t preempt_epoch = 0;
  Instant preempt_tried = -kNever;
  Instant preempt_again = kNever;

  const ReadyKey& head() const { return *jobs.begin(); }
  // Its first job waits for room and for nothing else.
  bool waits() const { return !jobs.empty() && judged && verdict.can_run_later; }
};

class Backlog {
 public:
  using Keys = absl::InlinedVector<ReadyKey, 1>;

  // In all of `keys`; a job that is there with the same keys and shape stays as it is. True when
  // something changed. `sole_user` says what SoleUserOf does of the job.
  bool Insert(const Job& job, Keys keys, absl::FunctionRef<uint32_t(PartitionIndex)> sole_user);
  bool Erase(JobId job);
  bool Contains(JobId job) const { return keys_.contains(job); }
  // In the order of rank; empty when it is not here.
  const Keys& KeysOf(JobId job) const;

  const absl::btree_set<ReadyKey>& by_rank() const { return by_rank_; }
  ShapeQueue* QueueOf(const ReadyKey& key);
  const std::vector<std::unique_ptr<ShapeQueue>>& queues() const { return queues_; }
  size_t size() const { return keys_.size(); }
  std::vector<JobId> Jobs() const;  // by id

  // Shapes come back: what was worked out about one is kept a while after its last job. When there
  // are many it goes; nobody may be at one of them.
  void ForgetEmptyQueues();

  // Neither planned nor known to be unable to run: still to be looked at.
  absl::btree_set<ReadyKey> unplanned;
  // Queues whose first job may be able to start now, by its rank.
  absl::btree_set<std::pair<ReadyKey, ShapeQueue*>> candidates;
  // Of each partition the job that waits for resources rather than for others; by place.
  std::vector<JobId> tops;
  // Jobs that are still to be looked at for a place that is earlier than theirs, the next one last.
  std::vector<ReadyKey> to_improve;
  uint64_t improved_epoch = 0;  // Plan::room_epoch when that began
  uint64_t sharers_epoch = 0;   // what had happened when those that share CPUs were looked at
  // The plan does not follow the configuration any more: everything is to be looked at anew.
  bool stale = true;

 private:
  struct Entry {
    Keys keys;
    absl::InlinedVector<ShapeQueue*, 1> queues;  // of each key; they have the shape
  };
  ShapeQueue& MakeQueue(const std::shared_ptr<const Shape>& shape, PartitionIndex partition,
                        uint32_t sole_user, JobId het);
  absl::btree_set<ReadyKey> by_rank_;
  IdMap<Entry> keys_;
  static constexpr size_t kMostEmptyQueues = 4096;
  std::vector<std::unique_ptr<ShapeQueue>> queues_;
  size_t tidy_at_ = kMostEmptyQueues;
  absl::flat_hash_map<std::tuple<const Shape*, PartitionIndex, uint32_t, JobId>, ShapeQueue*>
      queue_of_;
};

}  // namespace reeve::ctld
