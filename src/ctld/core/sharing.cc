#include "ctld/core/sharing.h"

#include <algorithm>

#include "common/base/text.h"
#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

void SetOverSubscribe(Partition& partition, const OverSubscribeRule& rule) {
  const bool shares = rule.kind == OverSubscribe::kYes || rule.kind == OverSubscribe::kForce;
  partition.oversubscribe = OverSubscribeText(rule);
  partition.exclusive = rule.kind == OverSubscribe::kExclusive;
  partition.sharing.most = shares ? rule.jobs : 1;
  partition.sharing_forced = rule.kind == OverSubscribe::kForce;
}

Sharing SharingOf(const Shape& shape, const Partition& partition) {
  const bool wants = partition.sharing_forced || shape.oversubscribe;
  const bool whole = shape.exclusive || partition.exclusive;
  // Whoever says on which sockets and cores its tasks are to be finds them among idle CPUs alone.
  const bool particular = shape.layout.PicksCpus();
  return wants && !whole && !particular && partition.sharing.most > 1 ? partition.sharing
                                                                      : Sharing();
}

Sharing SharingOf(const State& state, const Job& job) {
  if (job.share_limit <= 1) return {};
  const auto group = state.share_groups.find(ToAbsl(job.partition.view()));
  return group == state.share_groups.end() ? Sharing() : Sharing{group->second, job.share_limit};
}

std::vector<uint32_t> LoadsOf(const Node& node, uint32_t group) {
  std::vector<uint32_t> loads(node.cpus);
  for (const auto& [id, use] : node.jobs) {
    if (use.sharing.group != group) continue;
    for (uint32_t cpu : use.cpus.Ids()) {
      if (cpu >= loads.size()) loads.resize(cpu + 1);
      loads[cpu]++;
    }
  }
  return loads;
}

uint32_t CpusToShare(const Node& node, const Sharing& sharing) {
  if (!sharing.Shares() || node.sharing_jobs == 0 || node.whole_jobs > 0) return 0;
  const std::vector<uint32_t> loads = LoadsOf(node, sharing.group);
  return static_cast<uint32_t>(
      std::count_if(loads.begin(), loads.begin() + node.cpus,
                    [&](uint32_t load) { return load > 0 && load < sharing.most; }));
}

bool AnyCpuToShare(const State& state, const Node& node) {
  if (node.sharing_jobs == 0) return false;
  return std::any_of(
      state.partitions.begin(), state.partitions.end(), [&](const PartitionEntry& partition) {
        return partition.facts.sharing.most > 1 && CpusToShare(node, partition.facts.sharing) > 0;
      });
}

bool MayHaveCpus(const Node& node, const CpuSet& cpus, const Sharing& sharing) {
  for (const auto& [id, use] : node.jobs) {
    if (!use.cpus.Intersects(cpus)) continue;
    if (!sharing.Shares() || use.sharing.group != sharing.group) return false;
  }
  if (!sharing.Shares()) return true;
  const std::vector<uint32_t> loads = LoadsOf(node, sharing.group);
  const std::vector<uint32_t> ids = cpus.Ids();
  return std::all_of(ids.begin(), ids.end(), [&](uint32_t cpu) {
    return cpu >= loads.size() || loads[cpu] < sharing.most;
  });
}

}  // namespace reeve::ctld
