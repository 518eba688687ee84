// The signal that a job asked for before its end (--signal): sent once in a run, at a moment that
// moves with its end. A run that is given less time to make room for another job is warned as well.
#pragma once

#include "absl/status/status.h"
#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

absl::Status CheckWarning(const JobSpec& spec);

// Has somebody look when the job is to be warned.
void WatchWarning(State& state, const Job& job);

// Once it is due, the signal goes to the steps that it is for; when there is none yet, to the first
// that comes. A part that has not started by then, or whose node is away, gets it as soon as it
// can. Does nothing as long as there is nothing to do: to be called whenever one of this may have
// changed.
void WarnBeforeEnd(Context& context, Job& job);

}  // namespace reeve::ctld
