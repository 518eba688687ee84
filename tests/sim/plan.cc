#include "tests/sim/plan.h"

#include <algorithm>
#include <map>

#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "tests/sim/plan_parts.h"
#include "tests/sim/random.h"

namespace reeve::sim {
namespace {

using ctld::Settings;

ctld::Partition MakePartition(const std::string& name, const std::vector<ctld::Node>& nodes,
                              size_t count) {
  ctld::Partition partition;
  partition.name = name;
  for (size_t i = 0; i < count; ++i) partition.nodes.push_back(nodes[i].name);
  partition.nodes_text = CompressHostlist(partition.nodes);
  return partition;
}

// Half of all clusters are first come, first served. Drawn apart, so that all else is what it is
// without priorities.
PriorityConfig MakePriority(uint64_t seed) {
  Random random(seed, "priority");
  PriorityConfig priority;
  priority.multifactor = random.OneIn(2);
  if (!priority.multifactor) return priority;
  const auto weight = [&random] { return random.OneIn(2) ? random.Below(2000) : 0; };
  priority.weight_age = weight();
  priority.weight_fair_share = weight();
  priority.weight_job_size = weight();
  priority.weight_cpu = weight();
  // Short beside the hours of a run, so that jobs stop growing older and use fades.
  priority.max_age = absl::Minutes(random.Between(1, 20));
  priority.decay_half_life = absl::Minutes(random.Between(1, 60));
  priority.calc_period = absl::Minutes(random.Between(1, 5));
  priority.favor_small = random.OneIn(2);
  priority.no_fair_tree = random.OneIn(2);
  return priority;
}

// In one world of three nodes have GPUs. Drawn apart, so that all else is what it is without them.
void AddGres(uint64_t seed, Settings& settings) {
  Random random(seed, "gres");
  settings.gres_types = {"gpu", "nic"};
  if (!random.OneIn(3)) return;
  static const std::vector<std::string> kGres = {"", "gpu:2", "gpu:a:2,nic:1", "gpu:a:1,gpu:b:1"};
  for (ctld::Node& node : settings.nodes) node.gres = random.Of(kGres);
}

// In half of the worlds of two partitions the second one's jobs have those of the first make room.
// Drawn apart, so that all else is what it is without.
void AddTiers(uint64_t seed, Settings& settings) {
  Random random(seed, "preempt");
  if (settings.partitions.size() < 2 || random.OneIn(2)) return;
  settings.preempt.by_tier = true;
  settings.preempt.mode = random.OneIn(2) ? PreemptMode::kRequeue : PreemptMode::kCancel;
  if (random.OneIn(2)) settings.preempt.exempt_time = absl::Seconds(random.Between(1, 60));
  for (ctld::Partition& partition : settings.partitions) {
    partition.preempt_mode = settings.preempt.mode;
  }
  settings.partitions[1].priority_tier = 2;
  if (random.OneIn(2)) settings.partitions[0].grace_time = absl::Seconds(random.Between(1, 40));
}

// In one world of three jobs share CPUs in some partitions, and in half of those with tiers they
// stand still for others. Drawn apart, so that all else is what it is without.
void AddSharing(uint64_t seed, Settings& settings) {
  Random random(seed, "share");
  if (settings.preempt.by_tier && random.OneIn(2)) {
    settings.preempt.mode = PreemptMode::kSuspend;
    for (ctld::Partition& partition : settings.partitions) {
      partition.preempt_mode = PreemptMode::kSuspend;
    }
  }
  if (!random.OneIn(3)) return;
  for (ctld::Partition& partition : settings.partitions) {
    if (partition.exclusive || random.OneIn(3)) continue;
    const OverSubscribe kind = random.OneIn(2) ? OverSubscribe::kForce : OverSubscribe::kYes;
    SetOverSubscribe(partition, {kind, 1 + random.Below(4)});
  }
}

// One world in three has licences. Drawn apart, so that all else is what it is without.
void AddLicenses(uint64_t seed, Settings& settings) {
  Random random(seed, "licences");
  if (!random.OneIn(3)) return;
  settings.licenses.push_back({"bar", 1 + random.Below(2)});
  settings.licenses.push_back({"foo", 1 + random.Below(4)});
}

// In one world of three nodes are of two racks, every other one of each; in one of four some jobs
// or all of a partition share nodes with their own user's alone, or the least loaded nodes come
// first. Drawn apart, so that all else is what it is without.
void AddChoice(uint64_t seed, Settings& settings) {
  Random random(seed, "choice");
  if (random.OneIn(3)) {
    for (ctld::Node& node : settings.nodes) node.features = {node.order % 2 == 0 ? "a" : "b"};
  }
  if (!random.OneIn(4)) return;
  for (ctld::Partition& partition : settings.partitions) {
    partition.exclusive_user = random.OneIn(3);
    partition.least_loaded = random.OneIn(3);
  }
  settings.select.lln = random.OneIn(6);
}

// In one world of three nodes with an even number of cores have two sockets, the others one. Drawn
// apart, so that all else is what it is without.
void AddSockets(uint64_t seed, Settings& settings) {
  Random random(seed, "sockets");
  if (!random.OneIn(3)) return;
  for (ctld::Node& node : settings.nodes) {
    const uint32_t cores = node.cpus / node.threads_per_core;
    node.sockets = cores % 2 == 0 ? 2 : 1;
    node.cores_per_socket = cores / node.sockets;
  }
}

}  // namespace

std::shared_ptr<const ctld::Topology> TreeOf(const std::vector<ctld::Node>& nodes, bool split) {
  std::map<uint32_t, SwitchConfig> leaves;
  std::vector<std::string> names;
  for (const ctld::Node& node : nodes) {
    names.push_back(node.name);
    SwitchConfig& leaf = leaves[node.order / 2];
    leaf.name = StrCat("s", node.order / 2);
    leaf.nodes.push_back(node.name);
  }
  SwitchConfig top;
  top.name = "top";
  top.level = 1;
  std::vector<SwitchConfig> switches;
  for (const auto& [number, leaf] : leaves) {
    switches.push_back(leaf);
    if (!split || number != leaves.begin()->first) top.switches.push_back(leaf.name);
  }
  if (!top.switches.empty()) switches.push_back(top);
  return std::make_shared<const ctld::Topology>(switches, names);
}

namespace {

// In one world of three the network is a tree, of leaves that have two nodes each; sometimes it is
// two of them.
void AddTree(uint64_t seed, Settings& settings) {
  Random random(seed, "tree");
  if (!random.OneIn(3)) return;
  settings.max_switch_wait = absl::Seconds(random.Between(0, 120));
  settings.topology = TreeOf(settings.nodes, random.OneIn(4));
}

Settings MakeSettings(Random& random) {
  Settings settings;
  settings.cluster_name = "sim";
  settings.slurmd_timeout = absl::Seconds(random.OneIn(16) ? 0 : random.Between(10, 60));
  settings.lease = LeaseTerms::For(settings.slurmd_timeout);
  settings.kill_wait = absl::Seconds(random.Between(1, 10));
  const int ages[] = {0, 30, 120, 300};
  settings.min_job_age = absl::Seconds(ages[random.Below(4)]);
  settings.return_to_service = random.Between(0, 2);
  settings.select.core = random.OneIn(3);
  settings.select.memory = random.OneIn(2);
  settings.backfill = !random.OneIn(4);
  settings.job_requeue = !random.OneIn(4);
  if (random.OneIn(4)) settings.over_time_limit = absl::Seconds(random.Between(1, 10));
  settings.request_memory = absl::Hours(24);  // beyond the calm phase
  const int nodes = random.Between(1, 6);
  for (int i = 0; i < nodes; ++i) {
    ctld::Node node;
    node.name = node.hostname = node.address = StrCat("n", i);
    node.threads_per_core = settings.select.core && random.OneIn(2) ? 2 : 1;
    node.cpus = node.threads_per_core * static_cast<uint32_t>(random.Between(1, 4));
    node.sockets = node.cpus / node.threads_per_core;
    node.real_memory_mb = 1000;
    node.weight = static_cast<uint32_t>(random.Between(1, 2));
    node.order = static_cast<uint32_t>(i);
    settings.nodes.push_back(node);
  }
  settings.partitions.push_back(MakePartition("debug", settings.nodes, settings.nodes.size()));
  settings.partitions[0].is_default = true;
  if (random.OneIn(3)) {
    settings.partitions.push_back(
        MakePartition("first", settings.nodes, 1 + random.Below(settings.nodes.size())));
    settings.partitions[1].priority_tier = static_cast<uint32_t>(random.Between(1, 2));
    settings.partitions[1].exclusive = random.OneIn(4);
  }
  return settings;
}

std::string NodeName(const Plan& plan, uint32_t index) {
  return plan.cluster.settings.nodes[index].name;
}

constexpr std::string_view kWorkNames[] = {
    "submit",      "cancel",     "cancel a step of", "signal",   "hold",   "release", "requeue",
    "requeuehold", "top",        "update",           "drain",    "resume", "down",    "reconfigure",
    "suspend",     "resume job", "reserve",          "unreserve"};
constexpr std::string_view kFaultNames[] = {"controller killed",
                                            "controller killed at commit",
                                            "disk fails",
                                            "disk slow",
                                            "host dies",
                                            "node daemon killed",
                                            "node daemon killed at effect",
                                            "node daemon frozen",
                                            "stepd killed",
                                            "forker dies",
                                            "link cut",
                                            "stream breaks",
                                            "accounting away",
                                            "accounting slow"};

std::string SubmitText(const WorkItem& item) {
  const ctld::JobSpec& spec = item.spec;
  std::string text = StrCat(item.interactive ? " (allocation)" : "", " name=", spec.name);
  if (spec.min_nodes) StrAppend(&text, " -N", *spec.min_nodes);
  if (spec.num_tasks) StrAppend(&text, " -n", *spec.num_tasks);
  if (spec.cpus_per_task) StrAppend(&text, " -c", *spec.cpus_per_task);
  if (spec.mem_per_node_mb) StrAppend(&text, " --mem=", *spec.mem_per_node_mb);
  if (spec.exclusive) text += " --exclusive";
  if (spec.oversubscribe) text += " -s";
  if (!spec.array.empty()) StrAppend(&text, " --array=", spec.array);
  if (item.dependency_on) StrAppend(&text, " -d ", item.dependency_kind, ":#", *item.dependency_on);
  if (!spec.dependency.empty()) StrAppend(&text, " -d ", spec.dependency);
  if (spec.time_limit) StrAppend(&text, " -t ", absl::ToInt64Seconds(*spec.time_limit), "s");
  if (spec.wishes().time_min) {
    StrAppend(&text, " --time-min=", absl::ToInt64Seconds(*spec.wishes().time_min), "s");
  }
  if (ctld::IsSet(spec.wishes().deadline)) {
    StrAppend(&text, " --deadline=", absl::ToUnixSeconds(spec.wishes().deadline));
  }
  if (!spec.wishes().licenses.empty()) StrAppend(&text, " -L ", spec.wishes().licenses);
  if (!spec.features.empty()) StrAppend(&text, " -C ", spec.features);
  if (spec.contiguous) text += " --contiguous";
  if (spec.wishes().switches > 0) StrAppend(&text, " --switches=", spec.wishes().switches);
  if (spec.wishes().exclusive_user) text += " --exclusive=user";
  const ctld::CpuLayout layout = ctld::LayoutOf(spec.wishes().cpus);
  if (layout.Any()) StrAppend(&text, " on ", layout.NodeText(), layout.LimitText());
  if (spec.requeue) text += *spec.requeue ? " --requeue" : " --no-requeue";
  if (spec.hold) text += " -H";
  if (item.immediate) text += " -I";
  if (!spec.partition.empty()) StrAppend(&text, " -p ", spec.partition);
  if (!spec.reservation.empty()) StrAppend(&text, " --reservation=", spec.reservation);
  if (!item.steps.empty()) StrAppend(&text, " steps=", item.steps.size());
  if (item.lost_replies > 0) StrAppend(&text, " lost_replies=", item.lost_replies);
  StrAppend(&text, " runs ", absl::FormatDuration(item.work.least), "-",
            absl::FormatDuration(item.work.most), " status");
  for (int status : item.work.statuses) StrAppend(&text, " ", status);
  return text;
}

}  // namespace

Plan MakePlan(uint64_t seed) {
  Plan plan;
  plan.seed = seed;
  Random random(seed, "cluster");
  plan.cluster.settings = MakeSettings(random);
  AddGres(seed, plan.cluster.settings);
  AddTiers(seed, plan.cluster.settings);
  AddSharing(seed, plan.cluster.settings);
  AddLicenses(seed, plan.cluster.settings);
  AddTree(seed, plan.cluster.settings);
  AddChoice(seed, plan.cluster.settings);
  AddSockets(seed, plan.cluster.settings);
  plan.cluster.settings.priority = MakePriority(seed);
  plan.cluster.commit_least = absl::Milliseconds(random.Between(1, 5));
  plan.cluster.commit_most = plan.cluster.commit_least + absl::Milliseconds(random.Between(0, 40));
  plan.cluster.dbd_delay = absl::Milliseconds(random.Between(1, 300));
  plan.cluster.horizon = absl::Seconds(random.Between(60, 500));
  plan.work = MakeWork(plan.cluster, seed);
  plan.faults = MakeFaults(plan.cluster, seed);
  return plan;
}

std::string ToString(const ClusterPlan& cluster) {
  const Settings& s = cluster.settings;
  std::string nodes;
  for (const ctld::Node& node : s.nodes) {
    StrAppend(&nodes, " ", node.name, ":", node.cpus);
    if (node.threads_per_core > 1) StrAppend(&nodes, "/", node.threads_per_core);
    if (node.cores_per_socket > 1) StrAppend(&nodes, " on ", node.sockets);
  }
  return StrCat("cluster:", nodes, " SlurmdTimeout=", absl::ToInt64Seconds(s.slurmd_timeout),
                " KillWait=", absl::ToInt64Seconds(s.kill_wait),
                " MinJobAge=", absl::ToInt64Seconds(s.min_job_age),
                " ReturnToService=", s.return_to_service, " JobRequeue=", s.job_requeue ? 1 : 0,
                " partitions=", s.partitions.size(), " Licenses=", FormatLicenses(s.licenses),
                s.topology == nullptr   ? ""
                : s.topology->IsSplit() ? " two trees"
                                        : " a tree",
                " horizon=", absl::FormatDuration(cluster.horizon));
}

std::string ToString(const WorkItem& item, const Plan& plan) {
  std::string text = StrCat("#", item.id, " at ", absl::FormatDuration(item.at), ": ",
                            kWorkNames[static_cast<int>(item.kind)]);
  switch (item.kind) {
    case WorkKind::kSubmit:
      return text + SubmitText(item);
    case WorkKind::kDrain:
    case WorkKind::kResume:
    case WorkKind::kDown:
      return StrCat(text, " ", NodeName(plan, item.node));
    case WorkKind::kReconfigure:
      return StrCat(text, " to ", item.settings.nodes.size(), " nodes");
    case WorkKind::kReserve:
    case WorkKind::kUnreserve:
      StrAppend(&text, " ", item.value);
      for (const auto& [key, value] : item.changes) StrAppend(&text, " ", key, "=", value);
      return text;
    default:
      StrAppend(&text, " #", item.target);
      if (item.het_offset.has_value()) StrAppend(&text, "+", *item.het_offset);
      if (!item.array_tasks.empty()) StrAppend(&text, "_[", item.array_tasks, "]");
      if (!item.key.empty()) StrAppend(&text, " ", item.key, "=", item.value);
      return text;
  }
}

std::string ToString(const Fault& fault, const Plan& plan) {
  std::string text = StrCat("!", fault.id, " at ", absl::FormatDuration(fault.at), ": ",
                            kFaultNames[static_cast<int>(fault.kind)]);
  switch (fault.kind) {
    case FaultKind::kControllerCrashCommit:
      StrAppend(&text, " ", fault.count, " phase ", fault.phase);
      break;
    case FaultKind::kNodeDaemonCrashEffect:
    case FaultKind::kStepdKill:
      StrAppend(&text, " ", fault.count, " phase ", fault.phase, " on ",
                NodeName(plan, fault.node));
      break;
    case FaultKind::kHostDeath:
    case FaultKind::kNodeDaemonCrash:
    case FaultKind::kNodeDaemonFrozen:
    case FaultKind::kForkerDeath:
    case FaultKind::kStreamBreak:
      StrAppend(&text, " on ", NodeName(plan, fault.node));
      break;
    case FaultKind::kLinkCut:
      StrAppend(&text, " of ", fault.all_nodes ? std::string("all") : NodeName(plan, fault.node));
      break;
    default:
      break;
  }
  if (fault.duration > absl::ZeroDuration()) {
    StrAppend(&text, " for ", absl::FormatDuration(fault.duration));
  }
  return text;
}

}  // namespace reeve::sim
