// Counts of generic resources beside a list of other things, one for each of them. Most nodes have
// no such resources: while all counts are zero, nothing is kept.
#pragma once

#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "ctld/core/gres_counts.h"

namespace reeve::ctld {

class GresColumn {
 public:
  // True when a count may be other than zero.
  bool kept() const { return !counts_.empty(); }
  GresCounts At(size_t row) const { return kept() ? counts_[row] : GresCounts(); }
  absl::Span<const GresCounts> counts() const { return counts_; }  // empty: all are zero

  // Before that row of a list of `rows`.
  void Insert(size_t row, size_t rows, const GresCounts& counts) {
    if (!Needed(rows, counts)) return;
    counts_.insert(counts_.begin() + static_cast<ptrdiff_t>(row), counts);
  }
  void Append(size_t rows, const GresCounts& counts) {
    if (Needed(rows, counts)) counts_.push_back(counts);
  }
  void Add(size_t row, size_t rows, const GresCounts& counts) {
    if (Needed(rows, counts)) counts_[row].Add(counts);
  }
  void Erase(size_t row) {
    if (kept()) counts_.erase(counts_.begin() + static_cast<ptrdiff_t>(row));
  }
  void Move(size_t from, size_t to) {
    if (kept()) counts_[to] = counts_[from];
  }
  void Truncate(size_t rows) {
    if (kept()) counts_.resize(rows);
  }
  void Clear() { counts_.clear(); }

 private:
  bool Needed(size_t rows, const GresCounts& counts) {
    if (kept()) return true;
    if (counts == GresCounts()) return false;
    counts_.resize(rows);
    return true;
  }

  std::vector<GresCounts> counts_;
};

}  // namespace reeve::ctld
