#include "noded/core/prolog_machine.h"

#include <algorithm>

namespace reeve::noded {
namespace {

constexpr char kEnding[] = "the job is being ended on this node";

JobKey KeyOf(const StepKey& key) {
  return {key.job, key.attempt};
}

}  // namespace

PrologMachine::Job& PrologMachine::Begin(const JobKey& key, ScriptEffects* effects) {
  auto [found, is_new] = jobs_.try_emplace(key);
  Job& job = found->second;
  if (is_new && has_prolog_) {
    job.phase = Phase::kProlog;
    effects->push_back(RunScript{key, ScriptKind::kProlog});
  }
  return job;
}

ScriptEffects PrologMachine::Restore(const RestoredJob& restored) {
  ScriptEffects effects;
  Job& job = jobs_[restored.key];
  job.prolog_failed = restored.prolog_failed;
  if (restored.epilog_ended) {
    job.phase = Phase::kDone;
    job.ending = job.steps_gone = true;
    job.epilog_failed = restored.epilog_failed;
  } else if (restored.epilog_begun) {
    job.phase = Phase::kEpilog;
    job.ending = job.steps_gone = true;
    effects.push_back(RunScript{restored.key, ScriptKind::kEpilog});
  } else if (restored.prolog_ended || !has_prolog_) {
    job.phase = restored.prolog_failed ? Phase::kFailed : Phase::kOpen;
    job.error = restored.prolog_failed ? "the prolog failed" : "";
  } else {
    job.phase = Phase::kProlog;
    effects.push_back(RunScript{restored.key, ScriptKind::kProlog});
  }
  return effects;
}

ScriptEffects PrologMachine::Launch(const StepKey& key) {
  ScriptEffects effects;
  auto found = jobs_.find(KeyOf(key));
  if (found == jobs_.end() && !has_prolog_) return {PassLaunch{key}};
  Job& job = Begin(KeyOf(key), &effects);
  if (job.ending || job.phase == Phase::kEpilog || job.phase == Phase::kDone) {
    effects.push_back(RefuseLaunch{key, kEnding, false});
  } else if (job.phase == Phase::kProlog) {
    if (!Holds(key)) job.held.push_back(key);
  } else if (job.phase == Phase::kFailed) {
    job.failure_told = true;
    effects.push_back(RefuseLaunch{key, job.error, true});
  } else {
    effects.push_back(PassLaunch{key});
  }
  return effects;
}

ScriptEffects PrologMachine::Prepare(const JobKey& key) {
  if (!has_prolog_) return {ReportPrepared{key, false, ""}};
  ScriptEffects effects;
  Job& job = Begin(key, &effects);
  if (job.phase == Phase::kProlog) {
    job.prepare = true;
  } else if (!job.ending) {
    job.failure_told = true;
    effects.push_back(ReportPrepared{key, job.prolog_failed, job.error});
  }
  return effects;
}

ScriptEffects PrologMachine::Terminate(const JobKey& key, bool known) {
  ScriptEffects effects;
  if (known && has_epilog_) jobs_.try_emplace(key);
  for (auto it = jobs_.lower_bound({key.job, 0});
       it != jobs_.end() && it->first.job == key.job && it->first.attempt <= key.attempt; ++it) {
    it->second.ending = true;
    RefuseHeld(&it->second, kEnding, false, &effects);
  }
  return effects;
}

ScriptEffects PrologMachine::KillStep(const StepKey& key) {
  auto found = jobs_.find(KeyOf(key));
  if (found == jobs_.end() || std::erase(found->second.held, key) == 0) return {};
  return {RefuseLaunch{key, "the step was cancelled before it began", false}};
}

ScriptEffects PrologMachine::Withdraw(const StepKey& key) {
  auto found = jobs_.find(KeyOf(key));
  if (found == jobs_.end() || std::erase(found->second.held, key) == 0) return {};
  return {RefuseLaunch{key, "the node's lease was over before it began", false, true}};
}

ScriptEffects PrologMachine::StepsGone(const JobKey& key) {
  ScriptEffects effects;
  uint32_t& up_to = gone_[key.job];
  up_to = std::max(up_to, key.attempt);
  for (auto it = jobs_.lower_bound({key.job, 0});
       it != jobs_.end() && it->first.job == key.job && it->first.attempt <= key.attempt; ++it) {
    it->second.ending = it->second.steps_gone = true;
    Proceed(it->first, &it->second, &effects);
  }
  ReportIfDone(key.job, key.attempt, &effects);
  return effects;
}

void PrologMachine::Proceed(const JobKey& key, Job* job, ScriptEffects* effects) {
  if (!job->steps_gone || (job->phase != Phase::kOpen && job->phase != Phase::kFailed)) return;
  job->phase = has_epilog_ ? Phase::kEpilog : Phase::kDone;
  if (has_epilog_) effects->push_back(RunScript{key, ScriptKind::kEpilog});
}

ScriptEffects PrologMachine::ScriptEnded(const JobKey& key, ScriptKind kind, bool failed,
                                         const std::string& error) {
  ScriptEffects effects;
  auto found = jobs_.find(key);
  if (found == jobs_.end()) return effects;
  Job& job = found->second;
  if (kind == ScriptKind::kProlog && job.phase == Phase::kProlog) {
    PrologEnded(key, &job, failed, error, &effects);
  } else if (kind == ScriptKind::kEpilog && job.phase == Phase::kEpilog) {
    job.phase = Phase::kDone;
    job.epilog_failed = failed;
    ReportIfDone(key.job, key.attempt, &effects);
  }
  return effects;
}

void PrologMachine::PrologEnded(const JobKey& key, Job* job, bool failed, const std::string& error,
                                ScriptEffects* effects) {
  job->phase = failed ? Phase::kFailed : Phase::kOpen;
  job->prolog_failed = failed;
  job->error = error;
  if (job->ending) {
    Proceed(key, job, effects);
    return ReportIfDone(key.job, key.attempt, effects);
  }
  job->failure_told = job->prepare || !job->held.empty();
  if (job->prepare) effects->push_back(ReportPrepared{key, failed, error});
  if (failed) return RefuseHeld(job, error, true, effects);
  for (const StepKey& step : job->held) effects->push_back(PassLaunch{step});
  job->held.clear();
}

void PrologMachine::RefuseHeld(Job* job, const std::string& error, bool prolog_failed,
                               ScriptEffects* effects) {
  for (const StepKey& step : job->held) {
    effects->push_back(RefuseLaunch{step, error, prolog_failed});
  }
  job->held.clear();
}

// One report covers all attempts up to the one that was asked for.
void PrologMachine::ReportIfDone(JobId job, uint32_t attempt, ScriptEffects* effects) {
  auto asked = gone_.find(job);
  if (asked == gone_.end() || attempt > asked->second) return;
  ReportDone report{{job, asked->second}};
  std::vector<JobKey> over;
  for (auto it = jobs_.lower_bound({job, 0});
       it != jobs_.end() && it->first.job == job && it->first.attempt <= asked->second; ++it) {
    if (it->second.phase != Phase::kDone) return;
    report.prolog_failed |= it->second.prolog_failed && !it->second.failure_told;
    report.epilog_failed |= it->second.epilog_failed;
    over.push_back(it->first);
  }
  gone_.erase(asked);
  effects->push_back(report);
  if (has_epilog_) return;
  // Without an epilog a repeated order can do no harm.
  for (const JobKey& key : over) {
    jobs_.erase(key);
    effects->push_back(ForgetJob{key});
  }
}

ScriptEffects PrologMachine::Settle(JobId job, uint32_t attempt, bool acknowledged,
                                    bool has_steps) {
  ScriptEffects effects;
  for (auto it = jobs_.lower_bound({job, 0});
       it != jobs_.end() && it->first.job == job && it->first.attempt <= attempt;) {
    Job& one = it->second;
    if (one.phase == Phase::kDone && acknowledged) one.acknowledged = true;
    if (one.phase != Phase::kDone || !one.acknowledged || has_steps) {
      ++it;
      continue;
    }
    effects.push_back(ForgetJob{it->first});
    it = jobs_.erase(it);
  }
  return effects;
}

bool PrologMachine::Holds(const StepKey& key) const {
  auto found = jobs_.find(KeyOf(key));
  return found != jobs_.end() &&
         std::count(found->second.held.begin(), found->second.held.end(), key) > 0;
}

std::vector<StepKey> PrologMachine::Held() const {
  std::vector<StepKey> keys;
  for (const auto& [key, job] : jobs_) keys.insert(keys.end(), job.held.begin(), job.held.end());
  return keys;
}

std::vector<JobKey> PrologMachine::Known() const {
  std::vector<JobKey> keys;
  for (const auto& [key, job] : jobs_) keys.push_back(key);
  return keys;
}

}  // namespace reeve::noded
