// Licences in the answer to why a job waits.
#pragma once

#include <vector>

#include "ctld/core/backlog.h"
#include "ctld/core/cluster_state.h"
#include "ctld/core/explanation.h"

namespace reeve::ctld {

// Of each licence that such a job asks for, from now on. The plan has caught up.
std::vector<LicenseCount> CountLicenses(const State& state, const ShapeQueue& queue,
                                        const ReadyKey& key, absl::Time now);

// Who has what it lacks, or is to have it before `start`. Named when `sight` says so.
std::vector<Busy> FindLicenseHolders(const State& state, const ShapeQueue& queue,
                                     const ReadyKey& key, Instant start, const Sight& sight,
                                     absl::Time now);

}  // namespace reeve::ctld
