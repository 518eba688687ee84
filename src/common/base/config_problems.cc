#include "common/base/config_problems.h"

#include <algorithm>
#include <tuple>

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
  if (full()) {
    ++left_out_;
    return;
  }
  problems_.push_back({where, std::string(message)});
}

bool ConfigProblems::full() const {
  return problems_.size() >= kMaxProblems;
}

void ConfigProblems::AddNote(const SourceLine& where, std::string_view message) {
  if (notes_.size() < kMaxProblems) notes_.push_back(Format(where, message));
}

absl::Status ConfigProblems::ToStatus() const {
  if (problems_.empty()) return absl::OkStatus();
  std::vector<Problem> sorted = problems_;
  // What concerns a file as a whole (line 0) comes last.
  std::stable_sort(sorted.begin(), sorted.end(), [](const Problem& a, const Problem& b) {
    return std::tuple(a.where.line == 0, std::string_view(a.where.file), a.where.line) <
           std::tuple(b.where.line == 0, std::string_view(b.where.file), b.where.line);
  });
  std::vector<std::string> lines;
  for (const Problem& problem : sorted) lines.push_back(Format(problem.where, problem.message));
  std::string text = Join(lines, "\n");
  if (left_out_ > 0) StrAppend(&text, "\nand ", left_out_, " more");
  return absl::InvalidArgumentError(text);
}

}  // namespace reeve
