// Whether a job's record can be one of ours.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "ctld/core/job.h"

namespace reeve::ctld {

// What is true of every job after every event (core/invariants.h) and can be told from the job
// alone: the core relies on it. DataLoss says what is not.
absl::Status CheckRecord(const Job& job);
// And of all together: no CPU of a node is given to two of them, no task of an array is two jobs.
absl::Status CheckTogether(const std::vector<Job>& jobs);

}  // namespace reeve::ctld
