// --test-only: when and where the job would start.
#pragma once

#include "cli/controller_client.h"
#include "cli/job_options.h"

namespace reeve::cli {

// Asks the controller, and says what it answers on standard error, in Slurm's words: "sbatch: Job 7
// to start at ...", or "allocation failure: ..." and why. The exit code: 0, or 1 when the job would
// not be accepted or no time can be told.
int TellStart(const ControllerClient& client, const JobRequest& request);

}  // namespace reeve::cli
