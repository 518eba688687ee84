#include "ctld/core/resume_queue.h"

#include <algorithm>
#include <optional>
#include <string_view>
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
  const PartitionEntry* partition = state.FindPartition(job.partition.view());
  return partition == nullptr ? 0 : partition->facts.priority_tier;
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

// Who goes on first, by nodes: what the next ones have to wait for.
class ClaimsAhead {
 public:
  explicit ClaimsAhead(const State& state) : state_(state) {}

  // That one keeps its CPUs until then.
  void Add(const Job& job, Instant until) {
    const Sharing sharing = SharingOf(state_, job);
    for (const NodeShare& share : job.shares) {
      claims_[share.node].push_back(
          {&share.cores, WantsWhole(state_, job, share), sharing.group, until});
    }
  }
  // When those that have CPUs of the job before it are over; nullopt: there are none.
  std::optional<Instant> InTheWayOf(const Job& job) const {
    std::optional<Instant> until;
    const Sharing sharing = SharingOf(state_, job);
    for (const NodeShare& share : job.shares) {
      const auto claims = claims_.find(share.node);
      if (claims == claims_.end()) continue;
      const bool whole = WantsWhole(state_, job, share);
      for (const Claim& claim : claims->second) {
        // Resume looks whether so many may have the CPUs.
        const bool together = sharing.Shares() && claim.group == sharing.group;
        const bool clash =
            whole || claim.whole || (!together && claim.cpus->Intersects(share.cores));
        if (clash) until = std::max(until.value_or(claim.until), claim.until);
      }
    }
    return until;
  }

 private:
  struct Claim {
    const CpuSet* cpus;
    bool whole;
    uint32_t group;
    Instant until;
  };
  const State& state_;
  absl::flat_hash_map<std::string_view, std::vector<Claim>> claims_;
};

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
    Instant first_of_group = kNever;
    for (const auto& [id, use] : node->jobs) {
      if (use.cpus.Empty()) continue;
      if (!whole && !use.whole && !use.cpus.Intersects(share.cores)) continue;
      const Instant its = EndOfJob(state, id, now, grace);
      if (sharing.Shares() && use.sharing.group == sharing.group) {
        first_of_group = std::min(first_of_group, its);
      } else {
        end = std::max(end, its);
      }
    }
    // As many as may have the CPUs.
    if (first_of_group < kNever && !MayHaveCpus(*node, share.cores, sharing)) {
      end = std::max(end, first_of_group);
    }
  }
  return end;
}

// Shares are in the order of their nodes, as it was when the job started.
const NodeShare* ShareOn(const State& state, const Job& job, const Node& node) {
  const auto found =
      std::partition_point(job.shares.begin(), job.shares.end(), [&](const NodeShare& share) {
        const Node* other = state.FindNode(share.node);
        return other != nullptr && other->order < node.order;
      });
  if (found != job.shares.end() && found->node == node.name) return &*found;
  for (const NodeShare& share : job.shares) {
    if (share.node == node.name) return &share;
  }
  return nullptr;
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
  bool any = false;
  absl::erase_if(state.preemption.held_for, [&](const auto& entry) {
    const JobId preemptor = entry.second;
    if (!state.backlog.Contains(preemptor)) return true;
    const Backlog::Keys& keys = state.backlog.KeysOf(preemptor);
    const bool is_next = std::any_of(keys.begin(), keys.end(), [&](const ReadyKey& key) {
      return state.backlog.unplanned.contains(key);
    });
    any = any || !is_next;
    return !is_next;
  });
  return any;
}

void ResumeThoseNext(Context& context) {
  State& state = context.state;
  if (state.preemption.standing.empty()) return;
  ClaimsAhead ahead(state);
  for (Job* job : InOrder(state)) {
    if (ahead.InTheWayOf(*job).has_value() || AwaitedStart(state, job->id) ||
        !Resume(context, *job).ok()) {
      ahead.Add(*job, kNever);
    } else {
      state.preemption.standing.erase(job->id);
    }
  }
}

void ForecastResumes(State& state, absl::Time now, absl::Duration grace) {
  if (state.preemption.standing.empty()) return;
  ClaimsAhead ahead(state);
  for (const Job* job : InOrder(state)) {
    Instant resumes = EndOfHolders(state, *job, now, grace);
    if (const JobId awaited = AwaitedStart(state, job->id)) {
      const absl::Duration length = state.FindJob(awaited)->shape->PlanningTime();
      resumes = std::max(resumes, ToInstant(now + length));
    }
    if (const auto until = ahead.InTheWayOf(*job)) resumes = std::max(resumes, *until);
    Instant& known = state.preemption.standing[job->id];
    const bool still_good =
        known >= ToInstant(now) && known <= resumes && resumes - known < kNoticed;
    if (!still_good) known = resumes;
    ahead.Add(*job, EndWhenResumed(state, *job));
    if (still_good) continue;
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
  const NodeShare* share = ShareOn(state, job, node);
  if (share == nullptr) return;
  const bool whole = TakesWholeNode(state, job, node);
  use.room.cpus = static_cast<int32_t>(whole ? node.cpus : share->cores.Count());
  use.cpus_from = found->second;
  use.sharing = SharingOf(state, job);
  if (use.sharing.Shares()) use.cores = share->cores;
}

}  // namespace reeve::ctld
