// Jobs and steps as the controller's core knows them: plain values, the mirror of proto's Job,
// JobSpec, Step. An unset time is the Unix epoch, an unlimited duration absl::InfiniteDuration().
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/base/array_spec.h"
#include "common/base/boxed.h"
#include "common/base/ids.h"
#include "common/base/job_state.h"
#include "ctld/core/cpu_set.h"
#include "ctld/core/gres.h"
#include "ctld/core/rare_wishes.h"
#include "ctld/core/reasons.h"
#include "ctld/core/shared_text.h"
#include "ctld/core/stamp.h"

namespace reeve::ctld {

inline bool IsSet(absl::Time time) {
  return time != absl::UnixEpoch();
}

struct Rlimit {
  std::string name;
  uint64_t soft = 0;

  friend bool operator==(const Rlimit&, const Rlimit&) = default;
};

// What the user asked for. Shared and immutable: `scontrol update` makes a new one.
struct JobSpec {
  std::string name;
  std::string account;
  std::string partition;  // as asked: may be empty or a comma list
  std::string qos;
  std::string comment;
  std::string work_dir;
  std::string std_in;
  std::string std_out;
  std::string std_err;
  bool append_output = false;
  std::optional<uint32_t> min_nodes;
  std::optional<uint32_t> max_nodes;
  std::optional<uint32_t> num_tasks;
  std::optional<uint32_t> cpus_per_task;
  std::optional<uint32_t> ntasks_per_node;
  std::optional<uint64_t> mem_per_node_mb;  // 0: all of a node's memory
  std::optional<uint64_t> mem_per_cpu_mb;
  std::string req_nodes;
  std::string exc_nodes;
  std::string features;
  bool exclusive = false;
  bool oversubscribe = false;
  std::optional<absl::Duration> time_limit;  // absent: the partition's default
  absl::Time begin_time;
  std::string dependency;
  std::string array;
  bool hold = false;
  std::optional<bool> requeue;
  int32_t nice = 0;
  bool batch = false;
  std::string submit_line;
  std::string submit_host;
  std::string submit_dir;
  uint32_t alloc_sid = 0;
  std::string command;
  std::vector<std::string> script_args;
  uint32_t umask = 022;
  std::vector<Rlimit> rlimits;
  bool kill_on_invalid_dep = false;
  std::optional<uint32_t> priority;
  bool overcommit = false;
  std::optional<uint32_t> min_cpus_per_node;
  std::vector<std::string> array_env;
  bool export_none = false;
  std::shared_ptr<const GresSpec> gres;  // null: none is asked for
  std::string reservation;
  uint32_t tmp_disk_mb = 0;
  bool contiguous = false;
  std::shared_ptr<const RareWishes> rare;  // null: none of them

  const RareWishes& wishes() const;  // all of them unset when there are none

  // For interned.h; `gres` and `rare` count as equal when they are the same object.
  friend bool operator==(const JobSpec&, const JobSpec&) = default;
  template <typename H>
  friend H AbslHashValue(H hash, const JobSpec& spec) {
    return H::combine(std::move(hash), spec.name, spec.partition, spec.work_dir, spec.std_out,
                      spec.min_nodes, spec.num_tasks, spec.cpus_per_task, spec.ntasks_per_node,
                      spec.mem_per_node_mb, spec.mem_per_cpu_mb,
                      spec.time_limit.value_or(absl::ZeroDuration()), spec.begin_time,
                      spec.dependency, spec.nice, spec.submit_line, spec.alloc_sid, spec.command,
                      spec.script_args);
  }
};

struct Owner {
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::string user_name;
  std::string group_name;

  friend bool operator==(const Owner&, const Owner&) = default;
  template <typename H>
  friend H AbslHashValue(H hash, const Owner& owner) {
    return H::combine(std::move(hash), owner.uid, owner.gid, owner.user_name);
  }
};

// One node's share of an allocation or of a step, in the order of the node list.
struct NodeShare {
  std::string node;
  uint32_t cpus = 0;
  uint32_t usable_cpus = 0;  // of those so many are for tasks; 0: all
  uint64_t mem_mb = 0;
  uint32_t tasks = 0;
  CpuSet cores;
  std::vector<GresShare> gres;

  uint32_t CpusForTasks() const { return usable_cpus > 0 ? usable_cpus : cpus; }
};

struct Usage {
  int64_t user_usec = 0;
  int64_t system_usec = 0;
  uint64_t max_rss_kb = 0;
  std::string max_rss_node;
  uint32_t max_rss_task = 0;

  void Add(const Usage& other);  // sums times, keeps the larger resident size
};

// One node's part of a step.
enum class PartState : uint8_t {
  kLaunching,  // the command to start it has been decided; nothing was heard yet
  kStarted,
  kEnded,
};

// What an srun asked for, kept in memory (not stored) until all parts have started. A step whose
// launch is lost together with the controller's memory fails, it is never guessed at.
struct StepSpec {
  std::string name;
  std::vector<std::string> argv;
  std::vector<std::string> environment;
  std::string work_dir;
  std::string std_in;
  std::string std_out;
  std::string std_err;
  bool append_output = false;
  uint32_t umask = 022;
  std::vector<Rlimit> rlimits;
  bool kill_on_bad_exit = false;
  std::string distribution;
  bool unbuffered = false;
  std::string srun_host;
  uint32_t srun_port = 0;
  std::string cpu_bind;
  std::string mpi;
  std::string task_prolog;  // the user's own
  std::string task_epilog;
  uint32_t gpus_per_task = 0;  // each task sees so many of its own; 0: all of the step's
  uint32_t tasks_per_gpu = 0;  // each sees one, which so many share; 0: as above
};

struct Step {
  StepId step_id;
  std::string name;
  JobState state = JobState::kRunning;
  std::vector<NodeShare> shares;
  std::vector<std::vector<uint32_t>> task_ids;  // per share
  std::vector<PartState> parts;                 // per share
  uint32_t num_tasks = 0;
  uint32_t cpus_per_task = 1;
  absl::Time start_time;
  absl::Time end_time;
  int32_t exit_status = 0;  // as wait(2) gives it; the highest of its tasks
  Usage usage;
  std::optional<uint32_t> kill_uid;
  std::string submit_host;
  uint32_t srun_pid = 0;
  std::string submit_line;
  std::string distribution;
  bool holds_cpus = false;  // other steps may not use its CPUs (an srun without --overlap)
  bool any_started = false;
  absl::Duration time_limit = absl::InfiniteDuration();
  std::string io_secret;  // never shown; stored with the request's answer
  std::shared_ptr<const StepSpec> spec;
  uint32_t relaunches = 0;   // not stored
  absl::Duration suspended;  // how long it stood still, of suspensions that are over
  // Shares whose part is still to get the signal that comes before the job's end; end_warning.h.
  BoxedVector<uint32_t> unwarned;

  // All parts are over. (The state may tell of a failure before that.)
  bool Ended() const { return IsSet(end_time); }
  std::vector<std::string> PendingNodes() const;  // whose part has not ended
  std::vector<std::string> StartedNodes() const;  // whose part has started and not ended
  uint32_t TotalCpus() const;
};

struct Shape;  // shape.h: what placement depends on; equal for jobs that are interchangeable

// What the jobs of an array share, and the tasks that are still in a record.
struct ArrayPart {
  IdRanges tasks;
  uint32_t limit = 0;  // of tasks that run at a time; 0: none
  uint32_t task_min = 0;
  uint32_t task_max = 0;
  uint32_t task_step = 0;
  uint32_t task_count = 0;
};

// What is known of few jobs.
struct RareFacts {
  Stamp resize_time;     // of this run: when it gave nodes back last; resize.h
  Stamp preempt_time;    // of this run: since when it is to make room for another job
  Stamp switches_since;  // pending: since when it could start on more switches than it asks for
  std::optional<uint32_t> kill_uid;
  bool warned = false;  // of this run: its steps were given the signal that comes before its end
  BoxedVector<std::string> unprepared_nodes;  // running: whose prolog, asked for before, runs
};

// Of one run: `scontrol suspend` and `resume`, see suspend.h.
struct Suspension {
  Stamp time;            // of the last suspension, or of what ended it
  absl::Duration total;  // of the suspensions that are over
  // Others may have its CPUs. From the suspension on, until it is resumed or its run has ended.
  bool cpus_given_up = false;
  // While suspended: it has made room for others, and goes on by itself when they have ended.
  bool for_others = false;
};

// Of a component of a heterogeneous job. The ids of its components follow each other; the first one
// is the leader. See het_job.h.
struct HetPart {
  JobId leader;
  uint32_t offset = 0;
  uint32_t size = 0;
  bool ready = false;  // pending: it would be in the queue if it were alone. Not stored
};

struct Job {
  JobId id;
  // Arrays. A pending array is one record whose `array->tasks` are the tasks still in it; a task
  // that split off has array_task_id and no tasks.
  JobId array_job_id;  // 0: not of an array
  std::optional<uint32_t> array_task_id;
  Boxed<ArrayPart> array;

  std::shared_ptr<const Owner> owner;
  std::shared_ptr<const JobSpec> spec;
  JobState state = JobState::kPending;
  uint32_t flags = 0;
  Reason reason = Reason::kNone;
  bool held_by_admin = false;
  bool priority_fixed = false;  // an operator has set it
  bool leased = false;          // its step daemons end it when their node's lease is over
  // Of this run: so many jobs may have a CPU of it, with it; 0: it shares none (sharing.h).
  uint32_t share_limit = 0;
  SharedText reason_detail;

  Stamp submit_time;
  Stamp eligible_time;
  Stamp accrue_time;
  Stamp start_time;
  // While running: when its time limit ends. While suspended: when it would have ended without
  // that.
  Stamp end_time;
  // When it became known that it is over: its users have MinJobAge to ask. Not stored.
  Stamp over_time;
  Stamp last_sched_time;
  Stamp planned_start;
  Boxed<RareFacts> rare;
  absl::Duration time_limit = absl::InfiniteDuration();

  uint32_t priority = 0;  // 0: held; see priority.h
  int32_t exit_status = 0;
  int32_t derived_exit_status = 0;
  uint32_t restarts = 0;  // also the attempt number of its steps
  uint32_t next_step_id = 0;
  // Asked while pending, allocated once it runs.
  uint32_t num_cpus = 0;
  uint32_t num_nodes = 0;
  uint32_t num_tasks = 0;

  SharedText partition;
  SharedText account;
  SharedText qos;
  SharedText dependency;  // what is left of it: "afterok:5(unfulfilled)"
  SharedText sched_nodes;
  SharedText script_hash;
  SharedText env_hash;

  BoxedVector<NodeShare> shares;           // kept after the end
  BoxedVector<std::string> pending_nodes;  // completing: nodes that have not said "gone"
  BoxedVector<Step> steps;
  Boxed<Suspension> suspension;  // was suspended in this run
  Boxed<HetPart> het;            // is a component
  uint64_t revision = 0;

  // Not stored: made again by Restore.
  std::shared_ptr<const Shape> shape;

  bool IsComponent() const { return het.IsThere(); }
  bool IsArrayRecord() const { return !array->tasks.empty(); }
  bool Completing() const { return (flags & kJobFlagCompleting) != 0; }
  bool Pending() const { return state == JobState::kPending; }
  bool Running() const { return state == JobState::kRunning; }
  bool Suspended() const { return state == JobState::kSuspended; }
  bool Active() const { return IsActive(state); }  // running or suspended
  bool Finished() const;                           // in a final state (perhaps still completing)
  bool Held() const { return priority == 0; }
  bool HoldsResources() const { return Active() || Completing(); }
  // It is over, and nothing of it is left on that node of its.
  bool ClearOf(const std::string& node) const;
  std::string batch_host() const { return shares.empty() ? std::string() : shares.front().node; }
  const Step* FindStep(StepId step) const;
  Step* FindStep(StepId step);
};

// "Resources", "RaisedSignal:9(Killed)": what squeue prints as the reason.
std::string ReasonText(const Job& job);
// "12", "12_3", "12_[3-6]", "12+1": what people call it.
std::string JobLabel(const Job& job);

}  // namespace reeve::ctld
