// Signals by name or number.
#pragma once

#include <optional>
#include <string_view>

namespace reeve::cli {

// "KILL", "SIGUSR1" (any case) or "10"; nothing for other words.
std::optional<int> ParseSignal(std::string_view text);

}  // namespace reeve::cli
