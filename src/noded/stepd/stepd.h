// The life of one step on this node, in a process of its own that outlives reevenoded.
//
//   lock, owner -> socket -> cgroup, files, forks -> mark -> exec ... -> tasks end -> tree killed
//     -> record -> clients get the rest -> socket, cgroup, script gone -> exit
//
// States x events of the end:
//
//   running      all tasks exited             -> killing (SIGKILL to what is left), or, while
//                                                terminating, waiting for it until kill_wait is
//                                                over
//   running      terminate                    -> SIGCONT, SIGTERM to all; killing after kill_wait
//   running      suspend, resume              -> running: its processes stand still, or go on
//   killing      no child, cgroup empty       -> ended: record written, reported
//   ended        delivered, or nobody came    -> exit
#pragma once

#include <map>
#include <memory>
#include <string>

#include "common/os/event_loop.h"
#include "common/os/fd.h"
#include "noded/core/launch_plan.h"
#include "noded/stepd/cgroup.h"
#include "noded/stepd/frame.h"
#include "noded/stepd/identity.h"
#include "noded/stepd/io_hub.h"
#include "noded/stepd/lease_guard.h"
#include "noded/stepd/pmixd_child.h"
#include "noded/stepd/settings.h"
#include "noded/stepd/spool.h"
#include "noded/stepd/task_launcher.h"

namespace reeve::noded {

class Stepd {
 public:
  // `parent`: a connected socket to the reevenoded that asked for this step.
  Stepd(const StepdSettings& settings, const StepKey& key, os::UniqueFd parent);
  ~Stepd();

  int Run();  // the process's exit code; 0 also when this launch is void

 private:
  struct Connection {
    std::unique_ptr<FrameConnection> frames;
    bool watches = false;
    IoHub::ClientId client = 0;
  };

  // stepd.cc: beginning and requests
  bool TakeOver();  // false: somebody else has or had this step
  absl::Status Launch();
  absl::Status Prepare(TaskLauncher::Options* options);
  absl::Status WatchLease();
  absl::Status StartPmixd();
  void Accept();
  uint64_t AddConnection(os::UniqueFd socket, bool watches);
  void OnFrame(uint64_t id, std::string_view frame);
  void ThrottleClients();
  void OnIo(Connection* connection, const v1::StepIoRequest& request);
  void OnConnectionClosed(uint64_t id);
  void Report(const StepOutcome& outcome);

  // task_epilog.cc
  struct Epilog {
    uint32_t task = 0;
    pid_t task_pid = 0;
    std::vector<std::string> programs;  // still to run, the next one last
    std::string running;
  };
  void BeginEpilogs(uint32_t task, pid_t task_pid);
  void NextEpilog(Epilog epilog);
  bool OnEpilogExit(pid_t pid, int status);  // false: it is none

  // step_end.cc: signals and the end
  void OnChild();
  void OnTaskExit(uint32_t task, int status);
  void Signal(int signal, bool leader_only);
  void OnMpiAbort(const v1::MpiAbort& abort);
  void Terminate(absl::Duration kill_wait, const std::string& reason, bool whole_job);
  void SayCancelled(const std::string& reason, bool whole_job);
  void Say(const std::string& text);
  void KillTree();
  void Freeze(bool frozen);
  void LeaseOver();

  // suspend.cc
  void Suspend(bool suspended);
  void StartSuspended();
  void LetGo();
  void StandStill();
  void StopAll(std::vector<pid_t> stopped);

  void CheckEnd();
  bool TreeIsEmpty();
  void Finish(StepOutcome outcome);
  void KeepRecord();
  void Linger();
  void Leave();

  const StepdSettings settings_;
  const StepKey key_;
  const std::string name_;  // "12.batch"
  StepSpool spool_;
  os::UniqueFd lock_;
  os::EventLoop loop_;
  os::UniqueFd listener_;
  std::map<uint64_t, Connection> connections_;
  uint64_t next_connection_ = 1;

  v1::StepLaunch launch_;
  LaunchRequest request_;
  Identity identity_;
  LaunchPlan plan_;
  NodeCgroups node_cgroups_;
  StepCgroup cgroup_;
  IoHub io_;
  std::unique_ptr<TaskLauncher> launcher_;
  std::unique_ptr<PmixdChild> pmixd_;  // with --mpi=pmix
  std::unique_ptr<LeaseGuard> guard_;  // of a requeueable job's step

  std::map<pid_t, uint32_t> running_;  // tasks that have not ended
  std::map<pid_t, Epilog> epilogs_;    // by the pid of the one that runs
  StepOutcome outcome_;
  StepOutcome last_report_;
  bool reported_ = false;
  bool terminating_ = false;
  bool killing_ = false;
  bool frozen_ = false;     // by the lease
  bool suspended_ = false;  // by an operator
  bool stopped_ = false;    // and its time to get ready for that is over
  bool ended_ = false;
  v1::StepRecord record_;  // of the end, until it is on disk
  bool recorded_ = false;
  bool record_failed_ = false;
  bool leave_when_recorded_ = false;
  bool lingering_ = false;
  bool leaving_ = false;
  os::TimerId kill_timer_ = os::TimerId::kNone;
  os::TimerId stop_timer_ = os::TimerId::kNone;
  os::TimerId linger_timer_ = os::TimerId::kNone;
};

}  // namespace reeve::noded
