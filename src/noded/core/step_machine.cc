#include "noded/core/step_machine.h"

#include <utility>

namespace reeve::noded {

std::string ToString(const StepKey& key) {
  return reeve::ToString(key.job, key.step);
}

Effects StepMachine::Launch(const StepKey& key, absl::Time now) {
  Effects effects;
  if (auto found = steps_.find(key); found != steps_.end()) {
    Step& step = found->second;
    if (!(step.phase == Phase::kEnded && step.launch_again && step.stepd_gone)) return effects;
    unacknowledged_.erase(step.final_report);
    steps_.erase(found);
    effects.push_back(RemoveSpool{key});
  }
  auto terminating = terminating_.find(key.job);
  if (terminating != terminating_.end() && key.attempt <= terminating->second) {
    return Refuse(key, {.kind = StepOutcome::Kind::kLaunchFailed,
                        .time = now,
                        .error = "the job is being ended on this node"});
  }
  steps_.emplace(key, Step{});
  effects.push_back(StartStepd{key});
  return effects;
}

Effects StepMachine::Refuse(const StepKey& key, const StepOutcome& outcome) {
  Effects effects;
  Queue(SendReport{0, key, outcome}, &effects);
  return effects;
}

Effects StepMachine::Prepared(JobId job, uint32_t attempt, bool failed, const std::string& error) {
  Effects effects;
  Queue(SendJobPrepared{0, job, attempt, failed, error}, &effects);
  return effects;
}

Effects StepMachine::Adopt(const StepKey& key) {
  steps_.emplace(key, Step{});
  return {};
}

Effects StepMachine::Outcome(const StepKey& key, const StepOutcome& outcome) {
  Effects effects;
  auto found = steps_.find(key);
  if (found == steps_.end() || found->second.phase == Phase::kEnded) return effects;
  Step& step = found->second;
  if (outcome.kind == StepOutcome::Kind::kStarted) {
    if (step.phase == Phase::kRunning) return effects;
    step.phase = Phase::kRunning;
    Queue(SendReport{0, key, outcome}, &effects);
    return effects;
  }
  step.phase = Phase::kEnded;
  step.launch_again = outcome.launch_again;
  step.final_report = Queue(SendReport{0, key, outcome}, &effects);
  ReportIfGone(key.job, &effects);
  return effects;
}

Effects StepMachine::StepdGone(const StepKey& key, absl::Time now) {
  Effects effects;
  auto found = steps_.find(key);
  if (found == steps_.end()) return effects;
  found->second.stepd_gone = true;
  if (found->second.phase != Phase::kEnded) {
    effects = Outcome(key, StepOutcome{.kind = StepOutcome::Kind::kLaunchFailed,
                                       .time = now,
                                       .error = "the step daemon died"});
  }
  ForgetIfDone(key, &effects);
  return effects;
}

Effects StepMachine::Signal(const StepKey& key, int signal, bool leader_only) {
  auto found = steps_.find(key);
  if (found == steps_.end() || found->second.phase == Phase::kEnded) return {};
  return {SignalStepd{key, signal, leader_only}};
}

Effects StepMachine::KillStep(const StepKey& key, absl::Duration kill_wait,
                              const std::string& reason) {
  auto found = steps_.find(key);
  if (found == steps_.end() || found->second.phase == Phase::kEnded) return {};
  return {TerminateStepd{key, kill_wait, reason, false}};
}

Effects StepMachine::Suspend(JobId job, uint32_t attempt, bool suspended) const {
  Effects effects;
  for (const auto& [key, step] : steps_) {
    if (key.job != job || key.attempt != attempt || step.phase == Phase::kEnded) continue;
    effects.push_back(SuspendStepd{key, suspended});
  }
  return effects;
}

Effects StepMachine::TerminateJob(JobId job, uint32_t attempt, absl::Duration kill_wait,
                                  const std::string& reason) {
  Effects effects;
  for (const auto& [key, step] : steps_) {
    if (key.job != job || key.attempt > attempt || step.phase == Phase::kEnded) continue;
    effects.push_back(TerminateStepd{key, kill_wait, reason, key.step.value < 0});
  }
  uint32_t& up_to = terminating_[job];
  up_to = std::max(up_to, attempt);
  ReportIfGone(job, &effects);
  return effects;
}

Effects StepMachine::JobDone(JobId job, uint32_t attempt, bool prolog_failed, bool epilog_failed) {
  Effects effects;
  auto terminating = terminating_.find(job);
  if (terminating != terminating_.end() && terminating->second <= attempt) {
    terminating_.erase(terminating);
  }
  Queue(SendJobGone{0, job, attempt, prolog_failed, epilog_failed}, &effects);
  return effects;
}

Effects StepMachine::Acknowledge(uint64_t report_id) {
  Effects effects;
  auto found = unacknowledged_.find(report_id);
  if (found == unacknowledged_.end()) return effects;
  Report report = std::move(found->second);
  unacknowledged_.erase(found);
  if (const auto* of_step = std::get_if<SendReport>(&report)) {
    auto step = steps_.find(of_step->key);
    if (step != steps_.end() && step->second.final_report == report_id) {
      step->second.acknowledged = true;
      ForgetIfDone(of_step->key, &effects);
    }
  } else if (const auto* gone = std::get_if<SendJobGone>(&report); gone && has_scripts_) {
    effects.push_back(JobSettled{gone->job, gone->attempt});
  }
  return effects;
}

Effects StepMachine::Connected() const {
  Effects effects;
  for (const auto& [id, report] : unacknowledged_) {
    std::visit([&](const auto& message) { effects.push_back(message); }, report);
  }
  return effects;
}

std::vector<StepKey> StepMachine::Known() const {
  std::vector<StepKey> keys;
  for (const auto& [key, step] : steps_) keys.push_back(key);
  return keys;
}

bool StepMachine::HasStarted(const StepKey& key) const {
  auto found = steps_.find(key);
  return found != steps_.end() && found->second.phase != Phase::kLaunching;
}

bool StepMachine::HasSteps(JobId job, uint32_t attempt) const {
  for (auto it = steps_.lower_bound(StepKey{job, StepId{INT32_MIN}, 0});
       it != steps_.end() && it->first.job == job; ++it) {
    if (it->first.attempt <= attempt) return true;
  }
  return false;
}

uint64_t StepMachine::Queue(Report report, Effects* effects) {
  uint64_t id = next_report_++;
  std::visit(
      [&](auto& message) {
        message.id = id;
        effects->push_back(message);
      },
      report);
  unacknowledged_.emplace(id, std::move(report));
  return id;
}

void StepMachine::ReportIfGone(JobId job, Effects* effects) {
  auto terminating = terminating_.find(job);
  if (terminating == terminating_.end()) return;
  uint32_t attempt = terminating->second;
  if (HasLiveSteps(job, attempt)) return;
  if (has_scripts_) return effects->push_back(JobEmpty{job, attempt});
  terminating_.erase(terminating);
  Queue(SendJobGone{0, job, attempt}, effects);
}

void StepMachine::ForgetIfDone(const StepKey& key, Effects* effects) {
  auto found = steps_.find(key);
  if (found == steps_.end()) return;
  const Step& step = found->second;
  if (step.phase != Phase::kEnded || !step.acknowledged || !step.stepd_gone) return;
  steps_.erase(found);
  effects->push_back(RemoveSpool{key});
}

bool StepMachine::HasLiveSteps(JobId job, uint32_t attempt) const {
  for (auto it = steps_.lower_bound(StepKey{job, StepId{INT32_MIN}, 0});
       it != steps_.end() && it->first.job == job; ++it) {
    if (it->first.attempt <= attempt && it->second.phase != Phase::kEnded) return true;
  }
  return false;
}

}  // namespace reeve::noded
