#include "noded/core/task_layout.h"

#include "common/base/text.h"

namespace reeve::noded {

std::string TasksPerNodeText(std::span<const NodePart> parts) {
  std::string text;
  for (size_t i = 0; i < parts.size();) {
    size_t same = i;
    while (same < parts.size() && parts[same].tasks.size() == parts[i].tasks.size()) ++same;
    StrAppend(&text, text.empty() ? "" : ",", parts[i].tasks.size());
    if (same - i > 1) StrAppend(&text, "(x", same - i, ")");
    i = same;
  }
  return text;
}

std::string TaskIdsText(std::span<const uint32_t> ids) {
  return Join(ids, ",");
}

uint32_t TotalTasks(std::span<const NodePart> parts) {
  size_t total = 0;
  for (const NodePart& part : parts) total += part.tasks.size();
  return static_cast<uint32_t>(total);
}

}  // namespace reeve::noded
