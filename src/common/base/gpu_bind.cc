#include "common/base/gpu_bind.h"

#include "absl/strings/numbers.h"
#include "common/base/text.h"

namespace reeve {

absl::StatusOr<GpuBind> ParseGpuBind(std::string_view text) {
  const size_t colon = text.find(':');
  const std::string_view kind = text.substr(0, colon);
  if (kind == "none" && colon == text.npos) return GpuBind();
  if (kind == "closest" || kind == "map_gpu" || kind == "mask_gpu" || kind == "verbose" ||
      kind.starts_with("verbose,") || kind.starts_with("v,")) {
    return absl::UnimplementedError(StrCat("GPU binding ", text));
  }
  uint32_t count = 0;
  const bool counted =
      colon != text.npos && absl::SimpleAtoi(ToAbsl(text.substr(colon + 1)), &count) && count > 0;
  if (kind == "per_task" && counted) return GpuBind{.gpus_per_task = count};
  if (kind == "single" && counted) return GpuBind{.tasks_per_gpu = count};
  return absl::InvalidArgumentError(StrCat("GPU binding ", text));
}

}  // namespace reeve
