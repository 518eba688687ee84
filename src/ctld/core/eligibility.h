// Is a pending job allowed to be looked at by the scheduler, and if not, why not.
#pragma once

#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

void SetReason(Context& context, Job& job, Reason reason, std::string detail = "");

// Sorts a pending job into the ready queue or out of it, by hold, dependency, begin time and array
// limit, with the reason. May cancel it (--kill-on-invalid-dep).
void Reconsider(Context& context, Job& job);

}  // namespace reeve::ctld
