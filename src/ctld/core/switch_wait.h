// --switches=N@TIME: for how long a job waits for few leaf switches. It does so from the moment at
// which it could start on more of them; when the time is over it is as if it had asked for none.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "common/base/ids.h"
#include "ctld/core/job.h"
#include "ctld/core/profile.h"

namespace reeve::ctld {

struct Context;

// When something of such jobs is to be looked at: whether they can start elsewhere now, or that
// their time is over. Jobs that are gone or have started may still be here.
class SwitchWaits {
 public:
  void Watch(JobId job, Instant when);  // in the place of what there was
  std::optional<Instant> Of(JobId job) const;
  Instant Next() const { return order_.empty() ? kNever : order_.begin()->first; }
  std::vector<std::pair<JobId, Instant>> TakeDue(Instant now);
  std::vector<std::pair<JobId, Instant>> TakeAll() { return TakeDue(kNever); }

 private:
  absl::flat_hash_map<JobId, Instant> when_;
  absl::btree_set<std::pair<Instant, JobId>> order_;
};

// The same spec, with its wait for switches given, and no longer than `most`.
std::shared_ptr<const JobSpec> WithSwitchWait(std::shared_ptr<const JobSpec> spec,
                                              absl::Duration most);

absl::Duration SwitchWaitOf(const Job& job);
// Nothing more is to be waited for.
bool HasWaitedForSwitches(const Job& job, absl::Time now);
// Of a job that is looked at anew: when its wait is over its shape asks for no switches any more;
// until then the end of the wait is watched.
void ForgetSwitchesIfWaited(Context& context, Job& job);

}  // namespace reeve::ctld
