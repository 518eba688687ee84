#include "ctld/core/track.h"

#include <algorithm>
#include <utility>

#include "ctld/core/shared_track.h"

namespace reeve::ctld {
namespace {

constexpr Instant kLongAgo = INT64_MIN / 4;

void Subtract(std::vector<Edge>& edges, const Room& room, Instant from, Instant until) {
  edges.push_back({from, -room});
  edges.push_back({until, room});
}

void SubtractUse(std::vector<Edge>& edges, const Track::Use& use) {
  if (use.cpus_from == kLongAgo) return Subtract(edges, use.room, kLongAgo, use.until);
  Room rest = use.room;
  rest.cpus = 0;
  Subtract(edges, rest, kLongAgo, use.until);
  Subtract(edges, {use.room.cpus, 0, {}}, std::min(use.cpus_from, use.until), use.until);
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
      Subtract(edges, profile.free(i), from, until);
    }
  }
  return edges;
}

// Do jobs of different users have the node at the same time?
bool ClashesWithAny(const Track::Hold& hold, const std::vector<Track::Hold>& others) {
  return std::any_of(others.begin(), others.end(), [&](const Track::Hold& other) {
    return other.sole_user != hold.sole_user && other.from < hold.until && hold.from < other.until;
  });
}

// A column of what few holds have: empty while none of them has it.
template <typename T>
void InsertRare(std::vector<T>& column, ptrdiff_t place, size_t size, const T& value) {
  if (value == T() && column.empty()) return;
  if (column.empty()) column.resize(size);
  column.insert(column.begin() + place, value);
}

template <typename T>
void EraseRare(std::vector<T>& column, size_t i) {
  if (column.empty()) return;
  column.erase(column.begin() + static_cast<ptrdiff_t>(i));
  const bool any =
      std::any_of(column.begin(), column.end(), [](const T& v) { return !(v == T()); });
  if (!any) column.clear();
}

}  // namespace

Profile Without(const Profile& profile, std::vector<Interval>& closed, Curve& out) {
  std::sort(closed.begin(), closed.end(),
            [](const Interval& a, const Interval& b) { return a.from < b.from; });
  out.Clear();
  auto next = closed.begin();
  Instant taken = INT64_MIN;  // nothing is there before that
  for (size_t i = 0; i < profile.size(); ++i) {
    for (Instant at = profile.from(i); at < profile.until(i);) {
      for (; next != closed.end() && next->from <= at; ++next) {
        taken = std::max(taken, next->until);
      }
      const bool open = taken <= at;
      out.Append(at, open ? profile.free(i) : Room());
      const Instant change = open ? (next == closed.end() ? kNever : next->from) : taken;
      at = std::min(profile.until(i), change);
    }
  }
  return out.View();
}

std::vector<Track::Hold> Track::Build(const Room& all, absl::Span<const Use> running,
                                      absl::Span<const Interval> closed) {
  all_ = all;
  running_.assign(running.begin(), running.end());
  sole_running_ = std::any_of(running.begin(), running.end(),
                              [](const Use& use) { return use.sole_user != 0; });
  sharing_running_ = std::any_of(running.begin(), running.end(),
                                 [](const Use& use) { return use.sharing.Shares(); });
  closed_.assign(closed.begin(), closed.end());
  first_end_ = kNever;
  for (const Use& use : running_) first_end_ = std::min(first_end_, use.until);
  FindBounds();
  if (AnySharing()) return BuildShared();
  std::vector<Edge> edges;
  edges.reserve(2 * (running_.size() + holds_.size()));
  for (const Use& use : running_) SubtractUse(edges, use);
  base_.Assign(all_, edges);
  if (!closed.empty()) {
    const std::vector<Edge> more = TakeAll(base_.View(), closed);
    edges.insert(edges.end(), more.begin(), more.end());
    base_.Assign(all_, edges);
  }
  for (size_t i = 0; i < holds_.size(); ++i) {
    const Hold hold = HoldAt(i);
    Subtract(edges, hold.room, hold.from, hold.until);
  }
  curve_.Assign(all_, std::move(edges));
  if (!curve_.AnyBelowZero() && !AnyClash()) return {};
  return DropWhatDoesNotFit({kLongAgo, kNever});
}

std::vector<Track::Hold> Track::BuildShared() {
  AppendShared(all_, running_, closed_, {}, {}, base_);
  curve_ = base_;
  const std::vector<Hold> all = holds();
  for (const Hold& hold : all) curve_.Add(-hold.room, hold.from, hold.until);
  Curve left;
  AppendShared(all_, running_, closed_, all, {}, left);
  if (!left.AnyBelowZero() && !AnyClash()) return {};
  return DropFromShared({kLongAgo, kNever});
}

void Track::ChangeBase(const Room& change, Instant until) {
  for (Curve* curve : {&base_, &curve_}) {
    curve->Add(change, kLongAgo, until);
    curve->MergeAt(until);
  }
}

void Track::GiveBack(const Room& room, Instant until) {
  ChangeBase(room, until);
}

std::vector<Track::Hold> Track::Take(const Room& room, Instant until) {
  ChangeBase(-room, until);
  if (holds_.empty() || !LeastFree(curve_.View(), kLongAgo, until).AnyBelowZero()) return {};
  return DropWhatDoesNotFit({kLongAgo, until});
}

Track::Hold Track::HoldAt(size_t i) const {
  const Kept& kept = holds_[i];
  return {kept.from, kept.until,    {kept.cpus, kept.mem_mb, hold_gres_.At(i)},
          kept.rank, SoleUserAt(i), SharingAt(i)};
}

// Of two jobs that share the node with different users, in the same time.
bool Track::ClashesWithRunning(const Hold& hold) const {
  return std::any_of(running_.begin(), running_.end(), [&](const Use& use) {
    return use.sole_user != hold.sole_user && use.until > hold.from;
  });
}

bool Track::ClashesWithHolds(const Hold& hold) const {
  for (size_t i = 0; i < holds_.size() && holds_[i].from < hold.until; ++i) {
    if (holds_[i].until > hold.from && SoleUserAt(i) != hold.sole_user) return true;
  }
  return false;
}

bool Track::AnyClash() const {
  if (!AnySoleUser()) return false;
  for (size_t i = 0; i < holds_.size(); ++i) {
    if (Clashes(HoldAt(i))) return true;
  }
  return false;
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
  InsertRare(sole_users_, place, holds_.size(), hold.sole_user);
  InsertRare(sharings_, place, holds_.size(), hold.sharing);
  MakeRoomForOne(holds_);
  holds_.insert(holds_.begin() + place,
                {hold.from, hold.until, hold.rank, hold.room.cpus, hold.room.mem_mb});
}

void Track::Erase(size_t i) {
  const ReadyKey rank = holds_[i].rank;
  holds_.erase(holds_.begin() + static_cast<ptrdiff_t>(i));
  hold_gres_.Erase(i);
  EraseRare(sole_users_, i);
  EraseRare(sharings_, i);
  if (rank == highest_ || rank == lowest_) FindBounds();
}

// From the highest rank down, each where it fits over those before it. Nothing is below zero and
// nobody clashes but in that time, so what does not reach into what is crowded stays.
std::vector<Track::Hold> Track::DropWhatDoesNotFit(const Interval& within) {
  const bool any_sole_user = AnySoleUser();
  std::vector<std::pair<Hold, size_t>> crowded;  // and where it is kept
  for (size_t i = 0; i < holds_.size() && holds_[i].from < within.until; ++i) {
    if (holds_[i].until <= within.from) continue;
    const Hold hold = HoldAt(i);
    const bool fits = !LeastFree(curve_.View(), hold.from, hold.until).AnyBelowZero();
    if (fits && !(any_sole_user && Clashes(hold))) continue;
    crowded.emplace_back(hold, i);
  }
  std::stable_sort(crowded.begin(), crowded.end(),
                   [](const auto& a, const auto& b) { return a.first.rank < b.first.rank; });
  for (const auto& [hold, place] : crowded) curve_.Add(hold.room, hold.from, hold.until);
  std::vector<Hold> displaced, stay;
  std::vector<size_t> places;
  const auto clashes = [&](const Hold& hold) {
    return ClashesWithRunning(hold) || ClashesWithAny(hold, stay);
  };
  for (const auto& [hold, place] : crowded) {
    const bool fits = LeastFree(curve_.View(), hold.from, hold.until).Holds(hold.room);
    if (fits && !(any_sole_user && clashes(hold))) {
      if (any_sole_user) stay.push_back(hold);
      curve_.Add(-hold.room, hold.from, hold.until);
    } else {
      displaced.push_back(hold);
      places.push_back(place);
    }
  }
  for (const Hold& hold : displaced) {
    curve_.MergeAt(hold.from);
    curve_.MergeAt(hold.until);
  }
  std::sort(places.rbegin(), places.rend());
  for (size_t place : places) Erase(place);
  return displaced;
}

// One of them, beside all others.
bool Track::FitsShared(const Hold& hold) const {
  std::vector<Hold> near;
  for (size_t i = 0; i < holds_.size() && holds_[i].from < hold.until; ++i) {
    if (holds_[i].until > hold.from) near.push_back(HoldAt(i));
  }
  Curve left;
  AppendShared(all_, running_, closed_, near, {}, left);
  return !LeastFree(left.View(), hold.from, hold.until).AnyBelowZero();
}

// As DropWhatDoesNotFit.
std::vector<Track::Hold> Track::DropFromShared(const Interval& within) {
  std::vector<Hold> stay;
  std::vector<std::pair<Hold, size_t>> crowded;  // and where it is kept
  for (size_t i = 0; i < holds_.size(); ++i) {
    const bool reaches = holds_[i].from < within.until && holds_[i].until > within.from;
    if (reaches) crowded.emplace_back(HoldAt(i), i);
    if (!reaches) stay.push_back(HoldAt(i));
  }
  std::stable_sort(crowded.begin(), crowded.end(),
                   [](const auto& a, const auto& b) { return a.first.rank < b.first.rank; });
  std::vector<Hold> displaced;
  std::vector<size_t> places;
  Curve left;
  for (const auto& [hold, place] : crowded) {
    const bool clashes = ClashesWithRunning(hold) || ClashesWithAny(hold, stay);
    stay.push_back(hold);
    AppendShared(all_, running_, closed_, stay, {}, left);
    if (!clashes && !LeastFree(left.View(), hold.from, hold.until).AnyBelowZero()) continue;
    stay.pop_back();
    displaced.push_back(hold);
    places.push_back(place);
  }
  for (const Hold& hold : displaced) {
    curve_.Add(hold.room, hold.from, hold.until);
    curve_.MergeAt(hold.from);
    curve_.MergeAt(hold.until);
  }
  std::sort(places.rbegin(), places.rend());
  for (size_t place : places) Erase(place);
  return displaced;
}

std::vector<Track::Hold> Track::Add(const Hold& hold) {
  Insert(hold);
  curve_.Add(-hold.room, hold.from, hold.until);
  if (AnySharing()) {
    if (FitsShared(hold) && !(AnySoleUser() && ClashesWithHolds(hold))) return {};
    return DropFromShared({hold.from, hold.until});
  }
  const bool fits = !LeastFree(curve_.View(), hold.from, hold.until).AnyBelowZero();
  if (fits && !(AnySoleUser() && ClashesWithHolds(hold))) return {};
  return DropWhatDoesNotFit({hold.from, hold.until});
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

Profile Track::PartSeenBy(const ReadyKey& rank, View view, Instant until, Scratch& scratch,
                          uint32_t sole_user, const Sharing& sharing) const {
  const Profile room = AnySharing() ? SharedSeenBy(rank, view, until, sharing, scratch)
                                    : RoomSeenBy(rank, view, until, scratch);
  if (sole_user == 0 && !AnySoleUser()) return room;
  std::vector<Interval>& closed = scratch.closed;
  closed.clear();
  for (const Use& use : running_) {
    if (use.sole_user != sole_user) closed.push_back({kLongAgo, use.until});
  }
  for (size_t i = 0; i < holds_.size() && holds_[i].from < until; ++i) {
    if (SoleUserAt(i) == sole_user || !Sees(rank, view, holds_[i].rank)) continue;
    closed.push_back({holds_[i].from, holds_[i].until});
  }
  if (closed.empty()) return room;
  return Without(room, closed, scratch.shared);
}

Profile Track::SharedSeenBy(const ReadyKey& rank, View view, Instant until, const Sharing& sharing,
                            Scratch& scratch) const {
  std::vector<Hold> seen;
  for (size_t i = 0; i < holds_.size() && holds_[i].from < until; ++i) {
    if (Sees(rank, view, holds_[i].rank)) seen.push_back(HoldAt(i));
  }
  AppendShared(all_, running_, closed_, seen, sharing, scratch.curve);
  return scratch.curve.View();
}

Profile Track::RoomSeenBy(const ReadyKey& rank, View view, Instant until, Scratch& scratch) const {
  const auto seen = [&](const ReadyKey& other) { return Sees(rank, view, other); };
  const Profile with_all = curve_.View();
  if (SeesAll(rank, view)) return with_all;
  if (view != View::kOthers && !seen(highest_)) return base_.View();
  size_t looked_at = 0, unseen = 0;
  for (; looked_at < holds_.size() && holds_[looked_at].from < until; ++looked_at) {
    unseen += !seen(holds_[looked_at].rank);
  }
  if (unseen == 0) return with_all;
  if (unseen == looked_at) return base_.View();
  // Whichever are fewer: those that are not seen added to what there is beside all, or those that
  // are taken from what there is without any.
  const bool add = unseen <= looked_at - unseen;
  std::vector<Edge>& changes = scratch.changes;
  changes.clear();
  for (size_t i = 0; i < looked_at; ++i) {
    if (seen(holds_[i].rank) == add) continue;
    const Hold hold = HoldAt(i);
    const Room room = add ? hold.room : -hold.room;
    changes.push_back({hold.from, room});
    if (hold.until < until) changes.push_back({hold.until, -room});
  }
  const Profile start = add ? with_all : base_.View();
  std::sort(changes.begin(), changes.end(),
            [](const Edge& a, const Edge& b) { return a.at < b.at; });
  // The one and the other, in the order of their times.
  scratch.curve.Clear();
  Room changed;
  auto change = changes.begin();
  for (size_t i = 0; i < start.size() && start.from(i) < until; ++i) {
    const Instant next = start.until(i);
    Instant at = start.from(i);
    while (true) {
      for (; change != changes.end() && change->at <= at; ++change) changed.Add(change->change);
      Room free = start.free(i);
      free.Add(changed);
      scratch.curve.Append(at, free);
      if (change == changes.end() || change->at >= next) break;
      at = change->at;
    }
  }
  return scratch.curve.View();
}

}  // namespace reeve::ctld
