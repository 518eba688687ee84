// scontrol hold, uhold, release, requeue, requeuehold, top, suspend, resume.
#pragma once

#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

void HandleControl(Context& context, const ControlJobs& event);
// Holds or releases one pending job.
void Hold(Context& context, Job& job, bool by_admin);
absl::Status Release(Context& context, Job& job, const Caller& caller);

}  // namespace reeve::ctld
