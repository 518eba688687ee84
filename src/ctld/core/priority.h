// Job priorities as priority/basic gives them: each new job one less than the one before, so that
// the queue is first come, first served; nice lowers it; 0 is held.
#pragma once

#include <cstdint>

#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

uint32_t NextPriority(State& state, int32_t nice);
// The priority after a change of nice.
uint32_t AdjustPriority(uint32_t priority, int32_t old_nice, int32_t new_nice);
// Puts the job before the user's other pending jobs, by dealing out the same priorities anew.
void MoveToTop(Context& context, Job& job);

}  // namespace reeve::ctld
