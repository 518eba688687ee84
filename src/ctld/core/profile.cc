#include "ctld/core/profile.h"

#include <algorithm>
#include <utility>

namespace reeve::ctld {
namespace {

constexpr Instant kLongAgo = INT64_MIN / 4;

}  // namespace

Instant ToInstant(absl::Time time) {
  if (time >= absl::FromUnixMicros(kNever)) return kNever;
  const Instant floor = absl::ToUnixMicros(time);
  return absl::FromUnixMicros(floor) < time ? floor + 1 : floor;
}

absl::Time ToTime(Instant instant) {
  return instant >= kNever ? absl::InfiniteFuture() : absl::FromUnixMicros(instant);
}

size_t Profile::SegmentAt(Instant at) const {
  const auto next = std::upper_bound(points_.begin(), points_.end(), at,
                                     [](Instant t, const Point& p) { return t < p.from; });
  return next == points_.begin() ? 0 : next - points_.begin() - 1;
}

Room LeastFree(const Profile& profile, Instant from, Instant until) {
  size_t i = profile.SegmentAt(from);
  Room least = profile.free(i);
  for (++i; i < profile.size() && profile.from(i) < until; ++i) {
    const Room free = profile.free(i);
    least.cpus = std::min(least.cpus, free.cpus);
    least.mem_mb = std::min(least.mem_mb, free.mem_mb);
    least.gres.KeepLeast(free.gres);
  }
  return least;
}

namespace {

bool HoldsPlain(const Point& free, const Room& need) {
  return (static_cast<int>(free.cpus >= need.cpus) &
          static_cast<int>(free.mem_mb >= need.mem_mb)) != 0;
}

// The search for a start, given which segments hold what is needed.
template <typename Holds>
Instant FirstFitWhere(const Holds& holds, absl::Span<const Point> points, size_t i, size_t end,
                      Instant length, Instant from, Instant before) {
  Instant start = from;
  while (start < before) {
    // To the first segment that is too small, or past the end of the time asked for.
    while (i < points.size() && holds(i)) {
      if (i + 1 == points.size() || points[i + 1].from >= start + length) return start;
      ++i;
    }
    // Most of a full plan holds nothing: four segments are ruled out at a time.
    while (i + 4 <= end && !(holds(i) | holds(i + 1) | holds(i + 2) | holds(i + 3))) i += 4;
    while (i < end && !holds(i)) ++i;
    if (i >= end) return kNever;
    start = points[i].from;
  }
  return kNever;
}

}  // namespace

Instant FirstFit(const Profile& profile, const Room& need, Instant length, Instant from,
                 Instant before) {
  const absl::Span<const Point> points = profile.points();
  const absl::Span<const GresCounts> gres = profile.gres();
  const size_t first = profile.SegmentAt(from);
  const size_t end = before < kNever ? profile.SegmentAt(before - 1) + 1 : points.size();
  if (!gres.empty()) {
    const auto holds = [&](size_t k) -> int {
      return HoldsPlain(points[k], need) && gres[k].Holds(need.gres);
    };
    return FirstFitWhere(holds, points, first, end, length, from, before);
  }
  if (!GresCounts().Holds(need.gres)) return kNever;
  const auto holds = [&](size_t k) -> int { return HoldsPlain(points[k], need); };
  return FirstFitWhere(holds, points, first, end, length, from, before);
}

Instant FreeUntil(const Profile& profile, const Room& need, Instant from, Instant until) {
  for (size_t i = profile.SegmentAt(from); i < profile.size(); ++i) {
    if (profile.from(i) >= until) return until;
    if (!profile.free(i).Holds(need)) return std::max(profile.from(i), from);
  }
  return until;
}

Instant NextChange(const Profile& profile, Instant length, Instant from) {
  const Instant left = profile.until(profile.SegmentAt(from));
  const Instant right = profile.until(profile.SegmentAt(from + length - 1));
  return std::min(left, right < kNever ? right - length + 1 : kNever);
}

void Curve::Clear() {
  points_.clear();
  gres_.Clear();
}

void Curve::Append(Instant from, const Room& free) {
  gres_.Append(points_.size(), free.gres);
  points_.push_back({from, free.cpus, free.mem_mb});
}

void Curve::Assign(const Room& all, std::vector<Edge> edges) {
  std::sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) { return a.at < b.at; });
  Clear();
  Room free = all;
  Instant from = kLongAgo;
  for (const Edge& edge : edges) {
    if (edge.at != from) {
      Append(from, free);
      from = edge.at;
    }
    free.Add(edge.change);
  }
  Append(from, free);
  if (points_.capacity() > points_.size() + points_.size() / 4 + 4) points_.shrink_to_fit();
}

size_t Curve::SplitAt(Instant at) {
  const size_t segment = View().SegmentAt(at);
  if (points_[segment].from == at) return segment;
  gres_.Insert(segment + 1, points_.size(), gres_.At(segment));
  Point point = points_[segment];
  point.from = at;
  MakeRoomForOne(points_);
  points_.insert(points_.begin() + static_cast<ptrdiff_t>(segment) + 1, point);
  return segment + 1;
}

void Curve::Add(const Room& change, Instant from, Instant until) {
  if (from >= until) return;
  const size_t first = SplitAt(from);
  const size_t last = SplitAt(until);
  for (size_t i = first; i < last; ++i) {
    points_[i].cpus += change.cpus;
    points_[i].mem_mb += change.mem_mb;
    gres_.Add(i, points_.size(), change.gres);
  }
}

void Curve::MergeAt(Instant from) {
  const size_t segment = View().SegmentAt(from);
  if (segment == 0 || points_[segment].from != from) return;
  if (!(View().free(segment) == View().free(segment - 1))) return;
  points_.erase(points_.begin() + static_cast<ptrdiff_t>(segment));
  gres_.Erase(segment);
}

bool Curve::AnyBelowZero() const {
  for (size_t i = 0; i < points_.size(); ++i) {
    if (View().free(i).AnyBelowZero()) return true;
  }
  return false;
}

}  // namespace reeve::ctld
