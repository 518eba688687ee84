// The environment of Prolog and Epilog: built from nothing, so that no variable of a user's, and
// none of whoever started the daemon, reaches what runs as root. Names and meanings as in Slurm's
// "Prolog and Epilog Guide"; those whose values are a user's own text (comment, working directory,
// file names, account) are left out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "noded/core/prolog_machine.h"

namespace reeve::noded {

// pb::JobFacts as core sees it.
struct JobFacts {
  JobKey key;
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::string user_name;
  std::string nodes;  // hostlist
  uint32_t num_nodes = 0;
  std::string partition;
  std::optional<JobId> array_job;
  std::optional<uint32_t> array_task;
  int32_t exit_status = 0;  // as wait(2) gives it
  int32_t derived_exit_status = 0;
};

// What is the same for all scripts of a node.
struct ScriptSite {
  std::string node;
  std::string cluster;
  std::string config_path;  // of slurm.conf
};

std::vector<std::string> ScriptEnvironment(const ScriptSite& site, const JobFacts& facts,
                                           ScriptKind kind);
// Of a HealthCheckProgram, which has no job.
std::vector<std::string> HealthCheckEnvironment(const ScriptSite& site);

}  // namespace reeve::noded
