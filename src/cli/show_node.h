// `scontrol show node` and `scontrol show partition`: the texts. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "cli/node_view.h"
#include "cli/show_job.h"

namespace reeve::cli {

// `default_port` is SlurmdPort: another one is shown.
std::string ShowNodeText(const pb::Node& node, uint32_t default_port, const ShowOptions& options);

// `all_nodes`: the configuration says Nodes=ALL.
std::string ShowPartitionText(const pb::Partition& partition, bool all_nodes,
                              const ShowOptions& options);

}  // namespace reeve::cli
