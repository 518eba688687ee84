#include "replay/valid_text.h"

#include <cstdint>

#include "common/base/utf8.h"

namespace reeve::replay {
namespace {

// Of the character that `text` begins with, in bytes; 0 when it is none for people: a control
// character, or U+FFFE and U+FFFF, which XML has no place for.
size_t CharacterLength(std::string_view text) {
  const size_t length = Utf8Length(text);
  const auto at = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  if (length == 1 && (at(0) < 0x20 || at(0) == 0x7f)) return 0;
  if (length == 3 && at(0) == 0xef && at(1) == 0xbf && at(2) >= 0xbe) return 0;
  return length;
}

}  // namespace

std::string ValidUtf8(std::string_view text) {
  std::string valid;
  while (!text.empty()) {
    const size_t length = CharacterLength(text);
    if (length == 0) {
      valid += '?';
    } else {
      valid += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return valid;
}

}  // namespace reeve::replay
