// Jobs that make room for others. With PreemptType=preempt/partition_prio a job that cannot start
// may end running jobs of partitions with a lower PriorityTier, or have them stand still
// (resume_queue.h). victims.h says which, make_room.h for whom; here is who may be chosen at all,
// and what becomes of those that end. As in slurm.conf(5): PreemptType, PreemptMode,
// PreemptExemptTime, GraceTime (which, as there, is a matter of those that end).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "common/base/ids.h"
#include "ctld/core/profile.h"

namespace reeve::ctld {

class State;
struct Context;
struct Job;
struct Partition;

// Of State. Not stored: who is on the way out is known by its preempt_time, and what leaves counts
// as room that is to come.
struct Preemption {
  struct Victim {
    JobId job;
    uint32_t attempt = 0;
  };
  // By the job that had room made for it: who is to leave.
  absl::flat_hash_map<JobId, std::vector<Victim>> victims;
  uint64_t starts = 0;  // of jobs; whoever has started since may be a victim too
  // Jobs that stand still for others, and when they are to go on as far as is known.
  absl::flat_hash_map<JobId, Instant> standing;
  // Of those the ones whose CPUs are kept for a job that has not started yet.
  absl::flat_hash_map<JobId, JobId> held_for;
};

// How jobs make room.
enum class MakeWay : uint8_t { kEnd, kStandStill };

// The partitions whose jobs may have to make room, as they are at one moment.
class PreemptRules {
 public:
  explicit PreemptRules(const State& state);

  // Jobs of higher tiers may be made room for; absent: none, preemption is off.
  std::optional<uint32_t> lowest_tier() const { return lowest_tier_; }
  // The longest that jobs below that tier may still have, once they are chosen.
  absl::Duration LongestGrace(uint32_t below) const;
  // From when on the running job may be chosen for one of that tier; the infinite future: never.
  absl::Time ChosenFrom(const Job& job, uint32_t below, MakeWay way) const;
  bool AnyStandsStill() const { return any_stands_still_; }

 private:
  absl::Duration exempt_time_;
  absl::flat_hash_map<std::string_view, const Partition*> partitions_;
  std::optional<uint32_t> lowest_tier_;
  bool any_stands_still_ = false;
};

// The job has had room made for it, and somebody who is to leave is still there.
bool AwaitsVictims(const State& state, JobId job);
// For whom the job makes room; 0: nobody, or it is not known any more.
JobId PreemptorOf(const State& state, const Job& job);
// Drops what nobody waits for any more.
void ForgetVictims(State& state);

// The running job makes room for that one: with its partition's GraceTime it is told so and ends
// after that, else at once.
void PreemptJob(Context& context, Job& job, JobId preemptor);
// Its time is up.
void EndPreempted(Context& context, Job& job);
// It goes back into the queue when it has made room.
bool RequeuedByPreemption(const State& state, const Job& job);

}  // namespace reeve::ctld
