// TaskEpilog and srun's --task-epilog: after each task, as the user, with the task's environment,
// folder, limits and cgroup. Their output is nobody's; a failure is only logged.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/text.h"
#include "common/os/log.h"
#include "noded/stepd/stepd.h"

namespace reeve::noded {

absl::StatusOr<pid_t> TaskLauncher::ForkHelper(Helper helper, const StepCgroup& cgroup) {
  absl::StatusOr<os::UniqueFd> in = os::OpenFile("/dev/null", O_RDONLY);
  absl::StatusOr<os::UniqueFd> out = os::OpenFile("/dev/null", O_WRONLY);
  absl::StatusOr<os::Pipe> go = os::MakePipe();
  absl::StatusOr<std::vector<os::UniqueFd>> entrances = cgroup.OpenEntrances();
  for (const absl::Status& status : {in.status(), out.status(), go.status(), entrances.status()}) {
    if (!status.ok()) return status;
  }
  // Nothing is left to wait for between ready and exec.
  if (absl::Status status = os::WriteAll(go->write.get(), "g"); !status.ok()) return status;

  std::unique_ptr<ChildImage> image = MakeImage(*entrances);
  image->argv = image->programs = {helper.program};
  image->environment = std::move(helper.environment);
  image->work_dir = helper.work_dir;
  if (!helper.limited) image->limits.clear();
  ChildPlan& plan = image->plan;
  plan.stdin_fd = helper.stdin_fd < 0 ? in->get() : helper.stdin_fd;
  plan.stdout_fd = plan.stderr_fd = plan.report_fd = out->get();
  plan.go_fd = go->read.get();
  plan.go_parent_fd = go->write.get();
  const pid_t child = StartChild(std::move(image));
  if (child < 0) return os::ErrnoStatus(-child, "fork");
  return child;
}

absl::StatusOr<pid_t> TaskLauncher::ForkEpilog(uint32_t task, pid_t task_pid,
                                               const std::string& program,
                                               const StepCgroup& cgroup) {
  Helper helper{program, {}, plan_.work_dir, -1, true};
  for (const TaskPlan& plan : plan_.tasks) {
    if (plan.task == task) helper.environment = plan.environment;
  }
  helper.environment.push_back(StrCat(kTaskPidName, task_pid));
  helper.environment.push_back("SLURM_SCRIPT_CONTEXT=epilog_task");
  return ForkHelper(std::move(helper), cgroup);
}

void Stepd::BeginEpilogs(uint32_t task, pid_t task_pid) {
  if (killing_ || ended_ || launcher_ == nullptr) return;
  Epilog epilog{task, task_pid, {}};
  // The user's comes first (slurm.conf(5), TaskProlog); kept in reverse order.
  for (const std::string& program : {settings_.task_epilog, std::string(launch_.task_epilog())}) {
    if (!program.empty()) epilog.programs.push_back(program);
  }
  NextEpilog(std::move(epilog));
}

void Stepd::NextEpilog(Epilog epilog) {
  while (!epilog.programs.empty() && !killing_) {
    const std::string program = epilog.programs.back();
    epilog.programs.pop_back();
    absl::StatusOr<pid_t> child =
        launcher_->ForkEpilog(epilog.task, epilog.task_pid, program, cgroup_);
    if (child.ok()) {
      epilog.running = program;
      epilogs_[*child] = std::move(epilog);
      return;
    }
    os::LogError(StrCat("step ", name_, ": task epilog ", program, ": ", Message(child.status())));
  }
}

bool Stepd::OnEpilogExit(pid_t pid, int status) {
  auto found = epilogs_.extract(pid);
  if (found.empty()) return false;
  Epilog& epilog = found.mapped();
  if (status != 0) {
    os::LogError(StrCat("step ", name_, ": task epilog ", epilog.running, " of task ", epilog.task,
                        " failed, wait status ", status));
  }
  NextEpilog(std::move(epilog));
  return true;
}

}  // namespace reeve::noded
