// The controller's wall clock was set. What measures a duration that is still running moves along:
// when nodes were last heard, and when running jobs and steps have had their time. What people gave
// as a time of day (begin times) stays.
#pragma once

#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

void HandleClockJump(Context& context, absl::Duration by);

}  // namespace reeve::ctld
