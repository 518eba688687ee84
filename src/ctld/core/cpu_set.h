// A set of CPU ids of one node. Ids count threads: core c has the ids c*T .. c*T+T-1 when a core
// has T threads. Text form is "0-3,8", as in NodeShare.cores on the wire.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace reeve::ctld {

class CpuSet {
 public:
  CpuSet() = default;
  // The ids 0 .. count-1.
  static CpuSet FirstN(uint32_t count);
  // An empty text is the empty set. Ids above 65,535 are refused.
  static absl::StatusOr<CpuSet> Parse(std::string_view text);

  void Add(uint32_t cpu);
  void Remove(uint32_t cpu);
  bool Contains(uint32_t cpu) const;
  uint32_t Count() const;
  bool Empty() const { return Count() == 0; }
  bool Intersects(const CpuSet& other) const;
  bool ContainsAll(const CpuSet& other) const;
  void AddAll(const CpuSet& other);
  void RemoveAll(const CpuSet& other);
  std::vector<uint32_t> Ids() const;
  std::string ToText() const;

  friend bool operator==(const CpuSet& a, const CpuSet& b) { return a.words_ == b.words_; }

 private:
  void Trim();
  std::vector<uint64_t> words_;  // no trailing zero words
};

}  // namespace reeve::ctld
