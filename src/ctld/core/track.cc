#include "ctld/core/track.h"

#include <algorithm>
#include <utility>

namespace reeve::ctld {
namespace {

constexpr Instant kLongAgo = INT64_MIN / 4;

// The segment in which the instant lies.
size_t SegmentAt(Profile profile, Instant at) {
  const auto next = std::upper_bound(profile.begin(), profile.end(), at,
                                     [](Instant t, const Point& p) { return t < p.from; });
  return next == profile.begin() ? 0 : next - profile.begin() - 1;
}

size_t SplitAt(std::vector<Point>& points, Instant at) {
  const size_t segment = SegmentAt(points, at);
  if (points[segment].from == at) return segment;
  Point point = points[segment];
  point.from = at;
  points.insert(points.begin() + segment + 1, point);
  return segment + 1;
}

void Change(std::vector<Point>& points, const Room& room, int sign, Instant from, Instant until) {
  if (from >= until) return;
  const size_t first = SplitAt(points, from);
  const size_t last = SplitAt(points, until);
  const Room change = sign < 0 ? -room : room;
  for (size_t i = first; i < last; ++i) points[i].free.Add(change);
}

// Points that say the same as the one before them.
void Merge(std::vector<Point>& points) {
  const auto same = [](const Point& a, const Point& b) { return a.free == b.free; };
  points.erase(std::unique(points.begin(), points.end(), same), points.end());
}

bool AnyBelowZero(Profile profile) {
  return std::any_of(profile.begin(), profile.end(),
                     [](const Point& p) { return p.free.AnyBelowZero(); });
}

struct Edge {
  Instant at;
  Room change;
  bool operator<(const Edge& other) const { return at < other.at; }
};

std::vector<Point> Accumulate(const Room& all, std::vector<Edge> edges) {
  std::sort(edges.begin(), edges.end());
  std::vector<Point> points = {{kLongAgo, all}};
  for (const Edge& edge : edges) {
    if (edge.at != points.back().from) points.push_back({edge.at, points.back().free});
    points.back().free.Add(edge.change);
  }
  return points;
}

}  // namespace

Instant ToInstant(absl::Time time) {
  if (time >= absl::FromUnixMicros(kNever)) return kNever;
  const Instant floor = absl::ToUnixMicros(time);
  return absl::FromUnixMicros(floor) < time ? floor + 1 : floor;
}

absl::Time ToTime(Instant instant) {
  return instant >= kNever ? absl::InfiniteFuture() : absl::FromUnixMicros(instant);
}

Room LeastFree(Profile profile, Instant from, Instant until) {
  size_t i = SegmentAt(profile, from);
  Room least = profile[i].free;
  for (++i; i < profile.size() && profile[i].from < until; ++i) {
    least.cpus = std::min(least.cpus, profile[i].free.cpus);
    least.mem_mb = std::min(least.mem_mb, profile[i].free.mem_mb);
    least.gres.KeepLeast(profile[i].free.gres);
  }
  return least;
}

namespace {

// The first segment from `i` on that holds `need`; `end` when none before it does. Most of a full
// plan holds nothing: four are ruled out at a time.
size_t NextThatHolds(Profile profile, const Room& need, size_t i, size_t end) {
  const auto holds = [&](size_t k) { return static_cast<int>(profile[k].free.Holds(need)); };
  while (i + 4 <= end && (holds(i) | holds(i + 1) | holds(i + 2) | holds(i + 3)) == 0) i += 4;
  while (i < end && holds(i) == 0) ++i;
  return i;
}

}  // namespace

Instant FirstFit(Profile profile, const Room& need, Instant length, Instant from, Instant before) {
  size_t i = SegmentAt(profile, from);
  const size_t end = before < kNever ? SegmentAt(profile, before - 1) + 1 : profile.size();
  Instant start = from;
  while (start < before) {
    // To the first segment that is too small, or past the end of the time asked for.
    while (i < profile.size() && profile[i].free.Holds(need)) {
      if (i + 1 == profile.size() || profile[i + 1].from >= start + length) return start;
      ++i;
    }
    i = NextThatHolds(profile, need, i, end);
    if (i >= end) return kNever;
    start = profile[i].from;
  }
  return kNever;
}

Instant FreeUntil(Profile profile, const Room& need, Instant from, Instant until) {
  for (size_t i = SegmentAt(profile, from); i < profile.size(); ++i) {
    if (profile[i].from >= until) return until;
    if (!profile[i].free.Holds(need)) return std::max(profile[i].from, from);
  }
  return until;
}

Instant NextChange(Profile profile, Instant length, Instant from) {
  const size_t segment = SegmentAt(profile, from);
  const Instant left = segment + 1 < profile.size() ? profile[segment + 1].from : kNever;
  const size_t last = SegmentAt(profile, from + length - 1);
  const Instant right = last + 1 < profile.size() ? profile[last + 1].from - length + 1 : kNever;
  return std::min(left, right);
}

namespace {

// What the profile has at those times, taken from it. The intervals may overlap.
std::vector<Edge> TakeAll(Profile profile, absl::Span<const Interval> closed) {
  std::vector<Interval> intervals(closed.begin(), closed.end());
  std::sort(intervals.begin(), intervals.end(),
            [](const Interval& a, const Interval& b) { return a.from < b.from; });
  std::vector<Edge> edges;
  Instant taken = kLongAgo;
  for (const Interval& interval : intervals) {
    const Instant begin = std::max(interval.from, taken);
    if (begin >= interval.until) continue;
    taken = interval.until;
    for (size_t i = SegmentAt(profile, begin); i < profile.size(); ++i) {
      const Instant from = std::max(profile[i].from, begin);
      if (from >= taken) break;
      const Instant until = i + 1 < profile.size() ? std::min(profile[i + 1].from, taken) : taken;
      const Room& free = profile[i].free;
      edges.push_back({from, -free});
      edges.push_back({until, free});
    }
  }
  return edges;
}

}  // namespace

std::vector<Track::Hold> Track::Build(const Room& all, absl::Span<const Use> running,
                                      absl::Span<const Interval> closed) {
  all_ = all;
  running_.assign(running.begin(), running.end());
  first_end_ = kNever;
  std::vector<Edge> edges;
  edges.reserve(2 * (running_.size() + holds_.size()));
  const auto take = [&](const Room& room, Instant from, Instant until) {
    edges.push_back({from, -room});
    edges.push_back({until, room});
  };
  for (const Use& use : running_) {
    take(use.room, kLongAgo, use.until);
    first_end_ = std::min(first_end_, use.until);
  }
  base_ = Accumulate(all_, edges);
  if (!closed.empty()) {
    const std::vector<Edge> more = TakeAll(base_, closed);
    edges.insert(edges.end(), more.begin(), more.end());
    base_ = Accumulate(all_, edges);
  }
  FindBounds();
  for (const Hold& hold : holds_) take(hold.room, hold.from, hold.until);
  points_ = Accumulate(all_, std::move(edges));
  if (!AnyBelowZero(points_)) return {};
  return DropWhatDoesNotFit();
}

void Track::FindBounds() {
  for (const Hold& hold : holds_) {
    if (&hold == holds_.data() || hold.rank < highest_) highest_ = hold.rank;
    if (&hold == holds_.data() || lowest_ < hold.rank) lowest_ = hold.rank;
  }
}

void Track::Insert(const Hold& hold) {
  const auto later = std::upper_bound(holds_.begin(), holds_.end(), hold,
                                      [](const Hold& a, const Hold& b) { return a.from < b.from; });
  holds_.insert(later, hold);
}

// From the highest rank down, each where it fits over those before it.
std::vector<Track::Hold> Track::DropWhatDoesNotFit() {
  std::vector<Hold> by_rank = std::exchange(holds_, {});
  std::sort(by_rank.begin(), by_rank.end(),
            [](const Hold& a, const Hold& b) { return a.rank < b.rank; });
  std::vector<Hold> displaced;
  points_ = base_;
  for (const Hold& hold : by_rank) {
    if (LeastFree(points_, hold.from, hold.until).Holds(hold.room)) {
      Change(points_, hold.room, -1, hold.from, hold.until);
      holds_.push_back(hold);
    } else {
      displaced.push_back(hold);
    }
  }
  std::sort(holds_.begin(), holds_.end(),
            [](const Hold& a, const Hold& b) { return a.from < b.from; });
  FindBounds();
  return displaced;
}

std::vector<Track::Hold> Track::Add(const Hold& hold) {
  if (holds_.empty() || hold.rank < highest_) highest_ = hold.rank;
  if (holds_.empty() || lowest_ < hold.rank) lowest_ = hold.rank;
  Insert(hold);
  Change(points_, hold.room, -1, hold.from, hold.until);
  const Room least = LeastFree(points_, hold.from, hold.until);
  if (!least.AnyBelowZero()) return {};
  return DropWhatDoesNotFit();
}

std::optional<Track::Hold> Track::Remove(const ReadyKey& rank, Instant from) {
  auto found = std::lower_bound(holds_.begin(), holds_.end(), from,
                                [](const Hold& hold, Instant at) { return hold.from < at; });
  while (found != holds_.end() && found->from == from && !(found->rank == rank)) ++found;
  if (found == holds_.end() || found->from != from) return std::nullopt;
  const Hold removed = *found;
  Change(points_, found->room, +1, found->from, found->until);
  Merge(points_);
  holds_.erase(found);
  FindBounds();
  return removed;
}

Profile Track::SeenBy(const ReadyKey& rank, View view, Instant until, Scratch& scratch) const {
  const auto seen = [&](const ReadyKey& other) {
    if (view == View::kOthers) return !(rank == other);
    return view == View::kHigher ? other < rank : !(rank < other);
  };
  if (holds_.empty()) return points_;
  if (view != View::kOthers) {
    if (seen(lowest_)) return points_;
    if (!seen(highest_)) return base_;
  }
  std::vector<Point>& changes = scratch.changes;
  changes.clear();
  for (const Hold& hold : holds_) {
    if (hold.from >= until) break;
    if (seen(hold.rank)) continue;
    changes.push_back({hold.from, hold.room});
    if (hold.until < until) changes.push_back({hold.until, -hold.room});
  }
  if (changes.empty()) return points_;
  std::sort(changes.begin(), changes.end(),
            [](const Point& a, const Point& b) { return a.from < b.from; });
  // What is unseen is free: the points and those changes, in the order of their times.
  scratch.points.clear();
  Room unseen;
  size_t change = 0;
  for (size_t i = 0; i < points_.size() && points_[i].from < until; ++i) {
    const Instant next = i + 1 < points_.size() ? points_[i + 1].from : kNever;
    Instant at = points_[i].from;
    while (true) {
      for (; change < changes.size() && changes[change].from <= at; ++change) {
        unseen.Add(changes[change].free);
      }
      scratch.points.push_back({at, points_[i].free});
      scratch.points.back().free.Add(unseen);
      if (change == changes.size() || changes[change].from >= next) break;
      at = changes[change].from;
    }
  }
  return scratch.points;
}

}  // namespace reeve::ctld
