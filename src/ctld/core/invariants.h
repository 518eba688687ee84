// What must be true of the controller's state after every event. Tests and the simulator ask; the
// answer is empty when all is well, else one line a violation.
#pragma once

#include <string>
#include <vector>

#include "ctld/core/controller.h"

namespace reeve::ctld {

std::vector<std::string> CheckInvariants(const Controller& controller);

// After a pass at `now`, of a plan over the whole queue: nothing is planned on top of something
// else, and the first job of no shape could start without delaying a higher one's planned start.
// Counts everything over: for tests.
std::vector<std::string> CheckPlan(const Controller& controller, absl::Time now);

}  // namespace reeve::ctld
