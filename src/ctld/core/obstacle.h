// Why a job cannot run in a partition, in words with the numbers: for reeve explain, and for who
// submits what can never run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ctld/core/backlog.h"
#include "ctld/core/cluster_state.h"
#include "ctld/core/explanation.h"

namespace reeve::ctld {

// Not with all nodes up and empty either. (A partition's limits may be changed by a word.)
bool IsNever(Reason reason);  // one that the verdict of a shape gives

// `requirements` as CountNodes or CountEmptyNodes of explain_nodes.h gives them.
std::string ObstacleText(const State& state, const ShapeQueue& queue, const Verdict& verdict,
                         const std::vector<Requirement>& requirements, bool name_nodes);

// "job 7 can never run as the cluster stands: ...": nullopt when it could run as the cluster is
// configured, in one of its partitions, with all nodes up and empty.
std::optional<std::string> WhyNeverRuns(State& state, const Job& job, absl::Time now);
// What to tell of it who has just submitted the job.
std::optional<std::string> NoteIfNever(State& state, const Job& job, absl::Time now);

}  // namespace reeve::ctld
