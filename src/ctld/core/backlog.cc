#include "ctld/core/backlog.h"

#include <algorithm>

namespace reeve::ctld {
bool Backlog::Insert(const Job& job, Keys keys,
                     absl::FunctionRef<uint32_t(PartitionIndex)> sole_user) {
  std::sort(keys.begin(), keys.end());
  if (const Entry* known = keys_.Find(job.id)) {
    if (known->queues.front()->shape == job.shape && known->keys == keys) return false;
    Erase(job.id);
  }
  if (keys.empty()) return false;
  Entry entry{keys, {}};
  for (const ReadyKey& key : keys) {
    ShapeQueue& queue =
        MakeQueue(job.shape, key.partition, sole_user(key.partition), job.het->leader);
    entry.queues.push_back(&queue);
    if (queue.jobs.empty()) queue.blocked = false;  // nobody has kept count meanwhile
    queue.jobs.insert(key);
    by_rank_.insert(key);
    unplanned.insert(key);
  }
  keys_[job.id] = std::move(entry);
  return true;
}

bool Backlog::Erase(JobId job) {
  if (!keys_.contains(job)) return false;
  const Entry entry = keys_.Take(job);
  for (size_t i = 0; i < entry.keys.size(); ++i) {
    const ReadyKey& key = entry.keys[i];
    ShapeQueue& queue = *entry.queues[i];
    candidates.erase({key, &queue});
    queue.jobs.erase(key);
    // Whoever was to look at this one is to look at the next.
    if (!queue.blocked && !queue.jobs.empty()) candidates.insert({queue.head(), &queue});
    by_rank_.erase(key);
    unplanned.erase(key);
  }
  return true;
}

const Backlog::Keys& Backlog::KeysOf(JobId job) const {
  static const Keys kNone;
  const Entry* found = keys_.Find(job);
  return found == nullptr ? kNone : found->keys;
}

ShapeQueue* Backlog::QueueOf(const ReadyKey& key) {
  const Entry* found = keys_.Find(key.job);
  if (found == nullptr) return nullptr;
  for (ShapeQueue* queue : found->queues) {
    if (queue->partition == key.partition) return queue;
  }
  return nullptr;
}

std::vector<JobId> Backlog::Jobs() const {
  std::vector<JobId> jobs;
  keys_.ForEach([&](JobId id, const Entry&) { jobs.push_back(id); });
  std::sort(jobs.begin(), jobs.end());
  return jobs;
}

ShapeQueue& Backlog::MakeQueue(const std::shared_ptr<const Shape>& shape, PartitionIndex partition,
                               uint32_t sole_user, JobId het) {
  const auto found = queue_of_.find({shape.get(), partition, sole_user, het});
  if (found != queue_of_.end()) return *found->second;
  queues_.push_back(std::make_unique<ShapeQueue>());
  ShapeQueue& queue = *queues_.back();
  queue.shape = shape;
  queue.partition = partition;
  queue.sole_user = sole_user;
  queue.het = het;
  queue_of_[{shape.get(), partition, sole_user, het}] = &queue;
  return queue;
}

void Backlog::ForgetEmptyQueues() {
  if (queues_.size() < tidy_at_) return;
  absl::erase_if(candidates, [](const auto& each) { return each.second->jobs.empty(); });
  std::erase_if(queues_, [&](const std::unique_ptr<ShapeQueue>& queue) {
    if (!queue->jobs.empty()) return false;
    queue_of_.erase({queue->shape.get(), queue->partition, queue->sole_user, queue->het});
    return true;
  });
  tidy_at_ = std::max(kMostEmptyQueues, 2 * queues_.size());
}

}  // namespace reeve::ctld
