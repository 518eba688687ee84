// When a node runs Prolog and Epilog of a job, and what waits for them.
//
// Pure: an event goes in, effects come out; the shell (job_scripts.h) carries them out in order. It
// stands before the StepMachine: launches reach that one through PassLaunch, and its word that no
// step of an ending job is left comes here (StepsGone), so that JobDone follows the epilog.
//
//   state     Launch        Prepare    ScriptEnded(prolog)         Terminate    StepsGone
//   (none)    begins: prolog, and the launch is held               ending       done
//   prolog    held          -          open, held ones passed,     ending, held ones refused
//                                      prepared; or failed, held
//                                      ones refused
//   open      passed        prepared   -                           ending       -
//   failed    refused       prepared   -                           ending       -
//   ending    refused       -          (if gone) epilog            -            epilog, once the
//                                                                               prolog has ended
//   epilog    refused       -          ScriptEnded(epilog): done, JobDone       -
//   done      refused       -          -                           (if gone) JobDone again
//
// A job is known by its id and attempt. Without a Prolog it begins as open, without an Epilog it
// ends as done; where neither is configured there is no PrologMachine at all. What is done stays
// until the controller has acknowledged the job's end and no step of it is left here, so that no
// repeated order runs an epilog twice. A prolog is never killed by the end of its job, only by
// PrologEpilogTimeout; the epilog waits for it.
#pragma once

#include <compare>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "noded/core/step_machine.h"

namespace reeve::noded {

struct JobKey {
  JobId job;
  uint32_t attempt = 0;
  friend auto operator<=>(const JobKey&, const JobKey&) = default;
};

enum class ScriptKind { kProlog, kEpilog };

struct RunScript {
  JobKey key;
  ScriptKind kind = ScriptKind::kProlog;
};
struct PassLaunch {
  StepKey key;
};
struct RefuseLaunch {
  StepKey key;
  std::string error;
  bool prolog_failed = false;
  bool launch_again = false;  // nothing ran and the node is fit
};
// The prolog has ended: for a controller that asked for it before any step.
struct ReportPrepared {
  JobKey key;
  bool failed = false;
  std::string error;
};
// Nothing is left to do for the job's attempts up to this one. Of a failed prolog only when no
// other report has told it.
struct ReportDone {
  JobKey key;
  bool prolog_failed = false;
  bool epilog_failed = false;
};
struct ForgetJob {
  JobKey key;
};
using ScriptEffect =
    std::variant<RunScript, PassLaunch, RefuseLaunch, ReportPrepared, ReportDone, ForgetJob>;
using ScriptEffects = std::vector<ScriptEffect>;

// What a job's folder says after the daemon's restart.
struct RestoredJob {
  JobKey key;
  bool prolog_ended = false;
  bool prolog_failed = false;
  bool epilog_begun = false;
  bool epilog_ended = false;
  bool epilog_failed = false;
};

class PrologMachine {
 public:
  PrologMachine(bool has_prolog, bool has_epilog)
      : has_prolog_(has_prolog), has_epilog_(has_epilog) {}

  // Begins what was interrupted: RunScript finds a runner that still runs, or runs the script
  // (again, when its outcome is unknown).
  ScriptEffects Restore(const RestoredJob& job);

  ScriptEffects Launch(const StepKey& key);
  ScriptEffects Prepare(const JobKey& key);
  // The job's attempts up to this one are to end. `known`: the job's facts are at hand, without
  // which there is no epilog for a job that has not been here.
  ScriptEffects Terminate(const JobKey& key, bool known);
  ScriptEffects KillStep(const StepKey& key);  // while it is held: it is refused
  // Held launches may have become somebody else's: they are refused, and welcome to come again.
  ScriptEffects Withdraw(const StepKey& key);
  // No step up to this attempt runs any more, after Terminate.
  ScriptEffects StepsGone(const JobKey& key);
  ScriptEffects ScriptEnded(const JobKey& key, ScriptKind kind, bool failed,
                            const std::string& error);
  // The controller knows of the job's end (`acknowledged`), or a step of it was forgotten.
  ScriptEffects Settle(JobId job, uint32_t attempt, bool acknowledged, bool has_steps);

  bool Holds(const StepKey& key) const;
  std::vector<StepKey> Held() const;
  std::vector<JobKey> Known() const;

 private:
  enum class Phase { kProlog, kOpen, kFailed, kEpilog, kDone };
  struct Job {
    Phase phase = Phase::kOpen;
    bool prepare = false;  // the controller waits for the prolog
    bool ending = false;   // a Terminate has come
    bool steps_gone = false;
    bool acknowledged = false;
    bool prolog_failed = false;
    bool failure_told = false;  // of the prolog, by a refused launch or by ReportPrepared
    bool epilog_failed = false;
    std::string error;
    std::vector<StepKey> held;
  };

  Job& Begin(const JobKey& key, ScriptEffects* effects);
  void RefuseHeld(Job* job, const std::string& error, bool prolog_failed, ScriptEffects* effects);
  void PrologEnded(const JobKey& key, Job* job, bool failed, const std::string& error,
                   ScriptEffects* effects);
  // Runs the epilog when nothing stands before it any more.
  void Proceed(const JobKey& key, Job* job, ScriptEffects* effects);
  void ReportIfDone(JobId job, uint32_t attempt, ScriptEffects* effects);

  const bool has_prolog_;
  const bool has_epilog_;
  std::map<JobKey, Job> jobs_;
  std::map<JobId, uint32_t> gone_;  // StepsGone up to this attempt, not yet reported
};

}  // namespace reeve::noded
