// Everything that can happen to the controller, one struct each. The shell has checked who the
// caller is; what the caller may do with a given job is decided here. Random secrets come in with
// the event that needs them, and time comes as Handle's `now`: the core draws neither.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "common/base/ids.h"
#include "ctld/core/explanation.h"
#include "ctld/core/job.h"
#include "ctld/core/node.h"
#include "ctld/core/settings.h"

namespace reeve::ctld {

// A call that waits for its answer; Effects.replies names it. 0: nobody waits.
struct CallToken {
  uint64_t value = 0;
  friend bool operator==(const CallToken&, const CallToken&) = default;
};

// A client's request id, within its uid: a repeated one gets the first one's answer.
struct RequestKey {
  uint32_t uid = 0;
  std::string request_id;  // empty: not repeatable
  friend bool operator==(const RequestKey&, const RequestKey&) = default;
  template <class H>
  friend H AbslHashValue(H h, const RequestKey& key) {
    return H::combine(std::move(h), key.uid, key.request_id);
  }
};

struct Caller {
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::string user_name;
  bool is_operator = false;
};

// As on the wire: the whole job, some tasks of an array, or one step.
struct JobPick {
  JobId job;
  std::string array_tasks;  // "7", "8-9"; empty: all
  std::optional<StepId> step;
  std::optional<uint32_t> het_offset;  // that component; unset, of a leader: all
};

using KeyValues = std::vector<std::pair<std::string, std::string>>;

// Answered with SubmitAnswer.
struct SubmitJob {
  CallToken call;
  RequestKey key;
  Caller caller;
  std::string group_name;
  std::vector<std::string> groups;  // names of all the caller's groups
  std::shared_ptr<const JobSpec> spec;
  std::string script_hash;  // empty without a script
  std::string env_hash;
  bool immediate = false;  // refuse when it cannot start at once
  // Of a heterogeneous job: the components behind `spec`.
  std::vector<std::shared_ptr<const JobSpec>> components;
  // Only when and where it would start, soon or not: nothing is kept of it.
  bool test_only = false;
};

// Several submissions of one caller, each decided in turn as if it had come alone. Answered with
// SubmitAnswers.
struct SubmitJobs {
  CallToken call;
  std::vector<SubmitJob> jobs;  // their own `call` names nobody
};

// Answered with WaitAnswer once the job is allocated (or has ended), or at `deadline` as it is.
struct WaitJob {
  CallToken call;
  Caller caller;
  JobId job;
  bool until_ended = false;
  absl::Time deadline;
};
// The client of a waiting call (WaitJob, CreateStep) has gone: forget the token.
struct CallAbandoned {
  CallToken call;
};

// Answered with JobResults.
struct CancelJobs {
  CallToken call;
  Caller caller;
  std::vector<JobPick> jobs;
  // Filters, all of which must match; without `jobs` they select alone.
  std::optional<uint32_t> uid;
  std::string user;
  std::string name;
  std::string partition;
  std::string account;
  std::string qos;
  std::optional<JobState> state;
  std::string node_list;
  int32_t signal = 0;  // 0: terminate
  bool batch_only = false;
  bool full = false;
};

enum class JobAction { kHold, kUhold, kRelease, kRequeue, kRequeueHold, kTop, kSuspend, kResume };
// Answered with JobResults.
struct ControlJobs {
  CallToken call;
  Caller caller;
  JobAction action = JobAction::kHold;
  std::vector<JobPick> jobs;
};

// Answered with JobResults; a key that is not supported refuses the whole call.
struct UpdateJob {
  CallToken call;
  Caller caller;
  JobPick job;
  KeyValues changes;
};

// Answered with ExplainAnswer. Changes nothing but that the plan catches up.
struct ExplainJobs {
  CallToken call;
  std::vector<JobPick> jobs;
  Sight sight;
};

// salloc's or srun's word that its allocation is not needed any more. Answered with Done.
struct CompleteAllocation {
  CallToken call;
  Caller caller;
  JobId job;
  int32_t exit_status = 0;
};

// Answered with CreateStepAnswer, at the latest at `deadline` (with an error) when resources stay
// busy. A job that is not running yet is waited for as well.
struct CreateStep {
  CallToken call;
  RequestKey key;
  Caller caller;
  JobId job;
  std::shared_ptr<const StepSpec> spec;
  std::optional<uint32_t> num_tasks;
  std::optional<uint32_t> min_nodes;
  std::optional<uint32_t> max_nodes;
  std::optional<uint32_t> cpus_per_task;
  std::optional<uint32_t> ntasks_per_node;
  std::string req_nodes;
  std::string exc_nodes;
  std::shared_ptr<const GresSpec> gres;  // of the job's; null: all
  std::optional<CpuWishes> cpus;         // absent: the job's
  bool exact = false;
  bool overlap = false;
  bool overcommit = false;
  bool external_launcher = false;  // takes no resources
  bool immediate = false;
  std::string submit_host;
  uint32_t srun_pid = 0;
  std::string submit_line;
  absl::Duration time_limit = absl::InfiniteDuration();
  absl::Time deadline;
  std::string io_secret;  // 16 random bytes or more
};

// ---- nodes ------------------------------------------------------------------------------------

struct KnownStep {
  JobId job;
  StepId step;
  uint32_t attempt = 0;
};
struct KnownJob {
  JobId job;
  uint32_t attempt = 0;
};
// A node has opened its stream.
struct NodeRegistered {
  std::string node;
  std::string boot_id;
  std::string version;
  Hardware hardware;
  absl::Time daemon_start_time;
  std::vector<KnownStep> steps;  // what runs there, or ended without the controller's word
  std::string socket;
  uint32_t port = 0;
  std::string address;         // empty: the configured one
  std::vector<KnownJob> jobs;  // whose prolog or epilog has begun there
  absl::Time time;             // by the node's clock; unset when it does not say
  absl::Duration opened;       // by its boot clock: orders the streams of one boot
};
struct NodeHeartbeat {
  std::string node;
  double cpu_load = 0;
  uint64_t free_mem_mb = 0;
  uint64_t sequence = 0;
  uint64_t acknowledged = 0;  // the newest heartbeat whose acknowledgement it has; 0: the Welcome
  absl::Time time;            // by the node's clock
};
// Its stream is closed.
struct NodeLost {
  std::string node;
};

struct TaskExit {
  uint32_t task_id = 0;
  int32_t status = 0;  // as wait(2) gives it
};
enum class StepReportKind { kStarted, kExited, kLaunchFailed };
// Acknowledged (by effect) once stored, also when it is about something long gone.
struct StepReported {
  std::string node;
  uint64_t report_id = 0;
  JobId job;
  StepId step;
  uint32_t attempt = 0;
  StepReportKind kind = StepReportKind::kStarted;
  std::vector<TaskExit> tasks;
  Usage usage;
  absl::Time time;
  std::string error;
  bool launch_again = false;  // launch failed before anything ran
  bool oom = false;
  bool job_fault = false;      // launch failed by the job's own doing
  bool prolog_failed = false;  // launch failed by the node's Prolog
  bool lease_lost = false;     // killed because the node could not renew its lease
};
struct JobGone {
  std::string node;
  uint64_t report_id = 0;
  JobId job;
  uint32_t attempt = 0;
  bool prolog_failed = false;
  bool epilog_failed = false;
};
// The answer to PrepareJob.
struct JobPrepared {
  std::string node;
  uint64_t report_id = 0;
  JobId job;
  uint32_t attempt = 0;
  bool failed = false;
  std::string error;
};

// ---- administration ---------------------------------------------------------------------------

// Answered with Done. The caller is an operator (the shell's table says so).
struct UpdateNode {
  CallToken call;
  Caller caller;
  std::string nodes;  // hostlist
  std::string state;  // DRAIN RESUME DOWN IDLE FAIL UNDRAIN; empty: unchanged
  std::string reason;
  std::optional<uint32_t> weight;
  std::optional<std::string> features;
  std::optional<std::string> comment;
};
enum class ReservationAction { kCreate, kUpdate, kDelete };
// Answered with ReservationAnswer.
struct SetReservation {
  CallToken call;
  Caller caller;
  ReservationAction action = ReservationAction::kCreate;
  std::string name;   // empty: a new one is given one
  KeyValues changes;  // as ChangeReservation takes them
};
// Answered with Done.
struct UpdatePartition {
  CallToken call;
  Caller caller;
  std::string name;
  KeyValues changes;
};
struct Reconfigured {
  Settings settings;
};

// The time asked for in Effects.next_wakeup has come.
struct Tick {};
// The clock that `now` comes from was set, forward or back, since the event before this one.
struct ClockJumped {
  absl::Duration by;
};

using Event = std::variant<SubmitJob, SubmitJobs, WaitJob, CallAbandoned, CancelJobs, ControlJobs,
                           UpdateJob, ExplainJobs, CompleteAllocation, CreateStep, NodeRegistered,
                           NodeHeartbeat, NodeLost, StepReported, JobGone, JobPrepared, UpdateNode,
                           UpdatePartition, SetReservation, Reconfigured, Tick, ClockJumped>;

}  // namespace reeve::ctld
