// A map from job ids. Ids are given one after another, so those of one time lie together: a page
// holds 64 neighbours, and a value costs what it is, where a hash map keeps up to half its slots
// empty.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "common/base/ids.h"

namespace reeve::ctld {

// A value stays where it is until it is erased.
template <typename T>
class IdMap {
 public:
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  bool contains(JobId id) const { return Find(id) != nullptr; }

  // Null when there is none.
  T* Find(JobId id) { return const_cast<T*>(std::as_const(*this).Find(id)); }
  const T* Find(JobId id) const {
    const auto page = pages_.find(PageOf(id));
    if (page == pages_.end() || (page->second->used & BitOf(id)) == 0) return nullptr;
    return &page->second->values[PlaceOf(id)];
  }
  // A T() when there was none.
  T& operator[](JobId id) {
    std::unique_ptr<Page>& page = pages_[PageOf(id)];
    if (page == nullptr) page = spare_ != nullptr ? std::move(spare_) : std::make_unique<Page>();
    if ((page->used & BitOf(id)) == 0) {
      page->used |= BitOf(id);
      size_++;
    }
    return page->values[PlaceOf(id)];
  }
  // The value that was there; a T() when there was none.
  T Take(JobId id) {
    const auto found = pages_.find(PageOf(id));
    if (found == pages_.end() || (found->second->used & BitOf(id)) == 0) return T();
    Page& page = *found->second;
    T value = std::exchange(page.values[PlaceOf(id)], T());
    page.used &= ~BitOf(id);
    size_--;
    if (page.used == 0) {
      spare_ = std::move(found->second);
      pages_.erase(found);
    }
    return value;
  }
  void Erase(JobId id) { (void)Take(id); }
  void clear() {
    pages_.clear();
    size_ = 0;
  }

  // visit(JobId, const T&), in no order. Nothing may be added or erased meanwhile.
  template <typename Visit>
  void ForEach(const Visit& visit) const {
    for (const auto& [number, page] : pages_) {
      for (uint32_t i = 0; i < kPage; ++i) {
        if ((page->used >> i & 1) != 0) visit(JobId{number * kPage + i}, page->values[i]);
      }
    }
  }

 private:
  static constexpr uint32_t kPage = 64;
  struct Page {
    uint64_t used = 0;  // a bit for each value
    std::array<T, kPage> values;
  };

  static uint32_t PageOf(JobId id) { return id.value / kPage; }
  static uint32_t PlaceOf(JobId id) { return id.value % kPage; }
  static uint64_t BitOf(JobId id) { return uint64_t{1} << PlaceOf(id); }

  absl::flat_hash_map<uint32_t, std::unique_ptr<Page>> pages_;
  std::unique_ptr<Page> spare_;  // an empty one: in a short queue each job would make and free one
  size_t size_ = 0;
};

}  // namespace reeve::ctld
