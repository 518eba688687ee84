// How a step ends: signals, exits, what is left behind.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "common/base/text.h"
#include "common/base/units.h"
#include "common/os/log.h"
#include "noded/stepd/convert.h"
#include "noded/stepd/process_tree.h"
#include "noded/stepd/stepd.h"

namespace reeve::noded {
namespace {

constexpr absl::Duration kKillRepeat = absl::Milliseconds(20);
constexpr absl::Duration kRecordAgain = absl::Seconds(1);
// How long output waits, once the step has ended, for a client that has not come yet or was cut
// off.
constexpr absl::Duration kLinger = absl::Seconds(30);
// And for one that was sent everything and left without a last acknowledgement.
constexpr absl::Duration kShortLinger = absl::Seconds(3);

std::string ExitText(int status) {
  return WIFSIGNALED(status) ? StrCat("signal ", WTERMSIG(status))
                             : StrCat("exit code ", WEXITSTATUS(status));
}

}  // namespace

void Stepd::OnChild() {
  int status = 0;
  rusage usage;
  for (pid_t pid; (pid = wait4(-1, &status, WNOHANG, &usage)) > 0;) {
    // A child's figures hold those of its own children that it has waited for; the others come
    // to us. Nothing is counted twice.
    outcome_.user_time += absl::DurationFromTimeval(usage.ru_utime);
    outcome_.system_time += absl::DurationFromTimeval(usage.ru_stime);
    if (pmixd_ != nullptr && pmixd_->OnExit(pid)) continue;
    auto task = running_.find(pid);
    uint64_t rss_kb = static_cast<uint64_t>(usage.ru_maxrss);
    if (rss_kb > outcome_.max_rss_kb) {
      outcome_.max_rss_kb = rss_kb;
      if (task != running_.end()) outcome_.max_rss_task = task->second;
    }
    if (task == running_.end()) {
      OnEpilogExit(pid, status);
      continue;
    }
    uint32_t id = task->second;
    running_.erase(task);
    OnTaskExit(id, status);
    BeginEpilogs(id, pid);
  }
  CheckEnd();
}

void Stepd::OnTaskExit(uint32_t task, int status) {
  os::LogVerbose(StrCat("step ", name_, ": task ", task, " ended, ", ExitText(status)));
  outcome_.tasks.push_back({task, status});
  io_.TaskExited(task, status);
  if (status != 0 && request_.kill_on_bad_exit && !running_.empty() && !terminating_) {
    os::LogInfo(StrCat("step ", name_, ": task ", task, " failed, ending the others"));
    Terminate(settings_.kill_wait, "", false);
  }
}

void Stepd::Signal(int signal, bool leader_only) {
  if (signal <= 0 || signal >= NSIG || ended_) return;
  if (signal == SIGCONT && suspended_) return;  // not this user's to decide
  os::LogInfo(StrCat("step ", name_, ": signal ", signal));
  if (leader_only) {
    for (const auto& [pid, task] : running_) kill(pid, signal);
    return;
  }
  SignalAll(Descendants(getpid()), signal);
}

// Ranks that wait for each other would not end by themselves. The servers of the other nodes have
// been told; srun sees to those that were not.
void Stepd::OnMpiAbort(const v1::MpiAbort& abort) {
  if (ended_ || killing_) return;
  const bool here = !abort.text().empty();
  os::LogInfo(StrCat("step ", name_, ": MPI abort: ", here ? abort.text() : "on another node"));
  if (here) {
    v1::StepIoResponse notice;
    *notice.mutable_mpi_abort() = abort;
    io_.Announce(notice);
  }
  if (!terminating_) SayCancelled("", false);
  terminating_ = true;
  KillTree();
}

void Stepd::Terminate(absl::Duration kill_wait, const std::string& reason, bool whole_job) {
  if (ended_ || killing_) return;
  if (!terminating_) {
    terminating_ = true;
    os::LogInfo(
        StrCat("step ", name_, ": terminating, kill after ", absl::FormatDuration(kill_wait)));
    SayCancelled(reason, whole_job);
    LetGo();
    std::vector<pid_t> all = Descendants(getpid());
    // A stopped process meets the waiting SIGTERM before it goes on.
    SignalAll(all, SIGTERM);
    SignalAll(all, SIGCONT);
  }
  // A second order may shorten the wait, never lengthen it: the first timer still fires.
  loop_.After(kill_wait, [this] { KillTree(); });
}

void Stepd::SayCancelled(const std::string& reason, bool whole_job) {
  std::string subject = whole_job ? StrCat("JOB ", key_.job.value) : StrCat("STEP ", name_);
  Say(StrCat("*** ", subject, " ON ", settings_.node, " CANCELLED AT ",
             FormatTimestamp(absl::Now()), reason.empty() ? "" : " ", reason, " ***"));
}

// A line of our own in the user's stderr, under the name that tools know.
void Stepd::Say(const std::string& text) {
  if (launcher_ == nullptr || plan_.tasks.empty()) return;
  std::string line = StrCat("slurmstepd: error: ", text, "\n");
  if (launcher_->stderr_file() >= 0) {
    // A FIFO that nobody reads must not stop us from ending the step.
    pollfd ready = {launcher_->stderr_file(), POLLOUT, 0};
    if (poll(&ready, 1, 0) == 1) os::WriteAll(launcher_->stderr_file(), line).IgnoreError();
  } else {
    io_.Inject(plan_.tasks[0].task, 2, line);
  }
}

// SIGKILL to everything, again and again until nothing is left: a process may fork between the
// look and the signal.
void Stepd::KillTree() {
  if (ended_) return;
  killing_ = true;
  if (TreeIsEmpty()) return CheckEnd();
  if (cgroup_.exists()) cgroup_.Kill();
  SignalAll(Descendants(getpid()), SIGKILL);
  if (kill_timer_ == os::TimerId::kNone) {
    kill_timer_ = loop_.After(kKillRepeat, [this] {
      kill_timer_ = os::TimerId::kNone;
      OnChild();
      if (!ended_) KillTree();
    });
  }
}

// The node may be cut off: nobody must see this step do anything while it may run elsewhere soon.
void Stepd::Freeze(bool frozen) {
  if (ended_ || killing_) return;
  if (frozen != frozen_) {
    os::LogInfo(StrCat("step ", name_,
                       frozen ? ": frozen, the node's lease is not renewed"
                              : ": goes on, the node's lease is renewed"));
  }
  frozen_ = frozen;
  StandStill();
}

void Stepd::LeaseOver() {
  if (ended_) return;
  os::LogError(StrCat("step ", name_, ": killed, the node's lease is over"));
  outcome_.lease_lost = true;
  if (!terminating_) {
    SayCancelled("DUE TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS", !request_.has_client);
  }
  terminating_ = true;
  KillTree();
}

bool Stepd::TreeIsEmpty() {
  siginfo_t info = {};
  bool no_child = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD;
  return no_child && cgroup_.Processes().empty();
}

void Stepd::CheckEnd() {
  if (ended_ || !running_.empty() || (!epilogs_.empty() && !killing_)) return;
  if (pmixd_ != nullptr && !killing_ && pmixd_->Leave()) return;
  if (TreeIsEmpty()) {
    if (outcome_.kind != StepOutcome::Kind::kLaunchFailed) {
      outcome_.kind = StepOutcome::Kind::kExited;
    }
    return Finish(outcome_);
  }
  // While terminating, what is left has had its SIGTERM and gets its time.
  if (reported_ && !killing_ && !terminating_) KillTree();
}

void Stepd::Finish(StepOutcome outcome) {
  ended_ = true;
  outcome.time = absl::Now();
  outcome.oom = cgroup_.OomKilled();
  if (outcome.oom) {
    Say(StrCat("Detected 1 oom_kill event in StepId=", name_,
               ". Some of the step tasks have been OOM Killed."));
  }
  io_.Drain();
  std::sort(outcome.tasks.begin(), outcome.tasks.end(),
            [](const TaskEnd& a, const TaskEnd& b) { return a.task < b.task; });
  *record_.mutable_report() = ToProto(0, key_, outcome);
  record_.set_node(settings_.node);
  KeepRecord();
  if (outcome.kind == StepOutcome::Kind::kExited) {
    os::LogInfo(StrCat("step ", name_, ": ended",
                       outcome.tasks.size() == 1 ? StrCat(", ", ExitText(outcome.tasks[0].status))
                                                 : StrCat(", ", outcome.tasks.size(), " tasks"),
                       outcome.oom ? ", out of memory" : ""));
  }
  launcher_.reset();
  cgroup_.Remove();
  spool_.RemoveScript().IgnoreError();
  if (pmixd_ != nullptr) spool_.RemovePmixFolder().IgnoreError();
  Report(outcome);
  io_.End();
  lingering_ = true;
  Linger();
}

// The report goes out in any case; but whoever asks later has only the record, or us.
void Stepd::KeepRecord() {
  absl::Status status = spool_.WriteRecord(record_);
  if (!status.ok() && !absl::IsNotFound(status)) {  // NotFound: somebody has removed the folder
    if (!std::exchange(record_failed_, true)) {
      os::LogError(
          StrCat("step ", name_, ": its end cannot be recorded, trying on: ", Message(status)));
    }
    loop_.After(kRecordAgain, [this] { KeepRecord(); });
    return;
  }
  if (record_failed_ && status.ok()) os::LogInfo(StrCat("step ", name_, ": its end is recorded"));
  recorded_ = true;
  if (leave_when_recorded_) Leave();
}

// Stays until a client has everything or it is clear that none will come.
void Stepd::Linger() {
  if (!lingering_ || leaving_) return;
  if (!request_.has_client || io_.delivered()) return Leave();
  if (io_.has_clients()) {
    loop_.Cancel(linger_timer_);
    linger_timer_ = os::TimerId::kNone;
  } else if (linger_timer_ == os::TimerId::kNone) {
    linger_timer_ =
        loop_.After(terminating_ || io_.end_sent() ? kShortLinger : kLinger, [this] { Leave(); });
  }
}

void Stepd::Leave() {
  if (leaving_) return;
  leave_when_recorded_ = !recorded_;
  if (leave_when_recorded_) return;
  leaving_ = true;
  unlink(spool_.socket_path().c_str());
  auto waiting = std::make_shared<size_t>(1);
  auto flushed = [this, waiting] {
    if (--*waiting == 0) loop_.Stop();
  };
  for (auto& [id, connection] : connections_) {
    ++*waiting;
    connection.frames->OnFlushed(flushed);
  }
  loop_.After(absl::Seconds(5), [this] { loop_.Stop(); });  // for one that does not read
  flushed();
}

}  // namespace reeve::noded
