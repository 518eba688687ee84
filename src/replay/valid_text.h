// Text of unknown origin for formats that must be UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace reeve::replay {

// The text with '?' for control characters and for bytes that are not part of a UTF-8 character.
std::string ValidUtf8(std::string_view text);

}  // namespace reeve::replay
