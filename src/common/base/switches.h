// --switches: on how many leaf switches a job's nodes may be, and how long it waits for so few.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace reeve {

struct SwitchWish {
  uint32_t count = 0;                  // 0: any number
  std::optional<absl::Duration> wait;  // absent: as long as the cluster lets it

  friend bool operator==(const SwitchWish&, const SwitchWish&) = default;
};

// "2", "2@10" (minutes), "2@1:30:00"; the grammar of ParseDuration behind the @. InvalidArgument
// otherwise.
absl::StatusOr<SwitchWish> ParseSwitches(std::string_view text);
std::string FormatSwitches(uint32_t count, absl::Duration wait);  // "2@00:10:00"

}  // namespace reeve
