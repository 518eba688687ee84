// Steps: what is asked for, what the store keeps until it runs, what goes to a node.
#include "common/base/gpu_bind.h"
#include "ctld/convert.h"
#include "ctld/convert_files.h"

namespace reeve::ctld {
namespace {

// CreateStepRequest and StoredStepSpec name these fields alike.
template <class Message>
std::shared_ptr<StepSpec> ReadStepSpec(const Message& in) {
  auto spec = std::make_shared<StepSpec>();
  spec->name = in.name();
  spec->argv = {in.argv().begin(), in.argv().end()};
  spec->environment = {in.environment().begin(), in.environment().end()};
  spec->work_dir = in.work_dir();
  spec->std_in = in.std_in();
  spec->std_out = in.std_out();
  spec->std_err = in.std_err();
  spec->append_output = in.append_output();
  spec->umask = in.umask();
  spec->rlimits = FromProto(in.rlimits());
  spec->kill_on_bad_exit = in.kill_on_bad_exit();
  spec->distribution = in.distribution();
  spec->unbuffered = in.unbuffered();
  spec->srun_host = in.srun_host();
  spec->srun_port = in.srun_port();
  spec->cpu_bind = in.cpu_bind();
  spec->mpi = in.mpi();
  spec->task_prolog = in.task_prolog();
  spec->task_epilog = in.task_epilog();
  return spec;
}

// StoredStepSpec and StepLaunch name these alike.
template <class Message>
void PutStepSpec(const StepSpec& spec, Message* out) {
  for (const std::string& word : spec.argv) out->add_argv(word);
  for (const std::string& entry : spec.environment) out->add_environment(entry);
  PutFilesAndLimits(spec, out);
  out->set_unbuffered(spec.unbuffered);
  out->set_distribution(spec.distribution);
  out->set_task_prolog(spec.task_prolog);
  out->set_task_epilog(spec.task_epilog);
  out->set_gpus_per_task(spec.gpus_per_task);
  out->set_tasks_per_gpu(spec.tasks_per_gpu);
}

// The files, limits and command of a step: from its srun, or from the job for a batch step.
void PutTaskSetting(const StepLaunch& launch, pb::StepLaunch* out) {
  if (launch.step_spec != nullptr) return PutStepSpec(*launch.step_spec, out);
  for (const std::string& word : launch.job_spec->script_args) out->add_script_args(word);
  PutFilesAndLimits(*launch.job_spec, out);
}

}  // namespace

std::shared_ptr<const StepSpec> FromProto(const pb::CreateStepRequest& in) {
  std::shared_ptr<StepSpec> spec = ReadStepSpec(in);
  const absl::StatusOr<Gres> gpus = ParseGpus(in.gpus_per_task());
  if (gpus.ok()) spec->gpus_per_task = gpus->count;
  // srun has checked it.
  if (const absl::StatusOr<GpuBind> bind = ParseGpuBind(in.gpu_bind()); bind.ok()) {
    spec->gpus_per_task = bind->gpus_per_task;
    spec->tasks_per_gpu = bind->tasks_per_gpu;
  }
  return spec;
}

std::shared_ptr<const GresSpec> GresOf(const pb::CreateStepRequest& in) {
  GresSpec gres{in.gres(), in.gpus(), in.gpus_per_node(), in.gpus_per_task(), {}, {}};
  return gres == GresSpec() ? nullptr : std::make_shared<const GresSpec>(std::move(gres));
}

pb::JobFacts ToProto(const JobFacts& facts) {
  pb::JobFacts out;
  out.set_job_id(facts.job.value);
  out.set_attempt(facts.attempt);
  out.set_uid(facts.owner->uid);
  out.set_gid(facts.owner->gid);
  out.set_user_name(facts.owner->user_name);
  out.set_nodes(facts.nodes);
  out.set_num_nodes(facts.num_nodes);
  out.set_partition(facts.partition);
  out.set_array_job_id(facts.array_job_id.value);
  if (facts.array_task_id) out.set_array_task_id(*facts.array_task_id);
  out.set_exit_status(facts.exit_status);
  out.set_derived_exit_status(facts.derived_exit_status);
  return out;
}

pb::StoredStepSpec ToProto(const StepToLaunch& step) {
  const StepSpec& spec = *step.spec;
  pb::StoredStepSpec out;
  out.set_job_id(step.job.value);
  out.set_step_id(step.step.value);
  out.set_attempt(step.attempt);
  out.set_io_secret(step.io_secret);
  out.set_name(spec.name);
  PutStepSpec(spec, &out);
  out.set_kill_on_bad_exit(spec.kill_on_bad_exit);
  out.set_srun_host(spec.srun_host);
  out.set_srun_port(spec.srun_port);
  out.set_cpu_bind(spec.cpu_bind);
  out.set_mpi(spec.mpi);
  return out;
}

StepToLaunch FromProto(const pb::StoredStepSpec& in) {
  std::shared_ptr<StepSpec> spec = ReadStepSpec(in);
  spec->gpus_per_task = in.gpus_per_task();
  spec->tasks_per_gpu = in.tasks_per_gpu();
  return {JobId{in.job_id()}, StepId{in.step_id()}, in.attempt(), in.io_secret(), std::move(spec)};
}

pb::StepLaunch ToProto(const StepLaunch& launch, const std::string& cluster) {
  pb::StepLaunch out;
  out.set_cluster(cluster);
  out.set_job_id(launch.job.value);
  out.set_step_id(launch.step.value);
  out.set_attempt(launch.attempt);
  out.set_uid(launch.owner->uid);
  out.set_gid(launch.owner->gid);
  out.set_user_name(launch.owner->user_name);
  PutTaskSetting(launch, &out);
  for (const NodeShare& share : launch.shares) *out.add_shares() = ToProto(share);
  for (const auto& ids : launch.task_ids)
    out.add_task_ids()->mutable_ids()->Assign(ids.begin(), ids.end());
  out.set_node_index(launch.node_index);
  out.set_job_node_index(launch.job_node_index);
  out.set_cpus_per_task(launch.cpus_per_task);
  out.set_io_secret(launch.io_secret);
  out.set_kill_on_bad_exit(launch.kill_on_bad_exit);
  out.set_name(launch.name);
  out.set_job_name(launch.job_name);
  out.set_array_job_id(launch.array_job_id.value);
  if (launch.array_task_id) out.set_array_task_id(*launch.array_task_id);
  out.set_mem_limit_mb(launch.mem_limit_mb);
  out.set_job_mem_limit_mb(launch.job_mem_limit_mb);
  out.set_cores(launch.job_cores.ToText());
  out.set_restarts(launch.restarts);
  out.set_leased(launch.leased);
  out.set_topology_addr(launch.topology_addr);
  out.set_topology_pattern(launch.topology_pattern);
  out.set_suspended(launch.suspended);
  out.set_node_has_gpus(launch.node_has_gpus);
  out.mutable_job_gpus()->Assign(launch.job_gpus.begin(), launch.job_gpus.end());
  out.mutable_step_gpus()->Assign(launch.step_gpus.begin(), launch.step_gpus.end());
  if (launch.facts != nullptr) *out.mutable_job() = ToProto(*launch.facts);
  return out;
}

}  // namespace reeve::ctld
