// Many requests at once from one process, and how long they took.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cli/controller_client.h"

namespace reeve::cli {

// What one request achieved.
struct BenchOutcome {
  uint64_t done = 0;                 // jobs accepted, queries answered
  std::vector<absl::Status> failed;  // and why others were not: one each
};

struct BenchFigures {
  struct Failures {
    uint64_t count = 0;
    std::string first;  // the first one's message
  };
  uint64_t done = 0;
  absl::Duration elapsed;
  std::vector<absl::Duration> latencies;   // of the requests, sorted
  std::map<std::string, Failures> failed;  // by the status's code

  double Rate() const { return static_cast<double>(done) / absl::ToDoubleSeconds(elapsed); }
  // The least latency that this share of the requests did not exceed (nearest rank); zero when
  // there were none.
  absl::Duration Percentile(double share) const;
};

using BenchRequest = std::function<BenchOutcome(const ControllerClient&)>;
// The next request to make, nullopt when there is none left. Called from all workers at once;
// what it does itself is not part of a latency.
using BenchSource = std::function<std::optional<BenchRequest>()>;

// `pipeline` requests at a time on each of `channels` connections of their own, until the source
// is dry. Blocks.
BenchFigures RunBenchLoad(const ControllerClient& like, uint32_t channels, uint32_t pipeline,
                          const BenchSource& source);

// For people, and for programs. `what`: "job" or "query"; one request holds up to `batch` of them.
struct BenchTitle {
  std::string load;
  std::string unit;
  std::string units;
  uint32_t channels = 0;
  uint32_t pipeline = 0;
  uint32_t batch = 0;
};
std::string BenchText(const BenchTitle& title, const BenchFigures& figures);
std::string BenchJson(const BenchTitle& title, const BenchFigures& figures);

}  // namespace reeve::cli
