#include "cli/printable.h"

#include <algorithm>

#include "common/base/utf8.h"

namespace reeve::cli {
namespace {

bool IsPlain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x7F;
}

// Whether the first `length` bytes are one character or byte that a terminal would obey.
bool IsControl(std::string_view text, size_t length) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  if (length == 2) return byte(0) == 0xC2 && byte(1) < 0xA0;
  return length == 1 && (byte(0) < 0x20 || (byte(0) >= 0x7F && byte(0) < 0xA0));
}

}  // namespace

bool IsPlainText(std::string_view text) {
  return std::all_of(text.begin(), text.end(), IsPlain);
}

std::string Printable(std::string_view text) {
  if (IsPlainText(text)) return std::string(text);
  std::string printable;
  while (!text.empty()) {
    const size_t length = std::max<size_t>(1, Utf8Length(text));  // a stray byte is one
    if (IsControl(text, length)) {
      printable += '?';
    } else {
      printable += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return printable;
}

}  // namespace reeve::cli
