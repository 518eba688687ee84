// Where everything of one embedded cluster lies: paths in its folder, its name, its subnet.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace reeve::cluster {

struct Layout {
  std::string folder;   // absolute; 0700, owned by the cluster's user
  std::string sockets;  // folder/run; elsewhere when a socket's path would not fit there

  std::string Conf() const { return folder + "/slurm.conf"; }
  std::string MungeDir() const { return folder + "/munge"; }
  std::string MungeKey() const { return folder + "/munge/munge.key"; }
  std::string TlsDir() const { return folder + "/tls"; }
  std::string StateDir() const { return folder + "/state"; }
  std::string SpoolDir() const { return folder + "/spool"; }
  std::string LogDir() const { return folder + "/log"; }
  std::string RunDir() const { return folder + "/run"; }
  std::string LockFile() const { return folder + "/run/lock"; }
  std::string KeeperPid() const { return folder + "/run/keeper.pid"; }  // "pid start-time"
  std::string MungeSocket() const { return sockets + "/munge.sock"; }
  std::string KeeperSocket() const { return sockets + "/keeper.sock"; }
  // The log of a daemon; what it prints before its log is open goes there too.
  std::string Log(const std::string& daemon) const { return LogDir() + "/" + daemon + ".log"; }

  // A name no other cluster of this machine has: it keys cgroups and accounting records.
  std::string ClusterName() const;
  // The first address of this cluster's own 10.x.y.0/21, host byte order. The networks of two
  // clusters never meet; different addresses keep logs and people from mixing them up.
  uint32_t Subnet() const;
};
inline constexpr int kPrefixLength = 21;

// `folder`: as given with --dir; empty: $REEVE_CLUSTER, else reeve/cluster in the user's state
// folder ($XDG_STATE_HOME, ~/.local/state). Nothing is created.
absl::StatusOr<Layout> FindLayout(const std::string& folder);

// Creates the folder and those in it, with their rights. FailedPrecondition when it is another
// user's, or holds files and no cluster.
absl::Status CreateFolders(const Layout& layout);

// Deletes what CreateFolders and the cluster have put there; the folder itself if nothing else is
// in it.
absl::Status RemoveFolders(const Layout& layout);

std::string FormatAddress(uint32_t address);  // 10.1.2.3

}  // namespace reeve::cluster
