#include "ctld/core/job_end.h"

#include <algorithm>

#include "common/base/text.h"
#include "ctld/core/dependency.h"
#include "ctld/core/eligibility.h"
#include "ctld/core/end_warning.h"
#include "ctld/core/het_job.h"
#include "ctld/core/job_array.h"
#include "ctld/core/magnetism.h"
#include "ctld/core/priority.h"
#include "ctld/core/priority_round.h"
#include "ctld/core/prolog.h"
#include "ctld/core/steps.h"
#include "ctld/core/submit.h"
#include "ctld/core/suspend.h"
#include "ctld/core/validate.h"
#include "ctld/core/wait_status.h"
#include "ctld/core/waiters.h"

namespace reeve::ctld {
namespace {

bool Has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Nodes that were given a step and have not told (or proved) that it is gone. A lone batch step
// that has ended leaves nothing behind: its step daemon has seen to that. An epilog runs on every
// node of the job, and so may have a prolog.
std::vector<std::string> NodesToClear(const Settings& settings, const Job& job,
                                      const std::vector<std::string>& gone) {
  if (!settings.has_prolog && !settings.has_epilog && job.steps.size() == 1 &&
      job.steps[0].step_id == kBatchStep && job.steps[0].Ended()) {
    return {};
  }
  const bool all = settings.has_epilog || (settings.has_prolog && settings.prolog_at_allocation);
  std::vector<std::string> nodes;
  for (const NodeShare& share : job.shares) {
    if (Has(gone, share.node)) continue;
    if (all) nodes.push_back(share.node);
    for (const Step& step : job.steps) {
      const bool there = std::any_of(step.shares.begin(), step.shares.end(),
                                     [&](const NodeShare& s) { return s.node == share.node; });
      if (!there || all) continue;
      nodes.push_back(share.node);
      break;
    }
  }
  return nodes;
}

void FinishRun(Context& context, Job& job) {
  job.flags &= ~kJobFlagCompleting;
  for (const NodeShare& share : job.shares) context.Vacate(job, share.node);
  CloseAllSteps(context, job);
  context.state.active.erase(job.id);
  context.GiveLicensesBack(job);
  if (job.array_job_id && !job.shares.empty()) {
    ArrayGroup& group = context.state.arrays[job.array_job_id];
    if (group.running > 0) group.running--;
  }
}

void WakeNamesakes(Context& context, const Job& job) {
  const auto names = context.state.namesakes.find({job.owner->uid, job.spec->name});
  if (names == context.state.namesakes.end()) return;
  for (JobId id : names->second.singletons) {
    Job* other = context.state.FindJob(id);
    if (other == nullptr || other->id == job.id || !other->Pending()) continue;
    if (other->dependency.view().find("singleton") == std::string::npos) continue;
    // Those behind it wait for it, but for its own components, which start with it.
    for (Job* each : WithComponents(context.state, id)) {
      if (each->Pending()) Reconsider(context, *each);
    }
    return;
  }
}

// Nothing is left of the job anywhere.
void Settle(Context& context, Job& job) {
  FinishRun(context, job);
  const bool requeued = (job.flags & kJobFlagRequeued) != 0;
  context.Log(LogLevel::kInfo,
              StrCat("job ", JobLabel(job), " (", job.id.value, "): ", LongName(job.state),
                     ", exit ", ExitCodeOf(job.exit_status), ":", SignalOf(job.exit_status),
                     requeued ? ", requeued" : ""));
  context.Account(job);
  const JobId array = job.array_job_id;
  if (requeued) {
    const bool hold = (job.flags & kJobFlagRequeueHold) != 0;
    Requeue(context, job, hold, job.held_by_admin);
  } else {
    context.ForgetName(job);
    if (array)
      (job.state == JobState::kCompleted ? context.state.arrays[array].succeeded
                                         : context.state.arrays[array].failed)++;
    job.over_time = context.now;
    if (context.state.settings.min_job_age > absl::ZeroDuration()) {
      context.state.timers.Add(job.over_time + context.state.settings.min_job_age,
                               {TimerKind::kPurge, job.id, {}, {}});
    }
    context.Changed(job);
    AnswerWaiters(context, job);
    WakeDependents(context, job);
    WakeNamesakes(context, job);
  }
  if (array) WakeArray(context, array);
}

void BeginCompleting(Context& context, Job& job, const JobEnd& end) {
  job.pending_nodes = NodesToClear(context.state.settings, job, end.gone);
  for (const NodeShare& share : job.shares) {
    context.Vacate(job, share.node);
    if (!Has(job.pending_nodes, share.node)) {
      EndPartsOnNode(context, job, share.node);
      continue;
    }
    context.Occupy(job, share, /*completing=*/true);
    const Node* node = context.state.FindNode(share.node);
    if (node != nullptr && node->connected) {
      context.Send(share.node, TerminationOf(job, context.state.settings));
    }
  }
  if (job.pending_nodes.empty()) return Settle(context, job);
  job.flags |= kJobFlagCompleting;
  context.EndMoved(job);  // its licences will be free soon
  context.Changed(job);
  AnswerWaiters(context, job);
}

}  // namespace

TerminateJob TerminationOf(const Job& job, const Settings& settings) {
  const std::string_view why = job.state == JobState::kTimeout     ? "DUE TO TIME LIMIT"
                               : job.state == JobState::kPreempted ? "DUE TO PREEMPTION"
                                                                   : "";
  return {job.id, job.restarts, settings.kill_wait, std::string(why), FactsOf(job, settings)};
}

void WatchEnd(State& state, const Job& job) {
  const bool preempted = IsSet(job.rare->preempt_time);
  if (!preempted && job.time_limit == absl::InfiniteDuration()) return;
  WatchWarning(state, job);
  state.timers.Add(
      job.end_time + (preempted ? absl::ZeroDuration() : state.settings.over_time_limit),
      {TimerKind::kTimeLimit, job.id, {}, {}});
}

void EndJob(Context& context, Job& job, JobEnd end) {
  if (job.Finished()) return;
  if (job.IsComponent() && EndsAll(context.state, job, end)) return EndTogether(context, job, end);
  const bool was_running = job.Running();
  if (job.Suspended()) {
    EndSuspension(context, job);
    // Whoever suspended it did not mean it to run somewhere else. Those that stood still for others
    // may.
    if (!job.suspension->for_others) end.hold = end.hold_by_admin = end.requeue;
    job.suspension.Edit().for_others = false;
  }
  const bool was_active = job.Active();
  job.state = end.state;
  job.reason = end.reason;
  job.reason_detail = end.detail;
  job.planned_start = absl::UnixEpoch();
  job.end_time = context.now;
  if (end.exit_status.has_value()) job.exit_status = *end.exit_status;
  if (end.kill_uid.has_value()) job.rare.Edit().kill_uid = end.kill_uid;
  job.flags &= ~kJobFlagConfiguring;
  if (job.rare.IsThere()) job.rare.Edit().unprepared_nodes.clear();
  context.RemoveReady(job);
  DropWaitingSteps(context, job);
  if (!was_active) {
    job.start_time = context.now;
    return Settle(context, job);
  }
  if (was_running) UsageEnded(context, job);
  if (end.requeue) {
    job.flags |= kJobFlagRequeued;
    if (end.hold) job.flags |= kJobFlagRequeueHold;
    job.held_by_admin = end.hold && end.hold_by_admin;
  }
  BeginCompleting(context, job, end);
}

void EndJobByExit(Context& context, Job& job, int32_t exit_status, bool oom) {
  JobEnd end{.exit_status = exit_status};
  if (oom) {
    end.state = JobState::kOutOfMemory;
    end.reason = Reason::kOutOfMemory;
  } else if (exit_status != 0 && IsSet(job.rare->preempt_time)) {
    end.state = JobState::kPreempted;
    end.requeue = RequeuedByPreemption(context.state, job);
  } else if (SignalOf(exit_status) != 0) {
    end.state = JobState::kFailed;
    end.reason = Reason::kRaisedSignal;
  } else if (exit_status != 0) {
    end.state = JobState::kFailed;
    end.reason = Reason::kNonZeroExitCode;
  }
  EndJob(context, job, end);
}

void NodeIsClear(Context& context, Job& job, const std::string& node) {
  const auto found = std::find(job.pending_nodes.begin(), job.pending_nodes.end(), node);
  if (!job.Completing() || found == job.pending_nodes.end()) return;
  job.pending_nodes.erase(found);
  EndPartsOnNode(context, job, node);
  context.Vacate(job, node);
  if (job.pending_nodes.empty()) return Settle(context, job);
  context.Changed(job);
}

namespace {

// For what the spec says: the last run may have been given less time, or a record that was restored
// while it ran knows of no more nodes than it had.
void AskAgain(Context& context, Job& job) {
  State& state = context.state;
  const std::vector<PartitionIndex> partitions = state.PartitionsOf(job);
  if (job.spec->rare != nullptr && !partitions.empty()) {
    job.time_limit = TimeLimitOf(*job.spec, state.partitions[partitions[0]].facts);
  }
  absl::StatusOr<Shape> shape = MakeShape(*job.spec, job.time_limit);
  if (shape.ok()) job.shape = state.shapes.Intern(*std::move(shape));
  SetAskedSizes(job);
}

}  // namespace

void Requeue(Context& context, Job& job, bool hold, bool by_admin) {
  context.RememberName(job);
  job.state = JobState::kPending;
  job.flags = hold ? kJobFlagRequeueHold : kJobFlagNone;
  job.restarts++;
  job.shares.clear();
  job.steps.clear();
  job.pending_nodes.clear();
  job.leased = false;
  job.suspension.Reset();
  job.share_limit = 0;
  job.rare.Reset();
  job.next_step_id = 0;
  job.start_time = job.end_time = job.eligible_time = job.accrue_time = absl::UnixEpoch();
  job.exit_status = job.derived_exit_status = 0;
  job.partition = PartitionText(context.state, *job.spec);
  ForgetMagnet(context, job);
  AskAgain(context, job);
  const SharedText detail = hold ? job.reason_detail : SharedText();
  job.held_by_admin = hold && by_admin;
  if (hold) {
    job.priority = 0;
    job.reason = by_admin ? Reason::kJobHeldAdmin : Reason::kJobHeldUser;
  } else {
    job.reason = Reason::kNone;
    // With priority/multifactor it is the one the job had started with.
    const bool stays = job.priority_fixed || !context.state.settings.priority.multifactor;
    if (job.priority == 0 || !stays) {
      job.priority = NextPriority(context.state, job.spec->nice);
      job.priority_fixed = false;
    }
  }
  job.reason_detail = detail;
  context.Changed(job);
  Reconsider(context, job);
  context.Account(job);
}

bool MayRequeue(const State& state, const Job& job) {
  return job.spec->batch && job.spec->requeue.value_or(state.settings.job_requeue);
}

void PurgeIfOld(Context& context, JobId id) {
  const Job* job = context.state.FindJob(id);
  const absl::Duration age = context.state.settings.min_job_age;
  if (job == nullptr || !job->Finished() || job->Completing() || age <= absl::ZeroDuration()) {
    return;
  }
  if (job->IsComponent() && !AllOver(context.state, *job)) {  // it may be requeued with the others
    context.state.timers.Add(context.now + age, {TimerKind::kPurge, id, {}, {}});
    return;
  }
  // Components go together: with one that is missing the others could not run again.
  absl::Time over = job->over_time;
  std::vector<JobId> ids;
  for (const Job* each : WithComponents(context.state, id)) {
    over = std::max<absl::Time>(over, each->over_time);
    ids.push_back(each->id);
  }
  if (over + age > context.now) {
    context.state.timers.Add(over + age, {TimerKind::kPurge, id, {}, {}});
    return;
  }
  for (JobId each : ids) context.RemoveJob(each);
}

}  // namespace reeve::ctld
