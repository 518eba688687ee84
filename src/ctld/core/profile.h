// What is free on one node as time goes on: a step function, its segments in the order of time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "ctld/core/gres_column.h"
#include "ctld/core/gres_counts.h"

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

// Sixteen bytes: a long queue's plan has millions.
struct Point {
  Instant from = 0;  // until the next one's
  int32_t cpus = 0;
  int32_t mem_mb = 0;
};

// The most that any point of a block has, of each kind, and from when its first one is. Points are
// many and far away in memory: few of them need to be looked at. What is soon, which is asked for
// most, is in short blocks however many points there are.
struct BlockIndex {
  static constexpr size_t kMost = 24;
  static constexpr std::array<size_t, 5> kSoon = {0, 4, 8, 16, 24};  // where the first blocks begin
  static constexpr size_t kLeastLength = 4;
  std::array<Point, kMost> blocks;
  uint32_t count = 0;
  uint32_t length = kLeastLength;  // points a block, of those behind kSoon

  size_t BlockAt(Instant at) const;  // 0 when all are later
  // The first point of the block, also of the one after the last.
  size_t Begin(size_t block) const {
    constexpr size_t kFirst = kSoon.size() - 1;
    return block <= kFirst ? kSoon[block] : kSoon[kFirst] + (block - kFirst) * length;
  }
  size_t BlockOf(size_t point) const {
    constexpr size_t kFirst = kSoon.size() - 1;
    if (point >= kSoon[kFirst]) return kFirst + (point - kSoon[kFirst]) / length;
    return point < kSoon[2] ? point / 4 : point / 8 + 1;
  }
  // Blocks are neither too many for so many points nor much too few.
  void FitLength(size_t points);
};

// A step function that belongs to somebody else. Never empty; the first segment began long ago.
class Profile {
 public:
  Profile(absl::Span<const Point> points, const BlockIndex& index,
          absl::Span<const GresCounts> gres)
      : points_(points), index_(&index), gres_(gres) {}
  size_t size() const { return points_.size(); }
  Instant from(size_t segment) const { return points_[segment].from; }
  Instant until(size_t segment) const {
    return segment + 1 < points_.size() ? points_[segment + 1].from : kNever;
  }
  Room free(size_t segment) const {
    return {points_[segment].cpus, points_[segment].mem_mb,
            gres_.empty() ? GresCounts() : gres_[segment]};
  }
  size_t SegmentAt(Instant at) const;
  absl::Span<const Point> points() const { return points_; }
  const BlockIndex& index() const { return *index_; }
  absl::Span<const GresCounts> gres() const { return gres_; }  // empty: none anywhere

 private:
  absl::Span<const Point> points_;
  const BlockIndex* index_;
  absl::Span<const GresCounts> gres_;
};

// The least that is free throughout [from, until).
Room LeastFree(const Profile& profile, Instant from, Instant until);
// The first start at or after `from`, and before `before`, from which `need` is free for `length`;
// kNever when none.
Instant FirstFit(const Profile& profile, const Room& need, Instant length, Instant from,
                 Instant before = kNever);
// Until when `need` is free without a break from `from` on, as far as `until`.
Instant FreeUntil(const Profile& profile, const Room& need, Instant from, Instant until);
// What is free throughout [from, from + length), and the first later start for which that may be
// another.
struct Window {
  Room least;
  Instant next = kNever;
};
Window WindowAt(const Profile& profile, Instant from, Instant length);

// At `at` there is so much more than before, or less.
struct Edge {
  Instant at = 0;
  Room change;
};

// A step function that is kept and changed.
class Curve {
 public:
  // `all` at first, and with each edge from its time on; in any order.
  void Assign(const Room& all, std::vector<Edge> edges);
  void Clear();  // Append is to follow
  void Append(Instant from, const Room& free);
  // So much more in [from, until).
  void Add(const Room& change, Instant from, Instant until);
  // The segment that begins then goes into the one before it, when that says the same.
  void MergeAt(Instant from);
  bool empty() const { return points_.empty(); }
  bool AnyBelowZero() const;
  Profile View() const { return {points_, index_, gres_.counts()}; }

 private:
  size_t SplitAt(Instant at);
  size_t SegmentAt(Instant at) const;
  void Index(size_t segment);  // from there on

  std::vector<Point> points_;
  BlockIndex index_;
  GresColumn gres_;
};

// Room for one more in a vector that is one of many: little of it stands empty.
template <typename T>
void MakeRoomForOne(std::vector<T>& vector) {
  if (vector.size() == vector.capacity()) vector.reserve(vector.size() + vector.size() / 16 + 1);
}

}  // namespace reeve::ctld
