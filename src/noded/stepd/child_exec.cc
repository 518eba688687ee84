#include "noded/stepd/child_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "noded/stepd/child_line.h"
#include "noded/stepd/identity.h"
#include "noded/stepd/signals.h"

namespace reeve::noded {
namespace {

[[noreturn]] void Fail(const ChildPlan& plan, int stage, int error) {
  ChildReport report{stage, error};
  // The parent reads end-of-file as a failure too, so a lost write changes nothing.
  [[maybe_unused]] ssize_t sent = write(plan.report_fd, &report, sizeof(report));
  _exit(1);
}

void FillPid(char* digits) {
  char reversed[kPidDigits];
  size_t count = 0;
  for (pid_t pid = getpid(); pid > 0 && count < kPidDigits; pid /= 10) {
    reversed[count++] = static_cast<char>('0' + pid % 10);
  }
  for (size_t i = 0; i < count; ++i) digits[i] = reversed[count - 1 - i];
}

void SetUpDescriptors(const ChildPlan& plan) {
  if (dup2(plan.stdin_fd, STDIN_FILENO) < 0 || dup2(plan.stdout_fd, STDOUT_FILENO) < 0 ||
      dup2(plan.stderr_fd, STDERR_FILENO) < 0) {
    Fail(plan, ChildReport::kDescriptors, errno);
  }
  if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
  // Before Linux 5.11: one by one. All of ours are CLOEXEC anyway; this is for what slipped in.
  for (int fd = 3; fd < 4096; ++fd) fcntl(fd, F_SETFD, FD_CLOEXEC);
}

void JoinCgroups(const ChildPlan& plan) {
  for (size_t i = 0; i < plan.cgroup_count; ++i) {
    if (write(plan.cgroup_fds[i], "0", 1) != 1) Fail(plan, ChildReport::kCgroup, errno);
  }
  if (plan.cpus != nullptr) sched_setaffinity(0, sizeof(*plan.cpus), plan.cpus);
}

void SetLimits(const ChildPlan& plan) {
  umask(plan.umask);
  for (size_t i = 0; i < plan.limit_count; ++i) {
    rlimit now;
    if (getrlimit(static_cast<__rlimit_resource>(plan.limits[i].resource), &now) != 0) continue;
    // The hard limit is the node's; a soft one above it is clipped.
    const rlim_t before = now.rlim_cur;
    now.rlim_cur =
        plan.limits[i].value.rlim_cur < now.rlim_max ? plan.limits[i].value.rlim_cur : now.rlim_max;
    if (now.rlim_cur != before &&
        setrlimit(static_cast<__rlimit_resource>(plan.limits[i].resource), &now) != 0) {
      Fail(plan, ChildReport::kLimits, errno);
    }
  }
}

// The daemon is hard for the OOM killer to choose; its jobs are not.
void ResetOomScore() {
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  [[maybe_unused]] ssize_t sent = write(fd, "0", 1);
  close(fd);
}

void EnterFolder(const ChildPlan& plan) {
  if (chdir(plan.work_dir) == 0) return;
  int error = errno;
  ChildLine line;
  line << "slurmstepd: error: couldn't chdir to '" << plan.work_dir << "': " << ErrorText(error)
       << ": going to /tmp instead\n";
  line.Write();
  if (chdir("/tmp") != 0) Fail(plan, ChildReport::kFolder, errno);
}

void AwaitGo(const ChildPlan& plan) {
  ChildReport ready;
  if (write(plan.report_fd, &ready, sizeof(ready)) != sizeof(ready)) _exit(1);
  char byte;
  ssize_t got;
  do {
    got = read(plan.go_fd, &byte, 1);
  } while (got < 0 && errno == EINTR);
  if (got != 1) _exit(1);
}

[[noreturn]] void Exec(const ChildPlan& plan) {
  char* const* environment = plan.environment;
  if (plan.prologs != nullptr) {
    environment = RunTaskPrologs(plan.prologs, environment, plan.prolog_space);
    if (environment == nullptr) _exit(1);
  }
  int error = ENOENT;
  for (const char* const* program = plan.programs; *program != nullptr; ++program) {
    execve(*program, plan.argv, environment);
    // As execvp: one that may not be executed is remembered, the search goes on.
    if (errno == EACCES || (errno != ENOENT && errno != ENOTDIR)) error = errno;
    if (errno != EACCES && errno != ENOENT && errno != ENOTDIR) break;
  }
  ChildLine line;
  line << "slurmstepd: error: execve(): " << plan.argv[0] << ": " << ErrorText(error) << "\n";
  line.Write();
  _exit(error);
}

}  // namespace

const char* StageText(int stage) {
  switch (stage) {
    case ChildReport::kDescriptors:
      return "set up the task's streams";
    case ChildReport::kCgroup:
      return "enter the step's cgroup";
    case ChildReport::kSession:
      return "start a session or process group";
    case ChildReport::kLimits:
      return "set resource limits";
    case ChildReport::kIdentity:
      return "change to the job's user";
    case ChildReport::kFolder:
      return "enter the working directory or /tmp";
    default:
      return "start the task";
  }
}

void RunChild(const ChildPlan& plan) {
  close(plan.go_parent_fd);
  RestoreSignals();
  FillPid(plan.task_pid_digits);
  SetUpDescriptors(plan);
  ResetOomScore();
  JoinCgroups(plan);
  if ((plan.new_session ? setsid() : setpgid(0, 0)) < 0) {
    Fail(plan, ChildReport::kSession, errno);
  }
  SetLimits(plan);
  if (plan.change_identity) {
    int error = BecomeUser(plan.uid, plan.gid, plan.groups, plan.group_count);
    if (error != 0) Fail(plan, ChildReport::kIdentity, error);
  }
  // A task must not outlive a stepd that was killed: nobody would end it at the job's end. (A
  // change of identity clears this, hence the place.)
  pid_t parent = getppid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  EnterFolder(plan);
  AwaitGo(plan);
  if (getppid() != parent) _exit(1);
  Exec(plan);
}

}  // namespace reeve::noded
