// Nodes, partitions, requests, and the node stream's messages.
#include "absl/strings/str_join.h"
#include "ctld/convert.h"

namespace reeve::ctld {
namespace {

int64_t Seconds(absl::Time time) {
  return absl::ToUnixSeconds(time);
}
absl::Time Time(int64_t seconds) {
  return absl::FromUnixSeconds(seconds);
}

StepReported FromProto(const std::string& node, const pb::StepReport& in) {
  StepReported report;
  report.node = node;
  report.report_id = in.report_id();
  report.job = JobId{in.job_id()};
  report.step = StepId{in.step_id()};
  report.attempt = in.attempt();
  switch (in.kind()) {
    case pb::StepReport::KIND_STARTED:
      report.kind = StepReportKind::kStarted;
      break;
    case pb::StepReport::KIND_EXITED:
      report.kind = StepReportKind::kExited;
      break;
    default:
      report.kind = StepReportKind::kLaunchFailed;
      break;
  }
  for (const pb::TaskExit& task : in.tasks())
    report.tasks.push_back({task.task_id(), task.status()});
  const pb::Usage& usage = in.usage();
  report.usage = {usage.user_usec(), usage.system_usec(), usage.max_rss_kb(), node,
                  usage.max_rss_task()};
  report.time = Time(in.time());
  report.error = in.error();
  report.launch_again = in.launch_again();
  report.oom = in.oom();
  report.job_fault = in.job_fault();
  report.lease_lost = in.lease_lost();
  report.prolog_failed = in.prolog_failed();
  return report;
}

Hardware FromProto(const pb::Hardware& in) {
  Hardware hardware;
  hardware.cpus = in.cpus();
  hardware.boards = in.boards();
  hardware.sockets = in.sockets();
  hardware.cores_per_socket = in.cores_per_socket();
  hardware.threads_per_core = in.threads_per_core();
  hardware.real_memory_mb = in.real_memory_mb();
  hardware.tmp_disk_mb = in.tmp_disk_mb();
  hardware.arch = in.arch();
  hardware.os = in.os();
  hardware.boot_time = Time(in.boot_time());
  return hardware;
}

// The files, limits and command of a step: from its srun, or from the job for a batch step.
void PutTaskSetting(const StepLaunch& launch, pb::StepLaunch* out) {
  const std::vector<Rlimit>* limits = nullptr;
  if (launch.step_spec != nullptr) {
    const StepSpec& spec = *launch.step_spec;
    for (const std::string& word : spec.argv) out->add_argv(word);
    for (const std::string& entry : spec.environment) out->add_environment(entry);
    out->set_work_dir(spec.work_dir);
    out->set_std_in(spec.std_in);
    out->set_std_out(spec.std_out);
    out->set_std_err(spec.std_err);
    out->set_append_output(spec.append_output);
    out->set_umask(spec.umask);
    out->set_unbuffered(spec.unbuffered);
    out->set_task_prolog(spec.task_prolog);
    out->set_task_epilog(spec.task_epilog);
    out->set_distribution(spec.distribution);
    limits = &spec.rlimits;
  } else {
    const JobSpec& spec = *launch.job_spec;
    for (const std::string& word : spec.script_args) out->add_script_args(word);
    out->set_work_dir(spec.work_dir);
    out->set_std_in(spec.std_in);
    out->set_std_out(spec.std_out);
    out->set_std_err(spec.std_err);
    out->set_append_output(spec.append_output);
    out->set_umask(spec.umask);
    limits = &spec.rlimits;
  }
  for (const Rlimit& limit : *limits) {
    pb::Rlimit* added = out->add_rlimits();
    added->set_name(limit.name);
    added->set_soft(limit.soft);
  }
}

}  // namespace

NodeRegistered FromProto(const pb::Registration& in) {
  NodeRegistered event;
  event.node = in.node();
  event.boot_id = in.boot_id();
  event.version = in.version();
  event.hardware = FromProto(in.hardware());
  event.daemon_start_time = Time(in.start_time());
  for (const pb::KnownStep& step : in.steps()) {
    event.steps.push_back({JobId{step.job_id()}, StepId{step.step_id()}, step.attempt()});
  }
  event.socket = in.socket();
  event.port = in.port();
  event.address = in.address();
  for (const pb::KnownJob& job : in.jobs())
    event.jobs.push_back({JobId{job.job_id()}, job.attempt()});
  event.time = Time(in.time());
  return event;
}

std::optional<Event> ToEvent(const std::string& node, const pb::NodeMessage& message) {
  switch (message.kind_case()) {
    case pb::NodeMessage::kHeartbeat:
      return NodeHeartbeat{node,
                           message.heartbeat().cpu_load(),
                           message.heartbeat().free_mem_mb(),
                           message.heartbeat().sequence(),
                           message.heartbeat().acknowledged(),
                           Time(message.heartbeat().time())};
    case pb::NodeMessage::kStepReport:
      return FromProto(node, message.step_report());
    case pb::NodeMessage::kJobGone:
      return JobGone{node,
                     message.job_gone().report_id(),
                     JobId{message.job_gone().job_id()},
                     message.job_gone().attempt(),
                     message.job_gone().prolog_failed(),
                     message.job_gone().epilog_failed()};
    case pb::NodeMessage::kJobPrepared: {
      const pb::JobPrepared& prepared = message.job_prepared();
      return JobPrepared{node,
                         prepared.report_id(),
                         JobId{prepared.job_id()},
                         prepared.attempt(),
                         prepared.failed(),
                         prepared.error()};
    }
    default:
      return std::nullopt;
  }
}

pb::Node ToProto(const Node& node) {
  pb::Node out;
  out.set_name(node.name);
  out.set_address(node.address);
  out.set_hostname(node.hostname);
  out.set_port(node.port);
  out.set_state(static_cast<pb::NodeState>(node.State()));
  out.set_drain(node.drain);
  out.set_completing(node.completing_jobs > 0);
  out.set_responding(node.responding);
  out.set_fail(node.fail);
  out.set_cpus(node.cpus);
  out.set_boards(node.boards);
  out.set_sockets(node.sockets);
  out.set_cores_per_socket(node.cores_per_socket);
  out.set_threads_per_core(node.threads_per_core);
  out.set_real_memory_mb(node.real_memory_mb);
  out.set_tmp_disk_mb(node.tmp_disk_mb);
  out.set_weight(node.weight);
  out.set_features(absl::StrJoin(node.features, ","));
  out.set_gres(node.gres);
  out.set_alloc_cpus(node.whole_jobs > 0 ? node.cpus : node.alloc_cpus);
  out.set_alloc_mem_mb(node.alloc_mem_mb);
  out.set_free_mem_mb(node.free_mem_mb);
  out.set_cpu_load(node.cpu_load);
  out.set_reason(node.reason);
  out.set_reason_user(node.reason_user);
  out.set_reason_time(Seconds(node.reason_time));
  out.set_boot_time(Seconds(node.boot_time));
  out.set_start_time(Seconds(node.daemon_start_time));
  out.set_last_busy_time(Seconds(node.last_busy_time));
  out.set_os(node.hardware.os);
  out.set_arch(node.hardware.arch);
  out.set_version(node.version);
  for (const std::string& partition : node.partitions) out.add_partitions(partition);
  out.set_boot_id(node.boot_id);
  out.set_comment(node.comment);
  out.set_last_response_time(Seconds(node.last_response_time));
  out.set_socket(node.socket);
  out.set_run_jobs(static_cast<uint32_t>(node.jobs.size()));
  out.set_clock_skew(absl::ToInt64Seconds(node.clock_skew));
  return out;
}

pb::StoredNode ToStored(const Node& node) {
  pb::StoredNode out;
  out.set_name(node.name);
  out.set_base(static_cast<uint32_t>(node.base));
  out.set_drain(node.drain);
  out.set_fail(node.fail);
  out.set_down_by_admin(node.down_by_admin);
  out.set_reason(node.reason);
  out.set_reason_user(node.reason_user);
  out.set_reason_time(Seconds(node.reason_time));
  out.set_boot_id(node.boot_id);
  out.set_last_response_time(Seconds(node.last_response_time));
  out.set_last_busy_time(Seconds(node.last_busy_time));
  out.set_lease_seconds(absl::ToInt64Seconds(node.lease.length));
  for (const std::string& witness : node.witnesses) out.add_witnesses(witness);
  out.set_comment(node.comment);
  out.set_configured(node.configured);
  if (node.set_weight) out.set_weight(*node.set_weight);
  if (node.set_features) {
    pb::StoredFeatures* features = out.mutable_features();
    for (const std::string& name : *node.set_features) features->add_names(name);
  }
  return out;
}

StoredNode FromProto(const pb::StoredNode& in) {
  StoredNode node;
  node.name = in.name();
  node.base = static_cast<NodeBase>(in.base());
  node.drain = in.drain();
  node.fail = in.fail();
  node.down_by_admin = in.down_by_admin();
  node.reason = in.reason();
  node.reason_user = in.reason_user();
  node.reason_time = Time(in.reason_time());
  node.boot_id = in.boot_id();
  node.last_response_time = Time(in.last_response_time());
  node.last_busy_time = Time(in.last_busy_time());
  node.lease = {absl::Seconds(in.lease_seconds())};
  node.witnesses = {in.witnesses().begin(), in.witnesses().end()};
  node.comment = in.comment();
  node.configured = in.configured();
  if (in.has_weight()) node.weight = in.weight();
  if (in.has_features()) {
    node.features.emplace(in.features().names().begin(), in.features().names().end());
  }
  return node;
}

pb::StoredPartition ToStored(const Partition& partition) {
  pb::StoredPartition out;
  out.set_name(partition.name);
  out.set_configured(partition.configured);
  for (const PartitionChange& change : partition.changes) {
    pb::StoredPartitionChange* added = out.add_changes();
    added->set_key(change.key);
    added->set_value(change.value);
  }
  return out;
}

StoredPartition FromProto(const pb::StoredPartition& in) {
  StoredPartition partition{in.name(), in.configured(), {}};
  for (const pb::StoredPartitionChange& change : in.changes()) {
    partition.changes.push_back({change.key(), change.value()});
  }
  return partition;
}

pb::Partition ToProto(const Partition& partition) {
  pb::Partition out;
  out.set_name(partition.name);
  out.set_nodes(partition.nodes_text);
  out.set_is_default(partition.is_default);
  if (partition.max_time != absl::InfiniteDuration()) {
    out.set_max_time(absl::ToInt64Seconds(partition.max_time));
  }
  if (partition.default_time) {
    out.set_default_time(*partition.default_time == absl::InfiniteDuration()
                             ? -1
                             : absl::ToInt64Seconds(*partition.default_time));
  }
  out.set_state(std::string(PartitionStateName(partition.state)));
  out.set_priority_tier(partition.priority_tier);
  out.set_priority_job_factor(partition.priority_job_factor);
  out.set_allow_groups(absl::StrJoin(partition.allow_groups, ","));
  out.set_allow_accounts(absl::StrJoin(partition.allow_accounts, ","));
  out.set_deny_accounts(absl::StrJoin(partition.deny_accounts, ","));
  out.set_allow_qos(absl::StrJoin(partition.allow_qos, ","));
  out.set_oversubscribe(partition.oversubscribe);
  if (partition.max_nodes) out.set_max_nodes(*partition.max_nodes);
  out.set_min_nodes(partition.min_nodes);
  if (partition.def_mem_per_cpu_mb) out.set_def_mem_per_cpu_mb(*partition.def_mem_per_cpu_mb);
  if (partition.def_mem_per_node_mb) out.set_def_mem_per_node_mb(*partition.def_mem_per_node_mb);
  if (partition.max_mem_per_cpu_mb) out.set_max_mem_per_cpu_mb(*partition.max_mem_per_cpu_mb);
  if (partition.max_mem_per_node_mb) out.set_max_mem_per_node_mb(*partition.max_mem_per_node_mb);
  out.set_hidden(partition.hidden);
  out.set_root_only(partition.root_only);
  out.set_disable_root_jobs(partition.disable_root_jobs);
  out.set_total_cpus(partition.total_cpus);
  out.set_total_nodes(static_cast<uint32_t>(partition.nodes.size()));
  out.set_total_mem_mb(partition.total_mem_mb);
  return out;
}

pb::StoredRequest ToProto(const RequestResult& request) {
  pb::StoredRequest out;
  out.set_uid(request.key.uid);
  out.set_request_id(request.key.request_id);
  out.set_time(Seconds(request.time));
  out.set_job_id(request.job.value);
  if (request.step) out.set_step_id(request.step->value);
  for (const std::string& note : request.notes) out.add_notes(note);
  out.set_io_secret(request.io_secret);
  return out;
}

RequestResult FromProto(const pb::StoredRequest& in) {
  RequestResult request;
  request.key = {in.uid(), in.request_id()};
  request.time = Time(in.time());
  request.job = JobId{in.job_id()};
  if (in.has_step_id()) request.step = StepId{in.step_id()};
  request.notes = {in.notes().begin(), in.notes().end()};
  request.io_secret = in.io_secret();
  return request;
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
  for (const std::string& word : spec.argv) out.add_argv(word);
  for (const std::string& entry : spec.environment) out.add_environment(entry);
  out.set_work_dir(spec.work_dir);
  out.set_std_in(spec.std_in);
  out.set_std_out(spec.std_out);
  out.set_std_err(spec.std_err);
  out.set_append_output(spec.append_output);
  out.set_umask(spec.umask);
  for (const Rlimit& limit : spec.rlimits) {
    pb::Rlimit* added = out.add_rlimits();
    added->set_name(limit.name);
    added->set_soft(limit.soft);
  }
  out.set_kill_on_bad_exit(spec.kill_on_bad_exit);
  out.set_distribution(spec.distribution);
  out.set_unbuffered(spec.unbuffered);
  out.set_srun_host(spec.srun_host);
  out.set_srun_port(spec.srun_port);
  out.set_cpu_bind(spec.cpu_bind);
  out.set_mpi(spec.mpi);
  return out;
}

StepToLaunch FromProto(const pb::StoredStepSpec& in) {
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
  if (launch.facts != nullptr) *out.mutable_job() = ToProto(*launch.facts);
  return out;
}

}  // namespace reeve::ctld
