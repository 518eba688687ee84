// Jobs that share CPUs, and jobs that stand still for others.
#include <algorithm>

#include "tests/sim/oracle.h"

namespace reeve::sim {
namespace {

// As the configuration has it now, which reconfigurations of a world leave alone.
bool MayShare(const ctld::Partition& partition, const ctld::Job& job) {
  const bool asked = partition.sharing_forced || job.spec->oversubscribe;
  return asked && partition.sharing.most > 1 && !partition.exclusive && !job.spec->exclusive;
}

bool HasCpus(const ctld::Job& job, const std::string& node) {
  return job.HoldsResources() && !job.suspension->cpus_given_up && !job.ClearOf(node);
}

}  // namespace

// Nobody has a CPU of it but those of its partition that share too, and no more than may.
void Oracle::CheckSharing(const ctld::Controller& core, const ctld::Job& job) {
  const ctld::Partition* partition = core.FindPartition(job.partition);
  if (partition == nullptr) return;
  for (const ctld::NodeShare& share : job.shares) {
    for (uint32_t cpu : share.cores.Ids()) {
      uint32_t jobs = 0;
      core.ForEachJob([&](const ctld::Job& other) {
        for (const ctld::NodeShare& theirs : other.shares) {
          if (theirs.node != share.node || !theirs.cores.Contains(cpu)) continue;
          if (!HasCpus(other, share.node)) continue;
          jobs++;
          if (other.id == job.id) continue;
          if (other.partition == job.partition && MayShare(*partition, job) &&
              MayShare(*partition, other)) {
            continue;
          }
          scene_->Violation("sharing", "job ", job.id.value, " has CPU ", cpu, " of ", share.node,
                            " with job ", other.id.value);
        }
      });
      if (jobs > std::max(partition->sharing.most, 1u)) {
        scene_->Violation("sharing", jobs, " jobs have CPU ", cpu, " of ", share.node, ", not ",
                          partition->sharing.most);
      }
    }
  }
}

// It has just been suspended for others.
void Oracle::CheckStandsStill(const ctld::Controller& core, const ctld::Job& job) {
  const ctld::Settings& settings = core.settings();
  const ctld::Partition* partition = core.FindPartition(job.partition);
  const std::string what = StrCat("job ", job.id.value, " of partition ", job.partition.view());
  if (partition == nullptr || !settings.preempt.by_tier ||
      partition->preempt_mode != PreemptMode::kSuspend) {
    return scene_->Violation("stand still", what, " stands still, and nobody of it should");
  }
  uint32_t highest = 0;
  for (const ctld::Partition* other : core.Partitions()) {
    highest = std::max(highest, other->priority_tier);
  }
  if (partition->priority_tier >= highest) {
    scene_->Violation("stand still", what, " stands still, and none is in a higher tier");
  }
  const absl::Duration ran = job.suspension->time - job.start_time;
  if (ran + absl::Seconds(2) < settings.preempt.exempt_time) {
    scene_->Violation("stand still", what, " stands still after ", absl::FormatDuration(ran));
  }
}

// While nothing is on its way: those that stand still for others do so for somebody.
void Oracle::CheckNotForNothing(const ctld::Controller& core) {
  core.ForEachJob([&](const ctld::Job& job) {
    if (!job.Suspended() || !job.suspension->for_others) return;
    bool for_somebody = false;
    core.ForEachJob([&](const ctld::Job& other) {
      if (other.id == job.id || !other.HoldsResources()) return;
      for (const ctld::NodeShare& mine : job.shares) {
        for (const ctld::NodeShare& theirs : other.shares) {
          // One that wants a whole node is in the way of all others there.
          const bool whole = job.spec->exclusive || other.spec->exclusive ||
                             core.FindPartition(job.partition)->exclusive ||
                             core.FindPartition(other.partition)->exclusive;
          for_somebody = for_somebody || (mine.node == theirs.node &&
                                          (whole || mine.cores.Intersects(theirs.cores)));
        }
      }
    });
    if (for_somebody) return;
    scene_->Violation("stand still", "job ", job.id.value, " stands still for nobody");
  });
}

}  // namespace reeve::sim
