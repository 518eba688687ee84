#include "cli/submit_env.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "cli/text_match.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

std::string_view NameOf(std::string_view variable) {
  return variable.substr(0, variable.find('='));
}

const std::string* Find(const std::vector<std::string>& environment, std::string_view name) {
  for (const std::string& variable : environment) {
    if (NameOf(variable) == name) return &variable;
  }
  return nullptr;
}

bool IsOfSlurm(std::string_view variable) {
  return variable.starts_with("SLURM_") || variable.starts_with("SPANK_");
}

// At commas outside of quotes; the quotes go.
std::vector<std::string> SplitExportList(std::string_view text) {
  std::vector<std::string> items(1);
  char quote = 0;
  for (char c : text) {
    if (quote != 0 ? c == quote : (c == '\'' || c == '"')) {
      quote = quote != 0 ? 0 : c;
    } else if (c == ',' && quote == 0) {
      items.emplace_back();
    } else {
      items.back() += c;
    }
  }
  std::erase(items, "");
  return items;
}

void AddSlurmVariables(const std::vector<std::string>& environment, std::vector<std::string>* out) {
  for (const std::string& variable : environment) {
    if (IsOfSlurm(variable))
      SetVariable(out, NameOf(variable), variable.substr(NameOf(variable).size() + 1));
  }
}

// What a job, step or task is told about itself. Wishes that a user may hold in the environment
// for all jobs (SLURM_CONF, SLURM_TIME_FORMAT, ...) are not among them.
bool BelongsToOuterJob(std::string_view name) {
  if (Contains(name, "_HET_GROUP_") || name == "SLURM_HET_SIZE") return true;
  static constexpr std::array<std::string_view, 43> kNames = {"SLURM_JOBID",
                                                              "SLURM_NODELIST",
                                                              "SLURM_NNODES",
                                                              "SLURM_NTASKS",
                                                              "SLURM_NPROCS",
                                                              "SLURM_NTASKS_PER_NODE",
                                                              "SLURM_NTASKS_PER_SOCKET",
                                                              "SLURM_NTASKS_PER_CORE",
                                                              "SLURM_THREADS_PER_CORE",
                                                              "SLURM_HINT",
                                                              "SLURM_TASKS_PER_NODE",
                                                              "SLURM_CPUS_PER_TASK",
                                                              "SLURM_TRES_PER_TASK",
                                                              "SLURM_CPUS_ON_NODE",
                                                              "SLURM_CPUS_PER_GPU",
                                                              "SLURM_GPUS",
                                                              "SLURM_GPUS_ON_NODE",
                                                              "SLURM_GPUS_PER_NODE",
                                                              "SLURM_GPUS_PER_TASK",
                                                              "SLURM_MEM_PER_GPU",
                                                              "SLURM_MEM_PER_NODE",
                                                              "SLURM_MEM_PER_CPU",
                                                              "SLURM_NODEID",
                                                              "SLURM_PROCID",
                                                              "SLURM_LOCALID",
                                                              "SLURM_GTIDS",
                                                              "SLURM_TASK_PID",
                                                              "SLURM_STEPID",
                                                              "SLURM_NODE_ALIASES",
                                                              "SLURM_TOPOLOGY_ADDR",
                                                              "SLURM_TOPOLOGY_ADDR_PATTERN",
                                                              "SLURM_DISTRIBUTION",
                                                              "SLURM_RESTART_COUNT",
                                                              "SLURM_OVERCOMMIT",
                                                              "SLURM_EXPORT_ENV",
                                                              "SLURM_GET_USER_ENV",
                                                              "SLURM_OOM_KILL_STEP",
                                                              "SLURM_CPU_BIND",
                                                              "SLURM_MPI_TYPE",
                                                              "SLURM_SRUN_COMM_HOST",
                                                              "SLURM_SRUN_COMM_PORT",
                                                              "SLURM_LAUNCH_NODE_IPADDR",
                                                              "SLURMD_NODENAME"};
  return name.starts_with("SLURM_JOB_") || name.starts_with("SLURM_STEP_") ||
         name.starts_with("SLURM_ARRAY_") ||
         std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

}  // namespace

void SetVariable(std::vector<std::string>* environment, std::string_view name,
                 std::string_view value) {
  std::string text = StrCat(name, "=", value);
  for (std::string& variable : *environment) {
    if (NameOf(variable) == name) {
      variable = std::move(text);
      return;
    }
  }
  environment->push_back(std::move(text));
}

ExportedEnvironment ExportEnvironment(const std::vector<std::string>& environment,
                                      const std::optional<std::string>& text) {
  ExportedEnvironment exported;
  if (!text.has_value() || EqualsIgnoreCase(*text, "ALL")) {
    exported.variables = environment;
  } else if (EqualsIgnoreCase(*text, "NIL")) {
    exported.is_partial = true;
  } else {
    exported.is_partial = true;
    std::vector<std::string> items = SplitExportList(*text);
    for (const std::string& item : items) {
      if (EqualsIgnoreCase(item, "ALL")) {
        exported.variables = environment;
        exported.is_partial = false;
      }
    }
    AddSlurmVariables(environment, &exported.variables);
    for (const std::string& item : items) {
      size_t equals = item.find('=');
      if (equals != std::string::npos) {
        SetVariable(&exported.variables, item.substr(0, equals), item.substr(equals + 1));
      } else if (const std::string* found = Find(environment, item)) {
        SetVariable(&exported.variables, item, std::string_view(*found).substr(item.size() + 1));
      }
    }
    SetVariable(&exported.variables, "SLURM_GET_USER_ENV", "1");
  }
  if (text.has_value()) SetVariable(&exported.variables, "SLURM_EXPORT_ENV", *text);
  return exported;
}

std::vector<std::string> WithoutOuterJob(std::vector<std::string> environment) {
  if (Find(environment, "SLURM_JOB_ID") == nullptr) return environment;
  std::erase_if(environment, [](const std::string& v) { return BelongsToOuterJob(NameOf(v)); });
  return environment;
}

std::vector<std::string> ProcessEnvironment() {
  std::vector<std::string> environment;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (Contains(*variable, "=")) environment.emplace_back(*variable);
  }
  return environment;
}

}  // namespace reeve::cli
