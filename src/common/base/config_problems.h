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

  bool empty() const { return problems_.empty(); }
  absl::Status ToStatus() const;  // OK, or InvalidArgument with one problem a line
  std::vector<std::string> TakeNotes() { return std::move(notes_); }

 private:
  std::vector<std::string> problems_;
  std::vector<std::string> notes_;
  size_t left_out_ = 0;
};

}  // namespace reeve
