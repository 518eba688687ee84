// scontrol update jobid=...: the keys that may be changed.
#pragma once

#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

void HandleUpdateJob(Context& context, const UpdateJob& event);

}  // namespace reeve::ctld
