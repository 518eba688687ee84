// Counts of generic resources on one node, one for each kind that the cluster has: small, as the
// plan keeps many. What index means which kind is in Settings::gres_kinds.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "common/base/gres.h"

namespace reeve::ctld {

struct GresCounts {
  std::array<int16_t, kMaxGresKinds> of{};

  // All loops are over a fixed number of small integers: one vector instruction each.
  bool Holds(const GresCounts& need) const {
    int16_t lacking = 0;
    for (size_t i = 0; i < kMaxGresKinds; ++i) lacking |= of[i] < need.of[i];
    return lacking == 0;
  }
  bool AnyBelowZero() const { return !Holds(GresCounts()); }
  bool Empty() const { return *this == GresCounts(); }
  void Add(const GresCounts& other, int16_t sign = 1) {
    for (size_t i = 0; i < kMaxGresKinds; ++i) {
      of[i] = static_cast<int16_t>(of[i] + sign * other.of[i]);
    }
  }
  void KeepLeast(const GresCounts& other) {
    for (size_t i = 0; i < kMaxGresKinds; ++i) of[i] = std::min(of[i], other.of[i]);
  }
  GresCounts operator-() const {
    GresCounts negative;
    negative.Add(*this, -1);
    return negative;
  }
  friend bool operator==(const GresCounts&, const GresCounts&) = default;
};

}  // namespace reeve::ctld
