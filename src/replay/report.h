// The report of one or more replays of a trace, side by side.
#pragma once

#include <string>
#include <vector>

#include "replay/metrics.h"
#include "replay/replay.h"
#include "replay/trace.h"

namespace reeve::replay {

// One column.
struct Scenario {
  std::string policy;
  std::string cluster;
  Result result;
  Figures figures;
};

// Members of the trace's jobs that hold for every scenario.
struct TraceFigures {
  uint64_t jobs = 0;
  uint64_t users = 0;
  uint64_t without_limit = 0;  // their run time serves as one
};
TraceFigures FiguresOf(const Trace& trace);

// What its members are is written in docs/sim.md.
std::string JsonReport(const Trace& trace, const std::vector<Scenario>& scenarios);

}  // namespace reeve::replay
