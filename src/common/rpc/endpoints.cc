#include "common/rpc/endpoints.h"

#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "common/base/text.h"
#include "common/http2/address.h"
#include "common/rpc/client.h"
#include "common/rpc/tls.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::rpc {
namespace {

constexpr int kDefaultControllerPort = 6817;

std::string HostName() {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  return name;
}

// True on a host that is part of the (embedded) cluster: there the network leads to the daemons.
bool OnClusterHost(const Config& config) {
  if (getenv("SLURMD_NODENAME") != nullptr) return true;
  const std::string host = HostName();
  if (host == "login") return true;
  for (const auto& controller : config.controllers) {
    if (host == controller.host) return true;
  }
  for (const NodeConfig& node : config.nodes) {
    if (host == node.name || host == node.hostname) return true;
  }
  return false;
}

std::string SocketUnlessOnClusterHost(const Config& config, const std::string& socket) {
  return socket.empty() || OnClusterHost(config) ? "" : socket;
}

std::string Socket(const Config& config, std::string_view name) {
  if (config.socket_dir.empty()) return "";
  return StrCat("unix:", config.socket_dir, "/", name, ".sock");
}

absl::StatusOr<Config> FetchConfig(const std::string& server, const std::string& ca_cert_file) {
  std::string target =
      server.find(':') != server.npos ? server : http2::HostPort(server, kDefaultControllerPort);
  const char* munge_socket = getenv("MUNGE_SOCKET");  // no AuthInfo is known yet
  Channel channel(ca_cert_file.empty()
                      ? Target(target)
                      : Target(target, ca_cert_file, server.substr(0, server.find(':'))),
                  Munge(munge_socket != nullptr ? munge_socket : ""));
  auto answer = channel.Call<v1::GetConfigResponse>("Controller/GetConfig", v1::GetConfigRequest());
  if (!answer.ok()) {
    return absl::Status(answer.status().code(), StrCat("cannot get the configuration from ", target,
                                                       ": ", answer.status().message()));
  }
  return ParseConfig(answer->text(), StrCat("slurm.conf of ", target));
}

}  // namespace

std::string ControllerSocket(const Config& config) {
  return Socket(config, "ctld");
}
std::string AccountingSocket(const Config& config) {
  return Socket(config, "dbd");
}
std::string NodeSocket(const Config& config, std::string_view node_name) {
  return Socket(config, StrCat("node-", node_name));
}

Target ControllerSocketTarget(const Config& config) {
  return {ControllerSocket(config), CaCertFile(config), ControllerName(config)};
}

Target ControllerTarget(const Config& config) {
  Target target = ControllerSocketTarget(config);
  target.address = SocketUnlessOnClusterHost(config, target.address);
  if (!target.address.empty()) return target;
  if (config.controllers.empty()) {
    target.address = http2::HostPort("localhost", config.slurmctld_port);
    return target;
  }
  const auto& controller = config.controllers.front();
  target.address = http2::HostPort(controller.addr.empty() ? controller.host : controller.addr,
                                   config.slurmctld_port);
  return target;
}

Target AccountingTarget(const Config& config) {
  std::string address = SocketUnlessOnClusterHost(config, AccountingSocket(config));
  if (address.empty()) {
    address = http2::HostPort(config.accounting_host.empty() ? "localhost" : config.accounting_host,
                              config.accounting_port);
  }
  return {std::move(address), CaCertFile(config), AccountingName(config)};
}

Target NodeTarget(const Config& config, const v1::Node& node) {
  std::string address = SocketUnlessOnClusterHost(config, NodeSocket(config, node.name()));
  if (address.empty()) {
    address =
        http2::HostPort(node.address().empty() ? node.hostname() : node.address(),
                        node.port() != 0 ? static_cast<int>(node.port()) : config.slurmd_port);
  }
  return {std::move(address), CaCertFile(config),
          node.hostname().empty() ? node.name() : node.hostname()};
}

Target NodeTargetAt(const Config& config, const std::string& node, const std::string& address) {
  const NodeConfig* line = config.FindNode(node);
  return {address, CaCertFile(config), line == nullptr ? node : line->hostname};
}

absl::StatusOr<Config> LoadOrFetchConfig(const std::string& path, const std::string& conf_server,
                                         const std::string& ca_cert_file) {
  std::string file = path.empty() ? FindConfigPath() : path;
  const char* asked = getenv("SLURM_CONF_SERVER");
  std::string server = !conf_server.empty() ? conf_server : asked != nullptr ? asked : "";
  bool named = !path.empty() || getenv("SLURM_CONF") != nullptr;
  if (conf_server.empty() && (named || access(file.c_str(), F_OK) == 0)) return LoadConfig(file);
  const char* ca = getenv("REEVE_CA_CERT_FILE");
  if (!server.empty()) {
    return FetchConfig(server, !ca_cert_file.empty() || ca == nullptr ? ca_cert_file : ca);
  }
  return absl::NotFoundError(
      StrCat("no configuration: ", file,
             " does not exist, and neither SLURM_CONF nor SLURM_CONF_SERVER is set"));
}

Munge MungeOf(const Config& config) {
  return Munge(config.auth_socket);
}

}  // namespace reeve::rpc
