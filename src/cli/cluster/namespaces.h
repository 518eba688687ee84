// Virtual hosts: a UTS, a network and a mount namespace each, so that a process in one sees its own
// host name, addresses, /etc/hosts and /dev/shm, and everything else as the machine has it.
//
//     ctl: br0 10.x.y.1 --+-- v1 ... eth0 of login
//                         +-- v2 ... eth0 of n1      (veth pairs; the bridge lives in ctl)
//                         +-- v3 ... eth0 of n2
//
// All of it may lie in a user namespace (rootless), which maps the user's own ids to themselves.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/cluster/conf_writer.h"
#include "common/os/fd.h"

namespace reeve::cluster {

// What keeps a host alive and lets a process in. Nobody needs to run in it.
struct HostHandles {
  os::UniqueFd user;  // the user namespace that owns the others
  os::UniqueFd net;
  os::UniqueFd uts;
  os::UniqueFd mnt;
  os::UniqueFd root;  // the root folder there: differs from the namespace's own under chroot
};

// True when this process may create hosts without a user namespace of its own.
bool HasHostCapabilities();

// Moves the calling process (single-threaded) into a new user namespace that maps its own user and
// group id to themselves, with all capabilities in it, also across exec. The error says what the
// machine lacks.
absl::Status EnterUserNamespace();

// Creates all hosts of the plan, in the order controller, login, nodes. `hosts_file` becomes their
// /etc/hosts: its path is also the mark by which processes of this cluster are known (processes.h).
absl::StatusOr<std::vector<HostHandles>> CreateHosts(const HostsPlan& plan,
                                                     const std::string& hosts_file);

// Moves the calling process (single-threaded) into the host. Its working directory becomes `cwd`,
// or / when that does not exist there.
absl::Status EnterHost(const HostHandles& host, const std::string& cwd);

// Gives up what a program started from here must not have: capabilities kept across exec.
void DropAmbientCapabilities();

}  // namespace reeve::cluster
