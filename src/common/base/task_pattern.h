// File name patterns of --output, --error and --input (sbatch(1), "filename pattern").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/base/ids.h"

namespace reeve {

struct PatternValues {
  JobId job;                           // %j
  std::optional<JobId> array_job;      // %A; the job's own id when absent
  std::optional<uint32_t> array_task;  // %a, %b (modulo 10); 4294967294 and 0 when absent, as Slurm
  StepId step = kBatchStep;            // %s, %J ("12.batch" is shown as "12")
  uint32_t node_index = 0;             // %n: within the step
  uint32_t task = 0;                   // %t
  uint32_t restarts = 0;               // %r
  std::string node_name;               // %N
  std::string user_name;               // %u
  std::string job_name;                // %x
};

inline constexpr size_t kMaxExpandedPattern = 4096;  // a path's limit; longer ones are refused

// %% is a percent sign; a number after % pads numeric fields with zeros to at most 10 ("%4j"; more
// counts as 10; it means nothing to %N %u %x). A backslash anywhere switches all fields off and
// is removed ("\\%j" stays %j as in Slurm). An unknown field is kept as typed.
// A '/' in names taken from the job (%x, %u) becomes '_': a job's name chooses no folder.
// InvalidArgument when the result is too long.
absl::StatusOr<std::string> ExpandFilePattern(std::string_view pattern,
                                              const PatternValues& values);

// True when different tasks (%t), nodes (%n %N) would get different files.
bool PatternVariesByTask(std::string_view pattern);
bool PatternVariesByNode(std::string_view pattern);

}  // namespace reeve
