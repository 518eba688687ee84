// The scheduler: which jobs start now, and when and where each other one is to start.
//
// Backfill is conservative and over the whole queue: every job that can run has a place in the plan
// (plan.h), and one starts now only where it fits beside the places of all that rank higher, for
// its whole time limit. So no lower job delays a higher one's planned start. What ranks lower gives
// way: it is planned again.
//
// The plan stays from pass to pass. A pass looks at jobs that have no place yet, and, when nodes
// have got room, at the first job of each shape that might use it. Where a queue is deep, a job's
// place is sought among some of the nodes rather than all.
#pragma once

#include <cstdint>

#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

// Looks at a node; about five milliseconds' worth.
constexpr uint64_t kPassWork = 40'000;
constexpr uint64_t kAnyWork = UINT64_MAX;

// False when there is more to do: `work` did not suffice.
bool RunSchedule(Context& context, uint64_t work = kPassWork);

// For who asks the plan: it has caught up with what has happened, as far as one pass gets.
void BringUpToDate(Context& context);
// Everybody down to that rank has been looked at.
bool IsPlannedTo(const State& state, const ReadyKey& key);

}  // namespace reeve::ctld
