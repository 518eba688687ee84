// --dependency: after[:+min] afterany afterok afternotok aftercorr singleton; "," is and, "?" is
// or. What is left of a job's dependency is kept as text in Job::dependency, states included.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

enum class DependencyKind { kAfter, kAfterAny, kAfterOk, kAfterNotOk, kAfterCorr, kSingleton };

struct DependencyTerm {
  DependencyKind kind = DependencyKind::kAfterAny;
  JobId job;                     // a job, or an array as a whole
  std::optional<uint32_t> task;  // one task of the array `job`
  absl::Duration delay;          // after:ID+min
  bool failed = false;           // can never be satisfied
};

struct Dependency {
  std::vector<DependencyTerm> terms;
  bool any = false;  // "?" instead of ","
};

// Also reads back what FormatDependency wrote. Errors carry Slurm's words.
absl::StatusOr<Dependency> ParseDependency(std::string_view text);
// "afterok:5(unfulfilled),after:7+10(unfulfilled)"; arrays as "afterok:5_*(unfulfilled)".
std::string FormatDependency(const State& state, const Dependency& dependency);

// Refuses jobs that don't exist and a job that waits for itself.
absl::Status CheckDependency(const State& state, const Dependency& dependency, JobId self);

enum class DependencyStatus { kNone, kWaiting, kNever };
// Looks at a pending job's dependency again, drops what is satisfied, sets timers for delays. An
// array record waiting by aftercorr may have tasks split off that can go.
DependencyStatus EvaluateDependency(Context& context, Job& job);
// How a pending job's dependency stands.
struct DependencyOutlook {
  DependencyStatus status = DependencyStatus::kNone;
  // Of one that waits: when it holds if nothing but time is missing; else nobody knows.
  absl::Time until = absl::InfiniteFuture();
};
DependencyOutlook LookAtDependency(const State& state, const Job& job, absl::Time now);
// The job (and with it its array) has started or finished: those who wait look again.
void WakeDependents(Context& context, const Job& job);
void WatchDependency(Context& context, const Job& job);

}  // namespace reeve::ctld
