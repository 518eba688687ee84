#include "common/base/switches.h"

#include <limits>

#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve {

absl::StatusOr<SwitchWish> ParseSwitches(std::string_view text) {
  const size_t at = text.find('@');
  const absl::StatusOr<uint64_t> count =
      ParseUint(text.substr(0, at), "count of switches", std::numeric_limits<int32_t>::max());
  if (!count.ok()) return count.status();
  SwitchWish wish{static_cast<uint32_t>(*count), std::nullopt};
  if (at == text.npos) return wish;
  const absl::StatusOr<absl::Duration> wait = ParseDuration(text.substr(at + 1));
  if (!wait.ok()) return wait.status();
  wish.wait = *wait;
  return wish;
}

std::string FormatSwitches(uint32_t count, absl::Duration wait) {
  return StrCat(count, "@", FormatDuration(wait));
}

}  // namespace reeve
