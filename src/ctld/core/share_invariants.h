// Shared CPUs counted over CPU by CPU and hold by hold, for plan_invariants.cc.
#pragma once

#include "ctld/core/node.h"
#include "ctld/core/track.h"

namespace reeve::ctld {

// The most CPUs that one more job which shares like that can have then, beside running jobs and
// holds that rank above `below` (or all); -1 when those do not fit themselves.
int32_t CpusLeftAt(const Node& node, const Track& track, Instant at, const ReadyKey* below,
                   const Sharing& viewer);

}  // namespace reeve::ctld
