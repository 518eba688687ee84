// What a trace is replayed on: nodes and partitions, and the policy that gives them out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/base/config.h"
#include "ctld/core/settings.h"

namespace reeve::replay {

enum class Policy {
  kReeve,  // backfill; each waiting job that is planned is protected
  kEasy,   // backfill; the first waiting job alone is protected
  kFifo,   // no job starts before one that came earlier
};
std::string_view PolicyName(Policy policy);
std::optional<Policy> ParsePolicy(std::string_view name);

struct Cluster {
  std::string name;  // for people: "128 nodes of 1 CPU", "slurm.conf"
  ctld::Settings settings;
  // The trace's partitions are this cluster's; else all jobs go to the default one.
  bool has_partitions = false;
};

// Nodes n1, n2, ... in one partition without limits. CPUs are given out one by one, memory is not.
Cluster UniformCluster(uint32_t nodes, uint32_t cpus);

// The nodes, partitions and limits of a configuration. What a replay cannot know plays no part: who
// may use a partition, prologs and epilogs, health checks, nodes that fail. What a limit ends is
// gone at once (KillWait 0).
Cluster ConfiguredCluster(const Config& config, std::string_view name);

// What the settings give when no policy is asked for.
Policy PolicyOf(const ctld::Settings& settings);
void SetPolicy(Policy policy, ctld::Settings* settings);

}  // namespace reeve::replay
