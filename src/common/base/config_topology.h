// topology.conf: the network as a tree of switches.
#pragma once

#include <string_view>

#include "common/base/config.h"
#include "common/base/config_problems.h"

namespace reeve {

// Fills in `switches` from the lines "SwitchName=s0 Nodes=n[0-5]" and "SwitchName=s2
// Switches=s[0-1]", in their order; LinkSpeed may be given. `text` stands under `name` in messages.
// Each node is on one leaf, each switch below one other at most: a network may fall into several
// trees, and no job spans two of them.
void ApplyTopologyConf(Config& config, std::string_view text, std::string_view name,
                       ConfigProblems& problems);

}  // namespace reeve
