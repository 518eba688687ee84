#include "cli/signal_name.h"

#include <csignal>
#include <cstring>

#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve::cli {

std::optional<int> ParseSignal(std::string_view text) {
  if (absl::StatusOr<uint64_t> number = ParseUint(text, "signal", SIGRTMAX); number.ok()) {
    return *number > 0 ? std::optional<int>(static_cast<int>(*number)) : std::nullopt;
  }
  if (StartsWithIgnoreCase(text, "SIG")) text.remove_prefix(3);
  for (int number = 1; number < SIGRTMIN; ++number) {
    const char* name = sigabbrev_np(number);
    if (name != nullptr && EqualsIgnoreCase(text, name)) return number;
  }
  return std::nullopt;
}

}  // namespace reeve::cli
