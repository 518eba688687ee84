// Generic resources as they are written: "gpu:a100:2,nic:1" of Gres= and --gres, "a100:2" of
// --gpus.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace reeve {

// Of one kind on one node, or of one wish. The scheduler keeps such counts in 16 bits.
inline constexpr uint32_t kMaxGresCount = 16383;
// Names with their types, of a whole cluster: "gpu:a100" and "gpu:h100" are two.
inline constexpr size_t kMaxGresKinds = 8;
inline constexpr std::string_view kGpu = "gpu";

struct Gres {
  std::string name;
  std::string type;  // empty: without one; in a wish: any
  uint32_t count = 0;
  friend bool operator==(const Gres&, const Gres&) = default;
};

// Elements NAME[:TYPE][:COUNT] between commas, each perhaps with "gres/" or "gres:" before it and
// "=" before its count, which is 1 when it is not given and may end in K or M (of 1024). "none" and
// the empty text are the empty list; counts of 0 are kept. InvalidArgument names what is wrong.
absl::StatusOr<std::vector<Gres>> ParseGres(std::string_view text);

// The value of --gpus and its kin: [TYPE:]COUNT, of GPUs.
absl::StatusOr<Gres> ParseGpus(std::string_view text);

// "gpu:a100:2,nic:1", with `prefix` before each element.
std::string FormatGres(std::span<const Gres> list, std::string_view prefix = "");

// The list without what is in brackets: "gpu:2(IDX:0-1)" is "gpu:2".
std::string WithoutBrackets(std::string_view text);

}  // namespace reeve
