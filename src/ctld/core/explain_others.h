// Which other jobs a job waits for: those that rank higher, and those that hold the nodes it needs.
#pragma once

#include <string>
#include <vector>

#include "ctld/core/cluster_state.h"
#include "ctld/core/explanation.h"

namespace reeve::ctld {

bool MayName(const Sight& sight, const Job& job);
std::string NamesOf(const State& state, const std::vector<NodeIndex>& nodes);  // a hostlist

Ahead CountAhead(const State& state, const ReadyKey& key, const Sight& sight, absl::Time now);

// Of the usable nodes that a shape fits (the queue is fitted) the next ones to be free, as many as
// it needs; those of --nodelist come before others.
std::vector<NodeIndex> NextToBeFree(const State& state, const ShapeQueue& queue);

// When the job will have left; the infinite future without a time limit.
absl::Time ExpectedEnd(const State& state, JobId id, absl::Time now);

// A job has something in that time, named when `sight` says so; unset `from`: it has it already.
Busy BusyWith(const State& state, JobId id, absl::Time from, absl::Time until, const Sight& sight);

// What runs on these nodes, whose reservations have them, and what of higher rank is to run there
// (in the plan's lane) before `start`; by its end.
std::vector<Busy> FindBusy(const State& state, const std::vector<NodeIndex>& nodes, uint32_t lane,
                           const ReadyKey& key, Instant start, const Sight& sight, absl::Time now);

}  // namespace reeve::ctld
