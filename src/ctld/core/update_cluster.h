// scontrol update nodename=, partitionname=, and a changed configuration.
#pragma once

#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

void HandleUpdateNode(Context& context, const UpdateNode& event);
void HandleUpdatePartition(Context& context, const UpdatePartition& event);
void HandleReconfigured(Context& context, const Reconfigured& event);

}  // namespace reeve::ctld
