// Where and for how long a job could start at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "ctld/core/backlog.h"
#include "ctld/core/cluster_state.h"
#include "ctld/core/start_job.h"

namespace reeve::ctld {

// What was free for it, whether that was enough or not.
struct FreeNow {
  size_t nodes = 0;
  uint64_t tasks = 0;
  bool licenses = true;
};

// As long as it asks for; or, where it may be given less, as long as there is room, in whole
// minutes. It may take the place that a lower one was promised, but not where there is another.
// `terms` are the queue's, or those of its jobs that have waited for switches (`anywhere`). `sum`
// is of the shortest time. The looks at nodes are added to the plan's work.
std::optional<Grant> FindGrant(State& state, const ShapeQueue& queue, const Terms& terms,
                               const ReadyKey& key, Instant now, Instant deadline,
                               Track::Scratch& scratch, FreeNow& sum);

// The same for the queue's terms, inside of one of its magnetic reservations rather than outside of
// them. `sum` is the most that there was anywhere.
std::optional<Grant> FindAnyGrant(State& state, const ShapeQueue& queue, const ReadyKey& key,
                                  Instant now, Instant deadline, Track::Scratch& scratch,
                                  FreeNow& sum);

// First come, first served: nothing starts before what ranks higher in its partition and can run.
// True when there is such a job.
bool IsBehindOthers(const State& state, const ReadyKey& key);

// The job cannot start now: what is missing, for those that may gain it.
void Block(ShapeQueue& queue, const ReadyKey& key, const FreeNow& sum);
// Who may share CPUs with others may gain by anything that happens to those: they are to be looked
// at again in each pass, when all have been that were to be before. SharersMayGain: somebody has
// started since, and there are such jobs.
void UnblockSharers(State& state);
bool SharersMayGain(const State& state);

}  // namespace reeve::ctld
