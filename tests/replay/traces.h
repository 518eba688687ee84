// Small traces in a line a job: {submit, run, cpus}, and a limit where it differs from the run
// time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "replay/cluster.h"
#include "replay/replay.h"
#include "replay/trace.h"

namespace reeve::replay {

inline const absl::Time kBegin = absl::FromUnixSeconds(1'000'000'000);

struct Asked {
  int submit = 0;
  int run = 0;
  uint32_t cpus = 1;
  int limit = 0;  // 0: the run time
  std::string user = "u1";
};

inline Trace MakeTrace(const std::vector<Asked>& jobs) {
  Trace trace;
  trace.name = "test";
  for (const Asked& asked : jobs) {
    TraceJob job;
    job.line = static_cast<int>(trace.jobs.size()) + 1;
    job.label = std::to_string(job.line);
    job.submit = kBegin + absl::Seconds(asked.submit);
    job.run = absl::Seconds(asked.run);
    if (asked.limit > 0) job.limit = absl::Seconds(asked.limit);
    job.cpus = asked.cpus;
    job.user = trace.users.IdOf(asked.user);
    job.partition = trace.partitions.IdOf("");
    trace.jobs.push_back(job);
  }
  return trace;
}

inline Cluster OneNode(uint32_t cpus, Policy policy) {
  Cluster cluster = UniformCluster(1, cpus);
  SetPolicy(policy, &cluster.settings);
  return cluster;
}

// When jobs started, in seconds after kBegin; -1: it never ran.
inline std::vector<int64_t> StartsOf(const Result& result) {
  std::vector<int64_t> starts;
  for (const Outcome& outcome : result.outcomes) {
    starts.push_back(outcome.ran() ? absl::ToInt64Seconds(outcome.start - kBegin) : -1);
  }
  return starts;
}

}  // namespace reeve::replay
