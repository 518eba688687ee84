// --deadline and --time-min: how long a job may be given, and until when it may start.
//
//   now          the last start            the deadline
//    |--------------------+---------------------|
//                         |<- the least limit ->|
//
// A pending job that has missed its last start is over: it ends in the state DEADLINE.
#pragma once

#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

// With a deadline and without any limit of time, a job has to have this long.
inline constexpr absl::Duration kLeastTimeToDeadline = absl::Minutes(1);

// To what the limit may be lowered; nullopt: it may not.
std::optional<absl::Duration> LeastLimitOf(const JobSpec& spec, absl::Duration time_limit);

// When the job has to start at the latest; the infinite future without a deadline.
absl::Time LastStart(const Job& job);
// It can be started neither now nor later.
inline bool MissedDeadline(const Job& job, absl::Time now) {
  return LastStart(job) < now;
}
// kNever without a deadline.
Instant DeadlineOf(const Job& job);

// Refuses, in Slurm's words, what is impossible already.
absl::Status CheckDeadline(const JobSpec& spec, absl::Duration time_limit, absl::Time now);

// Ends a pending job that has missed its deadline (true then), or sees to it that it is looked at
// again when that may be so.
bool EndIfTooLate(Context& context, Job& job);

}  // namespace reeve::ctld
