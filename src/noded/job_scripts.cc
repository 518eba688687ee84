#include "noded/job_scripts.h"

#include <glob.h>
#include <unistd.h>

#include <algorithm>

#include "absl/cleanup/cleanup.h"
#include "common/base/text.h"
#include "common/os/log.h"
#include "noded/stepd/convert.h"
#include "noded/stepd/script_spool.h"

namespace reeve::noded {
namespace {

JobKey KeyOf(const v1::JobFacts& facts) {
  return {JobId{facts.job_id()}, facts.attempt()};
}

std::string Name(const JobKey& key) {
  return StrCat("job ", key.job.value);
}

}  // namespace

std::vector<std::string> ExpandScripts(const std::string& pattern) {
  if (pattern.find_first_of("*?[") == std::string::npos) return {pattern};
  std::vector<std::string> programs;
  glob_t found = {};
  auto free = absl::MakeCleanup([&found] { globfree(&found); });
  if (glob(pattern.c_str(), 0, nullptr, &found) != 0) return programs;
  for (size_t i = 0; i < found.gl_pathc; ++i) {
    std::string program = found.gl_pathv[i];
    if (access(program.c_str(), X_OK) != 0 || program.ends_with('/')) {
      os::LogInfo(StrCat(program, " is not executable and is left out"));
      continue;
    }
    programs.push_back(std::move(program));
  }
  std::sort(programs.rbegin(), programs.rend());
  return programs;
}

JobScripts::JobScripts(ScriptRunners* runners, std::string spool_dir, JobScriptOptions options,
                       Events events)
    : runners_(runners),
      spool_dir_(std::move(spool_dir)),
      options_(std::move(options)),
      events_(std::move(events)),
      machine_(!options_.prolog.empty(), !options_.epilog.empty()) {}

absl::Status JobScripts::Start() {
  absl::StatusOr<std::vector<JobKey>> keys = ListJobFolders(spool_dir_);
  if (!keys.ok()) return keys.status();
  for (const JobKey& key : *keys) {
    absl::StatusOr<v1::JobFacts> facts = ReadFacts(spool_dir_, key);
    if (facts.ok()) facts_[key] = *std::move(facts);
    ScriptSpool prolog(spool_dir_, ScriptName(key, ScriptKind::kProlog));
    ScriptSpool epilog(spool_dir_, ScriptName(key, ScriptKind::kEpilog));
    RestoredJob job{key};
    if (absl::StatusOr<v1::ScriptEnd> end = prolog.ReadEnd(); end.ok()) {
      job.prolog_ended = true;
      job.prolog_failed = end->failed();
    } else if (absl::StatusOr<StartedMark> mark = prolog.ReadStarted();
               mark.ok() && mark->boot_id != BootId()) {
      job.prolog_ended = true;  // by a reboot, as the job was: its epilog is all that is left
    }
    job.epilog_begun = epilog.begun();
    if (absl::StatusOr<v1::ScriptEnd> end = epilog.ReadEnd(); end.ok()) {
      job.epilog_ended = true;
      job.epilog_failed = end->failed();
    }
    Apply(machine_.Restore(job));
  }
  return absl::OkStatus();
}

void JobScripts::Launch(const StepKey& key, const v1::JobFacts& facts) {
  Remember(facts);
  Apply(machine_.Launch(key));
}

void JobScripts::Prepare(const v1::JobFacts& facts) {
  Remember(facts);
  Apply(machine_.Prepare(KeyOf(facts)));
}

void JobScripts::Terminate(const v1::TerminateJob& terminate) {
  if (terminate.has_job()) Remember(terminate.job());
  const JobKey key{JobId{terminate.job_id()}, terminate.attempt()};
  for (const JobKey& known : FactsUpTo(key)) Apply(machine_.Terminate(known, true));
  Apply(machine_.Terminate(key, facts_.contains(key)));
}

void JobScripts::KillStep(const StepKey& key) {
  Apply(machine_.KillStep(key));
}

void JobScripts::Withdraw(const StepKey& key) {
  Apply(machine_.Withdraw(key));
}

void JobScripts::StepsGone(const JobKey& key) {
  Apply(machine_.StepsGone(key));
  const std::vector<JobKey> known = machine_.Known();
  for (const JobKey& gone : FactsUpTo(key)) {
    if (!std::binary_search(known.begin(), known.end(), gone)) facts_.erase(gone);
  }
}

std::vector<JobKey> JobScripts::FactsUpTo(const JobKey& last) const {
  std::vector<JobKey> keys;
  for (auto it = facts_.lower_bound({last.job, 0}); it != facts_.end() && it->first <= last; ++it) {
    keys.push_back(it->first);
  }
  return keys;
}

void JobScripts::Settle(JobId job, uint32_t attempt, bool acknowledged, bool has_steps) {
  Apply(machine_.Settle(job, attempt, acknowledged, has_steps));
}

void JobScripts::Remember(const v1::JobFacts& facts) {
  if (facts.job_id() != 0) facts_[KeyOf(facts)] = facts;
}

void JobScripts::Apply(const ScriptEffects& effects) {
  for (const ScriptEffect& effect : effects) {
    std::visit([this](const auto& one) { Do(one); }, effect);
  }
}

v1::ScriptRun JobScripts::MakeRun(const RunScript& effect) const {
  const bool prolog = effect.kind == ScriptKind::kProlog;
  v1::ScriptRun run;
  for (std::string& program : ExpandScripts(prolog ? options_.prolog : options_.epilog)) {
    run.add_programs(std::move(program));
  }
  auto facts = facts_.find(effect.key);
  JobFacts known{.key = effect.key};
  if (facts != facts_.end()) known = FromProto(facts->second);
  for (std::string& entry : ScriptEnvironment(options_.site, known, effect.kind)) {
    run.add_environment(std::move(entry));
  }
  if (options_.timeout < absl::InfiniteDuration()) {
    run.set_timeout(absl::ToInt64Seconds(options_.timeout));
  }
  return run;
}

void JobScripts::Do(const RunScript& effect) {
  const bool prolog = effect.kind == ScriptKind::kProlog;
  os::LogInfo(StrCat(Name(effect.key), ": ", prolog ? "prolog" : "epilog"));
  if (auto facts = facts_.find(effect.key); facts != facts_.end()) {
    if (absl::Status status = WriteFacts(spool_dir_, facts->second); !status.ok()) {
      os::LogError(StrCat(Name(effect.key), ": ", Message(status)));
    }
  }
  runners_->Run(ScriptName(effect.key, effect.kind), MakeRun(effect),
                [this, effect, prolog](const v1::ScriptEnd& end) {
                  os::Log(end.failed() ? LogLevel::kError : LogLevel::kVerbose,
                          StrCat(Name(effect.key), prolog ? ": prolog" : ": epilog",
                                 end.failed() ? StrCat(" failed: ", end.error()) : " ended"));
                  Apply(machine_.ScriptEnded(effect.key, effect.kind, end.failed(), end.error()));
                });
}

void JobScripts::Do(const ForgetJob& effect) {
  facts_.erase(effect.key);
  absl::Status status = os::RemoveTree(JobFolder(spool_dir_, effect.key));
  if (!status.ok()) os::LogError(StrCat(Name(effect.key), ": ", Message(status)));
}

}  // namespace reeve::noded
