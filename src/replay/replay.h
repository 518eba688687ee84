// Plays a trace to the controller's core on a virtual clock: each job is submitted when the trace
// says, and ends when it has run as long as the trace says or its limit is over. The core decides
// all the rest, as it does in reevectld.
//
// Time moves from event to event. What happens at one instant is handled together, ends before
// submissions, and then the core's scheduling pass runs, at once and in no time at all.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "replay/cluster.h"
#include "replay/trace.h"

namespace reeve::replay {

// CPUs that lie side by side when all nodes' CPUs are put in one row, in the nodes' order.
struct CpuRun {
  uint32_t first = 0;
  uint32_t count = 0;
};

inline constexpr uint32_t kNotRefused = UINT32_MAX;

// What became of one job of the trace.
struct Outcome {
  uint32_t refusal = kNotRefused;  // place in Result::refusals; then the rest means nothing
  absl::Time start;
  absl::Time end;
  uint32_t cpus = 0;       // given to it, which may be more than it asked for
  bool cut = false;        // its limit ended it
  uint32_t first_run = 0;  // in Result::runs
  uint32_t run_count = 0;

  bool ran() const { return refusal == kNotRefused; }
};

struct QueuePoint {
  absl::Time time;
  uint32_t waiting = 0;  // from then on
};

struct Result {
  std::vector<Outcome> outcomes;  // as many as the trace has jobs, in its order
  // Why jobs never ran: the core's words to sbatch, or the reason that squeue would show for ever.
  std::vector<std::string> refusals;
  std::vector<QueuePoint> queue;  // its changes
  std::vector<CpuRun> runs;       // where jobs ran; empty unless asked for
  uint32_t nodes = 0;             // that were up
  uint32_t cpus = 0;              // of those
  uint64_t passes = 0;            // of the scheduler
};

struct ReplayOptions {
  bool keep_places = false;  // fill in Result::runs
};

Result Replay(const Trace& trace, const Cluster& cluster, const ReplayOptions& options = {});

}  // namespace reeve::replay
