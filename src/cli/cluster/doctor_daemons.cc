// Checks of what should be running: munged, controller, accounting, nodes.
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "cli/cluster/doctor.h"
#include "cli/cluster/keeper_client.h"
#include "cli/cluster/packet.h"
#include "cli/cluster/ports.h"
#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "common/os/fd.h"
#include "common/rpc/client.h"
#include "common/rpc/endpoints.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::cluster {
namespace {

namespace pb = reeve::v1;

constexpr char kMungeSocket[] = "/run/munge/munge.socket.2";
constexpr char kMungeKey[] = "/etc/munge/munge.key";
constexpr absl::Duration kPatience = absl::Seconds(3);
constexpr int64_t kNoticeableSkew = 5;
constexpr int64_t kFatalSkew = 250;  // munged refuses credentials older than 300 s

std::string StartHint(const Patient& patient, const std::string& service) {
  if (patient.cluster.has_value()) return "reeve cluster up --dir " + patient.cluster->folder;
  return StrCat("systemctl enable --now ", service, "; then journalctl -u ", service);
}

void CheckMungeKey(const Patient& patient, Report* report) {
  std::string path = patient.cluster.has_value() ? patient.cluster->MungeKey() : kMungeKey;
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    if (errno == EACCES) return;  // as it should be for a plain user
    report->Error("munge", StrCat("its key ", path, ": ", strerror(errno)),
                  patient.cluster.has_value() ? StartHint(patient, "")
                                              : "copy the cluster's key there, or mungekey -c");
  } else if ((info.st_mode & 077) != 0) {
    report->Error(
        "munge",
        absl::StrFormat("its key %s is open to others (mode %04o)", path, info.st_mode & 07777),
        "chmod 0600 " + path + ", and make a new key: this one may be known");
  }
}

void CheckClock(int64_t controller_time, const std::string& host, Report* report) {
  int64_t skew = std::abs(absl::ToUnixSeconds(absl::Now()) - controller_time);
  std::string text = absl::StrFormat("%d s apart from %s", skew, host);
  if (skew <= kNoticeableSkew) {
    report->Ok("clock", skew <= 1 ? "agrees with " + host : text);
  } else if (skew < kFatalSkew) {
    report->Warning("clock", text, "run an NTP client on both (apt-get install chrony)");
  } else {
    report->Error("clock", text + ": credentials are refused as expired or from the future",
                  "run an NTP client on both (apt-get install chrony)");
  }
}

// A daemon that should be on this host and does not answer: is another program on its port?
std::string PortNote(uint16_t port) {
  std::string program = ListenerOf(port);
  if (program.empty()) return "";
  return absl::StrFormat("; port %d is held by %s", port, program);
}

}  // namespace

void CheckMunge(const Patient& patient, Report* report) {
  std::string socket = patient.config->auth_socket;
  if (socket.empty()) socket = kMungeSocket;
  CheckMungeKey(patient, report);
  absl::Time began = absl::Now();
  rpc::Munge munge = rpc::MungeOf(*patient.config);
  absl::StatusOr<std::string> credential = munge.Encode("reeve doctor");
  if (!credential.ok()) {
    report->Error("munge", StrCat("no answer on ", socket, ": ", Message(credential.status())),
                  StartHint(patient, "munge"));
    return;
  }
  absl::StatusOr<rpc::Credential> decoded = munge.Decode(*credential);
  if (!decoded.ok()) {
    report->Error("munge", StrCat("its own credential is refused: ", Message(decoded.status())),
                  "restart munged; check this host's clock");
  } else if (decoded->identity.uid != geteuid()) {
    report->Error(
        "munge",
        absl::StrFormat("takes this user (uid %d) for uid %d", geteuid(), decoded->identity.uid),
        "run munged in the same user namespace as the commands");
  } else {
    report->Ok("munge", absl::StrFormat("credential made and read back in %.1f ms",
                                        absl::ToDoubleMilliseconds(absl::Now() - began)));
  }
}

void CheckController(const Patient& patient, Report* report) {
  const rpc::Target target = rpc::ControllerTarget(*patient.config);
  rpc::Channel channel(target, rpc::MungeOf(*patient.config));
  absl::StatusOr<pb::PingResponse> pong =
      channel.Call<pb::PingResponse>("Controller/Ping", pb::PingRequest(), kPatience);
  if (!pong.ok()) {
    std::string text =
        StrCat("reevectld does not answer at ", target.address, ": ", Message(pong.status()));
    if (patient.is_controller) text += PortNote(patient.config->slurmctld_port);
    report->Error("controller", text, StartHint(patient, "reevectld"));
    return;
  }
  report->Ok("controller", absl::StrFormat("reevectld %s on %s", pong->version(), pong->host()));
  if (pong->cluster() != patient.config->cluster_name) {
    report->Error("controller",
                  absl::StrFormat("it is of cluster %s, slurm.conf names %s", pong->cluster(),
                                  patient.config->cluster_name),
                  "correct SlurmctldHost or ClusterName");
  }
  CheckClock(pong->time(), pong->host(), report);
}

void CheckAccounting(const Patient& patient, Report* report) {
  const Config& config = *patient.config;
  if (!config.accounting) {
    report->Note("accounting", "switched off: AccountingStorageType is not given");
    return;
  }
  const std::string target = rpc::AccountingTarget(config).address;
  absl::Status status = TryConnect(target, kPatience);
  if (status.ok()) {
    report->Ok("accounting", "reevedbd listens at " + target);
    return;
  }
  std::string text = StrCat("reevedbd does not listen at ", target, ": ", Message(status));
  if (patient.is_controller) text += PortNote(config.accounting_port);
  report->Error("accounting", text, StartHint(patient, "reevedbd"));
}

void CheckNodes(const Patient& patient, Report* report) {
  rpc::Channel channel(rpc::ControllerTarget(*patient.config), rpc::MungeOf(*patient.config));
  absl::StatusOr<pb::QueryClusterResponse> cluster = channel.Call<pb::QueryClusterResponse>(
      "Controller/QueryCluster", pb::QueryClusterRequest(), kPatience);
  if (!cluster.ok()) return;  // said already
  std::vector<std::string> silent, down, drained, unreachable;
  for (const pb::Node& node : cluster->nodes()) {
    if (node.state() == pb::NODE_STATE_FUTURE) continue;
    if (!node.responding()) {
      silent.push_back(node.name());
    } else if (node.state() == pb::NODE_STATE_DOWN) {
      down.push_back(node.name());
    } else if (!TryConnect(rpc::NodeTarget(*patient.config, node).address, kPatience).ok()) {
      unreachable.push_back(node.name());
    }
    if (node.drain()) drained.push_back(node.name());
  }
  if (!silent.empty()) {
    report->Error("nodes", "not connected to the controller: " + CompressHostlist(silent),
                  StartHint(patient, "reevenoded") + (patient.cluster ? "" : " there"));
  }
  if (!down.empty()) {
    report->Error("nodes", "down: " + CompressHostlist(down),
                  "scontrol show node NAME says why; scontrol update nodename=NAME state=resume");
  }
  if (!unreachable.empty()) {
    report->Warning("nodes",
                    absl::StrFormat("up, but port %d cannot be reached from here: %s",
                                    patient.config->slurmd_port, CompressHostlist(unreachable)),
                    "open the port in the firewall: srun needs it, sbatch does not");
  }
  if (!drained.empty()) report->Note("nodes", "drained: " + CompressHostlist(drained));
  if (silent.empty() && down.empty()) {
    report->Ok("nodes", StrCat("all ", cluster->nodes_size(), " are up"));
  }
}

}  // namespace reeve::cluster
