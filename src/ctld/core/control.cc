#include "ctld/core/control.h"

#include <utility>

#include "common/base/text.h"
#include "ctld/core/cancel.h"
#include "ctld/core/eligibility.h"
#include "ctld/core/errors.h"
#include "ctld/core/het_job.h"
#include "ctld/core/job_array.h"
#include "ctld/core/job_end.h"
#include "ctld/core/priority.h"
#include "ctld/core/suspend.h"

namespace reeve::ctld {
namespace {

absl::Status RequeueJob(Context& context, Job& job, const Caller& caller, bool hold) {
  if (job.het->offset > 0) return Refuse(kNotWholeHetJob);
  if (job.Pending()) return Refuse(kJobPending);
  // Without all of its components it could not start again.
  if (job.IsComponent() && ComponentsOf(context.state, job).size() < job.het->size) {
    return Refuse(kAlreadyDone);
  }
  if (!job.spec->batch) return Refuse(kBatchOnly);
  if (!MayRequeue(context.state, job)) return Refuse(kDisabled);
  const bool by_admin = hold && caller.is_operator;
  if (job.Active()) {
    EndJob(context, job,
           {.state = JobState::kCancelled,
            .detail = "requeued",
            .kill_uid = caller.uid,
            .requeue = true,
            .hold = hold,
            .hold_by_admin = by_admin});
    return absl::OkStatus();
  }
  if (job.IsComponent()) {
    RunTogetherAgain(context, job, hold, by_admin);
    return absl::OkStatus();
  }
  if (job.Completing()) {
    job.flags |= kJobFlagRequeued | (hold ? kJobFlagRequeueHold : kJobFlagNone);
    job.held_by_admin = by_admin;
    context.Changed(job);
    return absl::OkStatus();
  }
  job.reason_detail.clear();
  Requeue(context, job, hold, by_admin);
  return absl::OkStatus();
}

bool SuspendsOrResumes(JobAction action) {
  return action == JobAction::kSuspend || action == JobAction::kResume;
}

bool Requeues(JobAction action) {
  return action == JobAction::kRequeue || action == JobAction::kRequeueHold;
}

// Of a whole array only what the verb applies to is meant.
bool AppliesTo(JobAction action, const Job& job) {
  if (action == JobAction::kSuspend) {
    return job.Running() || (job.Suspended() && job.suspension->for_others);
  }
  if (action == JobAction::kResume) return job.Suspended();
  return job.Pending() != Requeues(action);
}

absl::Status Act(Context& context, Job& job, const ControlJobs& event) {
  const bool for_operators = SuspendsOrResumes(event.action) && !event.caller.is_operator;
  if (for_operators || !MayControl(event.caller, job)) return Refuse(kAccessDenied);
  switch (event.action) {
    case JobAction::kRequeue:
      return RequeueJob(context, job, event.caller, false);
    case JobAction::kRequeueHold:
      return RequeueJob(context, job, event.caller, true);
    case JobAction::kSuspend:
      return Suspend(context, job);
    case JobAction::kResume:
      return Resume(context, job);
    default:
      break;
  }
  if (job.Finished()) return Refuse(kAlreadyDone);
  if (!job.Pending()) return Refuse(kJobNotPending);
  switch (event.action) {
    case JobAction::kHold:
      Hold(context, job, event.caller.is_operator);
      return absl::OkStatus();
    case JobAction::kUhold:
      Hold(context, job, false);
      return absl::OkStatus();
    case JobAction::kRelease:
      return Release(context, job, event.caller);
    default:
      if (job.Held()) return Refuse(kDisabled);
      if (job.het->offset > 0) return Refuse(kNotWholeHetJob);  // the leader has the place
      MoveToTop(context, job);
      return absl::OkStatus();
  }
}

// When the verb applies to none of several it is the first that says so.
std::vector<JobId> TargetsOf(const State& state, JobAction action, std::vector<JobId> picked) {
  if (picked.size() < 2) return picked;
  const JobId first = picked.front();
  // The leader runs again with all the others, and has the place of all in the queue.
  const bool leads = Requeues(action) || action == JobAction::kTop;
  if (leads && state.FindJob(first)->IsComponent()) return {first};
  std::erase_if(picked, [&](JobId id) { return !AppliesTo(action, *state.FindJob(id)); });
  if (picked.empty() && SuspendsOrResumes(action)) return {first};
  return picked;
}

}  // namespace

void Hold(Context& context, Job& job, bool by_admin) {
  // A user's hold does not turn an administrator's into one that the user may release.
  job.held_by_admin = by_admin || (job.Held() && job.held_by_admin);
  job.priority = 0;
  context.Changed(job);
  Reconsider(context, job);
}

absl::Status Release(Context& context, Job& job, const Caller& caller) {
  if (!job.Held()) return absl::OkStatus();
  if (job.held_by_admin && !caller.is_operator) return Refuse(kAccessDenied);
  job.held_by_admin = false;
  job.flags &= ~kJobFlagRequeueHold;
  job.reason_detail.clear();
  job.priority = NextPriority(context.state, job.spec->nice);
  job.priority_fixed = false;
  context.Changed(job);
  Reconsider(context, job);
  return absl::OkStatus();
}

void HandleControl(Context& context, const ControlJobs& event) {
  JobResults answer;
  for (const JobPick& pick : event.jobs) {
    const bool splits = !Requeues(event.action) && !SuspendsOrResumes(event.action);
    // Whoever may not control the array does not get to split it either.
    const bool allowed = MayControlArray(context.state, event.caller, pick.job);
    absl::StatusOr<std::vector<JobId>> jobs =
        ResolvePick(context, pick, /*split=*/splits && allowed);
    if (!jobs.ok()) {
      answer.results.push_back({StrCat(pick.job.value), pick.job, WordsOf(jobs.status())});
      continue;
    }
    for (JobId id : TargetsOf(context.state, event.action, *std::move(jobs))) {
      Job& job = *context.state.FindJob(id);
      const std::string label = JobLabel(job);
      const absl::Status status = Act(context, job, event);
      answer.results.push_back({label, id, status.ok() ? "" : WordsOf(status)});
    }
  }
  context.Reply(event.call, std::move(answer));
}

}  // namespace reeve::ctld
