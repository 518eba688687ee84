// srun inside of a heterogeneous job: which component a step is of.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "cli/controller_client.h"
#include "cli/option_parser.h"

namespace reeve::cli {

// The environment as that component's own: SLURM_NTASKS is SLURM_NTASKS_HET_GROUP_1. Of what is
// told for each component the plain variable is the first one's, and does not count.
GetVariable VariablesOfComponent(uint32_t offset, GetVariable environment);

// The job that the component is. NotFound when the job has none such.
absl::StatusOr<uint32_t> ComponentJobId(const ControllerClient& client, uint32_t leader,
                                        uint32_t offset);

}  // namespace reeve::cli
