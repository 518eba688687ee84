// What a task's process does between fork and exec. All of it: nothing else runs there.
//
// The child owns a copy of its parent's memory but must not allocate, lock or call anything that
// is not async-signal-safe. The parent prepares everything in a ChildPlan beforehand; the child
// reports through a pipe that exec closes:
//
//   parent                         child
//   fork ------------------------> signals, descriptors, cgroup, session, limits, identity, folder
//   ChildReport <----------------- what failed, or kReady
//   (all tasks ready: the mark is written)
//   one byte on the go pipe -----> task prologs, exec
//
// When the parent dies before its byte, the child sees the end of the go pipe and leaves: without
// the mark nothing of the user's has run.
#pragma once

#include <sched.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <cstddef>

#include "noded/stepd/task_prolog.h"

namespace reeve::noded {

struct ChildReport {
  enum Stage : int {
    kReady,
    kDescriptors,
    kCgroup,
    kSession,
    kLimits,
    kIdentity,
    kFolder,
  };
  int stage = kReady;
  int error = 0;
};
const char* StageText(int stage);  // "change to the job's user"

inline constexpr size_t kPidDigits = 12;
// An environment entry for the child to complete: "SLURM_TASK_PID=" and kPidDigits zero bytes.
inline constexpr char kTaskPidName[] = "SLURM_TASK_PID=";

struct ChildLimit {
  int resource;
  rlimit value;
};

struct ChildPlan {
  char* const* argv = nullptr;
  char* const* environment = nullptr;
  const char* const* programs = nullptr;              // tried in order; null at the end
  char* task_pid_digits = nullptr;                    // within `environment`
  int stdin_fd = -1, stdout_fd = -1, stderr_fd = -1;  // all above 2
  int report_fd = -1;
  int go_fd = -1;
  int go_parent_fd = -1;  // the parent's end, closed first: else its death would not be seen
  const int* cgroup_fds = nullptr;  // StepCgroup::OpenEntrances
  size_t cgroup_count = 0;
  const ChildLimit* limits = nullptr;
  size_t limit_count = 0;
  const cpu_set_t* cpus = nullptr;  // null: not bound
  bool new_session = false;         // else a process group of its own
  bool change_identity = false;
  uid_t uid = 0;
  gid_t gid = 0;
  const gid_t* groups = nullptr;
  size_t group_count = 0;
  mode_t umask = 022;
  const char* work_dir = "/";
  const char* const* prologs = nullptr;  // run before the task, task_prolog.h; null at the end
  PrologSpace* prolog_space = nullptr;   // set with `prologs`
};

// Called in the child. A program that cannot be executed is the task's own failure, as in Slurm: a
// line on its stderr and the errno as exit code (2 for a missing one).
[[noreturn]] void RunChild(const ChildPlan& plan);

}  // namespace reeve::noded
