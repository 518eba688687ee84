// What a node daemon knows of its steps, and what it does when something happens to them.
//
// Pure: an event goes in, effects come out; the shell (step_runner.h) carries them out in order.
//
//   state        Launch     Outcome(started)  Outcome(ended/failed)  StepdGone Acknowledge(last)
//   (unknown)    launching, -                 -                      -               -
//                StartStepd
//   launching    ignored    running, report   ended, report          failed, report  -
//   running      ignored    ignored           ended, report          failed, report  -
//   ended        ignored*   ignored           ignored                stepd_gone      acknowledged
//
// A step is forgotten, and its spool folder removed, once it has ended, the report is acknowledged
// and its stepd is gone. (*) A launch of a step that failed with launch_again is the
// controller's answer to that report: the folder goes and the step starts afresh.
//
// Reports get an id and are repeated at every Connected() until acknowledged, oldest first, so that
// "gone" of a job never overtakes the ends of its steps. Where jobs have a prolog or an epilog
// (prolog_machine.h) "gone" is not ours to say: JobEmpty asks, JobDone answers.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "common/base/ids.h"

namespace reeve::noded {

// One node's part of one attempt at a step.
struct StepKey {
  JobId job;
  StepId step;
  uint32_t attempt = 0;
  friend auto operator<=>(const StepKey&, const StepKey&) = default;
};
std::string ToString(const StepKey& key);  // "12.batch"

struct TaskEnd {
  uint32_t task = 0;
  int32_t status = 0;  // as wait(2) gives it
};

struct StepOutcome {
  enum class Kind { kStarted, kExited, kLaunchFailed };
  Kind kind = Kind::kStarted;
  std::vector<TaskEnd> tasks;
  absl::Duration user_time;
  absl::Duration system_time;
  uint64_t max_rss_kb = 0;
  uint32_t max_rss_task = 0;
  absl::Time time;
  std::string error;          // kLaunchFailed: why
  bool launch_again = false;  // kLaunchFailed: nothing ran, another attempt is safe
  bool oom = false;
  bool lease_lost = false;     // ended because the node's lease was over
  bool job_fault = false;      // kLaunchFailed: the job's own doing, any node would fail
  bool prolog_failed = false;  // kLaunchFailed: this node is not fit for jobs
};

struct StartStepd {
  StepKey key;
};
struct SignalStepd {
  StepKey key;
  int signal = 0;
  bool leader_only = false;
};
struct TerminateStepd {
  StepKey key;
  absl::Duration kill_wait;
  std::string reason;
  bool whole_job = false;
};
struct SuspendStepd {
  StepKey key;
  bool suspended = false;
};
struct SendReport {
  uint64_t id = 0;
  StepKey key;
  StepOutcome outcome;
};
struct SendJobGone {
  uint64_t id = 0;
  JobId job;
  uint32_t attempt = 0;
  bool prolog_failed = false;
  bool epilog_failed = false;
};
// No step of the job's attempts up to this one runs any more.
struct JobEmpty {
  JobId job;
  uint32_t attempt = 0;
};
// The controller knows that the job is gone from here.
struct JobSettled {
  JobId job;
  uint32_t attempt = 0;
};
struct SendJobPrepared {
  uint64_t id = 0;
  JobId job;
  uint32_t attempt = 0;
  bool failed = false;
  std::string error;
};
struct RemoveSpool {
  StepKey key;
};
using Effect = std::variant<StartStepd, SignalStepd, TerminateStepd, SuspendStepd, SendReport,
                            SendJobGone, SendJobPrepared, JobEmpty, JobSettled, RemoveSpool>;
using Effects = std::vector<Effect>;

class StepMachine {
 public:
  // Report ids count up from `first_report_id`; the caller sees to it that a later machine of the
  // same node starts higher.
  explicit StepMachine(uint64_t first_report_id, bool has_scripts = false)
      : has_scripts_(has_scripts), next_report_(first_report_id) {}

  Effects Launch(const StepKey& key, absl::Time now);
  // A launch that does not come to be.
  Effects Refuse(const StepKey& key, const StepOutcome& outcome);
  // The answer to PrepareJob: reported like the rest.
  Effects Prepared(JobId job, uint32_t attempt, bool failed, const std::string& error);
  // A spool folder found at start. Its stepd may be gone: then Outcome and StepdGone follow.
  Effects Adopt(const StepKey& key);
  Effects Outcome(const StepKey& key, const StepOutcome& outcome);
  // The step's stepd is no more. Without an Outcome before it, its tasks' fate is unknown.
  Effects StepdGone(const StepKey& key, absl::Time now);

  Effects Signal(const StepKey& key, int signal, bool leader_only);
  Effects KillStep(const StepKey& key, absl::Duration kill_wait, const std::string& reason);
  // Every step of this attempt that has not ended stands still, or goes on. One that is launched
  // later is told with its launch.
  Effects Suspend(JobId job, uint32_t attempt, bool suspended) const;
  // Every step of the job up to `attempt`. SendJobGone follows once all of them have ended; at
  // once when there is none.
  Effects TerminateJob(JobId job, uint32_t attempt, absl::Duration kill_wait,
                       const std::string& reason);
  // Answers JobEmpty: what had to follow the last step has.
  Effects JobDone(JobId job, uint32_t attempt, bool prolog_failed, bool epilog_failed);

  Effects Acknowledge(uint64_t report_id);
  Effects Connected() const;  // everything not acknowledged, again

  std::vector<StepKey> Known() const;
  bool Knows(const StepKey& key) const { return steps_.contains(key); }
  bool HasStarted(const StepKey& key) const;
  bool HasSteps(JobId job, uint32_t attempt) const;  // known ones, ended or not
  uint64_t next_report_id() const { return next_report_; }

 private:
  enum class Phase { kLaunching, kRunning, kEnded };
  struct Step {
    Phase phase = Phase::kLaunching;
    bool stepd_gone = false;
    bool launch_again = false;
    uint64_t final_report = 0;
    bool acknowledged = false;
  };
  using Report = std::variant<SendReport, SendJobGone, SendJobPrepared>;

  uint64_t Queue(Report report, Effects* effects);
  void ReportIfGone(JobId job, Effects* effects);
  void ForgetIfDone(const StepKey& key, Effects* effects);
  bool HasLiveSteps(JobId job, uint32_t attempt) const;

  const bool has_scripts_;
  std::map<StepKey, Step> steps_;
  std::map<uint64_t, Report> unacknowledged_;
  std::map<JobId, uint32_t> terminating_;  // up to this attempt
  uint64_t next_report_;
};

}  // namespace reeve::noded
