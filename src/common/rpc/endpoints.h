// Where the daemons are, and the configuration that says so.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/config.h"
#include "common/rpc/client.h"
#include "common/rpc/munge.h"
#include "reeve/v1/types.pb.h"

namespace reeve::rpc {

// gRPC targets. With ReeveSocketDir (the embedded cluster) a client outside of the cluster's hosts
// goes through Unix sockets in that folder; on one of its hosts it uses the network, as on a real
// cluster. The first controller is the one dialled.
Target ControllerTarget(const Config& config);
Target AccountingTarget(const Config& config);
Target NodeTarget(const Config& config, const v1::Node& node);
Target NodeTargetAt(const Config& config, const std::string& node, const std::string& address);
// The same by the socket, from anywhere on the machine of an embedded cluster.
Target ControllerSocketTarget(const Config& config);

// The socket a daemon serves beside its port, as a listen address; empty without ReeveSocketDir.
std::string ControllerSocket(const Config& config);
std::string AccountingSocket(const Config& config);
std::string NodeSocket(const Config& config, std::string_view node_name);

// `path` if given, else SLURM_CONF, else /etc/reeve/slurm.conf; where there is none, the
// configuration is asked from the controller named by `conf_server` or SLURM_CONF_SERVER
// ("host[:port]"), by TLS with `ca_cert_file` or REEVE_CA_CERT_FILE. NotFound when there is
// neither.
absl::StatusOr<Config> LoadOrFetchConfig(const std::string& path = "",
                                         const std::string& conf_server = "",
                                         const std::string& ca_cert_file = "");

// The munged that the configuration names.
Munge MungeOf(const Config& config);

}  // namespace reeve::rpc
