// scancel: by id, by array task, by step, by filter; ending or only signalling.
#pragma once

#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

void HandleCancel(Context& context, const CancelJobs& event);
void HandleComplete(Context& context, const CompleteAllocation& event);

// The owner, or an operator.
bool MayControl(const Caller& caller, const Job& job);

}  // namespace reeve::ctld
