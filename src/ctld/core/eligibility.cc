#include "ctld/core/eligibility.h"

#include <algorithm>

#include "common/base/text.h"
#include "ctld/core/deadline.h"
#include "ctld/core/dependency.h"
#include "ctld/core/het_job.h"
#include "ctld/core/job_array.h"
#include "ctld/core/job_end.h"
#include "ctld/core/magnetism.h"

namespace reeve::ctld {
namespace {

void KeepOut(Context& context, Job& job, Reason reason) {
  context.RemoveReady(job);
  if (IsSet(job.planned_start)) {
    job.planned_start = absl::UnixEpoch();
    context.Shown(job);
  }
  // A detail such as "launch failed requeued held" stays with the reason it came with.
  if (job.reason != reason) SetReason(context, job, reason);
}

}  // namespace

void SetReason(Context& context, Job& job, Reason reason, std::string detail) {
  if (job.reason == reason && job.reason_detail == detail) return;
  job.reason = reason;
  job.reason_detail = std::move(detail);
  context.Shown(job);
}

void Reconsider(Context& context, Job& job) {
  if (!job.Pending() || job.Completing()) {
    context.RemoveReady(job);
    return;
  }
  if (EndIfTooLate(context, job)) return;
  const DependencyStatus dependency = EvaluateDependency(context, job);
  if (dependency == DependencyStatus::kNever && job.spec->kill_on_invalid_dep) {
    context.Log(LogLevel::kInfo, StrCat("job ", JobLabel(job),
                                        ": cancelled, its dependency can never be satisfied"));
    EndJob(context, job,
           {.state = JobState::kCancelled, .reason = Reason::kDependencyNeverSatisfied});
    return;
  }
  if (job.Held()) {
    return KeepOut(context, job, job.held_by_admin ? Reason::kJobHeldAdmin : Reason::kJobHeldUser);
  }
  if (dependency == DependencyStatus::kNever) {
    return KeepOut(context, job, Reason::kDependencyNeverSatisfied);
  }
  if (dependency == DependencyStatus::kWaiting) return KeepOut(context, job, Reason::kDependency);
  if (job.spec->begin_time > context.now) {
    context.state.timers.Add(job.spec->begin_time, {TimerKind::kEligible, job.id, {}, {}});
    return KeepOut(context, job, Reason::kBeginTime);
  }
  if (!BelowArrayLimit(context.state, job)) {
    return KeepOut(context, job, Reason::kJobArrayTaskLimit);
  }
  if (!IsSet(job.eligible_time)) {
    job.eligible_time = std::max<absl::Time>(job.submit_time, context.now);
    job.accrue_time = job.eligible_time;
    context.Changed(job);
  }
  ForgetSwitchesIfWaited(context, job);
  if (!job.IsComponent()) FollowMagnets(context, job);
  const bool was_kept_out = !context.state.backlog.Contains(StandsFor(context.state, job.id));
  if (was_kept_out) SetReason(context, job, Reason::kNone);
  context.AddReady(job);
}

}  // namespace reeve::ctld
