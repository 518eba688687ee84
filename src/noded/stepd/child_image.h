// What a child that becomes a program needs, in one piece that it can read in its parent's memory.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "noded/stepd/child_exec.h"

namespace reeve::noded {

struct ChildImage {
  std::vector<std::string> argv;
  std::vector<std::string> programs;  // tried in order
  std::vector<std::string> environment;
  std::vector<std::string> prologs;
  std::string work_dir = "/";
  std::vector<ChildLimit> limits;
  std::vector<gid_t> groups;
  std::vector<int> cgroup_fds;
  std::vector<int> cpus;       // empty: not bound
  bool adds_task_pid = false;  // SLURM_TASK_PID to `environment`, the child's own
  ChildPlan plan;  // descriptors, identity, umask; StartChild fills in what points to the above
};

// Starts RunChild: the pid, or a negative errno. The image is kept for as long as this process
// lives.
pid_t StartChild(std::unique_ptr<ChildImage> image);

}  // namespace reeve::noded
