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
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "ctld/core/gres_counts.h"
#include "ctld/core/ready_key.h"

namespace reeve::ctld {

using Instant = int64_t;  // microseconds since the epoch: many of them are kept
constexpr Instant kNever = INT64_MAX / 4;

// Rounded up, so that what is taken is not given back too early. The infinite future is kNever.
Instant ToInstant(absl::Time time);
absl::Time ToTime(Instant instant);

struct Interval {  // [from, until)
  Instant from = 0;
  Instant until = 0;
};

struct Room {
  int32_t cpus = 0;
  int32_t mem_mb = 0;  // up to 2 PiB
  GresCounts gres;

  bool Holds(const Room& need) const {
    return (static_cast<int>(cpus >= need.cpus) & static_cast<int>(mem_mb >= need.mem_mb)) != 0 &&
           gres.Holds(need.gres);
  }
  bool AnyBelowZero() const { return cpus < 0 || mem_mb < 0 || gres.AnyBelowZero(); }
  void Add(const Room& other) {
    cpus += other.cpus;
    mem_mb += other.mem_mb;
    gres.Add(other.gres);
  }
  Room operator-() const { return {-cpus, -mem_mb, -gres}; }
  friend bool operator==(const Room&, const Room&) = default;
};

struct Point {
  Instant from = 0;  // until the next one's
  Room free;
};
using Profile = absl::Span<const Point>;  // never empty; the first one began long ago

// The least that is free throughout [from, until).
Room LeastFree(Profile profile, Instant from, Instant until);
// The first start at or after `from`, and before `before`, from which `need` is free for `length`;
// kNever when none.
Instant FirstFit(Profile profile, const Room& need, Instant length, Instant from,
                 Instant before = kNever);
// Until when `need` is free without a break from `from` on, as far as `until`.
Instant FreeUntil(Profile profile, const Room& need, Instant from, Instant until);
// The first start after `from` for which LeastFree(start, start + length) may be another.
Instant NextChange(Profile profile, Instant length, Instant from);

class Track {
 public:
  struct Hold {
    Instant from = 0;
    Instant until = 0;
    Room room;
    ReadyKey rank;
  };
  struct Use {  // of a running job
    Room room;
    Instant until = 0;
  };

  // Anew: what is there, what runs, when nothing of it may be had, and the holds as they are.
  // Returns those that were displaced.
  std::vector<Hold> Build(const Room& all, absl::Span<const Use> running,
                          absl::Span<const Interval> closed = {});
  // Returns the holds of lower rank that it displaces; it must fit over the higher ones.
  std::vector<Hold> Add(const Hold& hold);
  // Takes out the hold of that rank that begins then, if there is one.
  std::optional<Hold> Remove(const ReadyKey& rank, Instant from);

  const std::vector<Point>& base() const { return base_; }  // without holds; empty before Build
  const std::vector<Hold>& holds() const { return holds_; }
  const std::vector<Use>& running() const { return running_; }
  // What a job sees of the holds: those of higher rank with or without its own, or all but its own.
  enum class View { kHigherAndOwn, kHigher, kOthers };
  struct Scratch {
    std::vector<Point> points;
    std::vector<Point> changes;
  };
  // True of the time before `until`. `scratch` keeps it when it differs from what is kept here.
  Profile SeenBy(const ReadyKey& rank, View view, Instant until, Scratch& scratch) const;
  Instant first_end() const { return first_end_; }  // of what runs; kNever when nothing does

 private:
  void Insert(const Hold& hold);
  std::vector<Hold> DropWhatDoesNotFit();

  void FindBounds();

  std::vector<Point> base_;    // with running jobs
  std::vector<Point> points_;  // and with all holds
  std::vector<Hold> holds_;    // by the time they begin
  std::vector<Use> running_;
  Room all_;
  ReadyKey highest_;  // no hold ranks higher, and none lower: meaningful when there are holds
  ReadyKey lowest_;
  Instant first_end_ = kNever;
};

}  // namespace reeve::ctld
