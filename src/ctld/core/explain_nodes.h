// Requirement by requirement: which nodes of a partition would do for a job, and which of them are
// free.
#pragma once

#include <vector>

#include "ctld/core/backlog.h"
#include "ctld/core/cluster_state.h"
#include "ctld/core/explanation.h"
#include "ctld/core/select_nodes.h"

namespace reeve::ctld {

// What all usable nodes that no task count rules out have for such a job, from now on until then.
std::vector<Offer> OffersFromNow(const State& state, const ShapeQueue& queue, const ReadyKey& key,
                                 Instant now, Instant until);

// Needs a fitted queue.
std::vector<Requirement> CountNodes(const State& state, const ShapeQueue& queue, const Job& job,
                                    const ReadyKey& key, const Sight& sight, absl::Time now);

// Of them those that empty nodes pass or do not: what NeverText reads.
std::vector<Requirement> CountEmptyNodes(const State& state, const ShapeQueue& queue,
                                         const Job& job, absl::Time now);

// The first requirement that leaves too little for the job on empty nodes, in words.
std::string NeverText(const State& state, const ShapeQueue& queue,
                      const std::vector<Requirement>& requirements);

}  // namespace reeve::ctld
