// The configuration of a new embedded cluster, and what is read back from it.
//
// slurm.conf in the folder is the truth: it may be edited by hand, and everything else (hosts,
// addresses, daemons) is derived from it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/cluster/layout.h"
#include "common/base/config.h"

namespace reeve::cluster {

struct UpOptions {
  uint32_t nodes = 3;
  uint32_t cpus = 0;       // of each node; 0: as many as this machine has
  uint64_t memory_mb = 0;  // of each node; 0: as much as this machine has
  std::string gres;
  bool tls = false;  // with certificates of a CA of the cluster's own
  std::vector<std::pair<std::string, std::string>> settings;  // --set, over what we write
  std::string
      given;  // the options as typed, to tell whether an existing cluster was made with them
};
inline constexpr uint32_t kMaxNodes = 1000;  // a Linux bridge has 1,023 ports

struct Machine {
  uint32_t cpus = 1;
  uint64_t memory_mb = 1;
};
Machine ThisMachine();

uint64_t DeclaredCpus(const Config& config);  // of all nodes together
// The nodes share this machine's cores: nothing may be bound to one.
bool IsOvercommitted(const Config& config);

// The text of slurm.conf. Not validated: give it to ParseConfig.
std::string WriteConf(const Layout& layout, const UpOptions& options, const Machine& machine);

// The options an existing file was written with (UpOptions::given); "" for none.
std::string OptionsOf(const std::string& conf_text);

struct HostPlan {
  std::string name;
  uint32_t address = 0;  // host byte order
};
struct HostsPlan {
  HostPlan controller;
  HostPlan login;
  std::vector<HostPlan> nodes;
};
// FailedPrecondition when an address is missing or outside of one /21 of 10.0.0.0/8, or a name is
// taken twice.
absl::StatusOr<HostsPlan> PlanHosts(const Config& config);

std::string HostsFile(const HostsPlan& plan);  // the /etc/hosts of every host

}  // namespace reeve::cluster
