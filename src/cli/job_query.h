// Jobs from the controller, whole, for the commands that list them.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/controller_client.h"
#include "cli/job_view.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::cli {

struct JobsAnswer {
  std::vector<pb::Job> jobs;
  int64_t time = 0;  // the controller's clock: what elapsed times are counted to
};

absl::StatusOr<JobsAnswer> QueryJobs(const ControllerClient& client,
                                     const pb::QueryJobsRequest& request);

// The same a job at a time, none of which is kept: a long queue is many megabytes. `on_begin` comes
// first, with the controller's clock, and again when an attempt broke off and all comes once more.
absl::Status VisitJobs(const ControllerClient& client, const pb::QueryJobsRequest& request,
                       const std::function<void(int64_t time)>& on_begin,
                       const std::function<void(const pb::Job& job)>& on_job);

// What the fields of jobs need to know at this time of the controller's clock. Memory of nodes
// comes from the client's configuration.
ViewContext MakeContext(const ControllerClient& client, int64_t now);

}  // namespace reeve::cli
