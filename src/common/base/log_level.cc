// Slurm's log levels by name and number.
#include <array>

#include "common/base/config.h"
#include "common/base/text.h"

namespace reeve {
namespace {

constexpr std::array<std::string_view, 10> kLevels = {
    "quiet", "fatal", "error", "info", "verbose", "debug", "debug2", "debug3", "debug4", "debug5"};

}  // namespace

std::string_view LogLevelName(LogLevel level) {
  return kLevels[static_cast<size_t>(level)];
}

absl::StatusOr<LogLevel> ParseLogLevel(std::string_view text) {
  for (size_t i = 0; i < kLevels.size(); ++i) {
    if (EqualsIgnoreCase(text, kLevels[i]) || text == StrCat(i)) return static_cast<LogLevel>(i);
  }
  return absl::InvalidArgumentError(StrCat("'", text.substr(0, 60), "' is none of ",
                                           Join(kLevels, ", "), " or 0 to ", kLevels.size() - 1));
}

}  // namespace reeve
