// May this be submitted? Everything about a spec that can be refused at once, in Slurm's words.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/array_spec.h"
#include "ctld/core/cluster_state.h"
#include "ctld/core/dependency.h"

namespace reeve::ctld {

struct Requester {
  uint32_t uid = 0;
  bool is_operator = false;
  const std::vector<std::string>* groups = nullptr;  // null: known to be allowed
  std::string user_name;
};

struct Validated {
  Shape shape;
  std::string partition;  // what was asked for, or the default
  absl::Duration time_limit;
  Dependency dependency;
  std::optional<ArraySpec> array;
};

// `self` is the job's id when an existing job is changed.
absl::StatusOr<Validated> Validate(const State& state, const JobSpec& spec,
                                   const Requester& requester, JobId self);

// Of a job in that partition (the first of those asked for).
absl::Duration TimeLimitOf(const JobSpec& spec, const Partition& partition);

// The partitions asked for, or the default one, as Job::partition holds them.
std::string PartitionText(const State& state, const JobSpec& spec);

}  // namespace reeve::ctld
