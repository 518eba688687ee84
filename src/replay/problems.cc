#include "replay/problems.h"

#include "common/base/text.h"

namespace reeve::replay {

void Problems::Add(int line, std::string_view what) {
  if (++count_ > kShown) return;
  StrAppend(&text_, count_ > 1 ? "\n" : "", file_, ":", line, ": ", what);
}

absl::Status Problems::status() const {
  if (empty()) return absl::OkStatus();
  std::string text = text_;
  if (count_ > kShown) StrAppend(&text, "\n", file_, ": and ", count_ - kShown, " more");
  return absl::InvalidArgumentError(text);
}

std::string Quoted(std::string_view text) {
  constexpr size_t kLongest = 40;
  std::string quoted = "'";
  for (char c : text.substr(0, kLongest)) quoted += c >= ' ' && c <= '~' ? c : '?';
  return quoted + (text.size() > kLongest ? "...'" : "'");
}

}  // namespace reeve::replay
