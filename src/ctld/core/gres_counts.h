// Counts of generic resources on one node, one for each kind that the cluster has: small, as the
// plan keeps many. What index means which kind is in Settings::gres_kinds.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "common/base/gres.h"

namespace reeve::ctld {

struct GresCounts {
  std::array<int16_t, kMaxGresKinds> of{};

  bool Holds(const GresCounts& need) const {
    const auto lacking = std::bit_cast<Halves>(Load() < need.Load());
    return (lacking[0] | lacking[1]) == 0;
  }
  bool AnyBelowZero() const { return !Holds(GresCounts()); }
  void Add(const GresCounts& other) { Store(Load() + other.Load()); }
  void Subtract(const GresCounts& other) { Store(Load() - other.Load()); }
  void KeepLeast(const GresCounts& other) {
    const Vector a = Load(), b = other.Load();
    Store(a < b ? a : b);
  }
  GresCounts operator-() const {
    GresCounts negative;
    negative.Subtract(*this);
    return negative;
  }
  friend bool operator==(const GresCounts& a, const GresCounts& b) {
    return std::bit_cast<Halves>(a.of) == std::bit_cast<Halves>(b.of);
  }

 private:
  // All counts in one register: the plan's loops would be twice as slow otherwise. Not the member's
  // own type, which would have every Room aligned to it.
  using Vector __attribute__((vector_size(16))) = int16_t;
  using Halves = std::array<uint64_t, 2>;
  static_assert(sizeof(Vector) == sizeof(of));

  Vector Load() const { return std::bit_cast<Vector>(of); }
  void Store(Vector counts) { of = std::bit_cast<decltype(of)>(counts); }
};

}  // namespace reeve::ctld
