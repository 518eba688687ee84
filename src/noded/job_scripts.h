// The shell around core's PrologMachine: job folders, the scripts that the configuration names,
// their runners. Exists only where a Prolog or an Epilog is configured.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "noded/core/prolog_machine.h"
#include "noded/core/script_environment.h"
#include "noded/script_runners.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::noded {

struct JobScriptOptions {
  std::string prolog;  // path or glob pattern; empty: none
  std::string epilog;
  absl::Duration timeout = absl::InfiniteDuration();
  ScriptSite site;
};

class JobScripts {
 public:
  struct Events {
    std::function<void(const StepKey&)> pass;
    std::function<void(const RefuseLaunch&)> refuse;
    std::function<void(const ReportPrepared&)> prepared;
    std::function<void(const ReportDone&)> done;
  };
  JobScripts(ScriptRunners* runners, std::string spool_dir, JobScriptOptions options,
             Events events);

  absl::Status Start();  // takes up what the spool holds

  // Who a job is that has a step here: an order to end it may not say.
  void Remember(const v1::JobFacts& facts);
  void Launch(const StepKey& key, const v1::JobFacts& facts);
  void Prepare(const v1::JobFacts& facts);
  void Terminate(const v1::TerminateJob& terminate);
  void KillStep(const StepKey& key);
  void Withdraw(const StepKey& key);
  void StepsGone(const JobKey& key);
  void Settle(JobId job, uint32_t attempt, bool acknowledged, bool has_steps);

  std::vector<StepKey> Held() const { return machine_.Held(); }
  std::vector<JobKey> Known() const { return machine_.Known(); }

 private:
  void Apply(const ScriptEffects& effects);
  void Do(const RunScript& effect);
  void Do(const PassLaunch& effect) { events_.pass(effect.key); }
  void Do(const RefuseLaunch& effect) { events_.refuse(effect); }
  void Do(const ReportPrepared& effect) { events_.prepared(effect); }
  void Do(const ReportDone& effect) { events_.done(effect); }
  void Do(const ForgetJob& effect);
  // Attempts at the job up to this one whose facts are at hand.
  std::vector<JobKey> FactsUpTo(const JobKey& last) const;
  v1::ScriptRun MakeRun(const RunScript& effect) const;

  ScriptRunners* runners_;
  const std::string spool_dir_;
  const JobScriptOptions options_;
  Events events_;
  PrologMachine machine_;
  std::map<JobKey, v1::JobFacts> facts_;
};

// The programs that a path or a glob pattern stands for, in the order in which they run: Slurm's
// runs those of a pattern in reverse alphabetical order. A path without a pattern's characters is
// itself, there or not.
std::vector<std::string> ExpandScripts(const std::string& pattern);

}  // namespace reeve::noded
