// What would bring a job forward: how little has to be changed of it for it to start now.
#pragma once

#include <vector>

#include "ctld/core/cluster_state.h"
#include "ctld/core/explanation.h"

namespace reeve::ctld {

// Would it start now as it is, as far as its rank and the plan go?
bool StartsNow(const State& state, const Job& job, absl::Time now);

// Each of them is true: the changed job was checked as if submitted and placed by the search that
// starts jobs. On a cluster of many nodes or partitions not everything is tried. Needs a plan that
// has been made down to this job.
std::vector<Suggestion> FindSuggestions(const State& state, const Job& job, const Sight& sight,
                                        absl::Time now);

}  // namespace reeve::ctld
