#include "common/base/config_problems.h"

#include "common/base/text.h"

namespace reeve {
namespace {

constexpr size_t kMaxProblems = 200;  // a file of garbage must not produce a longer report

std::string Format(const SourceLine& where, std::string_view message) {
  if (where.line == 0) return StrCat(where.file, ": ", message);
  return StrCat(where.file, ":", where.line, ": ", message);
}

}  // namespace

void ConfigProblems::Add(const SourceLine& where, std::string_view message) {
  if (problems_.size() >= kMaxProblems) {
    ++left_out_;
    return;
  }
  problems_.push_back(Format(where, message));
}

void ConfigProblems::AddNote(const SourceLine& where, std::string_view message) {
  if (notes_.size() < kMaxProblems) notes_.push_back(Format(where, message));
}

absl::Status ConfigProblems::ToStatus() const {
  if (problems_.empty()) return absl::OkStatus();
  std::string text = Join(problems_, "\n");
  if (left_out_ > 0) StrAppend(&text, "\nand ", left_out_, " more");
  return absl::InvalidArgumentError(text);
}

}  // namespace reeve
