// Leaves out of a failing plan what it does not need to fail: delta debugging over its items.
#pragma once

#include "tests/sim/scene.h"
#include "tests/sim/world.h"

namespace reeve::sim {

// A plan with fewer items that still ends in a violation of the same kind, after at most so many
// runs.
Plan Shrink(const Plan& plan, Canary canary, const std::string& kind, int most_runs);

}  // namespace reeve::sim
