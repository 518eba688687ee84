// What few jobs ask for. A spec has one pointer to all of it, so that the others stay small.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "ctld/core/cpu_layout.h"

namespace reeve::ctld {

// --signal: what a job is sent once in a run, so long before its end.
struct EndWarning {
  uint32_t signal = 0;
  absl::Duration before;
  bool batch_only = false;  // for the shell of its batch script; else for all steps but that

  friend bool operator==(const EndWarning&, const EndWarning&) = default;
};

struct RareWishes {
  std::optional<absl::Duration> time_min;   // --time-min: the limit may be lowered to that
  absl::Time deadline = absl::UnixEpoch();  // --deadline: has to have ended by then; unset: none

  std::string licenses;  // as typed: "foo:4,bar"

  bool exclusive_user = false;  // --exclusive=user: shares its nodes with its user's alone

  uint32_t switches = 0;  // --switches: at most so many leaf switches; 0: any number
  // How long it waits for them when it could start on others: as long as the configuration lets it
  // when it does not say. Of a job that has been submitted always set beside `switches`.
  std::optional<absl::Duration> switches_wait;

  std::string node_counts;  // --nodes, as typed: "2,4-8:2"; empty: any number within the bounds

  bool use_min_nodes = false;  // of these rather the smallest number than the largest

  CpuWishes cpus;

  std::string gpu_bind;  // which GPUs the tasks of its steps see: "single:2"

  std::optional<EndWarning> warning;

  // The reservation was not asked for: the job was drawn into it when it started (magnetism.h).
  bool drawn_in = false;

  friend bool operator==(const RareWishes&, const RareWishes&) = default;
};

}  // namespace reeve::ctld
