#include "noded/core/script_environment.h"

#include <algorithm>

#include "common/base/text.h"
#include "noded/core/environment.h"

namespace reeve::noded {
namespace {

constexpr char kPath[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

Environment Common(const ScriptSite& site) {
  Environment environment;
  environment.Set("PATH", kPath);
  environment.Set("SLURMD_NODENAME", site.node);
  environment.Set("SLURM_CLUSTER_NAME", site.cluster);
  if (!site.config_path.empty()) environment.Set("SLURM_CONF", site.config_path);
  return environment;
}

// A name from the controller that is no plain word is no name.
void SetWord(Environment* environment, std::string_view name, std::string_view value) {
  const bool plain = std::all_of(value.begin(), value.end(), [](unsigned char c) {
    return c > ' ' && c != 0x7f && c != '$' && c != '`' && c != '\'' && c != '"' && c != '\\';
  });
  if (plain && !value.empty()) environment->Set(name, value);
}

}  // namespace

std::vector<std::string> ScriptEnvironment(const ScriptSite& site, const JobFacts& facts,
                                           ScriptKind kind) {
  Environment environment = Common(site);
  const std::string job = StrCat(facts.key.job.value);
  environment.Set("SLURM_JOB_ID", job);
  environment.Set("SLURM_JOBID", job);
  environment.Set("SLURM_JOB_UID", StrCat(facts.uid));
  environment.Set("SLURM_JOB_GID", StrCat(facts.gid));
  SetWord(&environment, "SLURM_JOB_USER", facts.user_name);
  SetWord(&environment, "SLURM_JOB_NODELIST", facts.nodes);
  SetWord(&environment, "SLURM_JOB_PARTITION", facts.partition);
  environment.Set("SLURM_JOB_NUM_NODES", StrCat(facts.num_nodes));
  environment.Set("SLURM_JOB_RESTART_COUNT", StrCat(facts.key.attempt));
  if (facts.array_job.has_value()) {
    environment.Set("SLURM_ARRAY_JOB_ID", StrCat(facts.array_job->value));
    if (facts.array_task.has_value()) {
      environment.Set("SLURM_ARRAY_TASK_ID", StrCat(*facts.array_task));
    }
  }
  if (kind == ScriptKind::kProlog) {
    environment.Set("SLURM_SCRIPT_CONTEXT", "prolog_slurmd");
    return environment.Entries();
  }
  environment.Set("SLURM_SCRIPT_CONTEXT", "epilog_slurmd");
  const int32_t status = facts.exit_status;
  environment.Set("SLURM_JOB_EXIT_CODE", StrCat(status));
  environment.Set("SLURM_JOB_EXIT_CODE2", StrCat((status >> 8) & 0xff, ":", status & 0x7f));
  environment.Set("SLURM_JOB_DERIVED_EC", StrCat(facts.derived_exit_status));
  return environment.Entries();
}

std::vector<std::string> HealthCheckEnvironment(const ScriptSite& site) {
  return Common(site).Entries();
}

}  // namespace reeve::noded
