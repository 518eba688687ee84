// A set of nodes by their place in the plan's order of preference, as bits: thousands of nodes are
// crossed with what a shape fits in a few hundred words.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace reeve::ctld {

class NodeBits {
 public:
  explicit NodeBits(size_t size = 0) : words_((size + 63) / 64) {}

  void Set(size_t place, bool on) {
    const uint64_t bit = uint64_t{1} << (place % 64);
    if (on) {
      words_[place / 64] |= bit;
    } else {
      words_[place / 64] &= ~bit;
    }
  }
  bool Test(size_t place) const { return (words_[place / 64] >> (place % 64)) & 1; }
  size_t Count() const {
    size_t count = 0;
    for (uint64_t word : words_) count += std::popcount(word);
    return count;
  }

  // Of those in both, in order from `first` round to it again, until `visit` returns false.
  template <typename Visit>
  static void ForEachInBoth(const NodeBits& a, const NodeBits& b, size_t first, Visit visit) {
    const size_t words = a.words_.size();
    if (words == 0) return;
    const size_t start = first / 64 % words;
    const uint64_t low = (uint64_t{1} << (first % 64)) - 1;  // before `first` in its word
    for (size_t step = 0; step <= words; ++step) {
      const size_t index = (start + step) % words;
      uint64_t word = a.words_[index] & b.words_[index];
      if (step == 0) word &= ~low;
      if (step == words) word &= low;
      for (; word != 0; word &= word - 1) {
        if (!visit(index * 64 + std::countr_zero(word))) return;
      }
    }
  }
  static size_t CountInBoth(const NodeBits& a, const NodeBits& b) {
    size_t count = 0;
    for (size_t i = 0; i < a.words_.size(); ++i) count += std::popcount(a.words_[i] & b.words_[i]);
    return count;
  }

 private:
  std::vector<uint64_t> words_;
};

}  // namespace reeve::ctld
