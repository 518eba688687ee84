// Users by name or number.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace reeve::cli {

// The uid of a login name; a number that is nobody's name stands for itself.
std::optional<uint32_t> FindUid(std::string_view user);
// The login name, or the number as text.
std::string UserNameOf(uint32_t uid);

}  // namespace reeve::cli
