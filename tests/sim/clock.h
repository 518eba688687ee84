// The virtual clock: what is to happen and when, in the order asked for where times are equal.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace reeve::sim {

class Clock {
 public:
  absl::Time now() const { return now_; }

  void At(absl::Time when, std::function<void()> fn) {
    queue_.push_back({std::max(when, now_), next_++, std::move(fn)});
    std::push_heap(queue_.begin(), queue_.end(), Later{});
  }
  void After(absl::Duration delay, std::function<void()> fn) { At(now_ + delay, std::move(fn)); }

  // Runs the next one; false when there is none.
  bool RunNext() {
    if (queue_.empty()) return false;
    std::pop_heap(queue_.begin(), queue_.end(), Later{});
    Entry entry = std::move(queue_.back());
    queue_.pop_back();
    now_ = entry.when;
    entry.fn();
    return true;
  }

 private:
  struct Entry {
    absl::Time when;
    uint64_t order;
    std::function<void()> fn;
  };
  struct Later {
    bool operator()(const Entry& a, const Entry& b) const {
      return a.when != b.when ? a.when > b.when : a.order > b.order;
    }
  };
  std::vector<Entry> queue_;
  absl::Time now_ = absl::FromUnixSeconds(1795387200);
  uint64_t next_ = 0;
};

// A life of a process: what it planned does not happen after its death.
class Life {
 public:
  bool alive() const { return token_ != nullptr; }
  void End() { token_.reset(); }
  template <class Fn>
  auto Bind(Fn fn) const {
    return [weak = std::weak_ptr<int>(token_), fn = std::move(fn)](auto&&... args) mutable {
      if (!weak.expired()) fn(std::forward<decltype(args)>(args)...);
    };
  }

 private:
  std::shared_ptr<int> token_ = std::make_shared<int>(0);
};

}  // namespace reeve::sim
