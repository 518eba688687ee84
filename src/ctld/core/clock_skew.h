// How far a node's clock is from the controller's: MUNGE credentials expire, and leases and
// accounting tell times, so clocks that differ are reported before they hurt.
#pragma once

#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

// Shown from here on (`scontrol show node`) and logged once, until it is below again. A message
// carries whole seconds and has travelled for a while.
inline constexpr absl::Duration kMaxClockSkew = absl::Seconds(5);

// `told`: the node's time in a message that has just come; unset in those of nodes that don't say.
void NoteClock(Context& context, Node& node, absl::Time told);

}  // namespace reeve::ctld
