// The parts of a plan, each in a file of its own.
#pragma once

#include "tests/sim/plan.h"

namespace reeve::sim {

std::vector<WorkItem> MakeWork(const ClusterPlan& cluster, uint64_t seed);
std::vector<Fault> MakeFaults(const ClusterPlan& cluster, uint64_t seed);

}  // namespace reeve::sim
