#include "noded/step_runner.h"

#include <signal.h>

#include "common/base/text.h"
#include "common/os/log.h"
#include "noded/stepd/convert.h"
#include "noded/stepd/process_tree.h"

namespace reeve::noded {
namespace {

constexpr absl::Duration kInspectAgain = absl::Milliseconds(50);
constexpr int kMaxRequests = 3;
constexpr absl::Duration kKillRepeat = absl::Milliseconds(20);

StepOutcome Failed(std::string error, bool launch_again) {
  return {.kind = StepOutcome::Kind::kLaunchFailed,
          .time = absl::Now(),
          .error = std::move(error),
          .launch_again = launch_again};
}

v1::StepdRequest SuspendRequest(bool suspended) {
  v1::StepdRequest request;
  request.mutable_suspend()->set_suspended(suspended);
  return request;
}

// What is needed once the launch is on disk: a queue of scripts and environments is not.
v1::StepLaunch Slim(const v1::StepLaunch& launch) {
  v1::StepLaunch slim;
  slim.set_job_id(launch.job_id());
  slim.set_step_id(launch.step_id());
  slim.set_attempt(launch.attempt());
  slim.set_uid(launch.uid());
  slim.set_io_secret(launch.io_secret());
  return slim;
}

}  // namespace

StepRunner::StepRunner(os::EventLoop* loop, StepdSettings settings, Forker* forker,
                       uint64_t first_report_id, SendFn send, JobScriptOptions scripts)
    : loop_(loop),
      settings_(std::move(settings)),
      cgroups_(settings_.node_cgroups()),
      forker_(forker),
      send_(std::move(send)),
      past_(loop, settings_.spool_dir),
      machine_(first_report_id, !scripts.prolog.empty() || !scripts.epilog.empty()) {
  if (scripts.prolog.empty() && scripts.epilog.empty()) return;
  runners_ = std::make_unique<ScriptRunners>(loop, forker, settings_.spool_dir);
  scripts_ = std::make_unique<JobScripts>(runners_.get(), settings_.spool_dir, std::move(scripts),
                                          ScriptEvents());
}

StepRunner::~StepRunner() = default;

absl::Status StepRunner::Start() {
  if (absl::Status status = PrepareSpool(settings_.spool_dir); !status.ok()) return status;
  if (absl::Status status = past_.Start(); !status.ok()) return status;
  absl::StatusOr<std::vector<StepKey>> found = ListSpool(settings_.spool_dir);
  if (!found.ok()) return found.status();
  for (const StepKey& key : *found) {
    Live& live = live_.try_emplace(key, StepSpool(settings_.spool_dir, key)).first->second;
    absl::StatusOr<v1::StepLaunch> launch = live.spool.ReadLaunch();
    if (launch.ok()) live.launch = Slim(*launch);
    if (launch.ok() && scripts_ != nullptr) scripts_->Remember(launch->job());
    Apply(machine_.Adopt(key));
    Inspect(key);
  }
  return scripts_ == nullptr ? absl::OkStatus() : scripts_->Start();
}

// ---- the controller's wishes ----------------------------------------------------------------

void StepRunner::Launch(const v1::StepLaunch& launch) {
  if (scripts_ == nullptr || machine_.Knows(KeyOf(launch))) return LaunchNow(launch);
  held_[KeyOf(launch)] = launch;
  scripts_->Launch(KeyOf(launch), launch.job());
}

void StepRunner::LaunchNow(const v1::StepLaunch& launch) {
  StepKey key = KeyOf(launch);
  launching_[key] = launch;
  Apply(machine_.Launch(key, absl::Now()));
  launching_.erase(key);
}

void StepRunner::Signal(const v1::SignalStep& signal) {
  StepKey key{JobId{signal.job_id()}, StepId{signal.step_id()}, signal.attempt()};
  Apply(machine_.Signal(key, signal.signal(), signal.leader_only()));
}

void StepRunner::KillStep(const v1::KillStep& kill) {
  StepKey key{JobId{kill.job_id()}, StepId{kill.step_id()}, kill.attempt()};
  Apply(machine_.KillStep(key, absl::Seconds(kill.kill_wait()), kill.reason()));
  if (scripts_ != nullptr) scripts_->KillStep(key);
}

void StepRunner::TerminateJob(const v1::TerminateJob& terminate) {
  os::LogInfo(StrCat("job ", terminate.job_id(), ": terminating"));
  if (scripts_ != nullptr) scripts_->Terminate(terminate);
  Apply(machine_.TerminateJob(JobId{terminate.job_id()}, terminate.attempt(),
                              absl::Seconds(terminate.kill_wait()), terminate.reason()));
}

void StepRunner::Suspend(const v1::SuspendJob& suspend) {
  os::LogInfo(StrCat("job ", suspend.job_id(), suspend.suspended() ? ": suspended" : ": goes on"));
  for (auto& [key, launch] : held_) {
    if (key.job.value == suspend.job_id() && key.attempt == suspend.attempt()) {
      launch.set_suspended(suspend.suspended());
    }
  }
  Apply(machine_.Suspend(JobId{suspend.job_id()}, suspend.attempt(), suspend.suspended()));
}

void StepRunner::Acknowledge(uint64_t report_id) {
  Apply(machine_.Acknowledge(report_id));
}

void StepRunner::Connected() {
  Apply(machine_.Connected());
}

// ---- effects ----------------------------------------------------------------------------------

void StepRunner::Apply(const Effects& effects) {
  for (const Effect& effect : effects) {
    std::visit([this](const auto& one) { Do(one); }, effect);
  }
}

void StepRunner::Do(const StartStepd& effect) {
  const StepKey& key = effect.key;
  const v1::StepLaunch& launch = launching_[key];
  Live& live = live_.try_emplace(key, StepSpool(settings_.spool_dir, key)).first->second;
  live.launch = Slim(launch);
  absl::Status created = live.spool.Create(launch);
  if (absl::IsAlreadyExists(created)) return Inspect(key);  // it is here: what became of it?
  if (created.ok() && RequestStepd(key, &live)) {
    os::LogVerbose(StrCat("step ", ToString(key), ": launching"));
    return;
  }
  if (created.ok()) return Inspect(key);  // gives it up
  os::LogError(StrCat("step ", ToString(key), ": ", Message(created)));
  OnOutcome(key, Failed(std::string(Message(created)), true));
  OnStepdGone(key);
}

void StepRunner::Do(const SignalStepd& effect) {
  v1::StepdRequest request;
  request.mutable_signal()->set_signal(effect.signal);
  request.mutable_signal()->set_leader_only(effect.leader_only);
  ToStepd(effect.key, request);
}

void StepRunner::Do(const TerminateStepd& effect) {
  v1::StepdRequest request;
  request.mutable_terminate()->set_kill_wait(absl::ToInt64Seconds(effect.kill_wait));
  request.mutable_terminate()->set_reason(effect.reason);
  request.mutable_terminate()->set_whole_job(effect.whole_job);
  ToStepd(effect.key, request);
}

void StepRunner::Do(const SuspendStepd& effect) {
  Live* live = Find(effect.key);
  if (live == nullptr || live->stepd_gone) return;
  live->suspended = effect.suspended;
  if (live->stepd != nullptr) live->stepd->Send(SuspendRequest(effect.suspended));
}

void StepRunner::Do(const SendReport& effect) {
  v1::NodeMessage message;
  *message.mutable_step_report() = ToProto(effect.id, effect.key, effect.outcome);
  send_(message);
}

void StepRunner::Do(const SendJobGone& effect) {
  os::LogInfo(StrCat("job ", effect.job.value, ": gone"));
  v1::NodeMessage message;
  message.mutable_job_gone()->set_report_id(effect.id);
  message.mutable_job_gone()->set_job_id(effect.job.value);
  message.mutable_job_gone()->set_attempt(effect.attempt);
  message.mutable_job_gone()->set_prolog_failed(effect.prolog_failed);
  message.mutable_job_gone()->set_epilog_failed(effect.epilog_failed);
  send_(message);
}

void StepRunner::Do(const RemoveSpool& effect) {
  Live* live = Find(effect.key);
  if (live == nullptr) return;
  // Before the folder goes: at every moment one of the two tells how it went.
  if (live->outcome.has_value() && !live->outcome->launch_again) {
    KeepPast(effect.key, live->launch, *live->outcome);
  }
  if (absl::Status status = live->spool.Remove(); !status.ok()) {
    os::LogError(StrCat("step ", ToString(effect.key), ": ", Message(status)));
  }
  live_.erase(effect.key);
  if (scripts_ == nullptr) return;
  const StepKey& key = effect.key;
  scripts_->Settle(key.job, key.attempt, false, machine_.HasSteps(key.job, key.attempt));
}

void StepRunner::KeepPast(const StepKey& key, const v1::StepLaunch& launch,
                          const StepOutcome& outcome) {
  if (launch.io_secret().empty()) return;
  v1::StepRecord record;
  *record.mutable_report() = ToProto(0, key, outcome);
  record.set_uid(launch.uid());
  record.set_io_secret(launch.io_secret());
  past_.Add(key, std::move(record));
}

// ---- stepds -----------------------------------------------------------------------------------

StepRunner::Live* StepRunner::Find(const StepKey& key) {
  auto found = live_.find(key);
  return found == live_.end() ? nullptr : &found->second;
}

bool StepRunner::RequestStepd(const StepKey& key, Live* live) {
  ++live->requests;
  absl::StatusOr<os::UniqueFd> socket = forker_->StartStepd(key);
  if (!socket.ok()) {
    os::LogError(StrCat("step ", ToString(key), ": ", Message(socket.status())));
    return false;
  }
  Attach(key, *std::move(socket), false);
  return true;
}

void StepRunner::Attach(const StepKey& key, os::UniqueFd socket, bool watch) {
  Live* live = Find(key);
  live->stepd = std::make_unique<FrameConnection>(
      loop_, std::move(socket),
      FrameConnection::Events{[this, key](std::string_view frame) { OnStepdEvent(key, frame); },
                              [this, key] {
                                if (Live* gone = Find(key)) gone->stepd.reset();
                                Inspect(key);
                              }});
  if (watch) {
    v1::StepdRequest request;
    request.mutable_watch();
    live->stepd->Send(request);
  }
  // Before what else it missed: a kill lets it go on again.
  if (live->suspended.has_value()) live->stepd->Send(SuspendRequest(*live->suspended));
  for (const v1::StepdRequest& request : live->unsent) live->stepd->Send(request);
  live->unsent.clear();
}

void StepRunner::ToStepd(const StepKey& key, const v1::StepdRequest& request) {
  Live* live = Find(key);
  if (live == nullptr || live->stepd_gone) return;
  if (live->stepd != nullptr) {
    live->stepd->Send(request);
  } else {
    live->unsent.push_back(request);
  }
}

void StepRunner::OnStepdEvent(const StepKey& key, std::string_view frame) {
  v1::StepdEvent event;
  if (!event.ParseFromArray(frame.data(), static_cast<int>(frame.size()))) return;
  if (event.has_report()) OnOutcome(key, FromProto(event.report()));
}

void StepRunner::OnOutcome(const StepKey& key, const StepOutcome& outcome) {
  Live* live = Find(key);
  if (live != nullptr && outcome.kind != StepOutcome::Kind::kStarted && !live->outcome) {
    live->outcome = outcome;
  }
  Apply(machine_.Outcome(key, outcome));
  Changed(key);
}

void StepRunner::InspectLater(const StepKey& key) {
  loop_->After(kInspectAgain, [this, key] { Inspect(key); });
}

void StepRunner::Inspect(const StepKey& key) {
  Live* live = Find(key);
  if (live == nullptr || live->stepd != nullptr || live->stepd_gone || live->lock) return;
  absl::StatusOr<std::optional<os::UniqueFd>> lock = live->spool.TryLock();
  if (!lock.ok()) {
    os::LogError(StrCat("step ", ToString(key), ": ", Message(lock.status())));
    return InspectLater(key);
  }
  if (lock->has_value()) {
    live->lock = *std::move(*lock);
    return InspectUnderLock(key, live);
  }
  // It lives: it is about to listen, listens, or is about to be gone.
  absl::StatusOr<os::UniqueFd> socket = ConnectUnix(live->spool.socket_path());
  if (!socket.ok()) return InspectLater(key);
  os::LogInfo(StrCat("step ", ToString(key), ": found its stepd again"));
  Attach(key, *std::move(socket), true);
}

// See stepd/spool.h for what each combination means.
void StepRunner::InspectUnderLock(const StepKey& key, Live* live) {
  absl::StatusOr<v1::StepRecord> record = live->spool.ReadRecord();
  if (record.ok()) {
    live->lock.reset();
    OnOutcome(key, FromProto(record->report()));
    return OnStepdGone(key);
  }
  if (live->spool.started()) {
    if (!live->outcome.has_value()) {
      os::LogError(StrCat("step ", ToString(key), ": its stepd died; ending what it left"));
    }
    return KillLeftovers(key);
  }
  // The request died with the forker. Asking again is safe: should both arrive, one gets the lock.
  if (live->requests > 0 && live->requests < kMaxRequests && !live->spool.owned()) {
    live->lock.reset();
    if (RequestStepd(key, live)) return;
  }
  if (absl::Status status = live->spool.Abandon(); !status.ok()) {
    // Without the mark a late stepd could still start it: not before that is sure is it said.
    os::LogError(StrCat("step ", ToString(key), ": ", Message(status)));
    live->lock.reset();
    return InspectLater(key);
  }
  live->lock.reset();
  OnOutcome(key, Failed("the step daemon could not be started", true));
  OnStepdGone(key);
}

void StepRunner::KillLeftovers(const StepKey& key) {
  Live* live = Find(key);
  if (live == nullptr) return;
  StepCgroup cgroup(cgroups_, key);
  std::vector<pid_t> left = cgroup.Processes();
  if (absl::StatusOr<StartedMark> mark = live->spool.ReadStarted(); mark.ok()) {
    std::vector<pid_t> of_tasks = Leftovers(*mark, live->launch.uid());
    left.insert(left.end(), of_tasks.begin(), of_tasks.end());
  }
  if (!left.empty()) {
    cgroup.Kill();
    SignalAll(left, SIGKILL);
    loop_->After(kKillRepeat, [this, key] { KillLeftovers(key); });
    return;
  }
  cgroup.Remove();
  live->lock.reset();
  // Its mark stands, so its tasks may have run, whether their stepd came to say so or not.
  if (!machine_.HasStarted(key)) {
    OnOutcome(key, {.kind = StepOutcome::Kind::kStarted, .time = absl::Now()});
  }
  OnOutcome(key, Failed("the step daemon died", false));
  OnStepdGone(key);
}

void StepRunner::OnStepdGone(const StepKey& key) {
  if (Live* live = Find(key)) live->stepd_gone = true;
  Apply(machine_.StepdGone(key, absl::Now()));
  Changed(key);
}

// ---- clients ----------------------------------------------------------------------------------

void StepRunner::Changed(const StepKey& key) const {
  if (io_changed_) io_changed_(key);
}

StepRunner::IoState StepRunner::FindIo(const StepKey& key) const {
  if (const v1::StepRecord* past = past_.Find(key)) {
    return {IoState::Kind::kEnded, past->uid(), past->io_secret(), FromProto(past->report())};
  }
  if (auto held = held_.find(key); held != held_.end()) {
    return {IoState::Kind::kComing, held->second.uid(), held->second.io_secret(), {}};
  }
  auto found = live_.find(key);
  if (found == live_.end()) return {};
  const Live& live = found->second;
  // A daemon died before it had written the launch: who may have its streams comes with the next.
  if (live.launch.job_id() == 0) return {};
  IoState state{IoState::Kind::kComing, live.launch.uid(), live.launch.io_secret(), {}};
  if (live.outcome.has_value() && live.outcome->launch_again) return state;  // may come yet
  if (live.stepd_gone && live.outcome.has_value()) {
    state.kind = IoState::Kind::kEnded;
    state.outcome = *live.outcome;
  } else if (machine_.HasStarted(key) && !live.stepd_gone) {
    state.kind = IoState::Kind::kReady;
  }
  return state;
}

absl::StatusOr<os::UniqueFd> StepRunner::ConnectIo(const StepKey& key) const {
  auto found = live_.find(key);
  if (found == live_.end()) return absl::NotFoundError("no such step here");
  return ConnectUnix(found->second.spool.socket_path());
}

}  // namespace reeve::noded
