#include "ctld/core/task_layout.h"

#include <algorithm>
#include <numeric>

#include "common/base/text.h"
#include "ctld/core/errors.h"

namespace reeve::ctld {
namespace {

// Deals `left` tasks one by one over the nodes, ignoring capacity.
void DealBeyondCapacity(uint32_t left, std::vector<uint32_t>& counts) {
  for (size_t i = 0; left > 0; i = (i + 1) % counts.size(), --left) counts[i]++;
}

}  // namespace

absl::StatusOr<Distribution> ParseDistribution(std::string_view text, uint32_t tasks,
                                               uint32_t nodes) {
  if (text.empty()) return tasks <= nodes ? Distribution::kCyclic : Distribution::kBlock;
  const std::string lower = ToLower(text);
  const std::vector<std::string_view> levels = Split(lower, ":");
  for (size_t i = 0; i < levels.size(); ++i) {
    const std::string_view level = levels[i];
    const bool known = level == "block" || level == "cyclic" || level == "*";
    if (!(known || (i > 0 && level == "fcyclic")) || i > 2) {
      return Refuse(kUnsupported, StrCat("distribution ", text, " is not supported"));
    }
  }
  return levels[0] == "cyclic" ? Distribution::kCyclic : Distribution::kBlock;
}

std::string DistributionText(Distribution distribution, std::string_view typed) {
  const size_t colon = typed.find(':');
  return StrCat(distribution == Distribution::kBlock ? "block" : "cyclic",
                colon == typed.npos ? "" : ToLower(typed.substr(colon)));
}

std::vector<uint32_t> LayOutBlock(uint32_t tasks, const std::vector<uint32_t>& capacity) {
  std::vector<uint32_t> counts(capacity.size(), 0);
  if (counts.empty()) return counts;
  uint32_t left = tasks;
  for (size_t i = 0; i < counts.size() && left > 0; ++i) {
    if (capacity[i] > 0) counts[i] = 1, --left;
  }
  for (size_t i = 0; i < counts.size() && left > 0; ++i) {
    const uint32_t more = std::min(left, capacity[i] - std::min(counts[i], capacity[i]));
    counts[i] += more;
    left -= more;
  }
  DealBeyondCapacity(left, counts);
  return counts;
}

std::vector<uint32_t> LayOutCyclic(uint32_t tasks, const std::vector<uint32_t>& capacity) {
  std::vector<uint32_t> counts(capacity.size(), 0);
  if (counts.empty()) return counts;
  uint32_t left = tasks;
  for (bool dealt = true; dealt && left > 0;) {
    dealt = false;
    for (size_t i = 0; i < counts.size() && left > 0; ++i) {
      if (counts[i] < capacity[i]) counts[i]++, --left, dealt = true;
    }
  }
  DealBeyondCapacity(left, counts);
  return counts;
}

std::vector<std::vector<uint32_t>> TaskIds(const std::vector<uint32_t>& counts,
                                           Distribution distribution) {
  std::vector<std::vector<uint32_t>> ids(counts.size());
  uint32_t next = 0;
  if (distribution == Distribution::kBlock) {
    for (size_t i = 0; i < counts.size(); ++i) {
      while (ids[i].size() < counts[i]) ids[i].push_back(next++);
    }
    return ids;
  }
  const uint32_t total = std::accumulate(counts.begin(), counts.end(), 0u);
  while (next < total) {
    for (size_t i = 0; i < counts.size(); ++i) {
      if (ids[i].size() < counts[i]) ids[i].push_back(next++);
    }
  }
  return ids;
}

}  // namespace reeve::ctld
