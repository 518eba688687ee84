// Priorities that change while jobs wait, at PriorityCalcPeriod: users' fair shares, and jobs that
// have stopped growing older. A round goes through the queue from its end, a slice of it at each
// timer, and files anew the jobs whose place has moved; so no event costs what the queue is long.
#pragma once

#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

// With the settings that are in force from now on: at start, and when the configuration was read.
void PlanPriorities(Context& context);
void PrioritiesDue(Context& context);

// The job has begun to use CPUs (since then), or has ceased to.
void UsageBegan(Context& context, const Job& job, absl::Time since);
void UsageEnded(Context& context, const Job& job);
// What its user has used until now is stored: of a later time a restart knows that he used more.
void StoreUsage(Context& context, const Job& job);

}  // namespace reeve::ctld
