#include "ctld/core/track.h"

#include <algorithm>
#include <utility>

namespace reeve::ctld {
namespace {

constexpr Instant kLongAgo = INT64_MIN / 4;

void Take(std::vector<Edge>& edges, const Room& room, Instant from, Instant until) {
  edges.push_back({from, -room});
  edges.push_back({until, room});
}

// What the profile has at those times, taken from it. The intervals may overlap.
std::vector<Edge> TakeAll(const Profile& profile, absl::Span<const Interval> closed) {
  std::vector<Interval> intervals(closed.begin(), closed.end());
  std::sort(intervals.begin(), intervals.end(),
            [](const Interval& a, const Interval& b) { return a.from < b.from; });
  std::vector<Edge> edges;
  Instant taken = kLongAgo;
  for (const Interval& interval : intervals) {
    const Instant begin = std::max(interval.from, taken);
    if (begin >= interval.until) continue;
    taken = interval.until;
    for (size_t i = profile.SegmentAt(begin); i < profile.size(); ++i) {
      const Instant from = std::max(profile.from(i), begin);
      if (from >= taken) break;
      // The last segment has no end of its own.
      const Instant until = i + 1 < profile.size() ? std::min(profile.until(i), taken) : taken;
      Take(edges, profile.free(i), from, until);
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
  for (const Use& use : running_) {
    Take(edges, use.room, kLongAgo, use.until);
    first_end_ = std::min(first_end_, use.until);
  }
  base_.Assign(all_, edges);
  if (!closed.empty()) {
    const std::vector<Edge> more = TakeAll(base_.View(), closed);
    edges.insert(edges.end(), more.begin(), more.end());
    base_.Assign(all_, edges);
  }
  FindBounds();
  for (size_t i = 0; i < holds_.size(); ++i) {
    const Hold hold = HoldAt(i);
    Take(edges, hold.room, hold.from, hold.until);
  }
  curve_.Assign(all_, std::move(edges));
  if (!curve_.AnyBelowZero()) return {};
  return DropWhatDoesNotFit();
}

Track::Hold Track::HoldAt(size_t i) const {
  const Kept& kept = holds_[i];
  return {kept.from, kept.until, {kept.cpus, kept.mem_mb, hold_gres_.At(i)}, kept.rank};
}

std::vector<Track::Hold> Track::holds() const {
  std::vector<Hold> holds;
  holds.reserve(holds_.size());
  for (size_t i = 0; i < holds_.size(); ++i) holds.push_back(HoldAt(i));
  return holds;
}

void Track::Rank(const ReadyKey& rank) {
  if (holds_.empty() || rank < highest_) highest_ = rank;
  if (holds_.empty() || lowest_ < rank) lowest_ = rank;
}

void Track::FindBounds() {
  if (holds_.empty()) return;
  highest_ = lowest_ = holds_.front().rank;
  for (const Kept& hold : holds_) {
    if (hold.rank < highest_) highest_ = hold.rank;
    if (lowest_ < hold.rank) lowest_ = hold.rank;
  }
}

void Track::Insert(const Hold& hold) {
  Rank(hold.rank);
  const auto later = std::upper_bound(holds_.begin(), holds_.end(), hold.from,
                                      [](Instant at, const Kept& kept) { return at < kept.from; });
  const auto place = later - holds_.begin();
  hold_gres_.Insert(place, holds_.size(), hold.room.gres);
  MakeRoomForOne(holds_);
  holds_.insert(holds_.begin() + place,
                {hold.from, hold.until, hold.rank, hold.room.cpus, hold.room.mem_mb});
}

void Track::Erase(size_t i) {
  const ReadyKey rank = holds_[i].rank;
  holds_.erase(holds_.begin() + static_cast<ptrdiff_t>(i));
  hold_gres_.Erase(i);
  if (rank == highest_ || rank == lowest_) FindBounds();
}

// From the highest rank down, each where it fits over those before it.
std::vector<Track::Hold> Track::DropWhatDoesNotFit() {
  std::vector<Hold> by_rank = holds();
  holds_.clear();
  hold_gres_.Clear();
  std::sort(by_rank.begin(), by_rank.end(),
            [](const Hold& a, const Hold& b) { return a.rank < b.rank; });
  std::vector<Hold> displaced, stay;
  curve_ = base_;
  for (const Hold& hold : by_rank) {
    if (LeastFree(curve_.View(), hold.from, hold.until).Holds(hold.room)) {
      curve_.Add(-hold.room, hold.from, hold.until);
      stay.push_back(hold);
    } else {
      displaced.push_back(hold);
    }
  }
  std::sort(stay.begin(), stay.end(), [](const Hold& a, const Hold& b) { return a.from < b.from; });
  for (const Hold& hold : stay) Insert(hold);
  return displaced;
}

std::vector<Track::Hold> Track::Add(const Hold& hold) {
  Insert(hold);
  curve_.Add(-hold.room, hold.from, hold.until);
  if (!LeastFree(curve_.View(), hold.from, hold.until).AnyBelowZero()) return {};
  return DropWhatDoesNotFit();
}

std::optional<Track::Hold> Track::Remove(const ReadyKey& rank, Instant from) {
  auto found = std::lower_bound(holds_.begin(), holds_.end(), from,
                                [](const Kept& kept, Instant at) { return kept.from < at; });
  while (found != holds_.end() && found->from == from && !(found->rank == rank)) ++found;
  if (found == holds_.end() || found->from != from) return std::nullopt;
  const size_t place = found - holds_.begin();
  const Hold removed = HoldAt(place);
  curve_.Add(removed.room, removed.from, removed.until);
  curve_.MergeAt(removed.from);
  curve_.MergeAt(removed.until);
  Erase(place);
  return removed;
}

Profile Track::SeenBy(const ReadyKey& rank, View view, Instant until, Scratch& scratch) const {
  const auto seen = [&](const ReadyKey& other) {
    if (view == View::kOthers) return !(rank == other);
    return view == View::kHigher ? other < rank : !(rank < other);
  };
  const Profile with_all = curve_.View();
  if (holds_.empty()) return with_all;
  if (view != View::kOthers) {
    if (seen(lowest_)) return with_all;
    if (!seen(highest_)) return base_.View();
  }
  std::vector<Edge>& changes = scratch.changes;
  changes.clear();
  for (size_t i = 0; i < holds_.size() && holds_[i].from < until; ++i) {
    if (seen(holds_[i].rank)) continue;
    const Hold hold = HoldAt(i);
    changes.push_back({hold.from, hold.room});
    if (hold.until < until) changes.push_back({hold.until, -hold.room});
  }
  if (changes.empty()) return with_all;
  std::sort(changes.begin(), changes.end(),
            [](const Edge& a, const Edge& b) { return a.at < b.at; });
  // What is unseen is free: the curve and those changes, in the order of their times.
  scratch.curve.Clear();
  Room unseen;
  auto change = changes.begin();
  for (size_t i = 0; i < with_all.size() && with_all.from(i) < until; ++i) {
    const Instant next = with_all.until(i);
    Instant at = with_all.from(i);
    while (true) {
      for (; change != changes.end() && change->at <= at; ++change) unseen.Add(change->change);
      Room free = with_all.free(i);
      free.Add(unseen);
      scratch.curve.Append(at, free);
      if (change == changes.end() || change->at >= next) break;
      at = change->at;
    }
  }
  return scratch.curve.View();
}

}  // namespace reeve::ctld
