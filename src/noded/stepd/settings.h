// What a node daemon tells its forker, and thereby every stepd, on the command line.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/os/log.h"
#include "noded/stepd/cgroup.h"

namespace reeve::noded {

struct StepdSettings {
  std::string spool_dir;
  std::string node;
  std::string cluster;      // names the cgroups; unique on this machine
  std::string config_path;  // slurm.conf, for SLURM_CONF; may be empty
  absl::Duration kill_wait = absl::Seconds(30);
  std::string task_prolog;  // of the configuration; empty: none
  std::string task_epilog;
  bool bind_cores = false;  // tasks are kept on the cores the controller chose
  bool cgroups = true;      // false: as if none were writable (for tests)
  os::LogOptions log;

  NodeCgroups node_cgroups() const {
    return {cgroups ? FindCgroupMounts() : std::vector<CgroupMount>{}, cluster, node};
  }
};

std::vector<std::string> ToArguments(const StepdSettings& settings);
absl::StatusOr<StepdSettings> ParseStepdArguments(const std::vector<std::string>& arguments);

}  // namespace reeve::noded
