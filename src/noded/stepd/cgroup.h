// A step's control groups: to hold its processes together, to end all of them, to limit memory and
// cores, to see an OOM kill. cgroup v2, v1 and both at once (as when v2 is mounted without
// controllers); as a plain user without a writable hierarchy: none, and the caller
// falls back to process_tree.h.
//
//   <mount>/reeve/<cluster>/<node>/job_<id>/step_<id>
//
// The root of the hierarchy is used where it is writable, not the service's own subtree: systemd
// could not put a restarted daemon into its unit any more once controllers are enabled below it
// ("no internal processes", kernel Documentation/admin-guide/cgroup-v2.rst). A delegated subtree
// comes second.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/os/fd.h"
#include "noded/core/step_machine.h"

namespace reeve::noded {

struct CgroupMount {
  enum class Kind { kUnified, kMemory, kCpuset, kFreezer };
  Kind kind;
  bool v2;
  std::string root;  // the writable folder under which reeve/ goes
};

// Which hierarchies this process may create groups in. Reads /proc/self/mountinfo and
// /proc/self/cgroup, and tries; once in a process and its forks. A freezer is left out where v2
// freezes as well.
const std::vector<CgroupMount>& FindCgroupMounts();

// A node's groups; names the folders below every mount.
struct NodeCgroups {
  std::vector<CgroupMount> mounts;
  std::string cluster;
  std::string node;

  // Removes the node's folders and the empty ones above. Fails silently on what is in use.
  void RemoveEmpty() const;
};

struct CgroupLimits {
  uint64_t step_memory_mb = 0;  // 0: none
  uint64_t job_memory_mb = 0;
  std::string cores;  // "0-3,8"; empty: not bound
};

class StepCgroup {
 public:
  // Names the step's groups, whether they exist or not.
  StepCgroup(const NodeCgroups& node, const StepKey& key);

  // Creates them with limits. OK with nothing created where no hierarchy is writable. What
  // can't be limited is said in `warnings`, once each.
  absl::Status Create(const CgroupLimits& limits, std::vector<std::string>* warnings);
  // Files of each for a process with one thread to write "0" into, which makes it a member.
  absl::StatusOr<std::vector<os::UniqueFd>> OpenEntrances() const;

  bool exists() const;
  std::vector<pid_t> Processes() const;
  void Kill() const;  // SIGKILL to all, new ones included; repeat until Processes() is empty
  void Signal(int signal) const;
  bool Freeze(bool frozen) const;  // false where no hierarchy can
  bool OomKilled() const;
  bool LimitsMemory() const;
  // False while something is in it. Removes the job's folder too once it is empty.
  bool Remove() const;

 private:
  struct Group {
    CgroupMount mount;
    std::string job_path;
    std::string path;
  };
  static absl::Status MakeFolders(const Group& group);
  const Group* Tracking() const;
  const Group* Memory() const;

  NodeCgroups node_;
  std::vector<Group> groups_;
};

// "0-3,8" -> ids; nothing when it is not of that form.
std::optional<std::vector<int>> ParseCpuList(const std::string& text);

}  // namespace reeve::noded
