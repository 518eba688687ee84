// Nodes, partitions and reservations, as the controller has them now.
#pragma once

#include "absl/status/statusor.h"
#include "cli/controller_client.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::cli {

inline absl::StatusOr<v1::QueryClusterResponse> QueryCluster(const ControllerClient& client) {
  return client.Call<v1::QueryClusterResponse>("Controller/QueryCluster",
                                               v1::QueryClusterRequest());
}

}  // namespace reeve::cli
