// Finding and ending every process of a cluster, whoever its parent is by now.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace reeve::cluster {

// Clock ticks after boot at which the process started: with its pid, a name no other process ever
// has. Nothing when there is no such process.
std::optional<uint64_t> StartTime(pid_t pid);
bool IsZombie(pid_t pid);

// A process that is to be found again later: its pid may have gone to another one by then.
struct ProcessMark {
  pid_t pid = 0;
  uint64_t start_time = 0;
};
std::string FormatMark(const ProcessMark& mark);
std::optional<ProcessMark> ParseMark(const std::string& text);
bool IsAlive(const ProcessMark& mark);  // a zombie is not

// The processes that live in a host of the cluster: those whose /etc/hosts is `hosts_file`. Only
// its last component is compared, which must be unique. Zombies and this process are left out.
std::vector<pid_t> ProcessesInHosts(const std::string& hosts_file);

// SIGHUP, then SIGKILL to all of them, until none is left. DeadlineExceeded names those that stay.
absl::Status KillProcessesInHosts(const std::string& hosts_file, absl::Duration timeout);

// Kills what is left in the cgroups that this cluster's nodes have made, and removes those.
absl::Status RemoveCgroups(const std::string& cluster_name, absl::Duration timeout);

}  // namespace reeve::cluster
