#include "cli/srun_request.h"

#include <unistd.h>

#include "absl/strings/numbers.h"
#include "cli/controller_client.h"
#include "cli/submitter.h"
#include "common/base/task_pattern.h"
#include "common/base/text.h"

namespace reeve::cli {

namespace {

constexpr int64_t kHoldSeconds = 20;  // how long the controller may hold the call while all is busy

// What a job has and a step of it has not yet; from an outer job's environment it is no wish.
std::optional<OptionFault> RefuseForStep(const JobRequest& request) {
  for (std::string_view option : {"mem", "mem-per-cpu", "mem-per-gpu", "cpus-per-gpu", "constraint",
                                  "sockets-per-node", "cores-per-socket", "extra-node-info",
                                  "ntasks-per-gpu", "gres-flags", "use-min-nodes", "test-only"}) {
    if (request.WasSetBy(option, Source::kCommandLine)) {
      return NotSupported(StrCat("--", option, " for a step inside of a job"));
    }
  }
  if (!request.spec.node_counts().empty() && request.WasSetBy("nodes", Source::kCommandLine)) {
    return NotSupported("a list of --nodes for a step inside of a job");
  }
  if (request.WasSet("signal")) {  // no outer job sets its variable
    const bool typed = request.WasSetBy("signal", Source::kCommandLine);
    return NotSupported(StrCat(typed ? "--signal" : "SLURM_SIGNAL", " for a step inside of a job"));
  }
  return std::nullopt;
}

// The job's GPUs are the step's unless something else is typed. How many each task sees is what the
// job has said, too.
void SettleGpus(JobRequest* request) {
  pb::JobSpec* spec = &request->spec;
  const auto typed = [&](std::string_view option) {
    return request->WasSetBy(option, Source::kCommandLine);
  };
  if (!typed("gpus")) spec->clear_gpus();
  if (!typed("gpus-per-node")) spec->clear_gpus_per_node();
  const bool others = typed("gpus") || typed("gpus-per-node") || request->WasSet("gres");
  if (others && !typed("gpus-per-task") && !typed("tres-per-task")) spec->clear_gpus_per_task();
}

std::string OutputValue(const StreamRoute& route) {
  switch (route.kind) {
    case StreamRoute::Kind::kNode:
      return route.pattern;
    case StreamRoute::Kind::kNone:
      return "none";
    case StreamRoute::Kind::kOneTask:
      return StrCat(route.task);
    default:
      return "all";
  }
}

std::string StdinValue(const StreamRoute& route) {
  switch (route.kind) {
    case StreamRoute::Kind::kNone:
      return "none";
    case StreamRoute::Kind::kOneTask:
      return StrCat(route.task);
    case StreamRoute::Kind::kNode:
      return route.pattern;
    default:
      return "all";
  }
}

}  // namespace

std::optional<OptionFault> SettleStepRequest(bool in_job, JobRequest* request,
                                             std::vector<std::string>* warnings) {
  pb::JobSpec* spec = &request->spec;
  if (in_job) {
    if (auto fault = RefuseForStep(*request)) return fault;
    SettleGpus(request);
  }
  bool typed_tasks = request->WasSetBy("ntasks", Source::kCommandLine);
  bool typed_per_node = request->WasSetBy("ntasks-per-node", Source::kCommandLine);
  if (typed_tasks && !typed_per_node) spec->clear_ntasks_per_node();
  if (typed_per_node && !typed_tasks) spec->clear_num_tasks();
  if (typed_tasks && in_job && spec->has_cpus()) {
    const auto typed = [&](std::string_view option) {
      return request->WasSetBy(option, Source::kCommandLine);
    };
    if (!typed("ntasks-per-socket")) spec->mutable_cpus()->clear_ntasks_per_socket();
    if (!typed("ntasks-per-core")) spec->mutable_cpus()->clear_ntasks_per_core();
  }
  if (spec->has_num_tasks() && spec->has_min_nodes() && spec->num_tasks() < spec->min_nodes()) {
    warnings->push_back(StrCat("Warning: can't run ", spec->num_tasks(), " processes on ",
                               spec->min_nodes(), " nodes, setting nnodes to ", spec->num_tasks()));
    spec->set_min_nodes(spec->num_tasks());
    spec->set_max_nodes(spec->num_tasks());
    spec->clear_node_counts();
  }
  return std::nullopt;
}

StreamRoute RouteStream(const std::string& value) {
  uint32_t task = 0;
  if (value.empty() || EqualsIgnoreCase(value, "all")) return {};
  if (value == "/dev/null") return {StreamRoute::Kind::kNone};
  if (absl::SimpleAtoi(ToAbsl(value), &task)) return {StreamRoute::Kind::kOneTask, task};
  bool varies = PatternVariesByTask(value) || PatternVariesByNode(value);
  return {varies ? StreamRoute::Kind::kNode : StreamRoute::Kind::kFile, 0, value};
}

StepStdio RouteStdio(const pb::JobSpec& spec) {
  StepStdio stdio{RouteStream(spec.std_in()), RouteStream(spec.std_out()),
                  RouteStream(spec.std_err())};
  if (spec.std_err().empty()) stdio.err = stdio.out;  // errors follow the output
  return stdio;
}

std::optional<std::string> MpiType(std::string_view name) {
  if (name == "none") return "none";
  // There is one version of it.
  if (name == "pmix" || name == "pmix_v4") return "pmix";
  return std::nullopt;
}

std::string DefaultMpiType(const Config& config) {
  for (const auto& [name, value] : config.entries) {
    if (name != "MpiDefault") continue;
    const std::string lower = ToLower(value);
    const std::string_view type = lower;
    return MpiType(type.starts_with("mpi/") ? type.substr(4) : type).value_or("none");
  }
  return "none";
}

std::string ProgramName(const std::string& command) {
  return command.substr(command.rfind('/') + 1);
}

pb::CreateStepRequest MakeStepRequest(const JobRequest& request, const StepOrigin& origin,
                                      const StepStdio& stdio) {
  const pb::JobSpec& spec = request.spec;
  pb::CreateStepRequest step;
  step.set_request_id(NewRequestId());
  step.set_job_id(origin.job_id);
  bool typed_name = request.WasSetBy("job-name", Source::kCommandLine);
  step.set_name(typed_name ? spec.name() : ProgramName(origin.command.front()));
  if (spec.has_num_tasks()) step.set_num_tasks(spec.num_tasks());
  if (spec.has_min_nodes()) step.set_min_nodes(spec.min_nodes());
  if (spec.has_max_nodes()) step.set_max_nodes(spec.max_nodes());
  if (spec.has_cpus_per_task()) step.set_cpus_per_task(spec.cpus_per_task());
  if (spec.has_ntasks_per_node()) step.set_ntasks_per_node(spec.ntasks_per_node());
  step.set_req_nodes(spec.req_nodes());
  step.set_exc_nodes(spec.exc_nodes());
  step.set_gres(spec.gres());
  step.set_gpus(spec.gpus());
  step.set_gpus_per_node(spec.gpus_per_node());
  step.set_gpus_per_task(spec.gpus_per_task());
  step.set_gpu_bind(spec.gpu_bind());
  step.set_exact(request.exact);
  step.set_overlap(request.overlap);
  step.set_overcommit(spec.overcommit());
  step.set_distribution(request.distribution);
  // Also when what was said comes to nothing.
  if (spec.has_cpus()) *step.mutable_cpus() = spec.cpus();
  for (const std::string& word : origin.command) step.add_argv(word);
  for (const std::string& variable : origin.environment) step.add_environment(variable);
  step.set_work_dir(spec.work_dir());
  step.set_std_in(StdinValue(stdio.in));
  step.set_std_out(OutputValue(stdio.out));
  step.set_std_err(OutputValue(stdio.err));
  step.set_append_output(spec.append_output());
  step.set_umask(CurrentUmask());
  *step.mutable_rlimits() = spec.rlimits();
  step.set_kill_on_bad_exit(request.kill_on_bad_exit.value_or(false));
  step.set_mpi(request.mpi.value_or("none"));
  step.set_cpu_bind("none");
  step.set_task_prolog(request.task_prolog);
  step.set_task_epilog(request.task_epilog);
  step.set_submit_host(ShortHostName());
  step.set_srun_host(ShortHostName());
  step.set_srun_pid(static_cast<uint32_t>(getpid()));
  step.set_submit_line(SubmitLine(origin.argc, origin.argv));
  step.set_external_launcher(request.external_launcher);
  step.set_immediate(request.immediate_seconds.has_value());
  if (spec.has_time_limit()) step.set_time_limit(spec.time_limit());
  step.set_no_kill(request.no_kill);
  step.set_unbuffered(request.unbuffered);
  step.set_wait_seconds(request.immediate_seconds.has_value() ? 0 : kHoldSeconds);
  return step;
}

}  // namespace reeve::cli
