#include "ctld/core/clock_jump.h"

#include <algorithm>

#include "common/base/text.h"
#include "ctld/core/job_end.h"

namespace reeve::ctld {
namespace {

// Timers are hints: those set for the old times find nothing to do, these find the new ones.
void MoveNode(Context& context, Node& node, absl::Duration by) {
  node.last_response_time += by;
  node.coverage.Shift(by);
  const absl::Duration timeout = context.state.settings.slurmd_timeout;
  if (timeout <= absl::ZeroDuration()) return;
  context.state.timers.Add(node.last_response_time + timeout,
                           {TimerKind::kNodeTimeout, {}, node.name, {}});
}

void MoveJob(Context& context, Job& job, absl::Duration by) {
  if (!job.Active()) return;
  job.end_time += by;
  if (job.Suspended()) {
    job.suspension.Edit().time += by;
  } else {
    WatchEnd(context.state, job);
  }
  for (Step& step : job.steps) {
    if (step.Ended() || step.time_limit == absl::InfiniteDuration()) continue;
    step.time_limit += by;
    context.state.timers.Add(step.start_time + step.time_limit,
                             {TimerKind::kStepLimit, job.id, {}, {}});
  }
  context.Changed(job);
}

// Nobody has waited longer because the clock was set.
void MoveSwitchWaits(Context& context, absl::Duration by) {
  SwitchWaits& waits = context.state.switch_waits;
  for (const auto& [id, when] : waits.TakeAll()) {
    Job* job = context.state.FindJob(id);
    if (job == nullptr || !job->Pending()) continue;
    waits.Watch(id, when + absl::ToInt64Microseconds(by));
    if (!IsSet(job->rare->switches_since)) continue;
    job->rare.Edit().switches_since += by;
    context.Changed(*job);
  }
}

}  // namespace

void HandleClockJump(Context& context, absl::Duration by) {
  context.Log(LogLevel::kWarning,
              StrCat("the clock was set ", by > absl::ZeroDuration() ? "forward" : "back", " by ",
                     absl::FormatDuration(absl::AbsDuration(by))));
  for (const std::unique_ptr<Node>& node : context.state.nodes) MoveNode(context, *node, by);
  std::vector<JobId> ids(context.state.active.begin(), context.state.active.end());
  std::sort(ids.begin(), ids.end());
  for (JobId id : ids) MoveJob(context, *context.state.FindJob(id), by);
  MoveSwitchWaits(context, by);
  context.state.fair_share.ClockJumped(by);
  PriorityRound& round = context.state.round;
  round.next += by;
  round.next_slice += by;
  const absl::Time due = round.going ? std::min(round.next, round.next_slice) : round.next;
  context.state.timers.Add(due, {TimerKind::kPriorities, {}, {}, {}});
  context.state.backlog.stale = true;  // the plan is in times of the old clock
  context.effects.schedule = true;
}

}  // namespace reeve::ctld
