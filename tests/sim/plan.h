// What a seed stands for: a cluster, what its users and administrators do, and what goes wrong. All
// of it is drawn before the run, so that items can be left out of it one by one (shrink.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "ctld/core/job.h"
#include "ctld/core/settings.h"

namespace reeve::sim {

struct ClusterPlan {
  ctld::Settings settings;
  absl::Duration commit_least, commit_most;  // how long a transaction takes
  absl::Duration dbd_delay;                  // how long a push takes
  bool accounting = true;
  absl::Duration horizon;  // then the calm phase begins
};

enum class OnTerm { kDie, kExitCleanly, kIgnore };

// How a job's script (or a step's tasks) behaves; runs of it may differ by task and attempt.
struct WorkPlan {
  absl::Duration least, most;  // of one run
  std::vector<int> statuses;   // one of them; as wait(2) gives it
  OnTerm on_term = OnTerm::kDie;
  uint32_t fail_launch_percent = 0;  // the node can't start it
  bool launch_fault = false;         // by the job's own doing
  uint32_t oom_percent = 0;
};

struct StepPlan {
  std::optional<uint32_t> tasks, nodes;
  bool exact = false, overlap = false, overcommit = false;
  absl::Duration time_limit = absl::InfiniteDuration();
  absl::Duration after;   // the job's start, or the step before
  bool parallel = false;  // does not wait for the step before
  WorkPlan work;
};

enum class WorkKind {
  kSubmit,
  kCancel,
  kCancelStep,
  kSignal,
  kHold,
  kRelease,
  kRequeue,
  kRequeueHold,
  kTop,
  kUpdate,
  kDrain,
  kResume,
  kDown,
  kReconfigure,
  kSuspend,
  kResumeJob,
  kReserve,
  kUnreserve,
};

struct WorkItem {
  uint32_t id = 0;  // stays when others are left out
  absl::Duration at;
  WorkKind kind = WorkKind::kSubmit;
  // kSubmit
  ctld::JobSpec spec;
  std::vector<ctld::JobSpec> components;  // of a heterogeneous job: behind the first one
  bool interactive = false;
  bool immediate = false;
  uint32_t client_dies_percent = 0;  // an salloc that is never heard of again
  WorkPlan work;
  std::vector<StepPlan> steps;
  uint32_t lost_replies = 0;              // so many attempts' answers are lost
  std::optional<uint32_t> dependency_on;  // id of an earlier submission
  std::string dependency_kind;
  absl::Duration repeat_after;  // the same request again, much later; zero: not
  // the others
  uint32_t target = 0;  // id of a submission
  std::string array_tasks;
  std::optional<uint32_t> het_offset;
  uint32_t user = 1000;
  std::string key, value;   // kUpdate
  uint32_t node = 0;        // kDrain ...
  ctld::Settings settings;  // kReconfigure
  // kReserve: what scontrol sets; its start counts from the moment. Of that and kUnreserve `value`
  // is the name.
  std::vector<std::pair<std::string, std::string>> changes;
};

enum class FaultKind {
  kControllerCrash,        // at a time
  kControllerCrashCommit,  // at a commit: before it, after it, or amid what it lets go
  kDiskError,
  kDiskSlow,
  kHostDeath,
  kNodeDaemonCrash,        // at a time
  kNodeDaemonCrashEffect,  // amid what it was doing
  kNodeDaemonFrozen,
  kStepdKill,  // at a phase of its life
  kForkerDeath,
  kLinkCut,
  kStreamBreak,
  kDbdAway,
  kDbdSlow,
};
inline constexpr int kFaultKinds = 14;

struct Fault {
  uint32_t id = 0;
  absl::Duration at;
  FaultKind kind = FaultKind::kControllerCrash;
  absl::Duration duration;
  uint32_t node = 0;
  uint32_t count = 0;  // the commit, effect or stepd meant
  uint32_t phase = 0;
  bool all_nodes = false;   // kLinkCut: the controller alone against the rest
  bool spool_lost = false;  // kHostDeath: it was in memory
};

struct Plan {
  uint64_t seed = 0;
  ClusterPlan cluster;
  std::vector<WorkItem> work;
  std::vector<Fault> faults;
};

Plan MakePlan(uint64_t seed);

std::string ToString(const ClusterPlan& cluster);
std::string ToString(const WorkItem& item, const Plan& plan);
std::string ToString(const Fault& fault, const Plan& plan);

}  // namespace reeve::sim
