// A pending job that could start as far as it is concerned, in one of its partitions. In order: the
// one to be looked at first comes first, and nothing that comes later may delay it.
#pragma once

#include <cstdint>

#include "common/base/ids.h"

namespace reeve::ctld {

using NodeIndex = uint32_t;       // place in State::nodes
using PartitionIndex = uint32_t;  // place in State::partitions

struct ReadyKey {
  uint32_t tier = 0;
  uint32_t priority = 0;
  JobId job;
  PartitionIndex partition = 0;

  friend bool operator<(const ReadyKey& a, const ReadyKey& b) {
    if (a.tier != b.tier) return a.tier > b.tier;
    if (a.priority != b.priority) return a.priority > b.priority;
    if (a.job != b.job) return a.job < b.job;
    return a.partition < b.partition;
  }
  friend bool operator==(const ReadyKey&, const ReadyKey&) = default;
};

// Nothing ranks lower: whoever looks with this sees the places of all.
inline constexpr ReadyKey kLastRank{0, 0, JobId{UINT32_MAX}, UINT32_MAX};

}  // namespace reeve::ctld
