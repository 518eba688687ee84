// Ids that are no bare integers, and how Slurm writes them.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace reeve {

struct JobId {
  uint32_t value = 0;  // 0: none
  friend constexpr auto operator<=>(const JobId&, const JobId&) = default;
  constexpr explicit operator bool() const { return value != 0; }
  template <class H>
  friend H AbslHashValue(H h, const JobId& id) {
    return H::combine(std::move(h), id.value);
  }
};

struct StepId {
  int32_t value = 0;
  friend constexpr auto operator<=>(const StepId&, const StepId&) = default;
  template <class H>
  friend H AbslHashValue(H h, const StepId& id) {
    return H::combine(std::move(h), id.value);
  }
};
inline constexpr StepId kExternStep{-4};
inline constexpr StepId kBatchStep{-5};
inline constexpr StepId kInteractiveStep{-6};

// The highest id a job may get (Slurm's: 2^26 - 2^16).
inline constexpr uint32_t kMaxJobId = 67043328;

// What a user writes for jobs and steps: "12", "12_3", "12_[1-3]", "12_*", "12.0", "12.batch",
// "12_3.extern", and "12+1" for a component of a heterogeneous job.
struct JobSelector {
  JobId job;
  bool whole_array = false;            // "12_*"
  std::optional<uint32_t> array_task;  // "12_3"
  std::string array_tasks;             // "12_[1-3,7]": "1-3,7", checked
  std::optional<StepId> step;
  std::optional<uint32_t> het_offset;  // "12+1"
};
absl::StatusOr<JobSelector> ParseJobSelector(std::string_view text);

std::string ToString(JobId id);                             // "12"
std::string ToString(StepId id);                            // "0", "batch", "extern", "interactive"
std::string ToString(JobId job, StepId step);               // "12.0", "12.batch"
absl::StatusOr<JobId> ParseJobId(std::string_view text);    // 1..4294967294
absl::StatusOr<StepId> ParseStepId(std::string_view text);  // the forms above

// How a job is shown: "12", "12_3" for a task that has split off.
std::string DisplayJobId(JobId job, JobId array_job, std::optional<uint32_t> array_task);

}  // namespace reeve
