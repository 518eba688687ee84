#include "ctld/core/preempt.h"

#include <signal.h>

#include <algorithm>

#include "common/base/text.h"
#include "ctld/core/cluster_state.h"
#include "ctld/core/job_end.h"
#include "ctld/core/resume_queue.h"
#include "ctld/core/steps.h"

namespace reeve::ctld {
namespace {

bool IsLeaving(const State& state, const Preemption::Victim& victim) {
  const Job* job = state.FindJob(victim.job);
  return job != nullptr && job->restarts == victim.attempt && job->HoldsResources();
}

const Partition* PartitionOf(const State& state, const Job& job) {
  for (const PartitionEntry& entry : state.partitions) {
    if (entry.facts.name == job.partition) return &entry.facts;
  }
  return nullptr;
}

void SendToAllSteps(Context& context, const Job& job, int32_t signal) {
  for (const Step& step : job.steps) {
    SignalStepEverywhere(context, job, step, signal, /*leader_only=*/false);
  }
}

}  // namespace

PreemptRules::PreemptRules(const State& state) : exempt_time_(state.settings.preempt.exempt_time) {
  if (!state.settings.preempt.by_tier) return;
  for (const PartitionEntry& entry : state.partitions) {
    const Partition& partition = entry.facts;
    if (partition.preempt_mode == PreemptMode::kOff) continue;
    partitions_[partition.name] = &partition;
    any_stands_still_ = any_stands_still_ || partition.preempt_mode == PreemptMode::kSuspend;
    lowest_tier_ = std::min(lowest_tier_.value_or(UINT32_MAX), partition.priority_tier);
  }
}

absl::Duration PreemptRules::LongestGrace(uint32_t below) const {
  absl::Duration longest = absl::ZeroDuration();
  for (const auto& [name, partition] : partitions_) {
    if (partition->preempt_mode == PreemptMode::kSuspend) continue;
    if (partition->priority_tier < below) longest = std::max(longest, partition->grace_time);
  }
  return longest;
}

absl::Time PreemptRules::ChosenFrom(const Job& job, uint32_t below, MakeWay way) const {
  // A component does not leave without the others.
  if (job.IsComponent()) return absl::InfiniteFuture();
  const bool stands_still = way == MakeWay::kStandStill && IsSuspendedForOthers(job);
  if (!(job.Running() || stands_still) || IsSet(job.rare->preempt_time)) {
    return absl::InfiniteFuture();
  }
  const auto partition = partitions_.find(job.partition);
  if (partition == partitions_.end() || partition->second->priority_tier >= below) {
    return absl::InfiniteFuture();
  }
  const bool suspends = partition->second->preempt_mode == PreemptMode::kSuspend;
  if (suspends != (way == MakeWay::kStandStill)) return absl::InfiniteFuture();
  return stands_still ? absl::InfinitePast() : job.start_time + exempt_time_;
}

bool AwaitsVictims(const State& state, JobId job) {
  const auto found = state.preemption.victims.find(job);
  if (found == state.preemption.victims.end()) return false;
  return std::any_of(found->second.begin(), found->second.end(),
                     [&](const Preemption::Victim& victim) { return IsLeaving(state, victim); });
}

JobId PreemptorOf(const State& state, const Job& job) {
  if (!IsSet(job.rare->preempt_time)) return {};
  for (const auto& [preemptor, victims] : state.preemption.victims) {
    for (const Preemption::Victim& victim : victims) {
      if (victim.job == job.id && victim.attempt == job.restarts) return preemptor;
    }
  }
  return {};
}

void ForgetVictims(State& state) {
  absl::erase_if(state.preemption.victims, [&](const auto& entry) {
    return !state.backlog.Contains(entry.first) || !AwaitsVictims(state, entry.first);
  });
}

void PreemptJob(Context& context, Job& job, JobId preemptor) {
  State& state = context.state;
  job.rare.Edit().preempt_time = context.now;
  state.preemption.victims[preemptor].push_back({job.id, job.restarts});
  const Partition* partition = PartitionOf(state, job);
  const absl::Duration grace = partition == nullptr ? absl::ZeroDuration() : partition->grace_time;
  context.Log(LogLevel::kInfo,
              StrCat("job ", JobLabel(job), " (", job.id.value, "): makes room for job ",
                     preemptor.value, ", has ", absl::ToInt64Seconds(grace), " seconds left"));
  if (grace <= absl::ZeroDuration()) return EndPreempted(context, job);
  const bool limited = job.time_limit < absl::InfiniteDuration();
  const absl::Time limit =
      limited ? job.end_time + state.settings.over_time_limit : absl::InfiniteFuture();
  job.end_time = std::min(limit, context.now + grace);
  WatchEnd(state, job);
  SendToAllSteps(context, job, SIGCONT);
  SendToAllSteps(context, job, SIGTERM);
  context.EndMoved(job);
  context.Changed(job);
}

void EndPreempted(Context& context, Job& job) {
  EndJob(context, job,
         {.state = JobState::kPreempted, .requeue = RequeuedByPreemption(context.state, job)});
}

bool RequeuedByPreemption(const State& state, const Job& job) {
  const Partition* partition = PartitionOf(state, job);
  return partition != nullptr && partition->preempt_mode == PreemptMode::kRequeue &&
         MayRequeue(state, job);
}

}  // namespace reeve::ctld
