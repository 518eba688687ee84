// Which running jobs are to end so that a job can start: the cheapest set of those that will do. Or
// which are to stand still: then the job must be able to start at once beside what they keep, their
// memory, generic resources and licences. All of a set do the same.
//
// A set costs the CPU time its jobs have used, which is lost; of two that lose as much the one of
// fewer jobs is cheaper. It must be enough: once its jobs have left, the job can start for its
// whole length beside what ranks higher and what is reserved, and without any one of them it could
// not. When it will be able to start without, before jobs that are ended now would have left,
// nobody is ended.
//
// Up to eight jobs that could be ended: no set is cheaper. With more of them some hundreds of sets
// are tried, the cheapest first; when none of those will do, the answer is a set of which no job
// costs more than the costliest of the cheapest set, so that it costs at most as many times the
// least as it has jobs. Where there are many nodes, those are compared on which least would be
// lost. Licences that are too few are given back by those that have some, wherever these run.
#pragma once

#include <vector>

#include "absl/time/time.h"
#include "ctld/core/cluster_state.h"
#include "ctld/core/preempt.h"

namespace reeve::ctld {

struct Victims {
  std::vector<JobId> jobs;  // in the order of their ids; empty: nobody is to be ended
  // When another job will have run long enough to be ended as well.
  absl::Time again = absl::InfiniteFuture();
};

// For the job of that key in that queue, which is fitted. The plan has caught up; what it costs is
// added to the plan's work. A job that should have left has done so after `leave`.
Victims FindVictims(State& state, const PreemptRules& rules, const ShapeQueue& queue,
                    const ReadyKey& key, MakeWay way, absl::Time now, absl::Duration leave);

}  // namespace reeve::ctld
