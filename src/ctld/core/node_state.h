// A node's state as people and events change it: which change is allowed, what it does, and who
// said why. States, messages and transitions as in scontrol(1) and slurm.conf(5).
#pragma once

#include <string>
#include <string_view>

#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

inline constexpr std::string_view kUnexpectedReboot = "Node unexpectedly rebooted";

// DOWN by an event. What an administrator said of a node that was drained or failing stays.
void SetNodeDownByEvent(Context& context, Node& node, std::string_view reason);

// With ReturnToService 0 and 1 a node that was in use and comes back with another boot id is DOWN
// until an administrator has looked at it.
void NoteReboot(Context& context, Node& node);

// A reason from slurm.conf has no time and nobody who gave it.
void StampReason(Context& context, Node& node);

}  // namespace reeve::ctld
