// --gpu-bind: which of a step's GPUs each of its tasks sees.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"

namespace reeve {

// Neither: each task sees all of them.
struct GpuBind {
  uint32_t gpus_per_task = 0;  // so many of its own
  uint32_t tasks_per_gpu = 0;  // one, which so many share

  friend bool operator==(const GpuBind&, const GpuBind&) = default;
};

// "none", "per_task:2", "single:4". Unimplemented: what Slurm has besides; InvalidArgument: what
// nobody has.
absl::StatusOr<GpuBind> ParseGpuBind(std::string_view text);

}  // namespace reeve
