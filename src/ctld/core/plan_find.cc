// The search for a job's start: what the nodes can give at one time, as time goes on. Each is
// looked at again when that changes, and all of them when licences that were not there come to be
// free.
#include <algorithm>
#include <utility>

#include "ctld/core/cluster_state.h"
#include "ctld/core/plan.h"

namespace reeve::ctld {
namespace {

struct Candidate {
  Offer offer;
  uint32_t capacity = 0;
  Room least;
};
struct Moment {
  Instant at;
  uint32_t candidate;
  bool operator<(const Moment& other) const { return at > other.at; }  // the earliest on top
};

}  // namespace

std::optional<Plan::Start> Plan::Find(const State& state, const Terms& terms,
                                      absl::Span<const NodeIndex> nodes, const ReadyKey& rank,
                                      When when) {
  const Shape& shape = *terms.shape;
  const Instant length = terms.least_time;
  Instant before = when.before;
  if (when.end_by < kNever) before = std::min(before, when.end_by - length + 1);
  const Instant until = before < kNever ? before + length : kNever;
  const LicenseSight licenses(licenses_, terms.licenses, rank, Track::View::kHigherAndOwn, until);
  work_ += licenses.size();
  // Not sooner, as far as licences go.
  Instant licensed = licenses.FirstFit(length, when.from, before);
  if (licensed >= before) return std::nullopt;
  std::vector<Candidate> candidates(nodes.size());
  std::vector<Moment> moments;
  moments.reserve(nodes.size());
  const auto see = [&](uint32_t i) {
    work_++;
    return track(nodes[i], terms.lane).SeenBy(rank, Track::View::kHigherAndOwn, until, scratch_);
  };
  for (uint32_t i = 0; i < nodes.size(); ++i) {
    candidates[i].offer = {nodes[i], state.nodes[nodes[i]].get(), 0, 0, {}};
    candidates[i].least = LeastRoom(terms, *candidates[i].offer.node);
    const Instant at = FirstFit(see(i), candidates[i].least, length, licensed, before);
    if (at < before) moments.push_back({at, i});
  }
  std::make_heap(moments.begin(), moments.end());
  uint64_t tasks = 0;
  uint32_t count = 0;
  bool unlicensed = false;  // at the last time that was looked at
  while (unlicensed || !moments.empty()) {
    const Instant at = unlicensed ? licensed : moments.front().at;
    unlicensed = false;
    while (!moments.empty() && moments.front().at <= at) {
      std::pop_heap(moments.begin(), moments.end());
      const uint32_t i = moments.back().candidate;
      moments.pop_back();
      Candidate& candidate = candidates[i];
      const Profile profile = see(i);
      candidate.offer =
          OfferOf(nodes[i], *candidate.offer.node, LeastFree(profile, at, at + length));
      tasks -= candidate.capacity;
      count -= candidate.capacity > 0;
      candidate.capacity = TaskCapacity(terms, candidate.offer);
      tasks += candidate.capacity;
      count += candidate.capacity > 0;
      Instant next = NextChange(profile, length, at);
      if (candidate.capacity == 0 && next < kNever) {
        next = FirstFit(profile, candidate.least, length, next, before);
      }
      if (next >= before) continue;
      moments.push_back({next, i});
      std::push_heap(moments.begin(), moments.end());
    }
    if (count < shape.min_nodes || tasks < shape.num_tasks) continue;
    licensed = licenses.FirstFit(length, at, before);
    if (licensed >= before) return std::nullopt;
    unlicensed = licensed > at;
    if (unlicensed) continue;
    std::vector<Offer> offers;
    for (const Candidate& candidate : candidates) {
      if (candidate.capacity > 0) offers.push_back(candidate.offer);
    }
    if (std::optional<Placement> placement = SelectNodes(terms, offers)) {
      const Instant longest = LongestFrom(state, terms, *placement, rank, at, when.end_by);
      return Start{at, longest, *std::move(placement)};
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
    until = FreeUntil(track(part.index, terms.lane).SeenBy(rank, kView, until, scratch_), room, at,
                      until);
  }
  until = LicenseSight(licenses_, terms.licenses, rank, kView, until).FreeUntil(at, until);
  return until - at;
}

}  // namespace reeve::ctld
