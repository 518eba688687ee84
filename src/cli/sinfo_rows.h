// Which nodes sinfo shows, how they are grouped into rows, and in what order. Pure.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "cli/node_fields.h"
#include "cli/sinfo_options.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::cli {

// `fields` are those that the output shows: they decide what tells rows apart. Rows point into
// `cluster`. InvalidArgument for a wrong sort key.
absl::StatusOr<std::vector<NodeRow>> GroupNodes(
    const pb::QueryClusterResponse& cluster, const SinfoOptions& options,
    const std::vector<const ViewField<NodeRow>*>& fields);

}  // namespace reeve::cli
