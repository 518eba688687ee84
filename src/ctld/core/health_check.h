// HealthCheckProgram: when which nodes are told to run it. What it finds it does itself, with
// scontrol.
#pragma once

#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

// At start and when the configuration has changed.
void PlanHealthChecks(Context& context);
// A planned time has come: nodes that answer and are in a state asked for get the order.
void CheckHealthNow(Context& context);

}  // namespace reeve::ctld
