// The queue's length over time, in stretches few enough to print and to draw.
#pragma once

#include <vector>

#include "replay/metrics.h"
#include "replay/replay.h"

namespace reeve::replay {

// Fills in the queue's figures from its changes; `begin` and `makespan` are there already. The
// stretches are whole seconds, about five hundred.
void SampleQueue(const std::vector<QueuePoint>& changes, Figures* figures);

}  // namespace reeve::replay
