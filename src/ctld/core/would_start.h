// --test-only: when and where a job would start if it were submitted now.
#pragma once

#include "absl/status/statusor.h"
#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

// `job` is as it would be submitted: with the next id and the priority that goes with it. It is
// sought with what starts and plans jobs, at the rank that it would have; of several partitions the
// one where it would start first. Running jobs that it might preempt stay until their end. With a
// policy that does not plan the whole queue, what has no place in the plan is not counted with;
// then, or where the plan has not come down to the job, a note says that it may start later.
//
// Refuses what cannot run as the cluster stands, and what waits for something that has no time.
// Needs a plan that is up to date; of it nothing is changed but what it counts as its work.
absl::StatusOr<SubmitAnswer> WouldStart(Context& context, Job job);

}  // namespace reeve::ctld
