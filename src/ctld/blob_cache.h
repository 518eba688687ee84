// Scripts and environments by content hash: the store holds them all, memory the ones used last.
// Thread-safe.
#pragma once

#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "ctld/state_store.h"

namespace reeve::ctld {

class BlobCache {
 public:
  explicit BlobCache(StateStore* store, size_t limit_bytes = 64 << 20)
      : store_(store), limit_bytes_(limit_bytes) {}

  static std::string HashOf(std::string_view bytes);  // SHA-256 in hex

  // Keeps bytes that are about to be stored, so that the launch that follows need not read them.
  void Put(const std::string& hash, std::string bytes);
  absl::StatusOr<std::string> Get(const std::string& hash);  // may read the disk

 private:
  using Entry = std::pair<std::string, std::string>;
  void Insert(const std::string& hash, std::string bytes);

  StateStore* const store_;
  const size_t limit_bytes_;
  std::mutex mutex_;
  std::list<Entry> entries_;  // last used first
  absl::flat_hash_map<std::string, std::list<Entry>::iterator> index_;
  size_t bytes_ = 0;
};

}  // namespace reeve::ctld
