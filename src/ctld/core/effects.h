// What an event or a scheduling pass wants done. The shell stores first and in one transaction
// (changed and removed jobs and nodes, accounting records, request results, counters), then sends
// commands and replies and publishes. Values that may differ later are copied in here; jobs and
// nodes are named and read from the state right after Handle or Schedule returns.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "ctld/core/events.h"
#include "ctld/core/job.h"

namespace reeve::ctld {

// ---- to nodes ---------------------------------------------------------------------------------

// What a node's Prolog and Epilog are told of a job. Nothing of it is the user's own wording.
struct JobFacts {
  JobId job;
  uint32_t attempt = 0;
  std::shared_ptr<const Owner> owner;
  std::string nodes;  // hostlist
  uint32_t num_nodes = 0;
  std::string partition;
  JobId array_job_id;
  std::optional<uint32_t> array_task_id;
  int32_t exit_status = 0;
  int32_t derived_exit_status = 0;
};

// The plain twin of proto's StepLaunch for one node.
struct StepLaunch {
  JobId job;
  StepId step;
  uint32_t attempt = 0;
  std::shared_ptr<const Owner> owner;
  std::shared_ptr<const JobSpec> job_spec;    // script_args, rlimits, umask, files of a batch step
  std::shared_ptr<const StepSpec> step_spec;  // null for a batch step
  std::string script_hash;                    // set for a batch step
  std::string env_hash;                       // the job's environment: for a batch step
  std::vector<std::string> environment;       // NAME=value to append after the user's
  std::vector<NodeShare> shares;              // of the whole step
  std::vector<std::vector<uint32_t>> task_ids;
  uint32_t node_index = 0;      // this node's place in `shares`
  uint32_t job_node_index = 0;  // its place in the job's allocation
  uint32_t cpus_per_task = 1;
  std::string io_secret;  // empty for a batch step
  bool kill_on_bad_exit = false;
  std::string name;
  std::string job_name;
  JobId array_job_id;
  std::optional<uint32_t> array_task_id;
  uint64_t mem_limit_mb = 0;      // of the step on this node; 0: none
  uint64_t job_mem_limit_mb = 0;  // of the job on this node; 0: none
  CpuSet job_cores;               // CPU ids of the job on this node
  // Of this node, as tasks find them; empty: the network is flat.
  std::string topology_addr;
  std::string topology_pattern;
  // Numbers of GPUs on this node, as programs name them.
  bool node_has_gpus = false;
  std::vector<uint32_t> job_gpus;
  std::vector<uint32_t> step_gpus;
  uint32_t restarts = 0;
  bool leased = false;
  bool suspended = false;                 // its tasks are not to run yet
  std::shared_ptr<const JobFacts> facts;  // null: there is no Prolog or Epilog
};
struct SignalStep {
  JobId job;
  StepId step;
  uint32_t attempt = 0;
  int32_t signal = 0;
  bool leader_only = false;
};
struct KillStep {
  JobId job;
  StepId step;
  uint32_t attempt = 0;
  absl::Duration kill_wait;
};
struct TerminateJob {
  JobId job;
  uint32_t attempt = 0;
  absl::Duration kill_wait;
  std::string reason;  // for the job's stderr: "DUE TO TIME LIMIT"; may be empty
  std::shared_ptr<const JobFacts> facts = nullptr;  // for the epilog; null: none
};
// Its processes stop, or go on. Sent again whenever the node may not know.
struct SuspendJob {
  JobId job;
  uint32_t attempt = 0;
  bool suspended = false;
};
// Runs the Prolog before any step comes.
struct PrepareJob {
  std::shared_ptr<const JobFacts> facts;
};
struct CheckHealth {};
struct Acknowledge {
  uint64_t report_id = 0;
};
// The first command on a node's stream: it is registered.
struct Welcome {
  struct Witness {
    std::string node;
    std::string address;
    uint32_t port = 0;
  };
  LeaseTerms lease;
  std::vector<Witness> witnesses;
};
struct HeartbeatAck {
  uint64_t sequence = 0;
};
// The last one: its stream is closed. A node that lives registers again, after a while.
struct HangUp {};
struct NodeCommand {
  std::string node;
  std::variant<StepLaunch, SignalStep, KillStep, TerminateJob, SuspendJob, PrepareJob, CheckHealth,
               Acknowledge, Welcome, HeartbeatAck, HangUp>
      command;
};

// ---- to clients -------------------------------------------------------------------------------

struct Done {};
struct ExpectedStart {
  absl::Time time;
  uint32_t cpus = 0;
  std::string nodes;  // hostlist
  std::string partition;
};
struct SubmitAnswer {
  JobId job;
  std::vector<std::string> notes;         // for stderr
  std::optional<ExpectedStart> expected;  // of what was only tested; `job` would be its id
};
struct SubmitAnswers {
  std::vector<absl::StatusOr<SubmitAnswer>> answers;  // in the order of the jobs
};
struct WaitAnswer {
  std::shared_ptr<const Job> job;
  bool reached = false;
  std::vector<std::string> nodes;        // of the allocation, once allocated
  std::vector<std::string> environment;  // the SLURM_* of the allocation
};
struct JobResult {
  std::string label;  // "12", "12_3", "12.0"
  JobId job;
  std::string error;  // empty: done; else Slurm's words
};
struct JobResults {
  std::vector<JobResult> results;
};
struct CreateStepAnswer {
  StepId step;
  std::vector<NodeShare> shares;
  std::vector<std::vector<uint32_t>> task_ids;
  std::string io_secret;
  uint32_t attempt = 0;
};
struct ExplainAnswer {
  std::vector<Explanation> jobs;  // of each pick those that wait come first
  uint64_t omitted = 0;           // there were more than kMostExplained
};
struct ReservationAnswer {
  std::string name;
};
using Answer = std::variant<Done, SubmitAnswer, SubmitAnswers, WaitAnswer, JobResults,
                            CreateStepAnswer, ExplainAnswer, ReservationAnswer>;
struct Reply {
  CallToken call;
  absl::StatusOr<Answer> answer;
};

// ---- to the store -----------------------------------------------------------------------------

// The answer kept for a request id: enough to say the same again after a restart.
struct RequestResult {
  RequestKey key;
  absl::Time time;
  JobId job;
  std::optional<StepId> step;  // set for CreateStep
  std::vector<std::string> notes;
  std::string io_secret;
};

// What a step is launched with: kept until it has started everywhere, so that a launch that went
// down with the controller can be sent again.
struct StepToLaunch {
  JobId job;
  StepId step;
  uint32_t attempt = 0;
  std::string io_secret;
  std::shared_ptr<const StepSpec> spec;
};

// A change of a node's availability, for accounting.
struct NodeEvent {
  std::string node;
  absl::Time time;
  std::string state;
  std::string reason;
  std::string user;
};
using AccountingRecord = std::variant<std::shared_ptr<const Job>, NodeEvent>;

// Numbers that must never go back.
struct Counters {
  uint32_t next_job_id = 1;
  uint32_t next_priority = 4294901759;
};

enum class LogLevel { kDebug, kInfo, kWarning, kError };
struct LogLine {
  LogLevel level = LogLevel::kInfo;
  std::string text;
};

struct Effects {
  std::vector<JobId> jobs_changed;   // each once; something to show has changed; not those removed
  std::vector<JobId> jobs_to_store;  // those with a change worth storing (a subset)
  std::vector<JobId> jobs_removed;
  // Script and environment blobs that no job names any more.
  std::vector<std::string> blobs_released;
  std::vector<std::string> nodes_changed;   // something to show has changed
  std::vector<std::string> nodes_to_store;  // something to store has (a subset)
  std::vector<std::string> partitions_changed;
  std::vector<std::string> partitions_to_store;  // those whose changes by scontrol are others now
  std::vector<std::string> reservations_to_store;
  std::vector<std::string> reservations_removed;
  std::vector<AccountingRecord> accounting;  // in order
  std::vector<StepToLaunch> steps_kept;
  std::vector<std::pair<JobId, StepId>> steps_dropped;  // of those
  std::vector<RequestResult> requests_kept;
  std::vector<RequestKey> requests_forgotten;
  // Users whose use of the cluster is to be stored as it is now, or forgotten.
  std::vector<uint32_t> usage_to_store;
  bool licenses_changed = false;      // who has some of them
  bool priorities_changed = false;    // Controller::priority_book is another one
  std::optional<Counters> counters;   // set when they have moved
  std::vector<NodeCommand> commands;  // in order, for each node
  std::vector<Reply> replies;
  std::vector<LogLine> log;
  bool schedule = false;  // a pass may achieve something
  // The earliest time at which a Tick is wanted; replaces what earlier effects said. Unset: none.
  std::optional<absl::Time> next_wakeup;

  bool NeedsCommit() const;
};

}  // namespace reeve::ctld
