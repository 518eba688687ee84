// Text of unknown origin, character by character.
#pragma once

#include <cstddef>
#include <string_view>

namespace reeve {

// How many bytes the UTF-8 character has with which the text (not empty) begins; 0 when there is
// none: overlong forms, halves of UTF-16 pairs and what is past U+10FFFF are none.
size_t Utf8Length(std::string_view text);

}  // namespace reeve
