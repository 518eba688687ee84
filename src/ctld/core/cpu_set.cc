#include "ctld/core/cpu_set.h"

#include <algorithm>
#include <bit>

#include "common/base/array_spec.h"
#include "common/base/text.h"

namespace reeve::ctld {
namespace {
constexpr uint32_t kMaxCpu = 65535;
}

CpuSet CpuSet::FirstN(uint32_t count) {
  CpuSet set;
  set.words_.assign(count / 64, ~uint64_t{0});
  if (count % 64 != 0) set.words_.push_back((uint64_t{1} << (count % 64)) - 1);
  return set;
}

absl::StatusOr<CpuSet> CpuSet::Parse(std::string_view text) {
  absl::StatusOr<IdRanges> ranges = IdRanges::Parse(text, kMaxCpu);
  if (!ranges.ok()) return ranges.status();
  CpuSet set;
  ranges->ForEach([&](uint32_t id) { set.Add(id); });
  return set;
}

void CpuSet::Add(uint32_t cpu) {
  if (cpu / 64 >= words_.size()) words_.resize(cpu / 64 + 1);
  words_[cpu / 64] |= uint64_t{1} << (cpu % 64);
}

void CpuSet::Remove(uint32_t cpu) {
  if (cpu / 64 >= words_.size()) return;
  words_[cpu / 64] &= ~(uint64_t{1} << (cpu % 64));
  Trim();
}

bool CpuSet::Contains(uint32_t cpu) const {
  return cpu / 64 < words_.size() && (words_[cpu / 64] >> (cpu % 64) & 1) != 0;
}

uint32_t CpuSet::Count() const {
  uint32_t count = 0;
  for (uint64_t word : words_) count += std::popcount(word);
  return count;
}

bool CpuSet::Intersects(const CpuSet& other) const {
  for (size_t i = 0; i < std::min(words_.size(), other.words_.size()); ++i) {
    if ((words_[i] & other.words_[i]) != 0) return true;
  }
  return false;
}

bool CpuSet::ContainsAll(const CpuSet& other) const {
  if (other.words_.size() > words_.size()) return false;
  for (size_t i = 0; i < other.words_.size(); ++i) {
    if ((other.words_[i] & ~words_[i]) != 0) return false;
  }
  return true;
}

void CpuSet::AddAll(const CpuSet& other) {
  if (other.words_.size() > words_.size()) words_.resize(other.words_.size());
  for (size_t i = 0; i < other.words_.size(); ++i) words_[i] |= other.words_[i];
}

void CpuSet::RemoveAll(const CpuSet& other) {
  for (size_t i = 0; i < std::min(words_.size(), other.words_.size()); ++i) {
    words_[i] &= ~other.words_[i];
  }
  Trim();
}

std::vector<uint32_t> CpuSet::Ids() const {
  std::vector<uint32_t> ids;
  for (size_t i = 0; i < words_.size(); ++i) {
    for (uint64_t word = words_[i]; word != 0; word &= word - 1) {
      ids.push_back(static_cast<uint32_t>(i * 64 + std::countr_zero(word)));
    }
  }
  return ids;
}

std::string CpuSet::ToText() const {
  std::string text;
  std::vector<uint32_t> ids = Ids();
  for (size_t i = 0; i < ids.size();) {
    size_t last = i;
    while (last + 1 < ids.size() && ids[last + 1] == ids[last] + 1) ++last;
    StrAppend(&text, text.empty() ? "" : ",", ids[i]);
    if (last > i) StrAppend(&text, "-", ids[last]);
    i = last + 1;
  }
  return text;
}

void CpuSet::Trim() {
  while (!words_.empty() && words_.back() == 0) words_.pop_back();
}

}  // namespace reeve::ctld
