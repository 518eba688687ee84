// What std::string_view lacks in C++20.
#pragma once

#include <string_view>

namespace reeve::cli {

inline bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// Drops `prefix` from the front if it is there.
inline bool ConsumePrefix(std::string_view* text, std::string_view prefix) {
  if (!text->starts_with(prefix)) return false;
  text->remove_prefix(prefix.size());
  return true;
}

}  // namespace reeve::cli
