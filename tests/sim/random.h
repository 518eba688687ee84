// Numbers that a seed fixes on every machine: SplitMix64, and no distribution of the library's.
// Each concern draws from a stream of its own, so that dropping a fault does not change the
// workload.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace reeve::sim {

inline uint64_t Mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

class Random {
 public:
  Random(uint64_t seed, std::string_view stream) : state_(Mix(seed)) {
    for (unsigned char c : stream) state_ = Mix(state_ ^ c);
  }

  uint64_t Next() { return Mix(state_++); }
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>(Next() % n); }
  int Between(int least, int most) {  // both included
    return least + static_cast<int>(Below(static_cast<uint32_t>(most - least + 1)));
  }
  bool OneIn(uint32_t n) { return Below(n) == 0; }
  bool Percent(uint32_t p) { return Below(100) < p; }
  absl::Duration Between(absl::Duration least, absl::Duration most) {
    const int64_t span = absl::ToInt64Microseconds(most - least);
    return least +
           absl::Microseconds(static_cast<int64_t>(Next() % static_cast<uint64_t>(span + 1)));
  }
  template <class T>
  const T& Of(const std::vector<T>& values) {
    return values[Below(static_cast<uint32_t>(values.size()))];
  }

 private:
  uint64_t state_;
};

}  // namespace reeve::sim
