// The command line of `reeve sim`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "replay/cluster.h"
#include "replay/reshape.h"

namespace reeve::cli {

struct SimOptions {
  bool help = false;
  std::string trace;
  std::vector<std::string> confs;  // paths; empty: nodes, or the trace's own machine
  std::optional<uint32_t> nodes;
  uint32_t cpus = 1;                     // of each of the nodes
  std::vector<replay::Policy> policies;  // empty: the clusters' own
  replay::Reshaping reshaping;
  std::string save;  // path of the reshaped trace; empty: none
  std::string svg;   // path; empty: no picture
  bool json = false;
};

extern const char kSimUsage[];

absl::StatusOr<SimOptions> ParseSimOptions(int argc, char** argv);

}  // namespace reeve::cli
