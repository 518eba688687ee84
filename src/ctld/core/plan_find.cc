// The search for a job's start: what the nodes can give at one time, as time goes on. Each is
// looked at again when that changes, and all of them when licences that were not there come to be
// free.
#include <algorithm>
#include <utility>

#include "ctld/core/cluster_state.h"
#include "ctld/core/pick_nodes.h"
#include "ctld/core/plan.h"

namespace reeve::ctld {
namespace {

struct Moment {
  Instant at;
  uint32_t node;                                                       // of those searched
  bool operator<(const Moment& other) const { return at > other.at; }  // the earliest on top
};

// Does any one node do that takes all tasks?
bool OneNodeDoes(const Terms& terms) {
  const Shape& shape = *terms.shape;
  return shape.min_nodes == 1 && shape.req_nodes.empty() && shape.features.groups.empty() &&
         terms.gres.per_job.count == 0 && !terms.licenses.Any();
}

// What the nodes of a search have at the time that is looked at. Most are never looked at.
class Offers {
 public:
  explicit Offers(size_t nodes) : places_(nodes, kNone) {}

  uint32_t CapacityOf(uint32_t node) const {  // in tasks
    return places_[node] == kNone ? 0 : seen_[places_[node]].capacity;
  }
  void Set(uint32_t node, const Offer& offer, uint32_t capacity) {
    if (places_[node] == kNone) {
      places_[node] = static_cast<uint32_t>(seen_.size());
      seen_.emplace_back();
    }
    seen_[places_[node]] = {offer, capacity};
  }
  // In the order of the nodes.
  std::vector<Offer> OfUse() const {
    std::vector<Offer> offers;
    for (const uint32_t place : places_) {
      if (place != kNone && seen_[place].capacity > 0) offers.push_back(seen_[place].offer);
    }
    return offers;
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Seen {
    Offer offer;
    uint32_t capacity = 0;
  };
  std::vector<uint32_t> places_;
  std::vector<Seen> seen_;
};

}  // namespace

const Room& Plan::LeastRooms::Of(NodeIndex node) {
  const uint32_t kind = plan_.kinds_[node];
  if (kind != kind_) least_ = LeastRoom(terms_, *state_.nodes[node]);
  kind_ = kind;
  return least_;
}

std::optional<Plan::Start> Plan::Find(const State& state, const Terms& terms,
                                      absl::Span<const NodeIndex> nodes, const ReadyKey& rank,
                                      When when) {
  const Instant length = terms.least_time;
  Instant before = when.before;
  if (when.end_by < kNever) before = std::min(before, when.end_by - length + 1);
  Instant until = before < kNever ? before + length : kNever;
  const LicenseSight licenses(licenses_, terms.licenses, rank, Track::View::kHigherAndOwn, until);
  work_ += licenses.size();
  // Not sooner, as far as licences go.
  Instant licensed = licenses.FirstFit(length, when.from, before);
  if (licensed >= before) return std::nullopt;
  const auto see = [&](uint32_t i) {
    work_++;
    return Seen(nodes[i], terms, rank, Track::View::kHigherAndOwn, until, scratch_);
  };
  const bool one_does = OneNodeDoes(terms);
  size_t at_once = 0;
  LeastRooms least(*this, state, terms);
  std::vector<Moment> moments;
  moments.reserve(nodes.size());
  for (uint32_t i = 0; i < nodes.size(); ++i) {
    const Profile profile = see(i);
    const Instant at = FirstFit(profile, least.Of(nodes[i]), length, licensed, before);
    if (at >= before) continue;
    moments.push_back({at, i});
    if (!one_does || (at + 1 == before && when.choice == SIZE_MAX)) continue;
    const Room room = LeastFree(profile, at, at + length);
    const Offer offer = OfferOf(nodes[i], *state.nodes[nodes[i]], room);
    if (TaskCapacity(terms, offer) < terms.shape->num_tasks) continue;
    if (at == licensed && ++at_once == when.choice) break;
    // What begins later than that is not looked for any more.
    before = at + 1;
    until = before + length;
  }
  std::make_heap(moments.begin(), moments.end());
  Offers offers(nodes.size());
  Gathering gathering(terms);
  std::vector<const Node*> all;
  all.reserve(nodes.size());
  for (const NodeIndex index : nodes) all.push_back(state.nodes[index].get());
  gathering.Expect(all, nodes);
  bool unlicensed = false;  // at the last time that was looked at
  while (unlicensed || !moments.empty()) {
    const Instant at = unlicensed ? licensed : moments.front().at;
    while (!moments.empty() && moments.front().at <= at) {
      std::pop_heap(moments.begin(), moments.end());
      const uint32_t i = moments.back().node;
      moments.pop_back();
      const Profile profile = see(i);
      const Window window = WindowAt(profile, at, length);
      const Offer offer = OfferOf(nodes[i], *all[i], window.least);
      const uint32_t capacity = TaskCapacity(terms, offer);
      gathering.Change(i, offers.CapacityOf(i), capacity);
      offers.Set(i, offer, capacity);
      Instant next = window.next;
      if (capacity == 0 && next < kNever) {
        next = FirstFit(profile, least.Of(nodes[i]), length, next, before);
      }
      if (next >= before) continue;
      moments.push_back({next, i});
      std::push_heap(moments.begin(), moments.end());
    }
    // It looks at what has changed since it was asked; when they sufficed and only licences were
    // missing, they may still.
    const bool may_suffice = gathering.MaySuffice();
    if (!may_suffice && !unlicensed) continue;
    licensed = licenses.FirstFit(length, at, before);
    if (licensed >= before) return std::nullopt;
    unlicensed = licensed > at;
    if (unlicensed) continue;
    if (std::optional<Placement> placement = SelectNodes(terms, offers.OfUse())) {
      const Instant longest = LongestFrom(state, terms, *placement, rank, at, when.end_by);
      return Start{at, longest, *std::move(placement), licenses.InReserve(at, at + length)};
    }
  }
  return std::nullopt;
}

// The least time has been found to be free.
Instant Plan::LongestFrom(const State& state, const Terms& terms, const Placement& placement,
                          const ReadyKey& rank, Instant at, Instant end_by) {
  constexpr Track::View kView = Track::View::kHigherAndOwn;
  if (terms.least_time == terms.most_time) return terms.most_time;
  Instant until = std::min(at + terms.most_time, end_by);
  for (const Placement::Part& part : placement.parts) {
    const Room room = RoomOf(terms, *state.nodes[part.index], part);
    const Profile profile = Seen(part.index, terms, rank, kView, until, scratch_);
    until = FreeUntil(profile, room, at, until);
  }
  until = LicenseSight(licenses_, terms.licenses, rank, kView, until)
              .FreeUntil(at, until, terms.least_time);
  return until - at;
}

}  // namespace reeve::ctld
