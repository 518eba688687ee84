// Walks a text line by line, without copying it; counts from 1. A carriage return before the line
// break is not part of the line.
#pragma once

#include <optional>
#include <string_view>

namespace reeve::replay {

class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  std::optional<std::string_view> Next() {
    if (rest_.empty()) return std::nullopt;
    const size_t end = rest_.find('\n');
    std::string_view line = rest_.substr(0, end);
    rest_ = end == rest_.npos ? std::string_view() : rest_.substr(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    ++number_;
    return line;
  }
  int number() const { return number_; }  // of the line that Next gave last

 private:
  std::string_view rest_;
  int number_ = 0;
};

}  // namespace reeve::replay
