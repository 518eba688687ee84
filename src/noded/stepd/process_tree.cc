#include "noded/stepd/process_tree.h"

#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "absl/strings/numbers.h"
#include "common/base/text.h"

namespace reeve::noded {
namespace {

struct Process {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t group = 0;
  pid_t session = 0;
  uint64_t start_time = 0;
  bool dead = false;  // a zombie
};

bool ReadProcess(std::string_view name, Process* process) {
  if (!absl::SimpleAtoi(ToAbsl(name), &process->pid)) return false;
  absl::StatusOr<std::string> stat = os::ReadFile(StrCat("/proc/", name, "/stat"));
  if (!stat.ok()) return false;
  size_t after_name = stat->rfind(')');
  if (after_name == std::string::npos) return false;
  std::vector<std::string_view> fields =
      SplitSkipEmpty(std::string_view(*stat).substr(after_name + 1), " ");
  if (fields.size() < 20) return false;
  process->dead = fields[0] == "Z" || fields[0] == "X";
  return absl::SimpleAtoi(ToAbsl(fields[1]), &process->parent) &&
         absl::SimpleAtoi(ToAbsl(fields[2]), &process->group) &&
         absl::SimpleAtoi(ToAbsl(fields[3]), &process->session) &&
         absl::SimpleAtoi(ToAbsl(fields[19]), &process->start_time);
}

std::vector<Process> AllProcesses() {
  std::vector<Process> all;
  absl::StatusOr<std::vector<std::string>> names = os::ListDirectory("/proc");
  if (!names.ok()) return all;
  for (const std::string& name : *names) {
    Process process;
    if (name[0] >= '0' && name[0] <= '9' && ReadProcess(name, &process)) all.push_back(process);
  }
  return all;
}

}  // namespace

std::vector<pid_t> Descendants(pid_t root) {
  std::unordered_multimap<pid_t, Process> children;
  for (const Process& process : AllProcesses()) children.emplace(process.parent, process);
  std::vector<pid_t> found;
  std::vector<pid_t> to_visit = {root};
  while (!to_visit.empty()) {
    pid_t parent = to_visit.back();
    to_visit.pop_back();
    auto [begin, end] = children.equal_range(parent);
    for (auto it = begin; it != end; ++it) {
      to_visit.push_back(it->second.pid);
      if (!it->second.dead) found.push_back(it->second.pid);
    }
  }
  return found;
}

std::vector<pid_t> Leftovers(const StartedMark& mark, uid_t uid) {
  std::vector<pid_t> found;
  if (mark.tasks.empty() || mark.boot_id != BootId()) return found;
  std::unordered_set<pid_t> groups;
  uint64_t earliest = UINT64_MAX;
  for (const StartedMark::Task& task : mark.tasks) {
    groups.insert(task.pid);
    earliest = std::min(earliest, task.start_time);
  }
  for (const Process& process : AllProcesses()) {
    if (process.dead || process.start_time < earliest) continue;
    if (!groups.contains(process.group) && !groups.contains(process.session)) continue;
    struct stat owner;
    if (stat(StrCat("/proc/", process.pid).c_str(), &owner) == 0 && owner.st_uid == uid) {
      found.push_back(process.pid);
    }
  }
  return found;
}

void SignalAll(const std::vector<pid_t>& pids, int signal) {
  for (pid_t pid : pids) kill(pid, signal);
}

}  // namespace reeve::noded
