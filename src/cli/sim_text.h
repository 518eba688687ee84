// What `reeve sim` prints for people.
#pragma once

#include <string>
#include <vector>

#include "replay/report.h"
#include "replay/trace.h"

namespace reeve::cli {

// A column a scenario; below it what was left out, assumed and refused.
std::string SimText(const replay::Trace& trace, const std::vector<replay::Scenario>& scenarios);

}  // namespace reeve::cli
