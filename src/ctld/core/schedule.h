// One scheduling pass: the ready queue from the top, each job started, planned or passed over.
//
// Backfill is conservative: every job that cannot start gets the earliest time at which it fits
// beside everything planned before it, and a lower job starts now only if it fits beside all of
// those plans for its whole time limit. So no lower job delays a higher one's planned start. How
// many jobs are planned in one pass is bounded (Settings::plan_depth and a budget of work).
#pragma once

#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

// False when a start has made another job ready that this pass had already gone past.
bool RunSchedule(Context& context);

}  // namespace reeve::ctld
