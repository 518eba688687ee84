// What the tasks of one array have in common, and where each of them is: a cancelled task, a
// dependency on one or the end of one must not cost a walk over the whole array.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "ctld/core/job.h"

namespace reeve::ctld {

class ArrayGroup {
 public:
  // A member is new or has changed: a record of several tasks may have become one of them.
  void File(const Job& job) {
    if (job.array_task_id.has_value()) {
      records_.erase(job.id);
      tasks_[*job.array_task_id] = job.id;
    } else {
      records_.insert(job.id);
    }
    if (job.Pending()) {
      pending_.insert(job.id);
    } else {
      pending_.erase(job.id);
    }
  }
  void Drop(const Job& job) {
    records_.erase(job.id);
    pending_.erase(job.id);
    if (job.array_task_id.has_value()) tasks_.erase(*job.array_task_id);
  }

  bool empty() const { return records_.empty() && tasks_.empty(); }
  size_t size() const { return records_.size() + tasks_.size(); }
  // In no order.
  std::vector<JobId> Members() const {
    std::vector<JobId> ids(records_.begin(), records_.end());
    for (const auto& [task, id] : tasks_) ids.push_back(id);
    return ids;
  }
  JobId AnyMember() const { return records_.empty() ? tasks_.begin()->second : *records_.begin(); }
  const absl::flat_hash_set<JobId>& records() const { return records_; }  // of several tasks
  const absl::flat_hash_set<JobId>& pending() const { return pending_; }  // members that wait
  const absl::flat_hash_map<uint32_t, JobId>& tasks() const { return tasks_; }
  std::optional<JobId> FindTask(uint32_t task) const {
    const auto found = tasks_.find(task);
    return found == tasks_.end() ? std::nullopt : std::optional(found->second);
  }

  uint32_t running = 0;    // tasks that hold resources
  uint32_t succeeded = 0;  // tasks that are over, also those forgotten since
  uint32_t failed = 0;

 private:
  absl::flat_hash_set<JobId> records_;
  absl::flat_hash_map<uint32_t, JobId> tasks_;
  absl::flat_hash_set<JobId> pending_;
};

}  // namespace reeve::ctld
