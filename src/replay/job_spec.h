// What a job of the trace asks the controller for.
//
// P processors become P tasks of one CPU each, as -n P: they may share nodes with others and lie on
// several. Where the trace names nodes, -N goes with it. A job without a requested time asks
// for exactly as long as it ran.
#pragma once

#include <memory>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "ctld/core/job.h"
#include "replay/cluster.h"
#include "replay/trace.h"

namespace reeve::replay {

// Equal requests share one spec.
class SpecTable {
 public:
  // Both outlive the table.
  SpecTable(const Trace& trace, const Cluster& cluster) : trace_(trace), cluster_(cluster) {}

  std::shared_ptr<const ctld::JobSpec> SpecOf(const TraceJob& job);

 private:
  using Key = std::tuple<uint32_t, uint32_t, absl::Duration, uint64_t, uint32_t>;

  const Trace& trace_;
  const Cluster& cluster_;
  absl::flat_hash_map<Key, std::shared_ptr<const ctld::JobSpec>> specs_;
};

// The limit that the job is submitted with.
absl::Duration LimitOf(const TraceJob& job);

}  // namespace reeve::replay
