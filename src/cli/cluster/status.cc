// reeve cluster status: what of a cluster runs, in a small table.
#include <sys/wait.h>

#include <cstdio>
#include <map>

#include "cli/cluster/conf_writer.h"
#include "cli/cluster/verbs.h"
#include "cli/table.h"
#include "common/base/text.h"
#include "common/rpc/client.h"
#include "common/rpc/endpoints.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::cluster {
namespace {

namespace pb = reeve::v1;

constexpr char kVerb[] = "status";

std::string StateText(const DaemonState& daemon) {
  if (daemon.running) return "running";
  if (daemon.pid == 0) return "not started";
  return "ended: " + DescribeExit(daemon.exit_status);
}

std::string NodeStateText(const pb::Node& node) {
  static const std::map<pb::NodeState, std::string> kNames = {
      {pb::NODE_STATE_UNKNOWN, "unknown"}, {pb::NODE_STATE_DOWN, "down"},
      {pb::NODE_STATE_IDLE, "idle"},       {pb::NODE_STATE_ALLOCATED, "allocated"},
      {pb::NODE_STATE_MIXED, "mixed"},     {pb::NODE_STATE_FUTURE, "future"},
      {pb::NODE_STATE_ERROR, "error"}};
  auto it = kNames.find(node.state());
  std::string text = it != kNames.end() ? it->second : "unknown";
  if (node.drain()) text += ", drained";
  if (!node.responding()) text += ", silent";
  return text;
}

// By host name; empty when the controller does not answer.
std::map<std::string, std::string> NodeStates(const Config& config) {
  std::map<std::string, std::string> states;
  rpc::Channel channel(rpc::ControllerSocketTarget(config), rpc::MungeOf(config));
  absl::StatusOr<pb::QueryClusterResponse> cluster = channel.Call<pb::QueryClusterResponse>(
      "Controller/QueryCluster", pb::QueryClusterRequest(), absl::Seconds(2));
  if (!cluster.ok()) return states;
  for (const pb::Node& node : cluster->nodes()) states[node.name()] = NodeStateText(node);
  return states;
}

std::map<std::string, std::string> Addresses(const Config& config) {
  std::map<std::string, std::string> addresses;
  absl::StatusOr<HostsPlan> plan = PlanHosts(config);
  if (!plan.ok()) return addresses;
  for (const HostPlan& node : plan->nodes) addresses[node.name] = FormatAddress(node.address);
  addresses[plan->controller.name] = FormatAddress(plan->controller.address);
  return addresses;
}

}  // namespace

int Status(int argc, char** argv) {
  absl::StatusOr<LeadingOptions> options = ParseLeadingOptions(argc, argv);
  if (!options.ok()) return Fail(kVerb, Message(options.status()));
  if (options->used < argc) return Fail(kVerb, StrCat("unexpected: ", argv[options->used]));
  absl::StatusOr<Layout> layout = FindLayout(options->folder);
  if (!layout.ok()) return Fail(kVerb, Message(layout.status()));
  absl::StatusOr<KeeperClient> keeper = KeeperClient::Connect(*layout);
  if (!keeper.ok()) {
    printf("%s\n", std::string(Message(keeper.status())).c_str());
    return 3;  // what service managers return for "not running"
  }
  absl::StatusOr<Config> config = LoadConfig(layout->Conf());
  if (!config.ok()) return Fail(kVerb, Message(config.status()));
  absl::StatusOr<std::vector<DaemonState>> daemons = keeper->List();
  if (!daemons.ok()) return Fail(kVerb, Message(daemons.status()));

  std::map<std::string, std::string> nodes = NodeStates(*config);
  std::map<std::string, std::string> addresses = Addresses(*config);
  cli::Table table({{.title = "DAEMON", .fit = true, .suffix = "  "},
                    {.title = "HOST", .fit = true, .suffix = "  "},
                    {.title = "ADDRESS", .fit = true, .suffix = "  "},
                    {.title = "PID", .fit = true, .suffix = "  "},
                    {.title = "STATE", .fit = true, .suffix = "  "},
                    {.title = "NODE"}});
  bool all = true;
  for (const DaemonState& daemon : *daemons) {
    all = all && daemon.running;
    auto node = nodes.find(daemon.host);
    table.AddRow({daemon.name, daemon.host, addresses[daemon.host],
                  daemon.running ? StrCat(daemon.pid) : "-", StateText(daemon),
                  node != nodes.end() ? node->second : ""});
  }
  printf("Cluster %s in %s\n\n%s", config->cluster_name.c_str(), layout->folder.c_str(),
         table.Text().c_str());
  return all ? 0 : 1;
}

}  // namespace reeve::cluster
