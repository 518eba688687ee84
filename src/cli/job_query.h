// Jobs from the controller, whole, for the commands that list them.
#pragma once

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

// What the fields of these jobs need to know. Memory of nodes comes from the client's
// configuration.
ViewContext MakeContext(const ControllerClient& client, const JobsAnswer& answer);

}  // namespace reeve::cli
