#include "tests/sim/stepd.h"

#include <signal.h>

#include <algorithm>

#include "absl/strings/numbers.h"

namespace reeve::sim {
namespace {

constexpr absl::Duration kLocal = absl::Microseconds(200);  // a message between two processes

// "w12" of a job's comment, "s12.3" of a step's name.
const WorkPlan* FindWork(const Plan& plan, const ctld::StepLaunch& launch) {
  uint32_t id = 0;
  if (!absl::SimpleAtoi(launch.job_spec->comment.substr(1), &id)) return nullptr;
  for (const WorkItem& item : plan.work) {
    if (item.id != id) continue;
    if (launch.step_spec == nullptr) return &item.work;
    uint32_t step = 0;
    if (!absl::SimpleAtoi(launch.step_spec->name.substr(1), &step)) return nullptr;
    return step < item.steps.size() ? &item.steps[step].work : nullptr;
  }
  return nullptr;
}

}  // namespace

Stepd::Stepd(Host* host, noded::StepKey key, uint64_t pid, std::optional<uint32_t> doom)
    : host_(host), key_(key), pid_(pid), doom_(doom) {}

void Stepd::Begin() {
  Then(kForked, host_->random().Between(absl::Microseconds(500), absl::Milliseconds(20)),
       &Stepd::TakeOver);
}

void Stepd::Then(Phase phase, absl::Duration delay, void (Stepd::*next)()) {
  Clock& clock = host_->scene()->clock;
  if (doom_ == phase) {
    const absl::Duration when = host_->random().Between(absl::ZeroDuration(), delay);
    clock.After(when, host_->life().Bind(life_.Bind([this] { host_->KillStepd(pid_); })));
  }
  clock.After(delay, host_->life().Bind(life_.Bind([this, next] { (this->*next)(); })));
}

void Stepd::TakeOver() {
  const auto found = host_->spool.find(key_);
  if (found == host_->spool.end() || found->second.lock != 0 || found->second.abandoned ||
      found->second.started || found->second.record.has_value()) {
    return host_->StepdExits(pid_);
  }
  found->second.lock = pid_;
  found->second.owned = true;
  listens_ = true;
  Then(kLocked, host_->random().Between(absl::Microseconds(500), absl::Milliseconds(30)),
       &Stepd::Prepare);
}

const WorkPlan* Stepd::Work() const {
  return FindWork(host_->scene()->plan, host_->spool.at(key_).launch);
}

Random Stepd::Dice() const {
  const ctld::StepLaunch& launch = host_->spool.at(key_).launch;
  return Random(host_->scene()->plan.seed,
                StrCat(launch.job_spec->comment, "/", launch.array_task_id.value_or(0), "/",
                       key_.step.value, "/", key_.attempt, "/", launch.node_index));
}

void Stepd::Prepare() {
  if (!host_->spool.contains(key_)) {
    return host_->scene()->Violation("folder", "it is gone while the daemon of step ",
                                     ToString(key_), " is at work");
  }
  const WorkPlan* work = Work();
  const ctld::StepLaunch& launch = folder()->launch;
  Random dice = Dice();
  if (work == nullptr) {
    return host_->scene()->Violation("launch", "nobody knows step ", ToString(key_));
  }
  if (launch.leased && !WatchLease()) {
    outcome_.kind = noded::StepOutcome::Kind::kLaunchFailed;
    outcome_.error = "this node's lease is over";
    outcome_.lease_lost = true;
    ended_ = true;
    Then(kTasksOver, kLocal, &Stepd::Record);
    return;
  }
  if (dice.Percent(work->fail_launch_percent)) {
    outcome_.kind = noded::StepOutcome::Kind::kLaunchFailed;
    outcome_.error = "the plan wants it so";
    outcome_.job_fault = work->launch_fault;
    host_->truth()->LaunchFailed({key_, host_->name(), work->launch_fault});
    ended_ = true;
    Then(kTasksOver, kLocal, &Stepd::Record);
    return;
  }
  tasks_ = std::make_shared<Tasks>();
  tasks_->on_term = work->on_term;
  tasks_->alive = false;
  for (uint32_t task : launch.task_ids[launch.node_index]) {
    tasks_->planned.push_back({task, dice.Of(work->statuses)});
  }
  outcome_.oom = dice.Percent(work->oom_percent);
  Then(kPrepared, kLocal, &Stepd::Mark);
}

void Stepd::Mark() {
  if (!host_->scene()->Is(Canary::kForgetStartedMark)) folder()->started = true;
  folder()->started_boot = host_->boot();
  folder()->tasks = tasks_;
  Then(kMarked, kLocal, &Stepd::Release);
}

void Stepd::Release() {
  const ctld::StepLaunch& launch = folder()->launch;
  Run run;
  run.key = key_;
  run.node = host_->name();
  run.array_job = launch.array_job_id.value;
  run.array_task = launch.array_task_id.value_or(0);
  run.requeueable =
      launch.job_spec->batch &&
      launch.job_spec->requeue.value_or(host_->scene()->plan.cluster.settings.job_requeue);
  for (const noded::TaskEnd& task : tasks_->planned) run.tasks.push_back(task);
  run.oom = outcome_.oom;
  tasks_->run = host_->truth()->Begin(std::move(run));
  tasks_->alive = true;

  Random dice = Dice();
  const WorkPlan* work = Work();
  Clock& clock = host_->scene()->clock;
  // They end by themselves with or without a stepd.
  const absl::Duration length = dice.Between(work->least, work->most);
  if (doom_ == kRunning) {
    clock.After(host_->random().Between(absl::ZeroDuration(), length),
                host_->life().Bind(life_.Bind([this] { host_->KillStepd(pid_); })));
  }
  if (launch.suspended && !host_->scene()->Is(Canary::kIgnoreSuspension)) {
    tasks_->ends = clock.now() + length;
    Stop(true);
  } else {
    RunFor(length);
  }
  Then(kReleased, kLocal, &Stepd::Listen);
}

void Stepd::RunFor(absl::Duration length) {
  Clock& clock = host_->scene()->clock;
  tasks_->ends = clock.now() + length;
  const uint64_t turn = ++tasks_->turn;
  clock.After(length, host_->life().Bind([tasks = tasks_, turn, host = host_, pid = pid_] {
    if (!tasks->alive || tasks->turn != turn) return;
    tasks->alive = false;
    host->truth()->End(tasks->run, RunEnd::kByItself);
    if (Stepd* stepd = host->FindStepd(pid)) stepd->TasksOver();
  }));
}

// What stands still goes on for as long as it would have run.
void Stepd::Stop(bool stopped) {
  if (tasks_ == nullptr || !tasks_->alive || tasks_->stopped == stopped) return;
  host_->scene()->Trace("  ", host_->name(), ": ", ToString(key_),
                        stopped ? " stands still" : " goes on");
  tasks_->stopped = tasks_->run->stopped = stopped;
  if (!stopped) return RunFor(tasks_->left);
  ++tasks_->turn;
  tasks_->left = tasks_->ends - host_->scene()->clock.now();
}

// The loop runs: it says that it has started, and reads what it was asked meanwhile.
void Stepd::Listen() {
  if (ended_) return;
  Tell({.kind = noded::StepOutcome::Kind::kStarted, .time = host_->scene()->clock.now()});
  for (const auto& request : std::exchange(requests_, {})) request();
}

void Stepd::TasksOver() {
  if (ended_) return;
  ended_ = true;
  outcome_.kind = noded::StepOutcome::Kind::kExited;
  outcome_.tasks = tasks_->run->tasks;
  Then(kTasksOver, host_->random().Between(absl::Microseconds(100), absl::Milliseconds(5)),
       &Stepd::Record);
}

void Stepd::Record() {
  outcome_.time = host_->scene()->clock.now();
  folder()->record = outcome_;
  Then(kRecorded, kLocal, &Stepd::Report);
}

void Stepd::Report() {
  Tell(outcome_);
  // A client may let it wait.
  const bool lingers = key_.step.value >= 0 && host_->random().OneIn(4);
  Then(kReported,
       lingers ? host_->random().Between(absl::Seconds(1), absl::Seconds(30))
               : absl::Milliseconds(1),
       &Stepd::Leave);
}

void Stepd::Leave() {
  listens_ = false;
  host_->StepdExits(pid_);
}

void Stepd::Tell(const noded::StepOutcome& outcome) {
  last_report_ = outcome;
  for (const Connection& connection : connections_) {
    host_->scene()->clock.After(kLocal, [fn = connection.on_report, outcome] { fn(outcome); });
  }
}

void Stepd::Connect(Connection connection, bool watch) {
  connections_.push_back(std::move(connection));
  if (watch && last_report_.has_value()) {
    host_->scene()->clock.After(
        kLocal, [fn = connections_.back().on_report, outcome = *last_report_] { fn(outcome); });
  }
}

void Stepd::CloseConnections() {
  for (const Connection& connection : std::exchange(connections_, {})) {
    host_->scene()->clock.After(kLocal, [fn = connection.on_closed] { fn(); });
  }
}

void Stepd::Do(std::function<void()> request) {
  host_->scene()->clock.After(kLocal, host_->life().Bind(life_.Bind([this, request] {
    // Before its loop runs the socket keeps what it is asked.
    if (!last_report_.has_value() && !ended_) {
      requests_.push_back(request);
    } else {
      request();
    }
  })));
}

bool Stepd::WatchLease() {
  if (!host_->lease.has_value() || host_->lease->boot != host_->boot()) return false;
  lease_ = *host_->lease;
  if (!lease_.terms.enabled()) return true;
  if (host_->BootNow() >= lease_.from + lease_.terms.freeze()) return false;
  if (!host_->scene()->Is(Canary::kIgnoreLease)) LookAtLeaseAt(lease_.from + lease_.terms.freeze());
  return true;
}

void Stepd::LookAtLeaseAt(absl::Duration boot_time) {
  host_->scene()->clock.After(host_->UntilBoot(boot_time) + absl::Microseconds(1),
                              host_->life().Bind(life_.Bind([this] { LookAtLease(); })));
}

void Stepd::LookAtLease() {
  if (ended_) return;
  const std::optional<LeaseFile>& newer = host_->lease;
  if (newer.has_value() && newer->boot == host_->boot() && newer->from > lease_.from) {
    lease_ = *newer;
  }
  const absl::Duration now = host_->BootNow();
  const absl::Duration freeze = lease_.from + lease_.terms.freeze();
  const absl::Duration over = lease_.from + lease_.terms.length;
  if (now >= over) {
    host_->scene()->Trace("  ", host_->name(), ": the lease of ", ToString(key_), " is over");
    outcome_.lease_lost = true;
    terminating_ = true;
    if (tasks_ != nullptr && !tasks_->alive && tasks_->run == nullptr) {
      return LookAtLeaseAt(now + absl::Milliseconds(1));  // about to be released
    }
    return EndTasks(RunEnd::kKilled);
  }
  Freeze(now >= freeze);
  LookAtLeaseAt(now >= freeze ? std::min(over, now + absl::Milliseconds(200)) : freeze);
}

void Stepd::Freeze(bool frozen) {
  if (tasks_ == nullptr || tasks_->frozen == frozen) return;
  host_->scene()->Trace("  ", host_->name(), ": ", ToString(key_), frozen ? " freezes" : " thaws");
  tasks_->frozen = frozen;
  if (frozen || !tasks_->alive || !tasks_->due) return;
  tasks_->alive = false;
  host_->truth()->End(tasks_->run, RunEnd::kByItself);
  TasksOver();
}

void Stepd::EndTasks(RunEnd how) {
  if (tasks_ == nullptr || !tasks_->alive) return;
  // What is frozen meets only SIGKILL.
  if (tasks_->frozen && how != RunEnd::kKilled) {
    tasks_->due = true;
    return;
  }
  tasks_->alive = false;
  const int signal = how == RunEnd::kKilled ? SIGKILL : SIGTERM;
  const bool handles = how == RunEnd::kByTerm && tasks_->on_term == OnTerm::kExitCleanly;
  for (noded::TaskEnd& end : tasks_->run->tasks) end.status = handles ? 0 : signal;
  host_->truth()->End(tasks_->run, how);
  TasksOver();
}

void Stepd::Terminate(absl::Duration kill_wait) {
  Do([this, kill_wait] {
    if (ended_) return;
    Clock& clock = host_->scene()->clock;
    Stop(false);
    if (!std::exchange(terminating_, true) && tasks_->on_term != OnTerm::kIgnore) {
      clock.After(host_->random().Between(absl::Milliseconds(1), absl::Seconds(2)),
                  host_->life().Bind(life_.Bind([this] { EndTasks(RunEnd::kByTerm); })));
    }
    clock.After(kill_wait, host_->life().Bind(life_.Bind([this] { EndTasks(RunEnd::kKilled); })));
  });
}

void Stepd::Signal(int signal) {
  Do([this, signal] {
    if (ended_ || !tasks_->alive) return;
    if (signal == SIGUSR1 && ++tasks_->run->warnings > 1) {
      return host_->scene()->Violation("warning", "step ", ToString(key_), " on ", host_->name(),
                                       " is warned of its job's end again");
    }
    if (signal == SIGTERM && tasks_->on_term != OnTerm::kIgnore) EndTasks(RunEnd::kByTerm);
  });
}

void Stepd::Suspend(bool suspended) {
  if (host_->scene()->Is(Canary::kIgnoreSuspension)) return;
  Do([this, suspended] {
    if (!ended_ && !terminating_) Stop(suspended);
  });
}

void Stepd::Killed() {
  if (tasks_ != nullptr && tasks_->run != nullptr) {
    // Without a record nobody will know how they end.
    if (!folder()->record.has_value()) tasks_->run->stepd_died = true;
  }
  life_.End();
}

}  // namespace reeve::sim
