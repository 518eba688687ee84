// What scontrol leaves behind when it has made a running job smaller: scripts that set the
// variables of the user's shell, or of the job's script, to what the job has now. Their names are
// Slurm's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/scontrol_changes.h"

namespace reeve::cli {

struct ResizeScripts {
  std::string sh;
  std::string csh;
};
// Of the environment of the allocation, "NAME=value" each.
ResizeScripts MakeResizeScripts(const std::vector<std::string>& environment);

// Do these changes make a running job smaller?
bool ChangesSize(const std::vector<Change>& changes);
// Writes slurm_job_ID_resize.sh and .csh here and says how they are used, if the job runs. The exit
// code.
int WriteResizeScripts(ScontrolSession& session, uint32_t job_id);

}  // namespace reeve::cli
