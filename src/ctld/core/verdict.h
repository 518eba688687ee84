// Could jobs of one shape ever run in a partition, and could they with the nodes that are up?
#pragma once

#include <optional>

#include "ctld/core/backlog.h"
#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

// What follows from the configuration alone: terms, and the nodes that the shape fits.
void FitQueue(const State& state, ShapeQueue& queue);
// Needs a fitted queue. What its jobs ask for in the end: they wait for few switches only for a
// time.
inline const Terms& TermsAnywhere(const ShapeQueue& queue) {
  return queue.anywhere == nullptr ? queue.terms : *queue.anywhere;
}
// Needs a fitted queue. Why such a job cannot run as the partition is configured, with all nodes up
// and empty; nullopt: it can.
std::optional<Reason> WhyNever(const State& state, const ShapeQueue& queue);
// Needs a fitted queue. Reads the limits and the state of the partition, and which nodes are up.
Verdict Judge(const State& state, const ShapeQueue& queue);

}  // namespace reeve::ctld
