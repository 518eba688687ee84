// What events do to reservations. While one is there nobody else's job is planned or started on its
// nodes in its time: the plan keeps a track of its own for it on each of its nodes (plan.h).
#pragma once

#include "ctld/core/cluster_state.h"
#include "ctld/core/controller.h"

namespace reeve::ctld {

void HandleSetReservation(Context& context, const SetReservation& event);
// Some begin or end now: what nodes show, the next times of those that come back, and those that
// are over go.
void CheckReservations(Context& context);
// Nodes have come or gone with the configuration.
void FollowNodes(Context& context);
void RestoreReservations(Context& context, std::vector<Reservation> stored);

}  // namespace reeve::ctld
