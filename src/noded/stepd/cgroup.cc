#include "noded/stepd/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/numbers.h"
#include "common/base/text.h"

namespace reeve::noded {
namespace {

absl::Status MakeFolder(const std::string& path) {
  if (mkdir(path.c_str(), 0755) == 0 || errno == EEXIST) return absl::OkStatus();
  return os::ErrnoStatus(errno, StrCat("mkdir ", path));
}

// A control file takes one write and creates nothing, so not os::WriteFile.
absl::Status WriteControl(const std::string& path, std::string_view value) {
  absl::StatusOr<os::UniqueFd> fd = os::OpenFile(path, O_WRONLY);
  if (!fd.ok()) return fd.status();
  if (write(fd->get(), value.data(), value.size()) != static_cast<ssize_t>(value.size())) {
    return os::ErrnoStatus(errno, StrCat("write ", path));
  }
  return absl::OkStatus();
}

std::string ReadControl(const std::string& path) {
  absl::StatusOr<std::string> text = os::ReadFile(path);
  return text.ok() ? *text : "";
}

std::vector<std::string> FoldersFromRoot(const std::string& root, const std::string& path) {
  std::vector<std::string> folders;
  for (size_t slash = path.find('/', root.size() + 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    folders.push_back(path.substr(0, slash));
  }
  folders.push_back(path);
  return folders;
}

// v2: a group's controllers are what its parent hands down.
bool Enable(const std::string& folder, std::string_view controller) {
  std::string file = folder + "/cgroup.subtree_control";
  std::string enabled = ReadControl(file);
  for (std::string_view name : SplitSkipEmpty(enabled, " \n")) {
    if (name == controller) return true;
  }
  return WriteControl(file, StrCat("+", controller)).ok();
}

bool EnableDownTo(const std::string& root, const std::string& path, std::string_view controller) {
  if (!Enable(root, controller)) return false;
  std::vector<std::string> folders = FoldersFromRoot(root, path);
  folders.pop_back();
  return std::all_of(folders.begin(), folders.end(),
                     [&](const std::string& folder) { return Enable(folder, controller); });
}

// v1: a new cpuset has no CPUs and no memory nodes, and takes no process until it has. Groups made
// below these inherit them.
absl::Status InheritCpuset(const std::string& root, const std::string& path) {
  if (!Strip(ReadControl(path + "/cpuset.mems")).empty()) return absl::OkStatus();
  std::string parent = root;
  for (const std::string& folder : FoldersFromRoot(root, path)) {
    for (const char* file : {"/cpuset.cpus", "/cpuset.mems"}) {
      std::string inherited = ReadControl(folder + file);
      if (!Strip(inherited).empty()) continue;
      absl::Status status = WriteControl(folder + file, ReadControl(parent + file));
      if (!status.ok()) return status;
    }
    WriteControl(folder + "/cgroup.clone_children", "1").IgnoreError();
    parent = folder;
  }
  return absl::OkStatus();
}

absl::Status LimitMemory(const CgroupMount& mount, const std::string& path, uint64_t mb) {
  std::string bytes = StrCat(mb << 20);
  if (mount.v2) {
    // Without this a job swaps instead of meeting its limit.
    WriteControl(path + "/memory.swap.max", "0").IgnoreError();
    return WriteControl(path + "/memory.max", bytes);
  }
  absl::Status status = WriteControl(path + "/memory.limit_in_bytes", bytes);
  WriteControl(path + "/memory.memsw.limit_in_bytes", bytes).IgnoreError();
  return status;
}

}  // namespace

void NodeCgroups::RemoveEmpty() const {
  for (const CgroupMount& mount : mounts) {
    std::string reeve = mount.root + "/reeve";
    std::string of_cluster = StrCat(reeve, "/", cluster);
    rmdir(StrCat(of_cluster, "/", node).c_str());
    rmdir(of_cluster.c_str());
    rmdir(reeve.c_str());
  }
}

StepCgroup::StepCgroup(const NodeCgroups& node, const StepKey& key) : node_(node) {
  for (const CgroupMount& mount : node.mounts) {
    std::string job =
        StrCat(mount.root, "/reeve/", node.cluster, "/", node.node, "/job_", key.job.value);
    groups_.push_back({mount, job, StrCat(job, "/step_", reeve::ToString(key.step))});
  }
}

absl::Status StepCgroup::MakeFolders(const Group& group) {
  absl::Status made;
  // Another step that ends may remove the job's folder between two of ours: once more, then.
  for (int tries = 0; tries < 20; ++tries) {
    made = MakeFolder(group.job_path);
    if (made.ok()) made = MakeFolder(group.path);
    if (!absl::IsNotFound(made)) return made;
    for (const std::string& folder : FoldersFromRoot(group.mount.root, group.job_path)) {
      MakeFolder(folder).IgnoreError();
    }
  }
  return made;
}

absl::Status StepCgroup::Create(const CgroupLimits& limits, std::vector<std::string>* warnings) {
  bool memory_limited = limits.step_memory_mb == 0 && limits.job_memory_mb == 0;
  bool cores_bound = limits.cores.empty();
  for (const Group& group : groups_) {
    const std::string& root = group.mount.root;
    if (absl::Status made = MakeFolders(group); !made.ok()) return made;
    auto kind = group.mount.kind;
    bool unified = kind == CgroupMount::Kind::kUnified;
    if (kind == CgroupMount::Kind::kMemory ||
        (unified && !memory_limited && EnableDownTo(root, group.path, "memory"))) {
      absl::Status status;
      if (limits.job_memory_mb > 0) {
        status = LimitMemory(group.mount, group.job_path, limits.job_memory_mb);
      }
      if (status.ok() && limits.step_memory_mb > 0) {
        status = LimitMemory(group.mount, group.path, limits.step_memory_mb);
      }
      if (!status.ok()) return status;
      memory_limited = true;
    }
    if (kind == CgroupMount::Kind::kCpuset) {
      if (absl::Status status = InheritCpuset(root, group.path); !status.ok()) return status;
    }
    if (!cores_bound && (kind == CgroupMount::Kind::kCpuset ||
                         (unified && EnableDownTo(root, group.path, "cpuset")))) {
      cores_bound = WriteControl(group.path + "/cpuset.cpus", limits.cores).ok();
    }
  }
  if (!memory_limited)
    warnings->push_back("no memory controller: the memory limit is not enforced");
  if (!cores_bound) {
    warnings->push_back(StrCat("the cores ", limits.cores, " can't be set by a cgroup"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<os::UniqueFd>> StepCgroup::OpenEntrances() const {
  std::vector<os::UniqueFd> files;
  for (const Group& group : groups_) {
    // v1's "tasks" takes one thread, for which the kernel holds up no other fork of the machine.
    const char* entrance = group.mount.v2 ? "/cgroup.procs" : "/tasks";
    absl::StatusOr<os::UniqueFd> fd = os::OpenFile(group.path + entrance, O_WRONLY);
    if (!fd.ok()) return fd.status();
    files.push_back(*std::move(fd));
  }
  return files;
}

const StepCgroup::Group* StepCgroup::Tracking() const {
  // v2 can kill a whole group at once; the freezer keeps a fork bomb still while it is killed.
  for (auto kind : {CgroupMount::Kind::kUnified, CgroupMount::Kind::kFreezer,
                    CgroupMount::Kind::kMemory, CgroupMount::Kind::kCpuset}) {
    for (const Group& group : groups_) {
      if (group.mount.kind == kind && os::PathExists(group.path)) return &group;
    }
  }
  return nullptr;
}

const StepCgroup::Group* StepCgroup::Memory() const {
  for (const Group& group : groups_) {
    const char* file = group.mount.v2 ? "/memory.events" : "/memory.oom_control";
    if (os::PathExists(group.path + file)) return &group;
  }
  return nullptr;
}

bool StepCgroup::exists() const {
  return Tracking() != nullptr;
}
bool StepCgroup::LimitsMemory() const {
  return Memory() != nullptr;
}

std::vector<pid_t> StepCgroup::Processes() const {
  std::vector<pid_t> pids;
  const Group* group = Tracking();
  if (group == nullptr) return pids;
  std::string text = ReadControl(group->path + "/cgroup.procs");
  for (std::string_view line : SplitSkipEmpty(text, "\n")) {
    pid_t pid = 0;
    if (absl::SimpleAtoi(ToAbsl(line), &pid) && pid > 0) pids.push_back(pid);
  }
  return pids;
}

bool StepCgroup::Freeze(bool frozen) const {
  const Group* group = Tracking();
  if (group == nullptr) return false;
  if (group->mount.v2) {
    return WriteControl(group->path + "/cgroup.freeze", frozen ? "1" : "0").ok();
  }
  if (group->mount.kind != CgroupMount::Kind::kFreezer) return false;
  return WriteControl(group->path + "/freezer.state", frozen ? "FROZEN" : "THAWED").ok();
}

void StepCgroup::Kill() const {
  const Group* group = Tracking();
  if (group == nullptr) return;
  if (group->mount.v2 && WriteControl(group->path + "/cgroup.kill", "1").ok()) return;
  Freeze(true);
  Signal(SIGKILL);
  Freeze(false);  // v1: what is frozen does not die
}

void StepCgroup::Signal(int signal) const {
  for (pid_t pid : Processes()) kill(pid, signal);
}

bool StepCgroup::OomKilled() const {
  const Group* group = Memory();
  if (group == nullptr) return false;
  std::string text =
      ReadControl(group->path + (group->mount.v2 ? "/memory.events" : "/memory.oom_control"));
  for (std::string_view line : SplitSkipEmpty(text, "\n")) {
    std::vector<std::string_view> words = Split(line, " ");
    uint64_t count = 0;
    if (words.size() == 2 && words[0] == "oom_kill" && absl::SimpleAtoi(ToAbsl(words[1]), &count) &&
        count > 0) {
      return true;
    }
  }
  return false;
}

bool StepCgroup::Remove() const {
  bool gone = true;
  for (const Group& group : groups_) {
    if (rmdir(group.path.c_str()) != 0 && errno != ENOENT) gone = false;
    rmdir(group.job_path.c_str());  // fails while another step is in it
  }
  return gone;
}

}  // namespace reeve::noded
