// Sums of numbers that somebody else sent.
#pragma once

#include <cstdint>

namespace reeve {

// The sum, or the number nearest to it that an int64_t holds.
inline int64_t SaturatingAdd(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return a < 0 ? INT64_MIN : INT64_MAX;
}

}  // namespace reeve
