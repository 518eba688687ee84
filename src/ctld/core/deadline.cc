#include "ctld/core/deadline.h"

#include <algorithm>

#include "common/base/text.h"
#include "ctld/core/errors.h"
#include "ctld/core/job_end.h"

namespace reeve::ctld {

std::optional<absl::Duration> LeastLimitOf(const JobSpec& spec, absl::Duration time_limit) {
  const RareWishes& wishes = spec.wishes();
  if (wishes.time_min.has_value()) return std::min(*wishes.time_min, time_limit);
  if (!IsSet(wishes.deadline) || time_limit < absl::InfiniteDuration()) return std::nullopt;
  return kLeastTimeToDeadline;
}

absl::Time LastStart(const Job& job) {
  const absl::Time deadline = job.spec->wishes().deadline;
  return IsSet(deadline) ? deadline - job.shape->LeastTime() : absl::InfiniteFuture();
}

Instant DeadlineOf(const Job& job) {
  const absl::Time deadline = job.spec->wishes().deadline;
  return IsSet(deadline) ? ToInstant(deadline) : kNever;
}

absl::Status CheckDeadline(const JobSpec& spec, absl::Duration time_limit, absl::Time now) {
  const RareWishes& wishes = spec.wishes();
  if (wishes.time_min.has_value() &&
      (*wishes.time_min <= absl::ZeroDuration() || *wishes.time_min > time_limit)) {
    return Refuse(kInvalidTimeLimit);
  }
  if (!IsSet(wishes.deadline)) return absl::OkStatus();
  const absl::Duration least = LeastLimitOf(spec, time_limit).value_or(time_limit);
  if (std::max(now, spec.begin_time) + least > wishes.deadline) return Refuse(kInvalidTimeLimit);
  return absl::OkStatus();
}

bool EndIfTooLate(Context& context, Job& job) {
  const absl::Time last = LastStart(job);
  if (last == absl::InfiniteFuture()) return false;
  if (last >= context.now) {
    context.state.timers.Add(last + absl::Microseconds(1), {TimerKind::kDeadline, job.id, {}, {}});
    return false;
  }
  context.Log(LogLevel::kInfo, StrCat("job ", JobLabel(job), " (", job.id.value,
                                      "): cannot end by its deadline any more"));
  // As Slurm has it: an exit status of 1, which prints as 0:1.
  EndJob(context, job,
         {.state = JobState::kDeadline, .reason = Reason::kDeadline, .exit_status = 1});
  return true;
}

}  // namespace reeve::ctld
