#include "ctld/core/suspend.h"

#include <algorithm>

#include "common/base/text.h"
#include "ctld/core/end_warning.h"
#include "ctld/core/errors.h"
#include "ctld/core/job_end.h"
#include "ctld/core/priority_round.h"
#include "ctld/core/steps.h"

namespace reeve::ctld {
namespace {

void Say(Context& context, const Job& job, std::string_view what) {
  context.Log(LogLevel::kInfo, StrCat("job ", JobLabel(job), " (", job.id.value, "): ", what));
}

// Its shares are taken again as what they are now.
void OccupyAgain(Context& context, const Job& job) {
  for (const NodeShare& share : job.shares) {
    context.Vacate(job, share.node);
    context.Occupy(job, share, /*completing=*/false);
  }
}

void TellAllNodes(Context& context, const Job& job) {
  for (const NodeShare& share : job.shares) TellSuspended(context, job, share.node);
}

// Which job has CPUs of that share and does not share them; null: none.
const Job* HolderOf(const State& state, const Node& node, const NodeShare& share, bool whole,
                    const Sharing& sharing) {
  const Job* holder = nullptr;
  const bool free = MayHaveCpus(node, share.cores, sharing);
  for (const auto& [id, use] : node.jobs) {
    const bool in_the_way =
        use.whole || (!free && use.cpus.Intersects(share.cores)) || (whole && !use.cpus.Empty());
    const Job* job = in_the_way ? state.FindJob(id) : nullptr;
    if (job != nullptr && (holder == nullptr || job->id < holder->id)) holder = job;
  }
  return holder;
}

absl::Status CheckCpusFree(const State& state, const Job& job) {
  for (const NodeShare& share : job.shares) {
    const Node* node = state.FindNode(share.node);
    if (node == nullptr) continue;  // a job on an unknown node has ended
    const Job* holder =
        HolderOf(state, *node, share, TakesWholeNode(state, job, *node), SharingOf(state, job));
    if (holder != nullptr) {
      return Refuse(StrCat(kNodesBusy, " (job ", JobLabel(*holder), " has CPUs of ", share.node,
                           " that it had)"));
    }
    CpuSet together = node->busy;
    together.AddAll(share.cores);
    if (together.Count() > node->cpus) {
      return Refuse(StrCat(kNodesBusy, " (", share.node, " has fewer CPUs than it had)"));
    }
  }
  return absl::OkStatus();
}

// Moves what counts from a start: limits end later by what it has stood still.
void CountSuspended(Context& context, Job& job) {
  Suspension& suspension = job.suspension.Edit();
  const absl::Duration still = std::max(context.now - suspension.time, absl::ZeroDuration());
  suspension.total += still;
  suspension.time = context.now;
  for (Step& step : job.steps) {
    if (step.Ended()) continue;
    step.suspended += still;
    if (step.time_limit == absl::InfiniteDuration()) continue;
    step.time_limit += still;
    context.state.timers.Add(step.start_time + step.time_limit,
                             {TimerKind::kStepLimit, job.id, {}, {}});
  }
  job.end_time += still;
}

absl::Status CheckHasBegun(const Job& job) {
  if (job.Pending()) return Refuse(kJobPending);
  if (job.Finished()) return Refuse(kAlreadyDone);
  return absl::OkStatus();
}

}  // namespace

absl::Status Suspend(Context& context, Job& job) {
  if (absl::Status status = CheckHasBegun(job); !status.ok()) return status;
  if (job.Suspended()) {
    if (!job.suspension->for_others) return absl::OkStatus();
    // Now it stands still until it is told to go on.
    job.suspension.Edit().for_others = false;
    context.EndMoved(job);
    context.Changed(job);
    return absl::OkStatus();
  }
  // It is to be gone soon: it could not get ready for that.
  if (IsSet(job.rare->preempt_time)) return Refuse(kDisabled);
  job.state = JobState::kSuspended;
  job.suspension.Edit().time = context.now;
  job.suspension.Edit().cpus_given_up = true;
  UsageEnded(context, job);
  OccupyAgain(context, job);
  TellAllNodes(context, job);
  context.EndMoved(job);
  context.Changed(job);
  context.Account(job);
  Say(context, job, "SUSPENDED");
  return absl::OkStatus();
}

absl::Status Resume(Context& context, Job& job) {
  if (absl::Status status = CheckHasBegun(job); !status.ok()) return status;
  if (!job.Suspended()) return Refuse(kJobNotSuspended);
  if (absl::Status status = CheckCpusFree(context.state, job); !status.ok()) return status;
  CountSuspended(context, job);
  job.state = JobState::kRunning;
  job.suspension.Edit().cpus_given_up = false;
  job.suspension.Edit().for_others = false;
  UsageBegan(context, job, context.now);
  StoreUsage(context, job);
  OccupyAgain(context, job);
  TellAllNodes(context, job);
  WatchEnd(context.state, job);
  WarnBeforeEnd(context, job);
  context.EndMoved(job);
  context.Changed(job);
  context.Account(job);
  Say(context, job, "RUNNING again");
  RetryWaitingSteps(context, job);
  return absl::OkStatus();
}

void EndSuspension(Context& context, Job& job) {
  CountSuspended(context, job);
}

void TellSuspended(Context& context, const Job& job, const std::string& node) {
  if (!job.suspension.IsThere()) return;
  context.Send(node, SuspendJob{job.id, job.restarts, job.Suspended()});
}

}  // namespace reeve::ctld
