// When licences will be free: of each a track of time (track.h), as a node has one, in which
// running jobs take some until their ends and planned ones hold some. Many jobs may have some of
// one licence, and more wait for it: what a job's start or end costs does not grow with them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "ctld/core/license_pool.h"
#include "ctld/core/track.h"

namespace reeve::ctld {

// So many of a licence, in a track.
inline Room LicenseRoom(uint32_t count) {
  return {static_cast<int32_t>(count), 0, {}};
}

class LicensePlan {
 public:
  using EndOfJob = std::function<Instant(JobId)>;
  // Kept by a reservation for its jobs, in its times; what returns has others after those that are
  // looked at.
  struct Reserve {
    LicenseIndex license = 0;
    uint32_t lane = 0;
    uint32_t count = 0;
    std::vector<Interval> times;
    bool returns = false;
  };
  struct Use {  // what a job has, and until when
    uint32_t count = 0;
    Instant until = 0;
    uint32_t kept = 0;  // of `count`: kept by the reservation of that lane
    uint32_t lane = 0;

    friend bool operator==(const Use&, const Use&) = default;
  };

  // Forgets everything; the next Refresh reads all of the pool.
  void Reset(size_t licenses, std::vector<Reserve> reserves = {});
  // The job has others of it than it had, or has them until another time.
  void Changed(LicenseIndex license, JobId job) { changed_.push_back({license, job}); }
  bool AnyChanged() const { return stale_ || !changed_.empty(); }
  // Catches up. What had to give way is added to `displaced`. True when there may be more than
  // before, now or later.
  bool Refresh(const LicensePool& pool, Instant now, const EndOfJob& end_of,
               std::vector<Track::Hold>& displaced);

  // The least that is free in that time, for jobs of that lane.
  int32_t LeastFree(LicenseIndex license, const ReadyKey& rank, Track::View view, Instant from,
                    Instant until, uint32_t lane = 0) const;

  // For one place of the job in the plan. Returns what it displaces; each of those jobs is to give
  // up all its places.
  std::vector<Track::Hold> Add(const LicenseTerms& terms, const FromReserve& from_reserve,
                               const ReadyKey& rank, Instant from, Instant until);
  // What the job holds for its place that begins then. False: it holds nothing.
  bool Remove(const ReadyKey& rank, Instant from) { return !Lift(rank, from, true).empty(); }
  // The same for a moment: PutBack is to follow.
  struct LiftedHold {
    LicenseIndex license = 0;
    uint32_t lane = 0;
    Track::Hold hold;
  };
  using Lifted = absl::InlinedVector<LiftedHold, 2>;
  Lifted TakeUp(const ReadyKey& rank, Instant from) { return Lift(rank, from, false); }
  void PutBack(const Lifted& lifted);

  // True once after there has come to be more than before, now or later.
  bool TakeGrown() { return std::exchange(grown_, false); }
  // As Plan::BeginImproving. Have some of those become more since it began the last time?
  void BeginImproving();
  bool MayImprove(const LicenseTerms& terms) const;

  // What reservations keep is not on it. A lane's own track has what its reservation keeps; null:
  // that keeps none.
  const Track& track(LicenseIndex license) const { return entries_[license].track; }
  const Track* kept(LicenseIndex license, uint32_t lane) const;
  const absl::flat_hash_map<JobId, Use>& uses(LicenseIndex license) const {
    return entries_[license].uses;
  }
  size_t size() const { return entries_.size(); }

 private:
  struct Lane {
    uint32_t lane = 0;
    uint32_t count = 0;
    std::vector<Interval> times;
    uint32_t used = 0;  // by running jobs
    Track track;
  };
  struct Entry {
    Track track;
    std::vector<Lane> lanes;
    absl::flat_hash_map<JobId, Use> uses;  // as the track has them
    bool improving = false;                // became more before the improvement that is going on
    bool to_improve = false;               // and since

    Lane* Find(uint32_t lane);
  };

  void ReadAll(const LicensePool& pool);
  void Keep(Entry& entry, const Reserve& reserve);
  Use UseNow(LicenseIndex license, JobId job, const LicensePool& pool, Instant now,
             const EndOfJob& end_of, const Use& before);
  void GiveBack(Entry& entry, const Use& use);
  std::vector<Track::Hold> Take(Entry& entry, const Use& use);
  void Grown(LicenseIndex license);
  Lifted Lift(const ReadyKey& rank, Instant from, bool for_good);

  std::vector<Entry> entries_;
  std::vector<Reserve> reserves_;
  std::vector<std::pair<LicenseIndex, JobId>> changed_;
  absl::btree_set<std::tuple<Instant, LicenseIndex, JobId>> ends_;  // of all uses
  absl::flat_hash_map<JobId, uint32_t> places_;  // of jobs that hold some: how many
  bool stale_ = false;
  bool grown_ = false;
  mutable Track::Scratch scratch_;
};

// What a job sees, before `until`, of all the licences it asks for: found once for a search. The
// plan stays as it is meanwhile.
//
// A job of a reservation that keeps some has as many of those as are free for all of its time, and
// the rest of what there is for everybody.
class LicenseSight {
 public:
  LicenseSight(const LicensePlan& plan, const LicenseTerms& terms, const ReadyKey& rank,
               Track::View view, Instant until);

  // The first start at or after `from`, and before `before`, from which all of it is free for
  // `length`; kNever when there is none.
  Instant FirstFit(Instant length, Instant from, Instant before = kNever) const;
  // Until when all of it is free from `from` on, as far as `until`, when it was for `least`.
  Instant FreeUntil(Instant from, Instant until, Instant least) const;
  // What a job has in that time of those that are kept for it.
  FromReserve InReserve(Instant from, Instant until) const;
  size_t size() const { return licenses_.size(); }

 private:
  struct Seen {
    Profile profile;
    std::optional<Profile> kept;
    uint32_t count = 0;

    int32_t LeastKept(Instant from, Instant until) const;
    Instant FirstFit(Instant length, Instant from, Instant before) const;
    Instant FreeUntil(Instant from, Instant until, Instant least) const;
  };
  bool impossible_;
  std::vector<Track::Scratch> scratch_;
  std::vector<Seen> licenses_;
};

}  // namespace reeve::ctld
