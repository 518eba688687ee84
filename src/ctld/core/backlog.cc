#include "ctld/core/backlog.h"

#include <algorithm>

namespace reeve::ctld {
namespace {
// Shapes come back: what was worked out about one is kept a while after its last job.
constexpr size_t kMostEmptyQueues = 4096;
}  // namespace

bool Backlog::Insert(const Job& job, Keys keys) {
  std::sort(keys.begin(), keys.end());
  if (const Entry* known = keys_.Find(job.id)) {
    if (known->first->shape == job.shape && known->keys == keys) return false;
    Erase(job.id);
  }
  if (keys.empty()) return false;
  Entry entry{keys};
  for (const ReadyKey& key : keys) {
    ShapeQueue& queue = MakeQueue(job.shape, key.partition);
    if (entry.first == nullptr) entry.first = &queue;
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
  for (const ReadyKey& key : entry.keys) {
    ShapeQueue& queue = *queue_of_.at({entry.first->shape.get(), key.partition});
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
  if (found->first->partition == key.partition) return found->first;
  const auto queue = queue_of_.find({found->first->shape.get(), key.partition});
  return queue == queue_of_.end() ? nullptr : queue->second;
}

std::vector<JobId> Backlog::Jobs() const {
  std::vector<JobId> jobs;
  keys_.ForEach([&](JobId id, const Entry&) { jobs.push_back(id); });
  std::sort(jobs.begin(), jobs.end());
  return jobs;
}

ShapeQueue& Backlog::MakeQueue(const std::shared_ptr<const Shape>& shape,
                               PartitionIndex partition) {
  const auto found = queue_of_.find({shape.get(), partition});
  if (found != queue_of_.end()) return *found->second;
  if (queues_.size() > kMostEmptyQueues) ForgetEmptyQueues();
  queues_.push_back(std::make_unique<ShapeQueue>());
  ShapeQueue& queue = *queues_.back();
  queue.shape = shape;
  queue.partition = partition;
  queue_of_[{shape.get(), partition}] = &queue;
  return queue;
}

void Backlog::ForgetEmptyQueues() {
  std::erase_if(queues_, [&](const std::unique_ptr<ShapeQueue>& queue) {
    if (!queue->jobs.empty()) return false;
    queue_of_.erase({queue->shape.get(), queue->partition});
    return true;
  });
}

}  // namespace reeve::ctld
