// Which jobs of a test's cluster are as wanted.
#pragma once

#include <algorithm>
#include <vector>

#include "tests/ctld/core/harness.h"

namespace reeve::ctld {

// By id.
inline std::vector<JobId> JobsIn(const Cluster& c, bool (*wanted)(const Job&)) {
  std::vector<JobId> ids;
  c.controller->ForEachJob([&](const Job& job) {
    if (wanted(job)) ids.push_back(job.id);
  });
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace reeve::ctld
