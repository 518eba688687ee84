// A picture of replays: for each a panel with the nodes' CPUs from top to bottom and time from left
// to right, jobs as rectangles in their users' colours, and below it how many jobs wait.
//
// Few jobs are drawn one by one, with their names as tooltips. Of many, the panel is divided into
// cells, and a cell shows the user who has most of it, paler the less of it is in use: however long
// the trace, a panel takes at most about a megabyte.
#pragma once

#include <string>
#include <vector>

#include "replay/report.h"
#include "replay/trace.h"

namespace reeve::replay {

// Scenarios that were replayed with ReplayOptions::keep_places.
std::string DrawSchedules(const Trace& trace, const std::vector<Scenario>& scenarios);

}  // namespace reeve::replay
