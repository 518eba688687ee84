// All that squeue can print of a job and of a step: letters of -o, names of -O, titles, cells.
//
// Names, titles and what stands for "nothing" are squeue(1)'s. Fields whose data Reeve does not
// have print what Slurm prints when they are unset.
#pragma once

#include <span>

#include "cli/job_view.h"
#include "cli/view_field.h"

namespace reeve::cli {

std::span<const ViewField<JobRow>> JobFields();
// Its cell is the same when of the job's spec only that is known which QueryJobsRequest.brief
// leaves in.
bool NeedsBriefSpecOnly(const ViewField<JobRow>& field);
std::span<const ViewField<StepRow>> StepFields();

}  // namespace reeve::cli
