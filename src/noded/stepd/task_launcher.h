// Brings a step's tasks to life in two moves: Fork, after which all of them stand ready just before
// exec, and Release. Between the two the mark is written.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "noded/core/launch_plan.h"
#include "noded/stepd/cgroup.h"
#include "noded/stepd/child_image.h"
#include "noded/stepd/identity.h"
#include "noded/stepd/io_hub.h"
#include "noded/stepd/spool.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::noded {

class TaskLauncher {
 public:
  struct Options {
    bool new_session = false;  // a batch script leads its own
    mode_t umask = 022;
    std::vector<ChildLimit> limits;
    std::vector<int> cpus;                        // empty: not bound
    std::vector<std::string> prologs;             // run by each task before its own program
    absl::Duration patience = absl::Seconds(60);  // for file systems
  };
  TaskLauncher(const LaunchPlan& plan, const Identity& identity, Options options, IoHub* io)
      : plan_(plan), identity_(identity), options_(std::move(options)), io_(io) {}

  // Opens the files, forks every task and waits until each stands before its exec. On failure
  // those that were forked end by themselves once this object is gone.
  absl::Status Fork(const StepCgroup& cgroup);
  // Fork failed because the user's files cannot be opened: no other node would do better.
  bool files_refused() const { return files_refused_; }
  StartedMark mark() const;
  void Release();

  // A program of ours beside the tasks, as the user and in the step's cgroup; what it prints is
  // nobody's. The child's pid.
  struct Helper {
    std::string program;
    std::vector<std::string> environment;
    std::string work_dir;
    int stdin_fd = -1;     // -1: /dev/null
    bool limited = false;  // by the resource limits of the tasks
  };
  absl::StatusOr<pid_t> ForkHelper(Helper helper, const StepCgroup& cgroup);
  // A task has ended: runs `program` as it was run. The child's pid.
  absl::StatusOr<pid_t> ForkEpilog(uint32_t task, pid_t task_pid, const std::string& program,
                                   const StepCgroup& cgroup);

  const std::map<pid_t, uint32_t>& tasks() const { return tasks_; }  // pid -> task id
  // The first task's stderr, when that is a file: for stepd's own words.
  int stderr_file() const { return stderr_file_.get(); }

 private:
  struct Ends {  // the child's ends
    os::UniqueFd in, out, err;
  };
  absl::Status OpenFiles();
  absl::StatusOr<Ends> MakeEnds(const TaskPlan& task);
  absl::StatusOr<os::UniqueFd> OutputEnd(const TaskPlan& task, const StreamTarget& target,
                                         uint32_t stream);
  absl::StatusOr<os::UniqueFd> InputEnd(const TaskPlan& task);
  // With who a child of this step is and where it runs. `entrances`: StepCgroup::OpenEntrances.
  std::unique_ptr<ChildImage> MakeImage(const std::vector<os::UniqueFd>& entrances) const;
  absl::Status ForkTask(const TaskPlan& task, const std::vector<os::UniqueFd>& entrances);
  absl::Status AwaitReady();

  const LaunchPlan& plan_;
  const Identity& identity_;
  Options options_;
  IoHub* io_;
  std::map<std::string, os::UniqueFd> files_;  // by "w" or "r" and path
  os::Pipe go_;
  std::map<pid_t, uint32_t> tasks_;
  std::vector<os::UniqueFd> reports_;  // of each child in the order of the fork
  os::UniqueFd stderr_file_;
  bool files_refused_ = false;
};

// StepLaunch.rlimits as numbers; names that this kernel does not know are InvalidArgument.
absl::StatusOr<std::vector<ChildLimit>> LimitsOf(const v1::StepLaunch& launch);

}  // namespace reeve::noded
