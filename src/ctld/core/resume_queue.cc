#include "ctld/core/resume_queue.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "common/base/text.h"
#include "ctld/core/cluster_state.h"
#include "ctld/core/suspend.h"

namespace reeve::ctld {
namespace {

// A forecast that lags behind by less than this stays as it is.
constexpr Instant kNoticed = 1'000'000;

uint32_t TierOf(const State& state, const Job& job) {
  for (const PartitionEntry& entry : state.partitions) {
    if (entry.facts.name == job.partition) return entry.facts.priority_tier;
  }
  return 0;
}

// In the order in which they go on. Who does not stand still any more is forgotten.
std::vector<Job*> InOrder(State& state) {
  absl::erase_if(state.preemption.standing, [&](const auto& entry) {
    const Job* job = state.FindJob(entry.first);
    return job == nullptr || !IsSuspendedForOthers(*job);
  });
  std::vector<std::pair<uint32_t, Job*>> tiers;
  for (const auto& [id, resumes] : state.preemption.standing) {
    Job* job = state.FindJob(id);
    tiers.emplace_back(TierOf(state, *job), job);
  }
  std::sort(tiers.begin(), tiers.end(), [](const auto& a, const auto& b) {
    const absl::Time first = a.second->start_time, second = b.second->start_time;
    return std::tuple(b.first, first, a.second->id) < std::tuple(a.first, second, b.second->id);
  });
  std::vector<Job*> jobs;
  for (const auto& [tier, job] : tiers) jobs.push_back(job);
  return jobs;
}

bool WantsWhole(const State& state, const Job& job, const NodeShare& share) {
  const Node* node = state.FindNode(share.node);
  return node != nullptr && TakesWholeNode(state, job, *node);
}

// May both have their CPUs of a node at the same time?
bool AreInEachOthersWay(const State& state, const Job& a, const Job& b) {
  for (const NodeShare& mine : a.shares) {
    for (const NodeShare& other : b.shares) {
      if (mine.node != other.node) continue;
      if (WantsWhole(state, a, mine) || WantsWhole(state, b, other)) return true;
      if (mine.cores.Intersects(other.cores)) return true;
    }
  }
  return false;
}

JobId AwaitedStart(const State& state, JobId job) {
  const auto found = state.preemption.held_for.find(job);
  const bool waits = found != state.preemption.held_for.end();
  return waits && state.backlog.Contains(found->second) ? found->second : JobId{};
}

// When those that have CPUs of the job are to have ended.
Instant EndOfHolders(const State& state, const Job& job, absl::Time now, absl::Duration grace) {
  Instant end = ToInstant(now);
  const Sharing sharing = SharingOf(state, job);
  for (const NodeShare& share : job.shares) {
    const Node* node = state.FindNode(share.node);
    if (node == nullptr) continue;
    const bool whole = TakesWholeNode(state, job, *node);
    for (const auto& [id, use] : node->jobs) {
      if (use.cpus.Empty() || (sharing.Shares() && use.sharing.group == sharing.group)) continue;
      if (!whole && !use.whole && !use.cpus.Intersects(share.cores)) continue;
      end = std::max(end, EndOfJob(state, id, now, grace));
    }
  }
  return end;
}

Instant TimeLeft(const Job& job) {
  return std::max<Instant>(
      absl::ToInt64Microseconds(job.end_time - absl::Time(job.suspension->time)), kNoticed);
}

}  // namespace

bool IsSuspendedForOthers(const Job& job) {
  return job.Suspended() && job.suspension->for_others;
}

void SuspendForOther(Context& context, Job& job, JobId preemptor) {
  State& state = context.state;
  context.Log(LogLevel::kInfo, StrCat("job ", JobLabel(job), " (", job.id.value,
                                      "): stands still for job ", preemptor.value));
  if (!job.Suspended()) {
    job.suspension.Edit().for_others = true;
    (void)Suspend(context, job);  // it runs, and is not on its way out
  }
  state.preemption.standing.emplace(job.id, ToInstant(context.now));
  state.preemption.held_for[job.id] = preemptor;
}

bool HasSuspended(const State& state, JobId preemptor) {
  return std::any_of(state.preemption.held_for.begin(), state.preemption.held_for.end(),
                     [&](const auto& entry) { return entry.second == preemptor; });
}

bool ForgetWhoHasNotStarted(State& state) {
  const auto held_for = std::exchange(state.preemption.held_for, {});
  return std::any_of(held_for.begin(), held_for.end(),
                     [&](const auto& entry) { return state.backlog.Contains(entry.second); });
}

void ResumeThoseNext(Context& context) {
  State& state = context.state;
  if (state.preemption.standing.empty()) return;
  std::vector<const Job*> before;  // who stands still and goes on first
  for (Job* job : InOrder(state)) {
    const bool behind = std::any_of(before.begin(), before.end(), [&](const Job* other) {
      return AreInEachOthersWay(state, *other, *job);
    });
    if (behind || AwaitedStart(state, job->id) || !Resume(context, *job).ok()) {
      before.push_back(job);
    } else {
      state.preemption.standing.erase(job->id);
    }
  }
}

void ForecastResumes(State& state, absl::Time now, absl::Duration grace) {
  if (state.preemption.standing.empty()) return;
  std::vector<const Job*> before;
  for (const Job* job : InOrder(state)) {
    Instant resumes = EndOfHolders(state, *job, now, grace);
    if (const JobId awaited = AwaitedStart(state, job->id)) {
      const absl::Duration length = state.FindJob(awaited)->shape->PlanningTime();
      resumes = std::max(resumes, ToInstant(now + length));
    }
    for (const Job* other : before) {
      if (!AreInEachOthersWay(state, *other, *job)) continue;
      resumes = std::max(resumes, EndWhenResumed(state, *other));
    }
    before.push_back(job);
    Instant& known = state.preemption.standing[job->id];
    const bool still_good =
        known >= ToInstant(now) && known <= resumes && resumes - known < kNoticed;
    if (still_good) continue;
    known = resumes;
    for (LicenseIndex license : state.licenses.HeldBy(job->id)) {
      state.plan.licenses().Changed(license, job->id);
    }
    for (const NodeShare& share : job->shares) {
      if (const Node* node = state.FindNode(share.node)) state.NodeMoved(*node);
    }
  }
}

Instant EndWhenResumed(const State& state, const Job& job) {
  const auto found = state.preemption.standing.find(job.id);
  const Instant resumes =
      found == state.preemption.standing.end() ? ToInstant(job.suspension->time) : found->second;
  return std::min(resumes + TimeLeft(job), kNever);
}

void ClaimCpus(const State& state, const Job& job, const Node& node, Track::Use& use) {
  const auto found = state.preemption.standing.find(job.id);
  if (found == state.preemption.standing.end()) return;
  for (const NodeShare& share : job.shares) {
    if (share.node != node.name) continue;
    const bool whole = TakesWholeNode(state, job, node);
    use.room.cpus = static_cast<int32_t>(whole ? node.cpus : share.cores.Count());
    use.cpus_from = found->second;
    use.sharing = SharingOf(state, job);
    if (use.sharing.Shares()) use.cores = share.cores;
  }
}

}  // namespace reeve::ctld
