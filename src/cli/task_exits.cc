#include "cli/task_exits.h"

#include <string.h>
#include <sys/wait.h>

#include <algorithm>

#include "absl/strings/str_join.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

std::string_view TaskWord(const std::set<uint32_t>& tasks) {
  return tasks.size() == 1 ? "task " : "tasks ";
}

}  // namespace

std::string TaskRanges(const std::set<uint32_t>& tasks) {
  std::vector<std::string> parts;
  for (auto first = tasks.begin(); first != tasks.end();) {
    auto last = first;
    auto next = std::next(first);
    while (next != tasks.end() && *next == *last + 1) last = next++;
    parts.push_back(first == last ? StrCat(*first) : StrCat(*first, "-", *last));
    first = next;
  }
  return absl::StrJoin(parts, ",");
}

int ExitCodeOf(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::string DescribeStatus(int status) {
  if (!WIFSIGNALED(status)) return StrCat("Exited with exit code ", WEXITSTATUS(status));
  return StrCat(strsignal(WTERMSIG(status)), WCOREDUMP(status) ? " (core dumped)" : "");
}

void TaskExits::Ended(const std::string& node, uint32_t task, int status) {
  running_.erase(task);
  if (!ended_.insert(task).second || status == 0) return;
  if (int code = ExitCodeOf(status); code > exit_code_) {
    exit_code_ = code;
    worst_status_ = status;
  }
  for (Group& group : unsaid_) {
    if (group.node == node && group.status == status) {
      group.tasks.insert(task);
      return;
    }
  }
  unsaid_.push_back({node, status, {task}});
}

std::vector<std::string> TaskExits::TakeMessages() {
  std::sort(unsaid_.begin(), unsaid_.end(),
            [](const Group& a, const Group& b) { return *a.tasks.begin() < *b.tasks.begin(); });
  std::vector<std::string> messages;
  for (const Group& group : unsaid_) {
    messages.push_back(StrCat(group.node, ": ", TaskWord(group.tasks), TaskRanges(group.tasks),
                              ": ", DescribeStatus(group.status)));
  }
  unsaid_.clear();
  return messages;
}

std::vector<std::string> TaskExits::StatusLines() const {
  std::vector<std::string> lines;
  if (!running_.empty()) {
    lines.push_back(StrCat(TaskWord(running_), TaskRanges(running_), ": running"));
  }
  if (!ended_.empty()) {
    lines.push_back(StrCat(TaskWord(ended_), TaskRanges(ended_), ": exited"));
  }
  return lines;
}

}  // namespace reeve::cli
