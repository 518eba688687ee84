// Starting a cluster's daemons in an order in which none has to wait for another, and telling when
// every node is ready.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "cli/cluster/daemons.h"
#include "cli/cluster/layout.h"
#include "cli/cluster/progress.h"
#include "common/base/config.h"

namespace reeve::cluster {

// Starts what does not run of `daemons` and returns when the controller has every node as usable.
// An error names the daemon that failed, its last words and its log, or the nodes that are missing.
absl::Status StartAndWait(const Layout& layout, const Config& config,
                          const std::vector<DaemonSpec>& daemons, Progress* progress);

// The last line of a file that is not blank; "" when there is none.
std::string LastLine(const std::string& path);

}  // namespace reeve::cluster
