// The parts of a plan, each in a file of its own.
#pragma once

#include "tests/sim/plan.h"

namespace reeve::sim {

// Leaf switches with two nodes each, below one switch, or (split) the first of them in a tree of
// its own.
std::shared_ptr<const ctld::Topology> TreeOf(const std::vector<ctld::Node>& nodes, bool split);

std::vector<WorkItem> MakeWork(const ClusterPlan& cluster, uint64_t seed);
std::vector<Fault> MakeFaults(const ClusterPlan& cluster, uint64_t seed);

}  // namespace reeve::sim
