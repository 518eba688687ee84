// "Why is my job not running, and when will it?" Worked out when somebody asks, from what decides:
// shapes and terms, the verdict, the plan's tracks, and SelectNodes.
#pragma once

#include "ctld/core/cluster_state.h"
#include "ctld/core/explanation.h"

namespace reeve::ctld {

constexpr int kMostExplained = 20;  // of one call: each may take some milliseconds

// `now` is not before the last pass.
Explanation Explain(const State& state, const Job& job, const Sight& sight, absl::Time now);

// Has the plan caught up first, as far as one pass gets.
void HandleExplain(Context& context, const ExplainJobs& event);

}  // namespace reeve::ctld
