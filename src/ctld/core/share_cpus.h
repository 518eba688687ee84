// Which CPUs a job gets that shares them (sharing.h).
#pragma once

#include "ctld/core/start_job.h"

namespace reeve::ctld {

// Says so in each part of the grant, which `terms` made: CPUs that nobody has first, as far as what
// ranks higher can do without them, then those that the fewest have, and of these the ones that
// others have the longest.
void ChooseCpus(const State& state, const Terms& terms, const ReadyKey& key, Instant now,
                Grant& grant, Track::Scratch& scratch);

}  // namespace reeve::ctld
