// A node's life as its stream tells it: registration and reconciliation, heartbeats, silence.
#pragma once

#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

inline constexpr std::string_view kNotResponding = "Not responding";

void HandleRegistered(Context& context, const NodeRegistered& event);
void HandleHeartbeat(Context& context, const NodeHeartbeat& event);
void HandleLost(Context& context, const NodeLost& event);
// The timer set when the node was last heard: DOWN if it has been silent for SlurmdTimeout.
void CheckSilence(Context& context, const std::string& node);

void SetNodeDown(Context& context, Node& node, std::string reason, std::string user);

// Ends the jobs of a node that is out of order; `why` is for their users. With `dead` (a reboot, an
// administrator's word) it is certain that nothing of them runs there any more. Without, a job that
// is to be requeued stays COMPLETING until the node or an administrator says so, or its lease is
// over: it must not run twice.
void FailJobsOn(Context& context, Node& node, bool dead, std::string_view why);

}  // namespace reeve::ctld
