// scontrol show node, partition and config; ping and reconfigure.
#include <cstdio>

#include "cli/command.h"
#include "cli/query_cluster.h"
#include "cli/scontrol.h"
#include "cli/show_license.h"
#include "cli/show_node.h"
#include "cli/show_topology.h"
#include "cli/time_text.h"
#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::cli {
namespace {

std::string PrimaryName(const ControllerClient& client) {
  const auto& controllers = client.config().controllers;
  return controllers.empty() ? "" : controllers.front().host;
}

void PrintPing(const ControllerClient& client, bool up) {
  printf("Slurmctld(primary) at %s is %s\n", PrimaryName(client).c_str(), up ? "UP" : "DOWN");
}

const pb::Node* FindNode(const pb::QueryClusterResponse& cluster, const std::string& name) {
  for (const pb::Node& node : cluster.nodes()) {
    if (node.name() == name || node.hostname() == name) return &node;
  }
  return nullptr;
}

}  // namespace

int ShowNodes(ScontrolSession& session, const std::string& names) {
  absl::StatusOr<std::vector<std::string>> wanted = ExpandHostlist(names);
  if (!wanted.ok()) return session.Fail("scontrol: error", wanted.status());
  const ControllerClient* client = session.client();
  if (client == nullptr) return 1;
  absl::StatusOr<pb::QueryClusterResponse> cluster = QueryCluster(*client);
  if (!cluster.ok()) return session.Fail("slurm_load_node error", cluster.status());
  if (!cluster->nodes_error().empty()) {
    return session.Fail("slurm_load_node error",
                        absl::PermissionDeniedError(cluster->nodes_error()));
  }
  auto print = [&](const pb::Node& node) {
    fputs(ShowNodeText(node, client->config().slurmd_port, session.settings().show).c_str(),
          stdout);
  };
  int code = 0;
  for (const std::string& name : *wanted) {
    if (const pb::Node* node = FindNode(*cluster, name)) {
      print(*node);
      continue;
    }
    if (!session.settings().quiet) printf("Node %s not found\n", name.c_str());
    code = 1;
  }
  if (!wanted->empty()) return code;
  bool any = false;
  for (const pb::Node& node : cluster->nodes()) {
    if (node.state() == pb::NODE_STATE_FUTURE && !session.settings().future) continue;
    print(node);
    any = true;
  }
  if (!any && !session.settings().quiet) puts("No nodes in the system");
  return 0;
}

int ShowPartitions(ScontrolSession& session, const std::string& name) {
  const ControllerClient* client = session.client();
  if (client == nullptr) return 1;
  absl::StatusOr<pb::QueryClusterResponse> cluster = QueryCluster(*client);
  if (!cluster.ok()) return session.Fail("slurm_load_partitions error", cluster.status());
  if (!cluster->partitions_error().empty()) {
    return session.Fail("slurm_load_partitions error",
                        absl::PermissionDeniedError(cluster->partitions_error()));
  }
  bool any = false;
  for (const pb::Partition& partition : cluster->partitions()) {
    const bool wanted =
        name.empty() ? session.settings().all || !partition.hidden() : partition.name() == name;
    if (!wanted) continue;
    any = true;
    const PartitionConfig* config = client->config().FindPartition(partition.name());
    const bool all_nodes = config != nullptr && config->all_nodes;
    fputs(ShowPartitionText(partition, all_nodes, session.settings().show).c_str(), stdout);
  }
  if (any) return 0;
  if (!session.settings().quiet) {
    if (name.empty()) {
      puts("No partitions in the system");
    } else {
      printf("Partition %s not found\n", name.c_str());
    }
  }
  return name.empty() ? 0 : 1;
}

int ShowLicenses(ScontrolSession& session, const std::string& name) {
  const ControllerClient* client = session.client();
  if (client == nullptr) return 1;
  absl::StatusOr<pb::QueryClusterResponse> cluster = QueryCluster(*client);
  if (!cluster.ok()) return session.Fail("slurm_load_licenses error", cluster.status());
  bool any = false;
  for (const pb::License& license : cluster->licenses()) {
    if (!name.empty() && license.name() != name) continue;
    any = true;
    fputs(ShowLicenseText(license, session.settings().show.one_line).c_str(), stdout);
  }
  if (any) return 0;
  if (name.empty()) {
    puts("No licenses configured in Slurm.");
    return 0;
  }
  printf("License %s not found\n", name.c_str());
  return 1;
}

// A flat network has nothing to list.
int ShowTopology(ScontrolSession& session, const std::string& name) {
  const ControllerClient* client = session.client();
  if (client == nullptr) return 1;
  absl::StatusOr<pb::QueryClusterResponse> cluster = QueryCluster(*client);
  if (!cluster.ok()) return session.Fail("slurm_load_topo error", cluster.status());
  const std::vector<const pb::Switch*> found = FindSwitches(cluster->switches(), name);
  for (const pb::Switch* each : found) fputs(ShowSwitchText(*each).c_str(), stdout);
  if (!found.empty() || name.empty()) return 0;
  PrintError("scontrol", StrCat("Topology information contains no switch or node named ", name));
  return 1;
}

int ShowConfiguration(ScontrolSession& session) {
  const ControllerClient* client = session.client();
  if (client == nullptr) return 1;
  absl::StatusOr<pb::ShowConfigResponse> config =
      client->Call<pb::ShowConfigResponse>("Controller/ShowConfig", pb::ShowConfigRequest());
  if (!config.ok()) return session.Fail("slurm_load_ctl_conf error", config.status());
  printf("Configuration data as of %s\n", TimeText(absl::ToUnixSeconds(absl::Now()), "").c_str());
  for (const pb::ConfigEntry& entry : config->entries()) {
    printf("%-23s = %s\n", entry.key().c_str(), entry.value().c_str());
  }
  putchar('\n');
  PrintPing(*client, true);
  return 0;
}

int ScontrolPing(ScontrolSession& session) {
  const ControllerClient* client = session.client();
  if (client == nullptr) return 1;
  absl::StatusOr<pb::PingResponse> answer = client->Call<pb::PingResponse>(
      "Controller/Ping", pb::PingRequest(), absl::Seconds(5), Retry::kNever);
  PrintPing(*client, answer.ok());
  return answer.ok() ? 0 : 1;
}

int ScontrolReconfigure(ScontrolSession& session) {
  const ControllerClient* client = session.client();
  if (client == nullptr) return 1;
  absl::StatusOr<pb::ReconfigureResponse> answer =
      client->Call<pb::ReconfigureResponse>("Controller/Reconfigure", pb::ReconfigureRequest());
  if (!answer.ok()) return session.Fail("slurm_reconfigure error", answer.status());
  for (const std::string& change : answer->needs_restart()) {
    printf("%s takes effect after a restart of reevectld\n", change.c_str());
  }
  return 0;
}

}  // namespace reeve::cli
