#include "cli/cluster/readiness.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <set>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "cli/cluster/keeper_client.h"
#include "cli/cluster/packet.h"
#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "common/rpc/client.h"
#include "common/rpc/endpoints.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::cluster {
namespace {

namespace pb = reeve::v1;

constexpr absl::Duration kPoll = absl::Milliseconds(20);
constexpr absl::Duration kSocketPatience = absl::Seconds(20);
constexpr absl::Duration kNodePatience = absl::Seconds(40);  // and a part of a second a node
constexpr absl::Duration kPatiencePerNode = absl::Milliseconds(500);

volatile sig_atomic_t interrupted = 0;

// Ctrl-C while a cluster comes up takes down what has come up.
void CatchInterrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
}

bool Accepts(const std::string& socket_path) {
  // munged counts only stream connections; a connection closed at once disturbs no daemon.
  os::UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address = SocketAddress(socket_path);
  return connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
}

std::string DescribeFailure(const Layout& layout, const DaemonState& daemon) {
  std::string log = layout.Log(daemon.name);
  std::string last = LastLine(log);
  bool names_log = last.find(log) != std::string::npos;
  return StrCat(daemon.name, " on ", daemon.host, " ended with ", DescribeExit(daemon.exit_status),
                last.empty() ? "" : ": " + last, names_log ? "" : "\nits log: " + log);
}

bool Usable(const pb::Node& node) {
  return node.responding() &&
         (node.state() == pb::NODE_STATE_IDLE || node.state() == pb::NODE_STATE_ALLOCATED ||
          node.state() == pb::NODE_STATE_MIXED);
}

class Starter {
 public:
  Starter(const Layout& layout, const Config& config, Progress* progress)
      : layout_(layout),
        config_(config),
        progress_(progress),
        controller_socket_(rpc::ControllerSocket(config).substr(strlen("unix:"))) {}

  absl::Status Run(const std::vector<DaemonSpec>& daemons);

 private:
  absl::Status StartMissing(const std::vector<DaemonSpec>& daemons);
  absl::Status WaitForSocket(const std::string& daemon, const std::string& path);
  absl::Status WaitForNodes();
  absl::Status CheckAlive();
  bool AllUsable(const pb::QueryClusterResponse& cluster);

  const Layout& layout_;
  const Config& config_;
  Progress* progress_;
  std::string controller_socket_;
  std::set<std::string> started_;     // daemons that this call has started
  std::set<std::string> ran_before_;  // those it found running
  int64_t start_seconds_ = absl::ToUnixSeconds(absl::Now());
  std::vector<std::string> missing_;  // nodes that are not usable yet, with what they lack
};

absl::Status Starter::CheckAlive() {
  if (interrupted != 0) return absl::CancelledError("interrupted");
  absl::StatusOr<KeeperClient> keeper = KeeperClient::Connect(layout_);
  if (!keeper.ok()) return keeper.status();
  absl::StatusOr<std::vector<DaemonState>> states = keeper->List();
  if (!states.ok()) return states.status();
  for (const DaemonState& state : *states) {
    if (state.running) continue;
    if (state.pid != 0 && started_.contains(state.name)) {
      return absl::FailedPreconditionError(DescribeFailure(layout_, state));
    }
    if (!ran_before_.contains(state.name)) continue;  // its turn comes
    // It was dying when the list was first read.
    if (absl::StatusOr<pid_t> pid = keeper->Start(state.name); !pid.ok()) return pid.status();
    started_.insert(state.name);
  }
  return absl::OkStatus();
}

absl::Status Starter::StartMissing(const std::vector<DaemonSpec>& daemons) {
  absl::StatusOr<KeeperClient> keeper = KeeperClient::Connect(layout_);
  if (!keeper.ok()) return keeper.status();
  absl::StatusOr<std::vector<DaemonState>> states = keeper->List();
  if (!states.ok()) return states.status();
  std::map<std::string, bool> running;
  for (const DaemonState& state : *states) running[state.name] = state.running;

  bool nodes = false;
  for (const DaemonSpec& daemon : daemons) {
    auto it = running.find(daemon.name);
    if (it == running.end()) {
      return absl::FailedPreconditionError(
          StrCat("slurm.conf has ", daemon.host,
                 " now, the running cluster has not: take it down with --keep and up again"));
    }
    // What a node's daemon dials first must be there: its second try would be a second later.
    if (!nodes && daemon.name != kMunged && daemon.name != kController &&
        daemon.name != kAccounting) {
      nodes = true;
      absl::Status status = WaitForSocket(kController, controller_socket_);
      if (!status.ok()) return status;
    }
    if (it->second) {
      ran_before_.insert(daemon.name);
      continue;
    }
    // A socket file of a killed controller must not pass for the new one's.
    if (daemon.name == kController) unlink(controller_socket_.c_str());
    absl::StatusOr<pid_t> pid = keeper->Start(daemon.name);
    if (!pid.ok()) return pid.status();
    started_.insert(daemon.name);
    if (daemon.name == kMunged) {
      absl::Status status = WaitForSocket(kMunged, layout_.MungeSocket());
      if (!status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

absl::Status Starter::WaitForSocket(const std::string& daemon, const std::string& path) {
  progress_->Show("waiting for " + daemon);
  absl::Time deadline = absl::Now() + kSocketPatience;
  while (!Accepts(path)) {
    if (absl::Status status = CheckAlive(); !status.ok()) return status;
    if (absl::Now() > deadline) {
      return absl::DeadlineExceededError(StrCat(daemon, " does not answer on ", path, ": ",
                                                LastLine(layout_.Log(daemon)),
                                                "\nits log: ", layout_.Log(daemon)));
    }
    absl::SleepFor(kPoll);
  }
  return absl::OkStatus();
}

bool Starter::AllUsable(const pb::QueryClusterResponse& cluster) {
  std::map<std::string, const pb::Node*> nodes;
  for (const pb::Node& node : cluster.nodes()) nodes[node.name()] = &node;
  missing_.clear();
  for (const NodeConfig& node : config_.nodes) {
    auto it = nodes.find(node.name);
    bool fresh = !started_.contains(NodeDaemon(node.name));
    if (it != nodes.end() && !fresh) fresh = it->second->start_time() + 1 >= start_seconds_;
    if (it != nodes.end() && fresh && Usable(*it->second)) continue;
    missing_.push_back(node.name);
  }
  return missing_.empty();
}

absl::Status Starter::WaitForNodes() {
  absl::Time deadline =
      absl::Now() + kNodePatience + kPatiencePerNode * static_cast<double>(config_.nodes.size());
  rpc::Channel channel(rpc::ControllerSocketTarget(config_), rpc::MungeOf(config_));
  absl::Status last = absl::OkStatus();
  for (;;) {
    absl::StatusOr<pb::QueryClusterResponse> cluster = channel.Call<pb::QueryClusterResponse>(
        "Controller/QueryCluster", pb::QueryClusterRequest(), absl::Seconds(5));
    last = cluster.status();
    if (cluster.ok() && AllUsable(*cluster)) return absl::OkStatus();
    if (absl::Status status = CheckAlive(); !status.ok()) return status;
    if (absl::Now() > deadline) break;
    progress_->Show(absl::StrFormat("%d of %d nodes idle", config_.nodes.size() - missing_.size(),
                                    config_.nodes.size()));
    absl::SleepFor(kPoll);
  }
  if (!last.ok()) return Annotate(last, "the controller does not answer");
  std::string log = layout_.Log(NodeDaemon(missing_.front()));
  return absl::DeadlineExceededError(StrCat("not idle in time: ", CompressHostlist(missing_), "; ",
                                            missing_.front(), " says last: ", LastLine(log),
                                            "\nits log: ", log));
}

absl::Status Starter::Run(const std::vector<DaemonSpec>& daemons) {
  if (absl::Status status = StartMissing(daemons); !status.ok()) return status;
  return WaitForNodes();
}

}  // namespace

absl::Status StartAndWait(const Layout& layout, const Config& config,
                          const std::vector<DaemonSpec>& daemons, Progress* progress) {
  CatchInterrupts();
  return Starter(layout, config, progress).Run(daemons);
}

std::string LastLine(const std::string& path) {
  absl::StatusOr<std::string> text = os::ReadFile(path);
  if (!text.ok()) return "";
  std::string_view stripped = Strip(*text);
  return std::string(stripped.substr(stripped.rfind('\n') + 1));
}

}  // namespace reeve::cluster
