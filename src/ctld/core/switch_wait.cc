#include "ctld/core/switch_wait.h"

#include <algorithm>

#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

void SwitchWaits::Watch(JobId job, Instant when) {
  const auto [known, is_new] = when_.emplace(job, when);
  if (!is_new) order_.erase({known->second, job});
  known->second = when;
  order_.insert({when, job});
}

std::optional<Instant> SwitchWaits::Of(JobId job) const {
  const auto known = when_.find(job);
  if (known == when_.end()) return std::nullopt;
  return known->second;
}

std::vector<std::pair<JobId, Instant>> SwitchWaits::TakeDue(Instant now) {
  std::vector<std::pair<JobId, Instant>> due;
  while (!order_.empty() && order_.begin()->first <= now) {
    const auto [when, job] = *order_.begin();
    due.push_back({job, when});
    order_.erase(order_.begin());
    when_.erase(job);
  }
  return due;
}

std::shared_ptr<const JobSpec> WithSwitchWait(std::shared_ptr<const JobSpec> spec,
                                              absl::Duration most) {
  RareWishes wishes = spec->wishes();
  if (wishes.switches == 0) return spec;
  const absl::Duration wait = std::min(wishes.switches_wait.value_or(most), most);
  if (wishes.switches_wait == wait) return spec;
  wishes.switches_wait = wait;
  auto changed = std::make_shared<JobSpec>(*spec);
  changed->rare = std::make_shared<const RareWishes>(std::move(wishes));
  return changed;
}

absl::Duration SwitchWaitOf(const Job& job) {
  return job.spec->wishes().switches_wait.value_or(absl::ZeroDuration());
}

bool HasWaitedForSwitches(const Job& job, absl::Time now) {
  const absl::Duration wait = SwitchWaitOf(job);
  return wait <= absl::ZeroDuration() ||
         (IsSet(job.rare->switches_since) && job.rare->switches_since + wait <= now);
}

void ForgetSwitchesIfWaited(Context& context, Job& job) {
  if (job.shape->max_switches == 0) return;
  if (!HasWaitedForSwitches(job, context.now)) {
    if (!IsSet(job.rare->switches_since)) return;
    return context.state.switch_waits.Watch(
        job.id, ToInstant(job.rare->switches_since + SwitchWaitOf(job)));
  }
  Shape anywhere = *job.shape;
  anywhere.max_switches = 0;
  job.shape = context.state.shapes.Intern(std::move(anywhere));
}

}  // namespace reeve::ctld
