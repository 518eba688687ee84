// Magnetic reservations: a job that may use one and asked for none is tried inside it too. Which
// they are is in the job's shape while it waits; once it starts inside one it is as if it had asked
// for that, until it is requeued.
#pragma once

#include <string>
#include <vector>

#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

// Those that a job is tried in, by name.
std::vector<std::string> MagnetsOf(const State& state, const Job& job);
// Of a job that waits and is looked at anew: its shape names those that it is tried in.
void FollowMagnets(Context& context, Job& job);
// It starts inside that one.
void DrawIn(Context& context, Job& job, const std::string& reservation);
// It is to start anew, wherever it may.
void ForgetMagnet(Context& context, Job& job);

}  // namespace reeve::ctld
