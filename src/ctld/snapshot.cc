#include "ctld/snapshot.h"

namespace reeve::ctld {

std::shared_ptr<const PublishedJob> PublishedState::FindJob(uint32_t id) const {
  uint32_t chunk = id >> kChunkBits;
  if (chunk < first_chunk_ || chunk - first_chunk_ >= chunks_.size()) return nullptr;
  const auto& found = chunks_[chunk - first_chunk_];
  return found == nullptr ? nullptr : found->jobs[id & ((1u << kChunkBits) - 1)];
}

const PublishedJob* PublishedState::NextJob(Cursor* cursor) const {
  for (; cursor->chunk < chunks_.size(); ++cursor->chunk, cursor->slot = 0) {
    const auto& chunk = chunks_[cursor->chunk];
    if (chunk == nullptr) continue;
    while (cursor->slot < chunk->jobs.size()) {
      const PublishedJob* job = chunk->jobs[cursor->slot++].get();
      if (job != nullptr) return job;
    }
  }
  return nullptr;
}

PublishedState::Chunk* Publisher::WritableChunk(uint32_t id) {
  uint32_t number = id >> PublishedState::kChunkBits;
  if (auto copied = copied_.find(number); copied != copied_.end()) return copied->second.get();
  auto& chunks = next_.chunks_;
  if (chunks.empty()) next_.first_chunk_ = number;
  if (number < next_.first_chunk_) {
    chunks.insert(chunks.begin(), next_.first_chunk_ - number, nullptr);
    next_.first_chunk_ = number;
  }
  size_t index = number - next_.first_chunk_;
  if (index >= chunks.size()) chunks.resize(index + 1);
  auto chunk = chunks[index] == nullptr ? std::make_shared<PublishedState::Chunk>()
                                        : std::make_shared<PublishedState::Chunk>(*chunks[index]);
  chunks[index] = chunk;
  copied_.emplace(number, chunk);
  return chunk.get();
}

void Publisher::PutJob(std::shared_ptr<const PublishedJob> job) {
  uint32_t id = job->id();
  PublishedState::Chunk* chunk = WritableChunk(id);
  auto& slot = chunk->jobs[id & ((1u << PublishedState::kChunkBits) - 1)];
  if (slot == nullptr) ++chunk->count;
  slot = std::move(job);
}

void Publisher::RemoveJob(uint32_t id) {
  if (next_.FindJob(id) == nullptr) return;
  PublishedState::Chunk* chunk = WritableChunk(id);
  chunk->jobs[id & ((1u << PublishedState::kChunkBits) - 1)] = nullptr;
  if (--chunk->count > 0) return;
  uint32_t number = id >> PublishedState::kChunkBits;
  next_.chunks_[number - next_.first_chunk_] = nullptr;
  copied_.erase(number);
}

void Publisher::PutNode(std::shared_ptr<const pb::Node> node) {
  auto [found, added] = node_index_.try_emplace(node->name(), next_.nodes_.size());
  if (added) {
    next_.nodes_.push_back(std::move(node));
  } else {
    next_.nodes_[found->second] = std::move(node);
  }
}

void Publisher::SetNodes(std::vector<std::shared_ptr<const pb::Node>> nodes) {
  next_.nodes_.clear();
  node_index_.clear();
  for (auto& node : nodes) PutNode(std::move(node));
}

void Publisher::SetReservations(std::vector<std::shared_ptr<const pb::Reservation>> reservations) {
  next_.reservations_ = std::move(reservations);
}
void Publisher::SetPartitions(std::vector<std::shared_ptr<const pb::Partition>> partitions) {
  next_.partitions_ = std::move(partitions);
}

void Publisher::SetPriorities(std::shared_ptr<const PriorityBook> priorities) {
  next_.priorities_ = std::move(priorities);
}

void Publisher::Publish() {
  size_t leading = 0;
  while (leading < next_.chunks_.size() && next_.chunks_[leading] == nullptr) ++leading;
  if (leading > 0) {
    next_.chunks_.erase(next_.chunks_.begin(),
                        next_.chunks_.begin() + static_cast<ptrdiff_t>(leading));
    next_.first_chunk_ += static_cast<uint32_t>(leading);
  }
  copied_.clear();
  auto picture = std::make_shared<const PublishedState>(next_);
  std::lock_guard lock(mutex_);
  published_ = std::move(picture);
}

std::shared_ptr<const PublishedState> Publisher::Take() const {
  std::lock_guard lock(mutex_);
  return published_;
}

}  // namespace reeve::ctld
