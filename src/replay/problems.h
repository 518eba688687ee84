// What is wrong with a trace, line by line: a reader goes on after the first fault, so that one run
// tells of several.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace reeve::replay {

class Problems {
 public:
  explicit Problems(std::string_view file) : file_(file) {}

  void Add(int line, std::string_view what);
  bool empty() const { return count_ == 0; }
  // InvalidArgument, one line a problem: "FILE:12: 17 fields; ..."; those past the tenth are
  // counted.
  absl::Status status() const;

 private:
  static constexpr size_t kShown = 10;

  std::string file_;
  std::string text_;
  size_t count_ = 0;
};

// `text` for a message: in quotes, cut when long, without what would spoil a terminal.
std::string Quoted(std::string_view text);

}  // namespace reeve::replay
