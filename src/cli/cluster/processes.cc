#include "cli/cluster/processes.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "common/base/text.h"
#include "common/os/fd.h"

namespace reeve::cluster {
namespace {

constexpr absl::Duration kPoll = absl::Milliseconds(10);

// The fields of /proc/pid/stat from the third (state) on.
std::vector<std::string> StatFields(pid_t pid) {
  absl::StatusOr<std::string> stat = os::ReadFile(StrCat("/proc/", pid, "/stat"));
  if (!stat.ok()) return {};
  size_t end_of_name = stat->rfind(')');
  if (end_of_name == std::string::npos || end_of_name + 2 > stat->size()) return {};
  std::vector<std::string> fields;
  for (std::string_view field : Split(std::string_view(*stat).substr(end_of_name + 2), " ")) {
    fields.emplace_back(field);
  }
  return fields;
}

std::vector<pid_t> AllProcesses() {
  std::vector<pid_t> pids;
  absl::StatusOr<std::vector<std::string>> names = os::ListDirectory("/proc");
  if (!names.ok()) return pids;
  for (const std::string& name : *names) {
    pid_t pid;
    if (absl::SimpleAtoi(name, &pid)) pids.push_back(pid);
  }
  return pids;
}

// The cgroups of this process and all above them, relative to their hierarchies: where a node's
// daemon may have been allowed to make groups.
std::set<std::string> OwnCgroups() {
  std::set<std::string> paths = {""};
  absl::StatusOr<std::string> text = os::ReadFile("/proc/self/cgroup");
  if (!text.ok()) return paths;
  for (std::string_view line : SplitSkipEmpty(*text, "\n")) {
    size_t second_colon = line.find(':', line.find(':') + 1);
    if (second_colon == std::string_view::npos) continue;
    std::string path(line.substr(second_colon + 1));
    for (; !path.empty(); path.resize(path.rfind('/'))) paths.insert(path);
  }
  return paths;
}

// A node's daemon names its cgroups reeve/<cluster>-<eight hex digits of its own choice>.
bool IsOfCluster(std::string_view folder, std::string_view cluster_name) {
  if (!folder.starts_with(cluster_name)) return false;
  std::string_view rest = folder.substr(cluster_name.size());
  return rest.empty() || (rest.size() == 9 && rest[0] == '-' &&
                          rest.find_first_not_of("0123456789abcdef", 1) == std::string_view::npos);
}

// The folders of the cluster in every mounted cgroup hierarchy.
std::set<std::string> CgroupFolders(const std::string& cluster_name) {
  std::set<std::string> folders;
  std::set<std::string> paths = OwnCgroups();
  absl::StatusOr<std::string> mounts = os::ReadFile("/proc/self/mounts");
  if (!mounts.ok()) return folders;
  for (std::string_view line : SplitSkipEmpty(*mounts, "\n")) {
    std::vector<std::string_view> fields = Split(line, " ");
    if (fields.size() < 3 || (fields[2] != "cgroup" && fields[2] != "cgroup2")) continue;
    for (const std::string& path : paths) {
      std::string parent = StrCat(fields[1], path == "/" ? "" : path, "/reeve");
      absl::StatusOr<std::vector<std::string>> names = os::ListDirectory(parent);
      if (!names.ok()) continue;
      for (const std::string& name : *names) {
        if (IsOfCluster(name, cluster_name)) folders.insert(StrCat(parent, "/", name));
      }
    }
  }
  return folders;
}

// The folder and all below it, the deepest first.
std::vector<std::string> Subfolders(const std::string& folder) {
  std::vector<std::string> folders;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    if (!it->is_directory(error) || it->is_symlink(error)) continue;
    for (std::string& below : Subfolders(it->path().string())) folders.push_back(std::move(below));
  }
  folders.push_back(folder);
  return folders;
}

void KillMembers(const std::string& cgroup) {
  absl::StatusOr<std::string> members = os::ReadFile(cgroup + "/cgroup.procs");
  if (!members.ok()) return;
  for (std::string_view line : SplitSkipEmpty(*members, "\n")) {
    pid_t pid;
    if (absl::SimpleAtoi(ToAbsl(line), &pid) && pid > 1 && pid != getpid()) kill(pid, SIGKILL);
  }
}

}  // namespace

std::optional<uint64_t> StartTime(pid_t pid) {
  std::vector<std::string> fields = StatFields(pid);
  uint64_t start_time;
  if (fields.size() < 20 || !absl::SimpleAtoi(fields[19], &start_time)) return std::nullopt;
  return start_time;
}

bool IsZombie(pid_t pid) {
  std::vector<std::string> fields = StatFields(pid);
  return !fields.empty() && (fields[0] == "Z" || fields[0] == "X");
}

std::string FormatMark(const ProcessMark& mark) {
  return StrCat(mark.pid, " ", mark.start_time, "\n");
}

std::optional<ProcessMark> ParseMark(const std::string& text) {
  std::vector<std::string_view> words = SplitSkipEmpty(text, " \n");
  ProcessMark mark;
  if (words.size() != 2 || !absl::SimpleAtoi(ToAbsl(words[0]), &mark.pid) ||
      !absl::SimpleAtoi(ToAbsl(words[1]), &mark.start_time) || mark.pid <= 1) {
    return std::nullopt;
  }
  return mark;
}

bool IsAlive(const ProcessMark& mark) {
  return mark.pid > 1 && StartTime(mark.pid) == mark.start_time && !IsZombie(mark.pid);
}

std::vector<pid_t> ProcessesInHosts(const std::string& hosts_file) {
  std::string name = "/" + std::filesystem::path(hosts_file).filename().string();
  std::vector<pid_t> found;
  for (pid_t pid : AllProcesses()) {
    if (pid == getpid()) continue;
    // A zombie has no mounts any more: reading them fails.
    absl::StatusOr<std::string> mounts = os::ReadFile(StrCat("/proc/", pid, "/mountinfo"));
    if (mounts.ok() && mounts->find(name) != std::string::npos) found.push_back(pid);
  }
  return found;
}

absl::Status KillProcessesInHosts(const std::string& hosts_file, absl::Duration timeout) {
  absl::Time deadline = absl::Now() + timeout;
  std::vector<pid_t> pids = ProcessesInHosts(hosts_file);
  for (pid_t pid : pids) kill(pid, SIGHUP);
  if (!pids.empty()) absl::SleepFor(5 * kPoll);
  for (;;) {
    pids = ProcessesInHosts(hosts_file);
    if (pids.empty()) return absl::OkStatus();
    for (pid_t pid : pids) kill(pid, SIGKILL);
    if (absl::Now() > deadline) {
      return absl::DeadlineExceededError(StrCat("these processes do not go: ", Join(pids, " ")));
    }
    absl::SleepFor(kPoll);
  }
}

absl::Status RemoveCgroups(const std::string& cluster_name, absl::Duration timeout) {
  absl::Time deadline = absl::Now() + timeout;
  for (const std::string& folder : CgroupFolders(cluster_name)) {
    for (const std::string& cgroup : Subfolders(folder)) {
      while (rmdir(cgroup.c_str()) != 0 && errno != ENOENT) {
        if (absl::Now() > deadline) return os::ErrnoStatus(errno, "remove cgroup " + cgroup);
        KillMembers(cgroup);
        absl::SleepFor(kPoll);
      }
    }
    // The parent is every cluster's: it goes with the last of them.
    rmdir(std::filesystem::path(folder).parent_path().c_str());
  }
  return absl::OkStatus();
}

}  // namespace reeve::cluster
