// Talking to a cluster's keeper. The protocol: one packet each way on a SOCK_SEQPACKET connection,
// a connection a request.
//   start DAEMON    -> ok PID             (also when it runs already)
//   list            -> ok, then a line "NAME HOST PID STATE" a daemon (see DaemonState)
//   enter HOST      -> ok, with the descriptors of HostHandles in their order
//   stop            -> ok, once nothing of the cluster runs but the keeper, which then exits
// and "error TEXT" to all of them.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/cluster/layout.h"
#include "cli/cluster/namespaces.h"
#include "cli/cluster/processes.h"

namespace reeve::cluster {

struct DaemonState {
  std::string name;
  std::string host;
  pid_t pid = 0;  // 0: never started
  bool running = false;
  int exit_status = 0;  // as wait(2) gives it, when it was started and does not run
};
std::string DescribeExit(int exit_status);  // "exit code 1", "signal 9"

class KeeperClient {
 public:
  // NotFound when no keeper runs for this folder.
  static absl::StatusOr<KeeperClient> Connect(const Layout& layout);

  absl::StatusOr<pid_t> Start(const std::string& daemon);
  absl::StatusOr<std::vector<DaemonState>> List();
  absl::StatusOr<HostHandles> Enter(const std::string& host);
  absl::Status Stop();

 private:
  explicit KeeperClient(Layout layout) : layout_(std::move(layout)) {}
  absl::StatusOr<std::string> Ask(const std::string& request, std::vector<os::UniqueFd>* fds);

  Layout layout_;
};

// Starts a keeper and waits until its hosts are there. The error says what the machine refused.
absl::Status LaunchKeeper(const Layout& layout);

// Ends what a cluster whose keeper is gone has left: processes, cgroups, socket files.
absl::Status SweepLeftovers(const Layout& layout);

// The files by which the processes of this folder's clusters are known: one a keeper.
std::vector<std::string> HostsFiles(const Layout& layout);

}  // namespace reeve::cluster
