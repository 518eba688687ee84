// The SLURM_* variables that follow from a job or a step as a whole. What differs by node or task
// (SLURM_NODEID, SLURM_PROCID, ...) is the node daemon's to add.
#pragma once

#include <string>
#include <vector>

#include "ctld/core/job.h"
#include "ctld/core/settings.h"

namespace reeve::ctld {

// What salloc sets for its command.
std::vector<std::string> AllocationEnvironment(const Settings& settings, const Job& job);
// What a batch script finds beside the user's variables.
std::vector<std::string> BatchEnvironment(const Settings& settings, const Job& job);
// What a task of an srun step finds.
std::vector<std::string> StepEnvironment(const Settings& settings, const Job& job,
                                         const Step& step);

// {2, 2, 1} is "2(x2),1".
std::string CompressCounts(const std::vector<uint32_t>& counts);

}  // namespace reeve::ctld
