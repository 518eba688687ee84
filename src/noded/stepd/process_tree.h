// Processes by what /proc says, for ending a step where no cgroup is there to do it.
#pragma once

#include <sys/types.h>

#include <vector>

#include "noded/stepd/spool.h"

namespace reeve::noded {

// All living (not zombie) descendants of `root`. A subreaper's orphaned grandchildren are its
// children, so for a stepd this is every process of its step.
std::vector<pid_t> Descendants(pid_t root);

// What is left of the tasks in the mark: processes in their sessions and process groups that
// belong to `uid` and began no earlier than the tasks. None after a reboot.
std::vector<pid_t> Leftovers(const StartedMark& mark, uid_t uid);

void SignalAll(const std::vector<pid_t>& pids, int signal);

}  // namespace reeve::noded
