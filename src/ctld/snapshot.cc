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
  if (auto own = own_.find(number); own != own_.end()) return own->second.get();
  auto& chunks = state_.chunks_;
  if (chunks.empty()) state_.first_chunk_ = number;
  if (number < state_.first_chunk_) {
    chunks.insert(chunks.begin(), state_.first_chunk_ - number, nullptr);
    state_.first_chunk_ = number;
  }
  size_t index = number - state_.first_chunk_;
  if (index >= chunks.size()) chunks.resize(index + 1);
  auto chunk = chunks[index] == nullptr ? std::make_shared<PublishedState::Chunk>()
                                        : std::make_shared<PublishedState::Chunk>(*chunks[index]);
  chunks[index] = chunk;
  own_.emplace(number, chunk);
  return chunk.get();
}

void Publisher::Put(uint32_t id, std::shared_ptr<const PublishedJob> job) {
  PublishedState::Chunk* chunk = WritableChunk(id);
  auto& slot = chunk->jobs[id & ((1u << PublishedState::kChunkBits) - 1)];
  if (slot == nullptr) ++chunk->count;
  slot.swap(job);
}

void Publisher::Remove(uint32_t id) {
  if (state_.FindJob(id) == nullptr) return;
  PublishedState::Chunk* chunk = WritableChunk(id);
  chunk->jobs[id & ((1u << PublishedState::kChunkBits) - 1)] = nullptr;
  if (--chunk->count > 0) return;
  uint32_t number = id >> PublishedState::kChunkBits;
  state_.chunks_[number - state_.first_chunk_] = nullptr;
  own_.erase(number);
}

void Publisher::Put(std::shared_ptr<const pb::Node> node) {
  auto [found, added] = node_index_.try_emplace(node->name(), state_.nodes_.size());
  if (added) {
    state_.nodes_.push_back(std::move(node));
  } else {
    state_.nodes_[found->second] = std::move(node);
  }
}

void Publisher::DropLeadingChunks() {
  size_t leading = 0;
  while (leading < state_.chunks_.size() && state_.chunks_[leading] == nullptr) ++leading;
  if (leading == 0) return;
  state_.chunks_.erase(state_.chunks_.begin(),
                       state_.chunks_.begin() + static_cast<ptrdiff_t>(leading));
  state_.first_chunk_ += static_cast<uint32_t>(leading);
}

void Publisher::PutJob(std::shared_ptr<const PublishedJob> job) {
  const uint32_t id = job->id();
  changes_.jobs.emplace_back(id, std::move(job));
}

void Publisher::RemoveJob(uint32_t id) {
  changes_.jobs.emplace_back(id, nullptr);
}

void Publisher::PutNode(std::shared_ptr<const pb::Node> node) {
  changes_.nodes.push_back(std::move(node));
}

void Publisher::SetNodes(std::vector<std::shared_ptr<const pb::Node>> nodes) {
  changes_.all_nodes = true;
  changes_.nodes = std::move(nodes);
}

void Publisher::SetPartitions(std::vector<std::shared_ptr<const pb::Partition>> partitions) {
  changes_.partitions = std::move(partitions);
}

void Publisher::SetReservations(std::vector<std::shared_ptr<const pb::Reservation>> reservations) {
  changes_.reservations = std::move(reservations);
}

void Publisher::SetLicenses(std::vector<pb::License> licenses) {
  changes_.licenses = std::move(licenses);
}

void Publisher::SetPriorities(std::shared_ptr<const PriorityBook> priorities) {
  changes_.priorities = std::move(priorities);
}

void Publisher::Publish() {
  Changes changes = std::exchange(changes_, {});
  std::shared_ptr<const PublishedState> old;  // goes after the lock
  std::lock_guard lock(mutex_);
  for (auto& [id, job] : changes.jobs) job == nullptr ? Remove(id) : Put(id, std::move(job));
  DropLeadingChunks();
  if (changes.all_nodes) {
    state_.nodes_.clear();
    node_index_.clear();
  }
  for (auto& node : changes.nodes) Put(std::move(node));
  if (changes.partitions) state_.partitions_ = *std::move(changes.partitions);
  if (changes.reservations) state_.reservations_ = *std::move(changes.reservations);
  if (changes.licenses) state_.licenses_ = *std::move(changes.licenses);
  if (changes.priorities != nullptr) state_.priorities_ = std::move(changes.priorities);
  old.swap(picture_);
}

std::shared_ptr<const PublishedState> Publisher::Take() const {
  std::lock_guard lock(mutex_);
  if (picture_ == nullptr) {
    picture_ = std::make_shared<const PublishedState>(state_);
    own_.clear();
  }
  return picture_;
}

}  // namespace reeve::ctld
