// Which jobs and steps squeue shows, and in what order: pure, so that it can be tested without a
// controller.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "cli/job_view.h"
#include "cli/squeue_options.h"

namespace reeve::cli {

// The rows that pass the options' filters, sorted. `hidden` says whether a partition is hidden.
// Rows point into `jobs` and `context`. InvalidArgument for a wrong sort key.
absl::StatusOr<std::vector<JobRow>> SelectJobs(const std::vector<pb::Job>& jobs,
                                               const SqueueOptions& options,
                                               const std::vector<std::string>& hidden_partitions,
                                               const ViewContext& context);
absl::StatusOr<std::vector<StepRow>> SelectSteps(const std::vector<pb::Job>& jobs,
                                                 const SqueueOptions& options,
                                                 const std::vector<std::string>& hidden_partitions,
                                                 const ViewContext& context);

}  // namespace reeve::cli
