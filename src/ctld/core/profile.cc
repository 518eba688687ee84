#include "ctld/core/profile.h"

#include <algorithm>
#include <utility>

namespace reeve::ctld {
namespace {

constexpr Instant kLongAgo = INT64_MIN / 4;

void Raise(Point& most, const Point& point) {
  most.cpus = std::max(most.cpus, point.cpus);
  most.mem_mb = std::max(most.mem_mb, point.mem_mb);
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

namespace {

bool IsLater(Instant at, const Point& point) {
  return at < point.from;
}

// 0 when all are later.
size_t PlaceAt(absl::Span<const Point> points, Instant at) {
  const auto next = std::upper_bound(points.begin(), points.end(), at, IsLater);
  return next == points.begin() ? 0 : next - points.begin() - 1;
}

}  // namespace

size_t BlockIndex::BlockAt(Instant at) const {
  return PlaceAt({blocks.data(), count}, at);
}

void BlockIndex::FitLength(size_t points) {
  const size_t first = kSoon.back(), others = kMost - kSoon.size() + 1;
  while (points > first + others * length) length *= 2;
  while (length > kLeastLength && points < first + others * length / 4) length /= 2;
}

size_t Profile::SegmentAt(Instant at) const {
  const size_t block = index_->BlockAt(at);
  const size_t first = index_->Begin(block);
  return first + PlaceAt(points_.subspan(first, index_->Begin(block + 1) - first), at);
}

namespace {

void KeepLeast(Room& least, const Room& free) {
  least.cpus = std::min(least.cpus, free.cpus);
  least.mem_mb = std::min(least.mem_mb, free.mem_mb);
  least.gres.KeepLeast(free.gres);
}

}  // namespace

Room LeastFree(const Profile& profile, Instant from, Instant until) {
  size_t i = profile.SegmentAt(from);
  Room least = profile.free(i);
  for (++i; i < profile.size() && profile.from(i) < until; ++i) KeepLeast(least, profile.free(i));
  return least;
}

Window WindowAt(const Profile& profile, Instant from, Instant length) {
  size_t i = profile.SegmentAt(from);
  const Instant left = profile.until(i);
  Room least = profile.free(i);
  for (; i + 1 < profile.size() && profile.until(i) < from + length; ++i) {
    KeepLeast(least, profile.free(i + 1));
  }
  const Instant right = profile.until(i);
  return {least, std::min(left, right < kNever ? right - length + 1 : kNever)};
}

namespace {

// Of points and of the index alike.
bool HoldsPlain(const Point& free, const Room& need) {
  return (static_cast<int>(free.cpus >= need.cpus) &
          static_cast<int>(free.mem_mb >= need.mem_mb)) != 0;
}

// The search for a start, given which segments hold what is needed.
template <typename Holds>
class FitSearch {
 public:
  FitSearch(const Profile& profile, const Room& need, Holds holds)
      : profile_(profile), index_(profile.index()), need_(need), holds_(holds) {}

  Instant First(Instant length, Instant from, Instant before) const {
    const size_t block = index_.BlockAt(from);
    const bool ruled_out = !HoldsPlain(index_.blocks[block], need_);
    size_t i =
        ruled_out ? NextThatHolds(index_.Begin(block + 1), before) : profile_.SegmentAt(from);
    Instant start = ruled_out && i < profile_.size() ? profile_.from(i) : from;
    while (i < profile_.size() && start < before) {
      // To the first segment that is too small, or past the end of the time asked for.
      for (; i < profile_.size() && holds_(i); ++i) {
        if (i + 1 == profile_.size() || profile_.from(i + 1) >= start + length) return start;
      }
      i = NextThatHolds(i, before);
      if (i < profile_.size()) start = profile_.from(i);
    }
    return kNever;
  }

 private:
  // Most of a full plan holds nothing: the index rules it out.
  size_t NextThatHolds(size_t i, Instant before) const {
    while (i < profile_.size()) {
      const size_t block = index_.BlockOf(i);
      if (index_.blocks[block].from >= before) break;
      const size_t stop = std::min(profile_.size(), index_.Begin(block + 1));
      if (!HoldsPlain(index_.blocks[block], need_)) {
        i = stop;
        continue;
      }
      while (i < stop && !holds_(i)) ++i;
      if (i < stop) return i;
    }
    return profile_.size();
  }

  const Profile& profile_;
  const BlockIndex& index_;
  const Room& need_;
  Holds holds_;
};

}  // namespace

Instant FirstFit(const Profile& profile, const Room& need, Instant length, Instant from,
                 Instant before) {
  const absl::Span<const Point> points = profile.points();
  const absl::Span<const GresCounts> gres = profile.gres();
  if (!gres.empty()) {
    const auto holds = [&](size_t k) {
      return HoldsPlain(points[k], need) && gres[k].Holds(need.gres);
    };
    return FitSearch(profile, need, holds).First(length, from, before);
  }
  if (!GresCounts().Holds(need.gres)) return kNever;
  const auto holds = [&](size_t k) { return HoldsPlain(points[k], need); };
  return FitSearch(profile, need, holds).First(length, from, before);
}

Instant FreeUntil(const Profile& profile, const Room& need, Instant from, Instant until) {
  for (size_t i = profile.SegmentAt(from); i < profile.size(); ++i) {
    if (profile.from(i) >= until) return until;
    if (!profile.free(i).Holds(need)) return std::max(profile.from(i), from);
  }
  return until;
}

size_t Curve::SegmentAt(Instant at) const {
  return PlaceAt(points_, at);  // the index may be behind
}

void Curve::Index(size_t segment) {
  const uint32_t before = index_.length;
  index_.FitLength(points_.size());
  if (index_.length != before) segment = 0;
  index_.count = static_cast<uint32_t>(index_.BlockOf(points_.size() - 1) + 1);
  for (size_t i = index_.BlockOf(segment); i < index_.count; ++i) {
    const size_t end = std::min(points_.size(), index_.Begin(i + 1));
    Point most = points_[index_.Begin(i)];
    for (size_t k = index_.Begin(i) + 1; k < end; ++k) Raise(most, points_[k]);
    index_.blocks[i] = most;
  }
}

void Curve::Clear() {
  points_.clear();
  index_.count = 0;
  index_.length = BlockIndex::kLeastLength;
  gres_.Clear();
}

void Curve::Append(Instant from, const Room& free) {
  gres_.Append(points_.size(), free.gres);
  const Point point{from, free.cpus, free.mem_mb};
  points_.push_back(point);
  if (points_.size() <= index_.Begin(index_.count)) {
    Raise(index_.blocks[index_.count - 1], point);
  } else if (index_.count < BlockIndex::kMost) {
    index_.blocks[index_.count++] = point;
  } else {
    Index(0);
  }
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
  const size_t segment = SegmentAt(at);
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
  Index(first);
}

void Curve::MergeAt(Instant from) {
  const size_t segment = SegmentAt(from);
  if (segment == 0 || points_[segment].from != from) return;
  if (!(View().free(segment) == View().free(segment - 1))) return;
  points_.erase(points_.begin() + static_cast<ptrdiff_t>(segment));
  gres_.Erase(segment);
  Index(segment);
}

bool Curve::AnyBelowZero() const {
  for (size_t i = 0; i < points_.size(); ++i) {
    if (View().free(i).AnyBelowZero()) return true;
  }
  return false;
}

}  // namespace reeve::ctld
