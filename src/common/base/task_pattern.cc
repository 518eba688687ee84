#include "common/base/task_pattern.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "common/base/text.h"

namespace reeve {
namespace {

constexpr size_t kMaxWidth = 10;
constexpr uint32_t kNoArrayTask = UINT32_MAX - 1;  // what Slurm writes for %a outside of arrays

// One "%5j": where it ends, its width and its letter ('\0': the text ends after the digits).
struct Field {
  size_t end = 0;
  size_t width = 0;
  char letter = '\0';
};

Field ReadField(std::string_view pattern, size_t percent) {
  Field field;
  size_t at = percent + 1;
  while (at < pattern.size() && absl::ascii_isdigit(pattern[at])) {
    field.width = std::min(kMaxWidth, field.width * 10 + (pattern[at] - '0'));
    ++at;
  }
  if (at < pattern.size()) field.letter = pattern[at++];
  field.end = at;
  return field;
}

std::string Number(uint64_t number, size_t width) {
  std::string digits = StrCat(number);
  if (digits.size() < width) digits.insert(0, width - digits.size(), '0');
  return digits;
}

// A name from the job as a part of one path component.
std::string Component(std::string_view name) {
  return ReplaceAll(name, "/", "_");
}

std::string StepText(const PatternValues& values, size_t width) {
  return values.step.value >= 0 ? Number(values.step.value, width) : ToString(values.step);
}

// Nullopt for a letter that is no field.
std::optional<std::string> FieldValue(const Field& field, const PatternValues& values) {
  switch (field.letter) {
    case 'A':
      return Number(values.array_job.value_or(values.job).value, field.width);
    case 'a':
      return Number(values.array_task.value_or(kNoArrayTask), field.width);
    case 'b':
      return Number(values.array_task.value_or(kNoArrayTask) % 10, field.width);
    case 'j':
      return Number(values.job.value, field.width);
    case 'J':
      if (values.step == kBatchStep) return Number(values.job.value, field.width);
      return StrCat(Number(values.job.value, field.width), ".", ToString(values.step));
    case 'N':
      return Component(values.node_name);
    case 'n':
      return Number(values.node_index, field.width);
    case 'r':
      return Number(values.restarts, field.width);
    case 's':
      return StepText(values, field.width);
    case 't':
      return Number(values.task, field.width);
    case 'u':
      return Component(values.user_name);
    case 'x':
      return Component(values.job_name);
    case '%':
      return "%";
    default:
      return std::nullopt;
  }
}

// One level of backslashes less: "\\\\" becomes "\\".
std::string WithoutBackslashes(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && ++i == text.size()) break;
    out += text[i];
  }
  return out;
}

bool HasField(std::string_view pattern, std::string_view letters) {
  if (pattern.find('\\') != pattern.npos) return false;
  for (size_t at = pattern.find('%'); at != pattern.npos;) {
    const Field field = ReadField(pattern, at);
    if (field.letter != '\0' && letters.find(field.letter) != letters.npos) return true;
    at = pattern.find('%', field.end);
  }
  return false;
}

}  // namespace

absl::StatusOr<std::string> ExpandFilePattern(std::string_view pattern,
                                              const PatternValues& values) {
  std::string out;
  if (pattern.find('\\') != pattern.npos) {
    out = WithoutBackslashes(pattern.substr(0, 4 * kMaxExpandedPattern));
  } else {
    for (size_t at = 0; at < pattern.size() && out.size() <= kMaxExpandedPattern;) {
      if (pattern[at] != '%') {
        out += pattern[at++];
        continue;
      }
      const Field field = ReadField(pattern, at);
      std::optional<std::string> value = FieldValue(field, values);
      StrAppend(&out, value ? std::string_view(*value) : pattern.substr(at, field.end - at));
      at = field.end;
    }
  }
  if (out.size() > kMaxExpandedPattern) {
    return absl::InvalidArgumentError(
        StrCat("file name pattern '", pattern.substr(0, 60), "...' gives too long a path"));
  }
  return out;
}

bool PatternVariesByTask(std::string_view pattern) {
  return HasField(pattern, "t");
}
bool PatternVariesByNode(std::string_view pattern) {
  return HasField(pattern, "nN");
}

}  // namespace reeve
