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
  event.opened = absl::Nanoseconds(in.opened_nanoseconds());
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
  out.set_completing(node.Completing());
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
  out.set_reservation(node.reservation);
  out.set_maint(node.maint);
  out.set_gres_used(node.stock.UsedText());
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
  out.set_exclusive_user(partition.exclusive_user);
  out.set_lln(partition.least_loaded);
  if (partition.max_nodes) out.set_max_nodes(*partition.max_nodes);
  out.set_min_nodes(partition.min_nodes);
  if (partition.def_mem_per_cpu_mb) out.set_def_mem_per_cpu_mb(*partition.def_mem_per_cpu_mb);
  if (partition.def_mem_per_node_mb) out.set_def_mem_per_node_mb(*partition.def_mem_per_node_mb);
  if (partition.max_mem_per_cpu_mb) out.set_max_mem_per_cpu_mb(*partition.max_mem_per_cpu_mb);
  if (partition.max_mem_per_node_mb) out.set_max_mem_per_node_mb(*partition.max_mem_per_node_mb);
  out.set_hidden(partition.hidden);
  out.set_root_only(partition.root_only);
  out.set_disable_root_jobs(partition.disable_root_jobs);
  out.set_grace_time(static_cast<uint32_t>(absl::ToInt64Seconds(partition.grace_time)));
  out.set_preempt_mode(std::string(PreemptModeName(partition.preempt_mode)));
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

}  // namespace reeve::ctld
