// Taking up what the store kept.
#pragma once

#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

void RestoreSnapshot(Context& context, Snapshot snapshot);

}  // namespace reeve::ctld
