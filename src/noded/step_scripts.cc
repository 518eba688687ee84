// Where steps meet prolog and epilog: StepRunner's part of job_scripts.h.
#include "common/base/text.h"
#include "common/os/log.h"
#include "noded/step_runner.h"

namespace reeve::noded {

JobScripts::Events StepRunner::ScriptEvents() {
  return {
      .pass =
          [this](const StepKey& key) {
            auto held = held_.extract(key);
            if (!held.empty()) LaunchNow(held.mapped());
          },
      .refuse =
          [this](const RefuseLaunch& refused) {
            Refuse(refused.key, {.kind = StepOutcome::Kind::kLaunchFailed,
                                 .time = absl::Now(),
                                 .error = refused.error,
                                 .launch_again = refused.launch_again,
                                 .prolog_failed = refused.prolog_failed});
          },
      .prepared =
          [this](const ReportPrepared& prepared) {
            Apply(machine_.Prepared(prepared.key.job, prepared.key.attempt, prepared.failed,
                                    prepared.error));
          },
      .done =
          [this](const ReportDone& done) {
            Apply(machine_.JobDone(done.key.job, done.key.attempt, done.prolog_failed,
                                   done.epilog_failed));
          },
  };
}

void StepRunner::Refuse(const StepKey& key, StepOutcome outcome) {
  os::LogError(StrCat("step ", ToString(key), ": not started: ", outcome.error));
  auto held = held_.extract(key);
  if (!held.empty() && !outcome.launch_again) KeepPast(key, held.mapped(), outcome);
  Apply(machine_.Refuse(key, outcome));
  Changed(key);
}

void StepRunner::LeaseLapsed() {
  std::vector<StepKey> leased;
  for (const auto& [key, launch] : held_) {
    if (launch.leased()) leased.push_back(key);
  }
  for (const StepKey& key : leased) scripts_->Withdraw(key);
}

void StepRunner::Prepare(const v1::PrepareJob& prepare) {
  const v1::JobFacts& facts = prepare.job();
  if (scripts_ != nullptr) return scripts_->Prepare(facts);
  Apply(machine_.Prepared(JobId{facts.job_id()}, facts.attempt(), false, ""));
}

std::vector<StepKey> StepRunner::Known() const {
  std::vector<StepKey> keys = machine_.Known();
  if (scripts_ == nullptr) return keys;
  std::vector<StepKey> held = scripts_->Held();
  keys.insert(keys.end(), held.begin(), held.end());
  return keys;
}

std::vector<JobKey> StepRunner::KnownJobs() const {
  return scripts_ == nullptr ? std::vector<JobKey>() : scripts_->Known();
}

void StepRunner::Do(const SendJobPrepared& effect) {
  v1::NodeMessage message;
  v1::JobPrepared* prepared = message.mutable_job_prepared();
  prepared->set_report_id(effect.id);
  prepared->set_job_id(effect.job.value);
  prepared->set_attempt(effect.attempt);
  prepared->set_failed(effect.failed);
  prepared->set_error(effect.error);
  send_(message);
}

void StepRunner::Do(const JobEmpty& effect) {
  if (scripts_ != nullptr) scripts_->StepsGone({effect.job, effect.attempt});
}

void StepRunner::Do(const JobSettled& effect) {
  if (scripts_ == nullptr) return;
  scripts_->Settle(effect.job, effect.attempt, true, machine_.HasSteps(effect.job, effect.attempt));
}

}  // namespace reeve::noded
