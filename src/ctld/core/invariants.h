// What must be true of the controller's state after every event. Tests and the simulator ask; the
// answer is empty when all is well, else one line a violation.
#pragma once

#include <string>
#include <vector>

#include "ctld/core/controller.h"

namespace reeve::ctld {

std::vector<std::string> CheckInvariants(const Controller& controller);

}  // namespace reeve::ctld
