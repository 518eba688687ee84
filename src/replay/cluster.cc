#include "replay/cluster.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "common/base/text.h"

namespace reeve::replay {
namespace {

constexpr std::string_view kPolicyNames[] = {"reeve", "easy", "fifo"};

// Nothing comes from nodes, and what is over is forgotten.
void Quieten(ctld::Settings* settings) {
  settings->slurmd_timeout = absl::ZeroDuration();
  settings->kill_wait = absl::ZeroDuration();
  settings->lease = LeaseTerms::For(absl::ZeroDuration());
  settings->min_job_age = absl::Seconds(1);
  settings->health_check_interval = absl::ZeroDuration();
  settings->has_prolog = settings->has_epilog = false;
  settings->first_job_id = 1;
  settings->max_job_id = kMaxJobId;
  settings->max_job_count = UINT32_MAX;
}

void LetAllIn(ctld::Settings* settings) {
  settings->disable_root_jobs = false;
  for (ctld::Partition& partition : settings->partitions) {
    partition.allow_groups.clear();
    partition.allow_accounts.clear();
    partition.deny_accounts.clear();
    partition.allow_qos.clear();
  }
}

std::string Counted(uint32_t count, std::string_view what) {
  return StrCat(count, " ", what, count == 1 ? "" : "s");
}

}  // namespace

std::string_view PolicyName(Policy policy) {
  return kPolicyNames[static_cast<int>(policy)];
}

std::optional<Policy> ParsePolicy(std::string_view name) {
  for (Policy policy : {Policy::kReeve, Policy::kEasy, Policy::kFifo}) {
    if (PolicyName(policy) == name) return policy;
  }
  return std::nullopt;
}

Cluster UniformCluster(uint32_t nodes, uint32_t cpus) {
  Cluster cluster;
  cluster.name = StrCat(Counted(nodes, "node"), " of ", Counted(cpus, "CPU"));
  ctld::Settings& settings = cluster.settings;
  settings.cluster_name = "replay";
  settings.select.core = settings.select.memory = false;
  settings.max_tasks_per_node = std::max(settings.max_tasks_per_node, cpus);
  ctld::Partition partition;
  partition.name = "all";
  partition.is_default = true;
  for (uint32_t i = 0; i < nodes; ++i) {
    ctld::Node node;
    node.name = node.hostname = node.address = StrCat("n", i + 1);
    node.cpus = node.sockets = cpus;
    node.order = i;
    partition.nodes.push_back(node.name);
    settings.nodes.push_back(std::move(node));
  }
  partition.nodes_text = StrCat("n[1-", nodes, "]");
  settings.partitions.push_back(std::move(partition));
  Quieten(&settings);
  return cluster;
}

Cluster ConfiguredCluster(const Config& config, std::string_view name) {
  Cluster cluster{std::string(name), ctld::MakeSettings(config), true};
  Quieten(&cluster.settings);
  LetAllIn(&cluster.settings);
  return cluster;
}

Policy PolicyOf(const ctld::Settings& settings) {
  if (!settings.backfill) return Policy::kFifo;
  return settings.plan_depth == 1 ? Policy::kEasy : Policy::kReeve;
}

void SetPolicy(Policy policy, ctld::Settings* settings) {
  settings->backfill = policy != Policy::kFifo;
  // Without backfill plans are only shown, and nobody looks at them here.
  settings->plan_depth = policy == Policy::kReeve ? ctld::Settings().plan_depth : 1;
}

}  // namespace reeve::replay
