// A time as jobs keep it: eight bytes instead of absl::Time's twelve, whole microseconds, as the
// store has them. Jobs have nine times each, and a queue may have a million jobs.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>

#include "absl/time/time.h"

namespace reeve::ctld {

// Becomes an absl::Time wherever one is wanted. Of a Time what is less than a microsecond is left
// out; one beyond 290,000 years is infinite.
class Stamp {
 public:
  constexpr Stamp() = default;                             // the Unix epoch
  Stamp(absl::Time time) : micros_(ToUnixMicros(time)) {}  // NOLINT: a time like any other
  operator absl::Time() const {                            // NOLINT: likewise
    if (micros_ == kMost) return absl::InfiniteFuture();
    return micros_ == kLeast ? absl::InfinitePast() : absl::FromUnixMicros(micros_);
  }
  Stamp& operator+=(absl::Duration time) { return *this = absl::Time(*this) + time; }

  // Templates, so that a Stamp beside a Time is compared as the Time it stands for.
  template <std::same_as<Stamp> S>
  friend bool operator==(S a, S b) {
    return a.micros_ == b.micros_;
  }
  template <std::same_as<Stamp> S>
  friend bool operator<(S a, S b) {
    return a.micros_ < b.micros_;
  }
  template <std::same_as<Stamp> S>
  friend absl::Duration operator-(S a, S b) {
    return absl::Time(a) - absl::Time(b);
  }

 private:
  static constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  static constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();

  int64_t micros_ = 0;
};

}  // namespace reeve::ctld
