#include "noded/stepd/convert.h"

namespace reeve::noded {

StepKey KeyOf(const v1::StepLaunch& launch) {
  return {JobId{launch.job_id()}, StepId{launch.step_id()}, launch.attempt()};
}

LaunchRequest FromProto(const v1::StepLaunch& launch) {
  LaunchRequest request;
  request.key = KeyOf(launch);
  request.uid = launch.uid();
  request.gid = launch.gid();
  request.user_name = launch.user_name();
  const auto& argv = request.key.step == kBatchStep ? launch.script_args() : launch.argv();
  request.argv.assign(argv.begin(), argv.end());
  request.environment.assign(launch.environment().begin(), launch.environment().end());
  request.work_dir = launch.work_dir();
  request.std_in = launch.std_in().empty() ? launch.std_in_mode() : launch.std_in();
  request.std_out = launch.std_out();
  request.std_err = launch.std_err();
  request.append_output = launch.append_output();
  request.umask = launch.umask();
  for (int i = 0; i < launch.shares_size(); ++i) {
    NodePart part{launch.shares(i).node(), launch.shares(i).cpus(), {}};
    if (i < launch.task_ids_size()) {
      part.tasks.assign(launch.task_ids(i).ids().begin(), launch.task_ids(i).ids().end());
    }
    request.parts.push_back(std::move(part));
  }
  request.node_index = launch.node_index();
  request.job_node_index = launch.job_node_index();
  request.cpus_per_task = launch.cpus_per_task();
  request.job_name = launch.job_name();
  if (launch.array_job_id() != 0) request.array_job = JobId{launch.array_job_id()};
  if (launch.has_array_task_id()) request.array_task = launch.array_task_id();
  request.distribution = launch.distribution();
  request.restarts = launch.restarts();
  request.cluster = launch.cluster();
  request.kill_on_bad_exit = launch.kill_on_bad_exit();
  request.has_client = !launch.io_secret().empty();
  request.topology_addr = launch.topology_addr();
  request.topology_pattern = launch.topology_pattern();
  request.node_has_gpus = launch.node_has_gpus();
  request.job_gpus.assign(launch.job_gpus().begin(), launch.job_gpus().end());
  request.step_gpus.assign(launch.step_gpus().begin(), launch.step_gpus().end());
  request.gpus_per_task = launch.gpus_per_task();
  request.tasks_per_gpu = launch.tasks_per_gpu();
  return request;
}

JobFacts FromProto(const v1::JobFacts& in) {
  JobFacts facts;
  facts.key = {JobId{in.job_id()}, in.attempt()};
  facts.uid = in.uid();
  facts.gid = in.gid();
  facts.user_name = in.user_name();
  facts.nodes = in.nodes();
  facts.num_nodes = in.num_nodes();
  facts.partition = in.partition();
  if (in.array_job_id() != 0) facts.array_job = JobId{in.array_job_id()};
  if (in.has_array_task_id()) facts.array_task = in.array_task_id();
  facts.exit_status = in.exit_status();
  facts.derived_exit_status = in.derived_exit_status();
  return facts;
}

v1::StepReport ToProto(uint64_t report_id, const StepKey& key, const StepOutcome& outcome) {
  v1::StepReport report;
  report.set_report_id(report_id);
  report.set_job_id(key.job.value);
  report.set_step_id(key.step.value);
  report.set_attempt(key.attempt);
  report.set_kind(static_cast<v1::StepReport::Kind>(outcome.kind));
  for (const TaskEnd& end : outcome.tasks) {
    v1::TaskExit* task = report.add_tasks();
    task->set_task_id(end.task);
    task->set_status(end.status);
  }
  if (outcome.kind == StepOutcome::Kind::kExited) {
    report.mutable_usage()->set_user_usec(absl::ToInt64Microseconds(outcome.user_time));
    report.mutable_usage()->set_system_usec(absl::ToInt64Microseconds(outcome.system_time));
    report.mutable_usage()->set_max_rss_kb(outcome.max_rss_kb);
    report.mutable_usage()->set_max_rss_task(outcome.max_rss_task);
  }
  report.set_time(absl::ToUnixSeconds(outcome.time));
  report.set_error(outcome.error);
  report.set_launch_again(outcome.launch_again);
  report.set_oom(outcome.oom);
  report.set_job_fault(outcome.job_fault);
  report.set_lease_lost(outcome.lease_lost);
  report.set_prolog_failed(outcome.prolog_failed);
  return report;
}

StepOutcome FromProto(const v1::StepReport& report) {
  StepOutcome outcome;
  outcome.kind = static_cast<StepOutcome::Kind>(report.kind());
  for (const v1::TaskExit& task : report.tasks()) {
    outcome.tasks.push_back({task.task_id(), task.status()});
  }
  outcome.user_time = absl::Microseconds(report.usage().user_usec());
  outcome.system_time = absl::Microseconds(report.usage().system_usec());
  outcome.max_rss_kb = report.usage().max_rss_kb();
  outcome.max_rss_task = report.usage().max_rss_task();
  outcome.time = absl::FromUnixSeconds(report.time());
  outcome.error = report.error();
  outcome.launch_again = report.launch_again();
  outcome.oom = report.oom();
  outcome.job_fault = report.job_fault();
  outcome.lease_lost = report.lease_lost();
  outcome.prolog_failed = report.prolog_failed();
  return outcome;
}

}  // namespace reeve::noded
