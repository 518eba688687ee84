#include "cli/cluster/conf_writer.h"

#include <arpa/inet.h>
#include <pwd.h>
#include <sched.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <set>

#include "common/base/text.h"

namespace reeve::cluster {
namespace {

constexpr std::string_view kOptionsLine = "# Written by `reeve cluster up` with these options:";
constexpr uint32_t kNodesPerBlock = 200;  // of each 256 addresses; keeps .0 and .255 out
constexpr uint32_t kFirstNodeAddress = 11;

using Settings = std::vector<std::pair<std::string, std::string>>;

std::string UserName() {
  const passwd* user = getpwuid(geteuid());
  return user != nullptr ? user->pw_name : StrCat(geteuid());
}

// "gpu:a100:2,nic:1" names the types gpu and nic.
std::string GresTypes(const std::string& gres) {
  std::set<std::string> types;
  for (std::string_view item : SplitSkipEmpty(gres, ",")) {
    types.insert(std::string(item.substr(0, item.find(':'))));
  }
  return Join(types, ",");
}

std::string TlsParameters(const Layout& layout) {
  const std::string dir = layout.TlsDir();
  std::string text = StrCat("ca_cert_file=", dir, "/ca_cert.pem");
  for (const auto& [daemon, name] : {std::pair{"ctld", "ctld"}, {"dbd", "dbd"}, {"slurmd", "%n"}}) {
    StrAppend(&text, ",", daemon, "_cert_file=", dir, "/", name, "_cert.pem,", daemon,
              "_cert_key_file=", dir, "/", name, "_cert_key.pem");
  }
  return text;
}

Settings BaseSettings(const Layout& layout, const UpOptions& options, uint32_t cpus,
                      uint64_t memory) {
  std::string user = UserName();
  Settings settings = {
      {"ClusterName", layout.ClusterName()},
      {"SlurmctldHost", StrCat("ctl(", FormatAddress(layout.Subnet() + 1), ")")},
      {"SlurmctldPort", "6817"},
      {"SlurmdPort", "6818"},
      {"SlurmUser", user},
      {"SlurmdUser", user},
      {"AuthType", "auth/munge"},
      {"AuthInfo", StrCat("socket=", layout.MungeSocket())},
      {"CredType", "cred/munge"},
      {"ReeveSocketDir", layout.sockets},
      {"StateSaveLocation", layout.StateDir()},
      {"SlurmdSpoolDir", layout.SpoolDir() + "/%n"},
      {"SlurmctldLogFile", layout.Log("reevectld")},
      {"SlurmdLogFile", layout.Log("reevenoded-%n")},
      {"AccountingStorageType", "accounting_storage/slurmdbd"},
      {"AccountingStorageHost", "ctl"},
      {"AccountingStoragePort", "6819"},
      {"ReeveAccountingLogFile", layout.Log("reevedbd")},
      {"SelectType", "select/cons_tres"},
      {"SelectTypeParameters", "CR_CPU_Memory"},
      {"DefMemPerCPU", StrCat(std::max<uint64_t>(1, memory / cpus))},
      {"SlurmdParameters", "config_overrides"},
      {"ReturnToService", "2"},
  };
  if (!options.gres.empty()) settings.emplace_back("GresTypes", GresTypes(options.gres));
  if (options.tls) {
    settings.emplace_back("TLSType", "tls/s2n");
    settings.emplace_back("TLSParameters", TlsParameters(layout));
  }
  return settings;
}

// A key given with --set takes the place of ours, in its place.
void Override(Settings* settings, const Settings& given) {
  for (const auto& [key, value] : given) {
    bool replaced = false;
    for (auto& setting : *settings) {
      if (!EqualsIgnoreCase(setting.first, key)) continue;
      setting.second = value;
      replaced = true;
    }
    if (!replaced) settings->emplace_back(key, value);
  }
}

std::string Range(std::string_view prefix, uint32_t first, uint32_t last) {
  if (first == last) return StrCat(prefix, first);
  return StrCat(prefix, "[", first, "-", last, "]");
}

// A line per block of 256 addresses: the ranges of names and addresses have equal lengths.
std::string NodeLines(uint32_t subnet, const UpOptions& options, uint32_t cpus, uint64_t memory) {
  std::string text;
  for (uint32_t first = 1; first <= options.nodes; first += kNodesPerBlock) {
    uint32_t last = std::min(options.nodes, first + kNodesPerBlock - 1);
    uint32_t block = subnet + (first - 1) / kNodesPerBlock * 256;
    std::string network = FormatAddress(block);
    network.resize(network.rfind('.') + 1);
    StrAppend(&text, "NodeName=", Range("n", first, last),
              " NodeAddr=", Range(network, kFirstNodeAddress, kFirstNodeAddress + last - first),
              " CPUs=", cpus, " RealMemory=", memory,
              options.gres.empty() ? "" : StrCat(" Gres=", options.gres), " State=UNKNOWN\n");
  }
  return text;
}

absl::StatusOr<uint32_t> ParseAddress(const std::string& name, const std::string& text) {
  in_addr address;
  if (inet_pton(AF_INET, text.c_str(), &address) != 1) {
    return absl::FailedPreconditionError(
        StrCat("host ", name, " needs an IPv4 address in slurm.conf, not '", text, "'"));
  }
  return ntohl(address.s_addr);
}

}  // namespace

Machine ThisMachine() {
  Machine machine;
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) machine.cpus = CPU_COUNT(&allowed);
  struct sysinfo info;
  if (sysinfo(&info) == 0) {
    machine.memory_mb = uint64_t{info.totalram} * info.mem_unit / (1 << 20);
  }
  return machine;
}

uint64_t DeclaredCpus(const Config& config) {
  uint64_t declared = 0;
  for (const NodeConfig& node : config.nodes) declared += node.cpus;
  return declared;
}

bool IsOvercommitted(const Config& config) {
  return DeclaredCpus(config) > ThisMachine().cpus;
}

std::string WriteConf(const Layout& layout, const UpOptions& options, const Machine& machine) {
  uint32_t cpus = options.cpus != 0 ? options.cpus : machine.cpus;
  uint64_t memory = options.memory_mb != 0 ? options.memory_mb : machine.memory_mb;
  Settings settings = BaseSettings(layout, options, cpus, memory);
  Override(&settings, options.settings);
  std::string text = StrCat(
      kOptionsLine, " ", options.given,
      "\n# It may be edited; `reeve cluster down --keep` and `up` make changes of nodes real.\n");
  for (const auto& [key, value] : settings) StrAppend(&text, key, "=", value, "\n");
  StrAppend(&text, "\n", NodeLines(layout.Subnet(), options, cpus, memory),
            "PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP\n");
  return text;
}

std::string OptionsOf(const std::string& conf_text) {
  std::string_view first = std::string_view(conf_text).substr(0, conf_text.find('\n'));
  if (!first.starts_with(kOptionsLine)) return "";
  return std::string(Strip(first.substr(kOptionsLine.size())));
}

absl::StatusOr<HostsPlan> PlanHosts(const Config& config) {
  if (config.controllers.size() != 1) {
    return absl::FailedPreconditionError("an embedded cluster has exactly one SlurmctldHost");
  }
  if (config.socket_dir.empty()) {
    return absl::FailedPreconditionError("an embedded cluster needs ReeveSocketDir");
  }
  if (config.nodes.size() > kMaxNodes) {
    return absl::FailedPreconditionError(
        StrCat("an embedded cluster has ", kMaxNodes, " nodes at most"));
  }
  HostsPlan plan;
  const ControllerHost& controller = config.controllers.front();
  absl::StatusOr<uint32_t> address = ParseAddress(controller.host, controller.addr);
  if (!address.ok()) return address.status();
  plan.controller = {controller.host, *address};
  plan.login = {"login", *address + 1};

  std::set<std::string> names = {plan.controller.name, plan.login.name};
  std::set<uint32_t> addresses = {plan.controller.address, plan.login.address};
  uint32_t mask = ~uint32_t{0} << (32 - kPrefixLength);
  for (const NodeConfig& node : config.nodes) {
    absl::StatusOr<uint32_t> node_address = ParseAddress(node.name, node.address);
    if (!node_address.ok()) return node_address.status();
    if ((*node_address & mask) != (*address & mask) || (*node_address >> 24) != 10) {
      return absl::FailedPreconditionError(StrCat("NodeAddr=", node.address, " of ", node.name,
                                                  " is outside of ", FormatAddress(*address & mask),
                                                  "/", kPrefixLength,
                                                  ", the network of the cluster's controller"));
    }
    if (!names.insert(node.name).second || !addresses.insert(*node_address).second) {
      return absl::FailedPreconditionError(
          StrCat("host ", node.name, " (", node.address, ") is there twice"));
    }
    plan.nodes.push_back({node.name, *node_address});
  }
  return plan;
}

std::string HostsFile(const HostsPlan& plan) {
  std::string text = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n";
  auto add = [&text](const HostPlan& host) {
    StrAppend(&text, FormatAddress(host.address), " ", host.name, "\n");
  };
  add(plan.controller);
  add(plan.login);
  for (const HostPlan& node : plan.nodes) add(node);
  return text;
}

}  // namespace reeve::cluster
