#include "ctld/core/settings.h"

#include <algorithm>

#include "common/base/hostlist.h"
#include "ctld/core/sharing.h"

namespace reeve::ctld {
namespace {

Node MakeNode(const NodeConfig& config, uint32_t order) {
  Node node;
  node.name = config.name;
  node.address = config.address;
  node.hostname = config.hostname;
  node.port = config.port;
  node.cpus = std::max(config.cpus, 1u);
  node.boards = config.boards;
  node.sockets = config.sockets;
  node.cores_per_socket = config.cores_per_socket;
  node.threads_per_core = std::max(config.threads_per_core, 1u);
  node.real_memory_mb = config.real_memory_mb;
  node.tmp_disk_mb = config.tmp_disk_mb;
  node.weight = config.weight;
  node.features = config.features;
  node.gres = config.gres;
  node.gres_devices = config.gres_devices;
  node.order = order;
  node.reason = config.reason;
  switch (config.state) {
    case ConfiguredNodeState::kDown:
      node.base = NodeBase::kDown;
      node.down_by_admin = true;
      break;
    case ConfiguredNodeState::kDrain:
      node.drain = true;
      break;
    case ConfiguredNodeState::kFail:
      node.fail = true;
      break;
    case ConfiguredNodeState::kFuture:
      node.base = NodeBase::kFuture;
      break;
    case ConfiguredNodeState::kUnknown:
    case ConfiguredNodeState::kIdle:
      break;
  }
  return node;
}

Partition MakePartition(const PartitionConfig& config, PreemptMode preempt_mode) {
  Partition partition;
  partition.name = config.name;
  partition.nodes = config.nodes;
  partition.nodes_text = CompressHostlist(config.nodes);
  partition.is_default = config.is_default;
  partition.max_time = config.max_time.value_or(absl::InfiniteDuration());
  partition.default_time = config.default_time;
  partition.state = config.state;
  partition.priority_tier = config.priority_tier;
  partition.priority_job_factor = config.priority_job_factor;
  partition.allow_groups = config.allow_groups;
  partition.allow_accounts = config.allow_accounts;
  partition.deny_accounts = config.deny_accounts;
  partition.allow_qos = config.allow_qos;
  SetOverSubscribe(partition, config.oversubscribe);
  partition.exclusive_user = config.exclusive_user;
  partition.least_loaded = config.lln;
  partition.max_nodes = config.max_nodes;
  partition.min_nodes = config.min_nodes;
  partition.def_mem_per_cpu_mb = config.def_mem_per_cpu_mb;
  partition.def_mem_per_node_mb = config.def_mem_per_node_mb;
  partition.max_mem_per_cpu_mb = config.max_mem_per_cpu_mb;
  partition.max_mem_per_node_mb = config.max_mem_per_node_mb;
  partition.hidden = config.hidden;
  partition.root_only = config.root_only;
  partition.disable_root_jobs = config.disable_root_jobs;
  partition.preempt_mode = config.preempt_mode.value_or(preempt_mode);
  partition.grace_time = config.grace_time;
  return partition;
}

}  // namespace

std::string_view PartitionStateName(PartitionState state) {
  switch (state) {
    case PartitionState::kUp:
      return "UP";
    case PartitionState::kDown:
      return "DOWN";
    case PartitionState::kDrain:
      return "DRAIN";
    case PartitionState::kInactive:
      return "INACTIVE";
  }
  return "UP";
}

Settings MakeSettings(const Config& config) {
  Settings settings;
  settings.cluster_name = config.cluster_name;
  settings.kill_wait = config.kill_wait;
  settings.slurmd_timeout = config.slurmd_timeout;
  settings.lease = LeaseTerms::For(config.slurmd_timeout);
  settings.min_job_age = config.min_job_age;
  settings.over_time_limit = config.over_time_limit;
  settings.max_array_size = config.max_array_size;
  settings.max_job_count = config.max_job_count;
  settings.first_job_id = config.first_job_id;
  settings.max_job_id = config.max_job_id;
  settings.max_step_count = config.max_step_count;
  settings.max_tasks_per_node = config.max_tasks_per_node;
  settings.return_to_service = config.return_to_service;
  settings.select = config.select;
  settings.backfill = config.backfill;
  settings.priority = config.priority;
  settings.preempt = config.preempt;
  settings.enforce_part_limits = config.enforce_part_limits;
  settings.def_mem_per_cpu_mb = config.def_mem_per_cpu_mb;
  settings.def_mem_per_node_mb = config.def_mem_per_node_mb;
  settings.max_mem_per_cpu_mb = config.max_mem_per_cpu_mb;
  settings.max_mem_per_node_mb = config.max_mem_per_node_mb;
  settings.job_requeue = config.job_requeue;
  settings.kill_on_bad_exit = config.kill_on_bad_exit;
  settings.disable_root_jobs = config.disable_root_jobs;
  settings.config_overrides = config.config_overrides;
  settings.has_prolog = !config.prolog.empty();
  settings.has_epilog = !config.epilog.empty();
  settings.prolog_at_allocation = config.prolog_at_allocation;
  settings.prolog_no_hold = config.prolog_no_hold;
  if (!config.health_check_program.empty()) {
    settings.health_check_interval = config.health_check_interval;
  }
  settings.health_check_states = config.health_check_states;
  settings.gres_types = config.gres_types;
  settings.licenses = config.licenses;
  for (const NodeConfig& node : config.nodes) {
    settings.nodes.push_back(MakeNode(node, static_cast<uint32_t>(settings.nodes.size())));
  }
  if (!config.switches.empty()) {
    std::vector<std::string> names;
    for (const NodeConfig& node : config.nodes) names.push_back(node.name);
    settings.topology = std::make_shared<const Topology>(config.switches, names);
  }
  settings.max_switch_wait = config.max_switch_wait;
  for (const PartitionConfig& partition : config.partitions) {
    settings.partitions.push_back(MakePartition(partition, config.preempt.mode));
  }
  return settings;
}

}  // namespace reeve::ctld
