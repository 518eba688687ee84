// What gres.conf says of the devices behind a node's generic resources.
#pragma once

#include <cstdint>
#include <vector>

#include "ctld/core/node.h"

namespace reeve::ctld {

// The numbers of these GPUs as programs name them: what their device files end in, or their ids.
std::vector<uint32_t> GpuNumbers(const Node& node, const std::vector<GresShare>& shares);

// The CPUs that Cores= names for them: taken before others. Empty when none are named.
CpuSet CpusNear(const Node& node, const std::vector<GresShare>& shares);

}  // namespace reeve::ctld
