// What goes wrong.
#include <algorithm>

#include "tests/sim/plan_parts.h"
#include "tests/sim/random.h"

namespace reeve::sim {
namespace {

Fault MakeFault(Random& random, const ClusterPlan& cluster, FaultKind kind) {
  Fault fault;
  fault.kind = kind;
  fault.at = random.Between(absl::ZeroDuration(), cluster.horizon);
  fault.node = random.Below(static_cast<uint32_t>(cluster.settings.nodes.size()));
  fault.phase = random.Below(9);
  const absl::Duration timeout = std::max(cluster.settings.slurmd_timeout, absl::Seconds(10));
  switch (kind) {
    case FaultKind::kControllerCrash:
    case FaultKind::kControllerCrashCommit:
      // Away for a moment, or for longer than any timeout.
      fault.duration = random.OneIn(4) ? random.Between(absl::Seconds(5), absl::Minutes(2))
                                       : random.Between(absl::ZeroDuration(), absl::Seconds(3));
      fault.count = 1 + random.Below(random.OneIn(2) ? 20 : 250);
      break;
    case FaultKind::kNodeDaemonCrash:
    case FaultKind::kNodeDaemonCrashEffect:
      fault.duration = random.OneIn(4) ? random.Between(absl::Seconds(5), timeout * 2)
                                       : random.Between(absl::ZeroDuration(), absl::Seconds(3));
      fault.count = 1 + random.Below(40);
      break;
    case FaultKind::kStepdKill:
      fault.count = 1 + random.Below(10);
      break;
    case FaultKind::kHostDeath:
      fault.duration = random.Between(absl::Seconds(1), timeout * 3);
      fault.spool_lost = random.OneIn(2);
      break;
    case FaultKind::kLinkCut:
    case FaultKind::kNodeDaemonFrozen:
      // Shorter than the timeout, about as long, longer.
      fault.duration = random.Between(absl::Seconds(1), timeout * (random.OneIn(2) ? 1 : 3));
      fault.all_nodes = random.OneIn(5);
      break;
    case FaultKind::kDiskError:
      fault.duration = random.Between(absl::ZeroDuration(), absl::Seconds(10));
      break;
    case FaultKind::kDiskSlow:
    case FaultKind::kForkerDeath:
      fault.duration = random.Between(absl::Seconds(1), absl::Seconds(20));
      break;
    case FaultKind::kDbdAway:
    case FaultKind::kDbdSlow:
      fault.duration = random.Between(absl::Seconds(1), absl::Minutes(10));
      break;
    case FaultKind::kStreamBreak:
      break;
  }
  return fault;
}

}  // namespace

std::vector<Fault> MakeFaults(const ClusterPlan& cluster, uint64_t seed) {
  Random random(seed, "faults");
  std::vector<Fault> faults;
  // None at all now and then, and some worlds with one kind of fault many times.
  const int count = random.OneIn(12) ? 0 : random.Between(1, 14);
  const bool focused = random.OneIn(3);
  const auto focus = static_cast<FaultKind>(random.Below(kFaultKinds));
  for (int i = 0; i < count; ++i) {
    const auto kind =
        focused && !random.OneIn(4) ? focus : static_cast<FaultKind>(random.Below(kFaultKinds));
    faults.push_back(MakeFault(random, cluster, kind));
  }
  std::sort(faults.begin(), faults.end(),
            [](const Fault& a, const Fault& b) { return a.at < b.at; });
  for (size_t i = 0; i < faults.size(); ++i) faults[i].id = static_cast<uint32_t>(i);
  return faults;
}

}  // namespace reeve::sim
