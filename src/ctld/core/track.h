// What will be free on one node, and when: a step function of time, from the ends of running jobs
// and from the holds of planned ones.
//
//   free CPUs  8 |        ......
//              4 |   .....      :.....   a running job ends, a planned one starts
//              0 |...
//                +---------------------> time
//
// A hold has the rank of its job. It fits over everything of higher rank; when something of higher
// rank takes its place it is displaced. Whoever asks on behalf of a job sees only what ranks above
// that job, so that nothing lower stands in its way.
//
// Where jobs share the node only with those of their own user (`sole_user`), what others have of it
// is all of it. Where they share CPUs (`sharing`), shared_track.h says what is free.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "ctld/core/cpu_set.h"
#include "ctld/core/gres_column.h"
#include "ctld/core/profile.h"
#include "ctld/core/ready_key.h"
#include "ctld/core/sharing.h"

namespace reeve::ctld {

class Track {
 public:
  struct Hold {
    Instant from = 0;
    Instant until = 0;
    Room room;
    ReadyKey rank;
    uint32_t sole_user = 0;  // as in Terms
    Sharing sharing;
  };
  struct Use {  // of a running job
    Room room;
    Instant until = 0;
    uint32_t sole_user = 0;
    // It has its CPUs from then on, the rest already: suspended, it is to go on then.
    Instant cpus_from = INT64_MIN / 4;
    Sharing sharing;
    CpuSet cores;  // where it shares them
  };

  // Anew: what is there, what runs, when nothing of it may be had, and the holds as they are.
  // Returns those that were displaced.
  std::vector<Hold> Build(const Room& all, absl::Span<const Use> running,
                          absl::Span<const Interval> closed = {});
  // Beside what Build was told of: somebody has that much until then, and gives it back. Take
  // returns the holds that are displaced. Costs the same however much runs.
  std::vector<Hold> Take(const Room& room, Instant until);
  void GiveBack(const Room& room, Instant until);
  // Returns the holds of lower rank that it displaces; it must fit over the higher ones.
  std::vector<Hold> Add(const Hold& hold);
  // Takes out the hold of that rank that begins then, if there is one.
  std::optional<Hold> Remove(const ReadyKey& rank, Instant from);

  const Curve& base() const { return base_; }  // without holds; empty before Build
  std::vector<Hold> holds() const;             // by the time they begin
  size_t hold_count() const { return holds_.size(); }
  const std::vector<Use>& running() const { return running_; }  // that Build was told of
  // What a job sees of the holds: those of higher rank with or without its own, or all but its own.
  enum class View { kHigherAndOwn, kHigher, kOthers };
  struct Scratch {
    Curve curve;
    std::vector<Edge> changes;
    Curve shared;
    Curve gated;
    std::vector<Interval> closed;
  };
  // True of the time before `until`. `scratch` keeps it when it differs from what is kept here.
  Profile SeenBy(const ReadyKey& rank, View view, Instant until, Scratch& scratch,
                 uint32_t sole_user = 0, const Sharing& sharing = {}) const {
    const bool plain = sole_user == 0 && !AnySoleUser() && !AnySharing();
    if (plain && SeesAll(rank, view)) return curve_.View();
    return PartSeenBy(rank, view, until, scratch, sole_user, sharing);
  }
  // Somebody shares CPUs there, or is to.
  bool AnySharing() const { return sharing_running_ || !sharings_.empty(); }
  Instant first_end() const { return first_end_; }  // of what runs; kNever when nothing does

 private:
  // A hold as it is kept, its generic resources in a column of their own: 40 bytes.
  struct Kept {
    Instant from;
    Instant until;
    ReadyKey rank;
    int32_t cpus;
    int32_t mem_mb;
  };

  static bool Sees(const ReadyKey& rank, View view, const ReadyKey& other) {
    if (view == View::kOthers) return !(rank == other);
    return view == View::kHigher ? other < rank : !(rank < other);
  }
  bool SeesAll(const ReadyKey& rank, View view) const {
    return holds_.empty() || (view != View::kOthers && Sees(rank, view, lowest_));
  }
  Profile PartSeenBy(const ReadyKey& rank, View view, Instant until, Scratch& scratch,
                     uint32_t sole_user, const Sharing& sharing) const;
  Profile RoomSeenBy(const ReadyKey& rank, View view, Instant until, Scratch& scratch) const;
  Profile SharedSeenBy(const ReadyKey& rank, View view, Instant until, const Sharing& sharing,
                       Scratch& scratch) const;
  std::vector<Hold> BuildShared();
  bool FitsShared(const Hold& hold) const;
  std::vector<Hold> DropFromShared(const Interval& within);
  Hold HoldAt(size_t i) const;
  Sharing SharingAt(size_t i) const { return sharings_.empty() ? Sharing() : sharings_[i]; }
  uint32_t SoleUserAt(size_t i) const { return sole_users_.empty() ? 0 : sole_users_[i]; }
  bool AnySoleUser() const { return sole_running_ || !sole_users_.empty(); }
  bool ClashesWithRunning(const Hold& hold) const;
  bool ClashesWithHolds(const Hold& hold) const;
  bool Clashes(const Hold& hold) const {
    return ClashesWithRunning(hold) || ClashesWithHolds(hold);
  }
  bool AnyClash() const;
  void Insert(const Hold& hold);
  void Erase(size_t i);
  std::vector<Hold> DropWhatDoesNotFit(const Interval& within);
  void ChangeBase(const Room& change, Instant until);
  void Rank(const ReadyKey& rank);  // a hold of that rank is to come
  void FindBounds();

  Curve base_;               // with running jobs
  Curve curve_;              // and with all holds
  std::vector<Kept> holds_;  // by the time they begin
  GresColumn hold_gres_;
  std::vector<uint32_t> sole_users_;  // of the holds; empty: none has one
  bool sole_running_ = false;         // somebody who runs has one
  std::vector<Sharing> sharings_;     // likewise
  bool sharing_running_ = false;
  std::vector<Interval> closed_;
  std::vector<Use> running_;
  Room all_;
  ReadyKey highest_;  // no hold ranks higher, and none lower: meaningful when there are holds
  ReadyKey lowest_;
  Instant first_end_ = kNever;
};

// The profile with nothing in those times, which may overlap and are sorted here. `out` keeps it.
Profile Without(const Profile& profile, std::vector<Interval>& closed, Curve& out);

}  // namespace reeve::ctld
