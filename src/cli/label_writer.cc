#include "cli/label_writer.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

// A "line" longer than this is passed on in pieces: a task that never ends one must not fill
// memory.
constexpr size_t kLongestLine = 1 << 20;

int DecimalWidth(uint32_t number) {
  return static_cast<int>(StrCat(number).size());
}

}  // namespace

LabelWriter::LabelWriter(Options options, Sink sink)
    : options_(options),
      sink_(std::move(sink)),
      width_(DecimalWidth(options.num_tasks == 0 ? 0 : options.num_tasks - 1)) {}

void LabelWriter::Write(uint32_t task, std::string_view data) {
  if (!options_.label && !options_.whole_lines) return sink_(data);
  std::string& unfinished = unfinished_[task];
  size_t last = data.rfind('\n');
  if (last == std::string_view::npos) {
    unfinished.append(data);
  } else {
    std::string lines = StrCat(unfinished, data.substr(0, last + 1));
    unfinished.assign(data.substr(last + 1));
    WriteLines(task, lines);
  }
  if (unfinished.size() >= kLongestLine) Finish(task);
}

void LabelWriter::Finish(uint32_t task) {
  auto found = unfinished_.find(task);
  if (found == unfinished_.end()) return;
  std::string rest = std::move(found->second);
  unfinished_.erase(found);
  if (rest.empty()) return;
  // A label promises a line; without labels the bytes stay as they are.
  if (options_.label) rest += '\n';
  WriteLines(task, rest);
}

void LabelWriter::FinishAll() {
  while (!unfinished_.empty()) Finish(unfinished_.begin()->first);
}

void LabelWriter::WriteLines(uint32_t task, std::string_view lines) {
  if (!options_.label) return sink_(lines);
  const std::string label = absl::StrFormat("%*d: ", width_, task);
  std::string labelled;
  while (!lines.empty()) {
    size_t end = lines.find('\n');
    size_t length = end == std::string_view::npos ? lines.size() : end + 1;
    StrAppend(&labelled, label, lines.substr(0, length));
    lines.remove_prefix(length);
  }
  sink_(labelled);
}

}  // namespace reeve::cli
