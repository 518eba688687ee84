// What the controller says about why a job waits, as `reeve explain` prints it.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::cli {

namespace pb = reeve::v1;

// `now` is the controller's clock, in seconds.
std::string ExplainText(const pb::Explanation& job, int64_t now);

// {"jobs": [...], "omitted": N}. Times are seconds since the epoch, null when there is none.
std::string ExplainJson(const std::vector<pb::Explanation>& jobs, uint64_t omitted);

// "in_partition", "free_now", ...: what --json calls it.
std::string_view NeedName(pb::Explanation::Need need);

}  // namespace reeve::cli
