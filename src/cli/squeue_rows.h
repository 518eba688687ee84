// Which jobs and steps squeue shows, and in what order: pure, so that it can be tested without a
// controller.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/job_view.h"
#include "cli/squeue_options.h"
#include "cli/table.h"

namespace reeve::cli {

// The rows of one job that pass the options' filters: one, or several for an array's record. They
// point into `job` and `context`.
void ForEachJobRow(const pb::Job& job, const SqueueOptions& options,
                   const std::vector<std::string>& hidden_partitions, const ViewContext& context,
                   const std::function<void(const JobRow&)>& use);
// Likewise the rows of its steps.
void ForEachStepRow(const pb::Job& job, const SqueueOptions& options,
                    const std::vector<std::string>& hidden_partitions, const ViewContext& context,
                    const std::function<void(const StepRow&)>& use);

// The rows of all these jobs, sorted as the options say. InvalidArgument for a wrong sort key.
absl::StatusOr<std::vector<JobRow>> SelectJobs(const std::vector<pb::Job>& jobs,
                                               const SqueueOptions& options,
                                               const std::vector<std::string>& hidden_partitions,
                                               const ViewContext& context);

// What squeue prints, put together while the jobs arrive: of a job only the cells of its rows stay,
// and what they are sorted by.
class SqueueListing {
 public:
  // Jobs or, with `options.steps`, steps. InvalidArgument for a wrong sort key. `options` and
  // `hidden_partitions` must outlive it.
  static absl::StatusOr<std::unique_ptr<SqueueListing>> Create(
      const SqueueOptions& options, const std::vector<std::string>& hidden_partitions);

  virtual ~SqueueListing() = default;
  // It may be given jobs as QueryJobsRequest.brief has them.
  virtual bool brief() const = 0;
  virtual void Add(const pb::Job& job, const ViewContext& context) = 0;
  virtual const std::vector<std::string>& unknown_fields() const = 0;  // of the format
  virtual Table Finish() = 0;                                          // once, at the end
};

}  // namespace reeve::cli
