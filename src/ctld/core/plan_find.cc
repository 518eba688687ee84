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

struct Site {
  Offer offer;
  uint32_t capacity = 0;
  Room least;
};
struct Moment {
  Instant at;
  uint32_t site;
  bool operator<(const Moment& other) const { return at > other.at; }  // the earliest on top
};

}  // namespace

std::optional<Plan::Start> Plan::Find(const State& state, const Terms& terms,
                                      absl::Span<const NodeIndex> nodes, const ReadyKey& rank,
                                      When when) {
  const Instant length = terms.least_time;
  Instant before = when.before;
  if (when.end_by < kNever) before = std::min(before, when.end_by - length + 1);
  const Instant until = before < kNever ? before + length : kNever;
  const LicenseSight licenses(licenses_, terms.licenses, rank, Track::View::kHigherAndOwn, until);
  work_ += licenses.size();
  // Not sooner, as far as licences go.
  Instant licensed = licenses.FirstFit(length, when.from, before);
  if (licensed >= before) return std::nullopt;
  std::vector<Site> sites(nodes.size());
  std::vector<Moment> moments;
  moments.reserve(nodes.size());
  const auto see = [&](uint32_t i) {
    work_++;
    return Seen(nodes[i], terms, rank, Track::View::kHigherAndOwn, until, scratch_);
  };
  std::vector<const Node*> all(nodes.size());
  for (uint32_t i = 0; i < nodes.size(); ++i) {
    all[i] = state.nodes[nodes[i]].get();
    sites[i].offer = {nodes[i], all[i], 0, 0, {}};
    sites[i].least = LeastRoom(terms, *all[i]);
    const Instant at = FirstFit(see(i), sites[i].least, length, licensed, before);
    if (at < before) moments.push_back({at, i});
  }
  std::make_heap(moments.begin(), moments.end());
  Gathering gathering(terms);
  gathering.Expect(all, nodes);
  bool unlicensed = false;  // at the last time that was looked at
  while (unlicensed || !moments.empty()) {
    const Instant at = unlicensed ? licensed : moments.front().at;
    while (!moments.empty() && moments.front().at <= at) {
      std::pop_heap(moments.begin(), moments.end());
      const uint32_t i = moments.back().site;
      moments.pop_back();
      Site& site = sites[i];
      const Profile profile = see(i);
      site.offer = OfferOf(nodes[i], *all[i], LeastFree(profile, at, at + length));
      const uint32_t capacity = TaskCapacity(terms, site.offer);
      gathering.Change(i, std::exchange(site.capacity, capacity), capacity);
      Instant next = NextChange(profile, length, at);
      if (capacity == 0 && next < kNever) {
        next = FirstFit(profile, site.least, length, next, before);
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
    std::vector<Offer> offers;
    for (const Site& site : sites) {
      if (site.capacity > 0) offers.push_back(site.offer);
    }
    if (std::optional<Placement> placement = SelectNodes(terms, offers)) {
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
