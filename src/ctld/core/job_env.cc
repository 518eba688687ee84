#include "ctld/core/job_env.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "ctld/core/shape.h"

namespace reeve::ctld {
namespace {

class EnvBuilder {
 public:
  template <typename Value>
  void Set(std::string_view name, const Value& value) {
    lines_.push_back(StrCat(name, "=", value));
  }
  void SetIf(bool condition, std::string_view name, std::string_view value) {
    if (condition) Set(name, value);
  }
  std::vector<std::string> Take() { return std::move(lines_); }

 private:
  std::vector<std::string> lines_;
};

std::string NodeList(const std::vector<NodeShare>& shares) {
  std::vector<std::string> nodes;
  for (const NodeShare& share : shares) nodes.push_back(share.node);
  return CompressHostlistInOrder(nodes);
}

std::vector<uint32_t> CpusOf(const std::vector<NodeShare>& shares) {
  std::vector<uint32_t> cpus;
  for (const NodeShare& share : shares) cpus.push_back(share.CpusForTasks());
  return cpus;
}
std::vector<uint32_t> TasksOf(const std::vector<NodeShare>& shares) {
  std::vector<uint32_t> tasks;
  for (const NodeShare& share : shares) tasks.push_back(share.tasks);
  return tasks;
}

// Wishes that srun takes up again.
void AddGresAsked(EnvBuilder& env, const JobSpec& spec) {
  std::string per_task = spec.cpus_per_task ? StrCat("cpu=", *spec.cpus_per_task) : "";
  if (spec.gres != nullptr) {
    const GresSpec& gres = *spec.gres;
    env.SetIf(!gres.gpus.empty(), "SLURM_GPUS", gres.gpus);
    env.SetIf(!gres.gpus_per_node.empty(), "SLURM_GPUS_PER_NODE", gres.gpus_per_node);
    env.SetIf(!gres.gpus_per_task.empty(), "SLURM_GPUS_PER_TASK", gres.gpus_per_task);
    if (gres.cpus_per_gpu) env.Set("SLURM_CPUS_PER_GPU", *gres.cpus_per_gpu);
    if (gres.mem_per_gpu_mb) env.Set("SLURM_MEM_PER_GPU", *gres.mem_per_gpu_mb);
    const absl::StatusOr<Gres> gpus = ParseGpus(gres.gpus_per_task);
    if (!gres.gpus_per_task.empty() && gpus.ok()) {
      StrAppend(&per_task, per_task.empty() ? "" : ",", "gres/gpu", gpus->type.empty() ? "" : ":",
                gpus->type, "=", gpus->count);
    }
  }
  env.SetIf(!per_task.empty(), "SLURM_TRES_PER_TASK", per_task);
}

void AddCpusAsked(EnvBuilder& env, const CpuWishes& wishes) {
  const auto set = [&](std::string_view name, uint32_t value) {
    if (value > 0) env.Set(name, value);
  };
  env.SetIf(!wishes.hint.empty(), "SLURM_HINT", wishes.hint);
  set("SLURM_THREADS_PER_CORE", wishes.threads_per_core);
  set("SLURM_NTASKS_PER_SOCKET", wishes.ntasks_per_socket);
  set("SLURM_NTASKS_PER_CORE", wishes.ntasks_per_core);
}

// What every process of the job sees alike.
void AddCommon(EnvBuilder& env, const Settings& settings, const Job& job) {
  const JobSpec& spec = *job.spec;
  env.Set("SLURM_CLUSTER_NAME", settings.cluster_name);
  env.Set("SLURM_JOB_ID", job.id.value);
  env.Set("SLURM_JOBID", job.id.value);
  env.Set("SLURM_JOB_NAME", spec.name);
  env.SetIf(!job.account.empty(), "SLURM_JOB_ACCOUNT", job.account.view());
  env.Set("SLURM_JOB_QOS", job.qos.view());
  const std::string& reservation = job.spec->reservation;
  env.SetIf(!reservation.empty(), "SLURM_JOB_RESERVATION", reservation);
  env.Set("SLURM_JOB_PARTITION", job.partition.view());
  env.Set("SLURM_JOB_NUM_NODES", job.shares.size());
  env.Set("SLURM_JOB_NODELIST", NodeList(job.shares));
  env.Set("SLURM_NODELIST", NodeList(job.shares));
  env.Set("SLURM_JOB_CPUS_PER_NODE", CompressCounts(CpusOf(job.shares)));
  env.SetIf(!spec.submit_dir.empty(), "SLURM_SUBMIT_DIR", spec.submit_dir);
  env.SetIf(!spec.submit_host.empty(), "SLURM_SUBMIT_HOST", spec.submit_host);
  // So that launchers that know it ask srun not to bind or count their daemons as tasks.
  env.Set("OMPI_MCA_plm_slurm_args", "--external-launcher");
  env.Set("PRTE_MCA_plm_slurm_args", "--external-launcher");
  env.Set("HYDRA_LAUNCHER_EXTRA_ARGS", "--external-launcher");
  if (spec.mem_per_node_mb.has_value()) env.Set("SLURM_MEM_PER_NODE", *spec.mem_per_node_mb);
  if (spec.mem_per_cpu_mb.has_value()) env.Set("SLURM_MEM_PER_CPU", *spec.mem_per_cpu_mb);
  if (spec.cpus_per_task.has_value()) {
    env.Set("SLURM_CPUS_PER_TASK", *spec.cpus_per_task);
  }
  AddGresAsked(env, spec);
  AddCpusAsked(env, spec.wishes().cpus);
  env.SetIf(!spec.wishes().gpu_bind.empty(), "SLURM_GPU_BIND", spec.wishes().gpu_bind);
  env.SetIf(!spec.wishes().licenses.empty(), "SLURM_JOB_LICENSES", spec.wishes().licenses);
  if (spec.ntasks_per_node.has_value()) env.Set("SLURM_NTASKS_PER_NODE", *spec.ntasks_per_node);
}

void AddTaskCounts(EnvBuilder& env, const Job& job) {
  if (job.spec->num_tasks.has_value() || job.spec->ntasks_per_node.has_value()) {
    env.Set("SLURM_NTASKS", job.num_tasks);
    env.Set("SLURM_NPROCS", job.num_tasks);
  }
  env.Set("SLURM_NNODES", job.shares.size());
  env.Set("SLURM_TASKS_PER_NODE", CompressCounts(TasksOf(job.shares)));
}

void AddArray(EnvBuilder& env, const Job& job) {
  if (!job.array_task_id.has_value()) return;
  env.Set("SLURM_ARRAY_JOB_ID", job.array_job_id.value);
  env.Set("SLURM_ARRAY_TASK_ID", *job.array_task_id);
  env.Set("SLURM_ARRAY_TASK_COUNT", job.array->task_count);
  env.Set("SLURM_ARRAY_TASK_MIN", job.array->task_min);
  env.Set("SLURM_ARRAY_TASK_MAX", job.array->task_max);
  env.Set("SLURM_ARRAY_TASK_STEP", job.array->task_step);
}

void AddOnNode(EnvBuilder& env, const Job& job) {
  const bool whole = job.shape != nullptr && job.shape->exclusive;
  const bool sole_user = job.shape != nullptr && job.shape->exclusive_user;
  env.Set("SLURM_JOB_UID", job.owner->uid);
  env.Set("SLURM_JOB_GID", job.owner->gid);
  env.Set("SLURM_JOB_USER", job.owner->user_name);
  env.Set("SLURM_JOB_GROUP", job.owner->group_name);
  env.Set("SLURM_JOB_START_TIME", absl::ToUnixSeconds(job.start_time));
  env.Set("SLURM_JOB_END_TIME", absl::ToUnixSeconds(job.end_time));
  env.Set("SLURM_JOB_EXCLUSIVE", whole ? "NODE" : sole_user ? "USER" : "NO");
  env.Set("SLURM_JOB_OVERSUBSCRIBE", job.share_limit > 1 ? "YES" : "NO");
  env.Set("SLURM_OOM_KILL_STEP", 0);
  env.Set("SLURM_PRIO_PROCESS", 0);
  env.SetIf(job.restarts > 0, "SLURM_RESTART_COUNT", StrCat(job.restarts));
  env.SetIf(job.spec->overcommit, "SLURM_OVERCOMMIT", "1");
  AddArray(env, job);
}

}  // namespace

std::string CompressCounts(const std::vector<uint32_t>& counts) {
  std::string text;
  for (size_t i = 0; i < counts.size();) {
    size_t run = 1;
    while (i + run < counts.size() && counts[i + run] == counts[i]) ++run;
    StrAppend(&text, text.empty() ? "" : ",", counts[i]);
    if (run > 1) StrAppend(&text, "(x", run, ")");
    i += run;
  }
  return text;
}

std::vector<std::string> AllocationEnvironment(const Settings& settings, const Job& job) {
  EnvBuilder env;
  AddCommon(env, settings, job);
  AddTaskCounts(env, job);
  const std::string& distribution = job.spec->wishes().cpus.distribution;
  env.SetIf(!distribution.empty(), "SLURM_DISTRIBUTION", distribution);
  return env.Take();
}

std::vector<std::string> BatchEnvironment(const Settings& settings, const Job& job) {
  EnvBuilder env;
  AddCommon(env, settings, job);
  AddTaskCounts(env, job);
  AddOnNode(env, job);
  env.SetIf(!job.spec->dependency.empty(), "SLURM_JOB_DEPENDENCY", job.spec->dependency);
  const std::string& distribution = job.spec->wishes().cpus.distribution;
  env.SetIf(!distribution.empty(), "SLURM_DISTRIBUTION", distribution);
  env.Set("SLURM_STEP_ID", kBatchStep.value);
  env.Set("SLURM_STEPID", kBatchStep.value);
  return env.Take();
}

std::vector<std::string> StepEnvironment(const Settings& settings, const Job& job,
                                         const Step& step) {
  EnvBuilder env;
  AddCommon(env, settings, job);
  AddOnNode(env, job);
  const std::string tasks = CompressCounts(TasksOf(step.shares));
  env.Set("SLURM_NTASKS", step.num_tasks);
  env.Set("SLURM_NPROCS", step.num_tasks);
  env.Set("SLURM_NNODES", step.shares.size());
  env.Set("SLURM_TASKS_PER_NODE", tasks);
  env.Set("SLURM_STEP_ID", step.step_id.value);
  env.Set("SLURM_STEPID", step.step_id.value);
  env.Set("SLURM_STEP_NODELIST", NodeList(step.shares));
  env.Set("SLURM_STEP_NUM_NODES", step.shares.size());
  env.Set("SLURM_STEP_NUM_TASKS", step.num_tasks);
  env.Set("SLURM_STEP_TASKS_PER_NODE", tasks);
  env.Set("SLURM_DISTRIBUTION", step.distribution);
  if (step.spec != nullptr) {
    const StepSpec& spec = *step.spec;
    if (step.cpus_per_task > 1) env.Set("SLURM_CPUS_PER_TASK", step.cpus_per_task);
    env.SetIf(!spec.mpi.empty(), "SLURM_MPI_TYPE", spec.mpi);
    env.SetIf(!spec.srun_host.empty(), "SLURM_SRUN_COMM_HOST", spec.srun_host);
    env.SetIf(!spec.srun_host.empty(), "SLURM_LAUNCH_NODE_IPADDR", spec.srun_host);
    env.SetIf(spec.srun_port != 0, "SLURM_SRUN_COMM_PORT", StrCat(spec.srun_port));
    env.SetIf(spec.srun_port != 0, "SLURM_STEP_LAUNCHER_PORT", StrCat(spec.srun_port));
    env.Set("SLURM_UMASK", absl::StrFormat("%04o", spec.umask));
  }
  return env.Take();
}

}  // namespace reeve::ctld
