// A pending job that could start as far as it is concerned, in one of its partitions. In order: the
// one to be looked at first comes first, and nothing that comes later may delay it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "common/base/ids.h"

namespace reeve::ctld {

using NodeIndex = uint32_t;       // place in State::nodes
using PartitionIndex = uint32_t;  // place in State::partitions

// Sixteen bytes: many of them are kept.
struct ReadyKey {
  double score = 0;  // the more the higher: a priority, less what all jobs gain with time
  JobId job;
  uint16_t tier = 0;
  uint16_t partition = 0;

  constexpr ReadyKey() = default;
  constexpr ReadyKey(uint32_t tier, double score, JobId job, PartitionIndex partition)
      : score(score), job(job), tier(Narrow(tier)), partition(Narrow(partition)) {}

  friend bool operator<(const ReadyKey& a, const ReadyKey& b) {
    if (a.tier != b.tier) return a.tier > b.tier;
    if (a.score != b.score) return a.score > b.score;
    if (a.job != b.job) return a.job < b.job;
    return a.partition < b.partition;
  }
  friend bool operator==(const ReadyKey&, const ReadyKey&) = default;

 private:
  static constexpr uint16_t Narrow(uint32_t value) {
    return static_cast<uint16_t>(std::min<uint32_t>(value, UINT16_MAX));
  }
};

// Nothing ranks lower: whoever looks with this sees the places of all.
inline constexpr ReadyKey kLastRank{0, -std::numeric_limits<double>::infinity(), JobId{UINT32_MAX},
                                    UINT16_MAX};
// Nothing ranks higher.
inline constexpr ReadyKey kFirstRank{UINT16_MAX, std::numeric_limits<double>::infinity(), JobId{},
                                     0};

}  // namespace reeve::ctld
