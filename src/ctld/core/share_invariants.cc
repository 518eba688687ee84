#include "ctld/core/share_invariants.h"

#include <algorithm>
#include <map>
#include <vector>

namespace reeve::ctld {
namespace {

struct Group {
  uint32_t most = 1;
  std::map<uint32_t, uint32_t> loads;  // by CPU that somebody runs on
  std::vector<int32_t> planned;
};

// Can those be laid over what runs and so many more CPUs, each on CPUs of its own?
bool Suffices(const Group& group, int64_t more) {
  int64_t slots = more * group.most, open = more, wanted = 0;
  for (const auto& [cpu, load] : group.loads) {
    if (load >= group.most) continue;
    slots += group.most - load;
    open++;
  }
  for (int32_t cpus : group.planned) {
    if (cpus > open) return false;
    wanted += cpus;
  }
  return wanted <= slots;
}

int64_t Needed(const Group& group, int64_t all) {
  const auto running = static_cast<int64_t>(group.loads.size());
  for (int64_t more = 0; running + more <= all; ++more) {
    if (Suffices(group, more)) return running + more;
  }
  return all + 1;
}

}  // namespace

int32_t CpusLeftAt(const Node& node, const Track& track, Instant at, const ReadyKey* below,
                   const Sharing& viewer) {
  int64_t alone = 0;
  std::map<uint32_t, Group> groups;
  for (const Track::Use& use : track.running()) {
    if (at < use.cpus_from || at >= use.until) continue;
    if (!use.sharing.Shares()) {
      alone += use.room.cpus;
      continue;
    }
    for (uint32_t cpu : use.cores.Ids()) groups[use.sharing.group].loads[cpu]++;
  }
  for (const Track::Hold& hold : track.holds()) {
    if (below != nullptr && !(hold.rank < *below)) continue;
    if (at < hold.from || at >= hold.until) continue;
    if (!hold.sharing.Shares()) {
      alone += hold.room.cpus;
      continue;
    }
    Group& group = groups[hold.sharing.group];
    group.most = std::max(group.most, hold.sharing.most);
    group.planned.push_back(hold.room.cpus);
  }
  const auto fits = [&](int32_t cpus) {
    int64_t needed = alone;
    std::map<uint32_t, Group> with = groups;
    if (viewer.Shares()) {
      Group& own = with[viewer.group];
      own.most = viewer.most;  // which may be another than that of those before
      own.planned.push_back(cpus);
    } else {
      needed += cpus;
    }
    for (const auto& [id, group] : with) needed += Needed(group, node.cpus);
    return needed <= int64_t{node.cpus};
  };
  for (auto cpus = static_cast<int32_t>(node.cpus); cpus >= 0; --cpus) {
    if (fits(cpus)) return cpus;
  }
  return -1;
}

}  // namespace reeve::ctld
