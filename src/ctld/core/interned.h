// Gives equal values one object: of a million jobs that one loop has submitted, most of what they
// ask for is there once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"

namespace reeve::ctld {

// T has operator== and AbslHashValue. A value that nobody else holds any more is forgotten.
template <typename T>
class Interned {
 public:
  // `value`, or an equal one that came before.
  std::shared_ptr<const T> Intern(std::shared_ptr<const T> value) {
    if (value == nullptr) return value;
    if (known_.size() >= sweep_at_) Sweep();
    std::weak_ptr<const T>& slot = known_[absl::HashOf(*value)];
    if (std::shared_ptr<const T> known = slot.lock()) {
      // Two values of one hash: the second is not shared.
      return known == value || *known == *value ? known : value;
    }
    slot = value;
    return value;
  }
  size_t size() const { return known_.size(); }  // with some that are to be forgotten

 private:
  void Sweep() {
    absl::erase_if(known_, [](const auto& entry) { return entry.second.expired(); });
    sweep_at_ = std::max<size_t>(1024, known_.size() * 2);
  }

  absl::flat_hash_map<size_t, std::weak_ptr<const T>> known_;  // by hash
  size_t sweep_at_ = 1024;
};

}  // namespace reeve::ctld
