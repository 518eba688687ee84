// scontrol suspend and resume. A suspended job's processes stand still on its nodes; it keeps its
// memory, generic resources and licences there and gives its CPUs up, which other jobs may have
// meanwhile. Resumed it takes the same CPUs again: not before they are free. The time that it was
// suspended counts neither for its time limit nor for its steps'.
//
//   RUNNING ──suspend──► SUSPENDED ──resume, CPUs are free──► RUNNING
//                            └──its end, a dead node──► COMPLETING, still without its CPUs
//
// As scontrol(1) has it; that resuming waits for the CPUs is ours.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

// An operator's to do. The errors carry Slurm's words; suspending a suspended job changes nothing.
absl::Status Suspend(Context& context, Job& job);
absl::Status Resume(Context& context, Job& job);

// The job, which is suspended, ends: what it has stood still is counted.
void EndSuspension(Context& context, Job& job);

// A node may not know what is wanted of a job that was ever suspended in this run.
void TellSuspended(Context& context, const Job& job, const std::string& node);

}  // namespace reeve::ctld
