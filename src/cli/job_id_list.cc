#include "cli/job_id_list.h"

#include "common/base/text.h"

namespace reeve::cli {

std::vector<std::string> SplitJobIds(std::string_view text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (char c : text) {
    if (c == '[') ++depth;
    if (c == ']') --depth;
    if (c == ',' && depth == 0) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  std::erase(parts, "");
  return parts;
}

v1::JobSelector ToProto(const JobSelector& selector) {
  v1::JobSelector out;
  out.set_job_id(selector.job.value);
  out.set_array_tasks(selector.array_task.has_value() ? StrCat(*selector.array_task)
                                                      : selector.array_tasks);
  if (selector.het_offset.has_value()) out.set_het_offset(*selector.het_offset);
  if (selector.step.has_value()) out.set_step_id(selector.step->value);
  return out;
}

}  // namespace reeve::cli
