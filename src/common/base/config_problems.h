// Collects what is wrong with a configuration, so that all of it is said at once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/base/config.h"

namespace reeve {

class ConfigProblems {
 public:
  void Add(const SourceLine& where, std::string_view message);
  void AddNote(const SourceLine& where, std::string_view message);  // no error

  // Whatever comes now is only counted: no need to find words for it.
  bool full() const;
  bool empty() const { return problems_.empty(); }
  // OK, or InvalidArgument with one problem a line, in the order of the lines.
  absl::Status ToStatus() const;
  std::vector<std::string> TakeNotes() { return std::move(notes_); }

 private:
  struct Problem {
    SourceLine where;
    std::string message;
  };
  std::vector<Problem> problems_;
  std::vector<std::string> notes_;
  size_t left_out_ = 0;
};

}  // namespace reeve
