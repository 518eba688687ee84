// Could the components of a heterogeneous job start together: ever, with the nodes that are up,
// now? (When: Plan::FindTogether.) Nothing here changes anything.
#pragma once

#include <optional>
#include <vector>

#include "ctld/core/backlog.h"
#include "ctld/core/cluster_state.h"
#include "ctld/core/start_job.h"
#include "ctld/core/start_search.h"

namespace reeve::ctld {

// Of FitQueue, for the leader's queue: the same of each component, and the nodes that any of them
// could use.
void FitTogether(const State& state, ShapeQueue& queue);
// Needs a fitted queue. The first component's verdict that is none, or that of all together.
Verdict JudgeTogether(const State& state, const ShapeQueue& queue);

// A start of all of them at `now`, in the order of their offsets. As FindGrant: it may take the
// place that a lower job was promised, but not where there is another.
std::optional<std::vector<Grant>> FindGrantsTogether(State& state, const ShapeQueue& queue,
                                                     const ReadyKey& key, Instant now,
                                                     Track::Scratch& scratch, FreeNow& sum);

}  // namespace reeve::ctld
