// Steps on a node, as src/noded/step_runner.cc carries out what the StepMachine decides.
#include "tests/sim/node_daemon.h"
#include "tests/sim/stepd.h"

namespace reeve::sim {
namespace {

constexpr absl::Duration kInspectAgain = absl::Milliseconds(50);
constexpr int kMaxRequests = 3;
constexpr absl::Duration kKillRepeat = absl::Milliseconds(20);

noded::StepOutcome Failed(absl::Time now, std::string error, bool launch_again) {
  return {.kind = noded::StepOutcome::Kind::kLaunchFailed,
          .time = now,
          .error = std::move(error),
          .launch_again = launch_again};
}

ctld::StepReported EventOf(const std::string& node, const noded::SendReport& effect) {
  const noded::StepOutcome& outcome = effect.outcome;
  ctld::StepReported report;
  report.node = node;
  report.report_id = effect.id;
  report.job = effect.key.job;
  report.step = effect.key.step;
  report.attempt = effect.key.attempt;
  report.kind = static_cast<ctld::StepReportKind>(outcome.kind);
  for (const noded::TaskEnd& task : outcome.tasks) report.tasks.push_back({task.task, task.status});
  report.time = outcome.time;
  report.error = outcome.error;
  report.launch_again = outcome.launch_again;
  report.oom = outcome.oom;
  report.job_fault = outcome.job_fault;
  report.lease_lost = outcome.lease_lost;
  return report;
}

}  // namespace

void NodeDaemon::Apply(const noded::Effects& effects) {
  for (const noded::Effect& effect : effects) {
    if (!alive()) return;
    if (effects_left_ > 0 && --effects_left_ == 0) {
      Die();
      return on_died_();
    }
    std::visit([this](const auto& one) { Do(one); }, effect);
  }
}

void NodeDaemon::Do(const noded::StartStepd& effect) {
  const noded::StepKey& key = effect.key;
  Live& live = live_.try_emplace(key).first->second;
  const auto [folder, created] = host_->spool.try_emplace(key);
  if (!created) return Inspect(key);  // it is here: what became of it?
  folder->second.launch = launching_.at(key);
  if (effects_left_ > 0 && --effects_left_ == 0) {  // between the folder and the forker
    Die();
    return on_died_();
  }
  RequestStepd(key, &live);
}

void NodeDaemon::Do(const noded::SignalStepd& effect) {
  ToStepd(effect.key, [signal = effect.signal](Stepd& stepd) { stepd.Signal(signal); });
}

void NodeDaemon::Do(const noded::TerminateStepd& effect) {
  ToStepd(effect.key, [wait = effect.kill_wait](Stepd& stepd) { stepd.Terminate(wait); });
}

void NodeDaemon::Do(const noded::SuspendStepd& effect) {
  Live* live = Find(effect.key);
  if (live == nullptr || live->stepd_gone) return;
  live->suspended = effect.suspended;
  if (Stepd* stepd = host_->FindStepd(live->stepd)) stepd->Suspend(effect.suspended);
}

void NodeDaemon::Do(const noded::SendReport& effect) {
  Send(EventOf(host_->name(), effect));
}

void NodeDaemon::Do(const noded::SendJobGone& effect) {
  Send(ctld::JobGone{host_->name(), effect.id, effect.job, effect.attempt});
}

// Of nodes with a prolog or epilog, which are not simulated.
void NodeDaemon::Do(const noded::SendJobPrepared&) {}
void NodeDaemon::Do(const noded::JobEmpty&) {}
void NodeDaemon::Do(const noded::JobSettled&) {}

void NodeDaemon::Do(const noded::RemoveSpool& effect) {
  if (Find(effect.key) == nullptr) return;
  host_->spool.erase(effect.key);
  live_.erase(effect.key);
}

NodeDaemon::Live* NodeDaemon::Find(const noded::StepKey& key) {
  const auto found = live_.find(key);
  return found == live_.end() ? nullptr : &found->second;
}

void NodeDaemon::RequestStepd(const noded::StepKey& key, Live* live) {
  ++live->requests;
  if (host_->ForkerDead()) {  // the request is lost, its socket closes
    live->stepd = UINT64_MAX;
    After(absl::Milliseconds(1), [this, key] {
      if (Live* gone = Find(key)) gone->stepd = 0;
      Inspect(key);
    });
    return;
  }
  Attach(key, live, host_->StartStepd(key), false);
}

void NodeDaemon::Attach(const noded::StepKey& key, Live* live, uint64_t pid, bool watch) {
  live->stepd = pid;
  Stepd* stepd = host_->FindStepd(pid);
  stepd->Connect({host_->life().Bind(InLoop(
                      [this, key](const noded::StepOutcome& outcome) { OnOutcome(key, outcome); })),
                  host_->life().Bind(InLoop([this, key, pid] {
                    Live* gone = Find(key);
                    if (gone != nullptr && gone->stepd == pid) gone->stepd = 0;
                    Inspect(key);
                  }))},
                 watch);
  if (live->suspended.has_value()) stepd->Suspend(*live->suspended);
  for (const auto& request : live->unsent) request(*stepd);
  live->unsent.clear();
}

void NodeDaemon::ToStepd(const noded::StepKey& key, std::function<void(Stepd&)> request) {
  Live* live = Find(key);
  if (live == nullptr || live->stepd_gone) return;
  if (Stepd* stepd = host_->FindStepd(live->stepd)) return request(*stepd);
  live->unsent.push_back(std::move(request));
}

void NodeDaemon::OnOutcome(const noded::StepKey& key, const noded::StepOutcome& outcome) {
  Live* live = Find(key);
  if (live != nullptr && outcome.kind != noded::StepOutcome::Kind::kStarted) {
    live->has_outcome = true;
  }
  Apply(machine_.Outcome(key, outcome));
}

void NodeDaemon::InspectLater(const noded::StepKey& key) {
  After(kInspectAgain, [this, key] { Inspect(key); });
}

void NodeDaemon::Inspect(const noded::StepKey& key) {
  Live* live = Find(key);
  if (live == nullptr || live->stepd != 0 || live->stepd_gone || live->lock) return;
  SpoolFolder& folder = host_->spool.at(key);
  if (folder.lock == 0) {
    folder.lock = UINT64_MAX;
    live->lock = true;
    return InspectUnderLock(key, live);
  }
  Stepd* stepd = host_->FindStepd(folder.lock);
  if (stepd == nullptr || !stepd->listens()) return InspectLater(key);
  Attach(key, live, folder.lock, true);
}

void NodeDaemon::InspectUnderLock(const noded::StepKey& key, Live* live) {
  SpoolFolder& folder = host_->spool.at(key);
  const auto unlock = [&] {
    folder.lock = 0;
    live->lock = false;
  };
  if (folder.record.has_value()) {
    unlock();
    const noded::StepOutcome outcome = *folder.record;
    OnOutcome(key, outcome);
    if (alive()) OnStepdGone(key);
    return;
  }
  if (folder.started) return KillLeftovers(key);
  if (live->requests > 0 && live->requests < kMaxRequests && !folder.owned) {
    unlock();
    return RequestStepd(key, live);
  }
  folder.abandoned = true;
  unlock();
  OnOutcome(key, Failed(scene_->clock.now(), "the step daemon could not be started", true));
  if (alive()) OnStepdGone(key);
}

void NodeDaemon::KillLeftovers(const noded::StepKey& key) {
  Live* live = Find(key);
  if (live == nullptr) return;
  if (host_->KillLeftovers(key)) {
    return After(kKillRepeat, [this, key] { KillLeftovers(key); });
  }
  host_->spool.at(key).lock = 0;
  live->lock = false;
  if (!machine_.HasStarted(key)) {
    OnOutcome(key, {.kind = noded::StepOutcome::Kind::kStarted, .time = scene_->clock.now()});
    if (!alive()) return;
  }
  OnOutcome(key, Failed(scene_->clock.now(), "the step daemon died", false));
  if (alive()) OnStepdGone(key);
}

void NodeDaemon::OnStepdGone(const noded::StepKey& key) {
  if (Live* live = Find(key)) live->stepd_gone = true;
  Apply(machine_.StepdGone(key, scene_->clock.now()));
}

}  // namespace reeve::sim
