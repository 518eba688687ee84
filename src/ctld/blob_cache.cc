#include "ctld/blob_cache.h"

#include "absl/strings/escaping.h"
#include "common/rpc/session.h"

namespace reeve::ctld {

std::string BlobCache::HashOf(std::string_view bytes) {
  return absl::BytesToHexString(rpc::Sha256(bytes));
}

void BlobCache::Put(const std::string& hash, std::string bytes) {
  std::lock_guard lock(mutex_);
  Insert(hash, std::move(bytes));
}

absl::StatusOr<std::string> BlobCache::Get(const std::string& hash) {
  {
    std::lock_guard lock(mutex_);
    if (auto found = index_.find(hash); found != index_.end()) {
      entries_.splice(entries_.begin(), entries_, found->second);
      return found->second->second;
    }
  }
  absl::StatusOr<std::string> bytes = store_->ReadBlob(hash);
  if (bytes.ok()) Put(hash, *bytes);
  return bytes;
}

void BlobCache::Insert(const std::string& hash, std::string bytes) {
  if (index_.contains(hash) || bytes.size() > limit_bytes_ / 4) return;
  bytes_ += bytes.size();
  entries_.emplace_front(hash, std::move(bytes));
  index_[hash] = entries_.begin();
  while (bytes_ > limit_bytes_) {
    bytes_ -= entries_.back().second.size();
    index_.erase(entries_.back().first);
    entries_.pop_back();
  }
}

}  // namespace reeve::ctld
