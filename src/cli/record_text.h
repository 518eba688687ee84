// The form in which scontrol shows a record: lines of Key=Value, all but the first indented and a
// blank line at the end, or (--oneliner) all of it on one line. Values are as Printable has them,
// so none of them begins a line.
#pragma once

#include <string>
#include <string_view>

#include "cli/printable.h"
#include "common/base/text.h"

namespace reeve::cli {

class RecordText {
 public:
  explicit RecordText(bool one_line) : one_line_(one_line) {}

  template <class... T>
  void Line(const T&... pieces) {
    AddLine("\n   ", StrCat(pieces...));
  }
  template <class... T>
  void DeepLine(const T&... pieces) {  // indented once more
    AddLine("\n     ", StrCat(pieces...));
  }

  std::string Finish() const { return text_ + (one_line_ ? "\n" : "\n\n"); }

 private:
  void AddLine(std::string_view separator, const std::string& line) {
    if (!text_.empty()) text_ += one_line_ ? " " : separator;
    text_ += Printable(line);
  }

  bool one_line_;
  std::string text_;
};

}  // namespace reeve::cli
