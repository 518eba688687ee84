// The search for one start of all components of a heterogeneous job: as Find, over the nodes of all
// of them at once. They are tried together whenever something changes for one of them, so the first
// time at which they can start is found; each has nodes of its own.
#include <algorithm>
#include <utility>

#include "ctld/core/cluster_state.h"
#include "ctld/core/het_select.h"
#include "ctld/core/plan.h"

namespace reeve::ctld {
namespace {

constexpr uint32_t kNobody = UINT32_MAX;

struct Site {
  size_t component = 0;
  Offer offer;
  uint32_t capacity = 0;
  Room least;
};
struct Moment {
  Instant at;
  uint32_t site;                                                       // kNobody: licences
  bool operator<(const Moment& other) const { return at > other.at; }  // the earliest on top
};
// What a component's sites could take together.
struct Sum {
  uint64_t tasks = 0;
  uint64_t nodes = 0;
  bool Suffices(const Shape& shape) const {
    return nodes >= shape.min_nodes && tasks >= shape.num_tasks;
  }
};

std::vector<ComponentOffers> OffersOf(absl::Span<const Plan::Component> components,
                                      const std::vector<Site>& sites) {
  std::vector<ComponentOffers> offers(components.size());
  for (size_t i = 0; i < components.size(); ++i) offers[i].terms = components[i].terms;
  for (const Site& site : sites) {
    if (site.capacity > 0) offers[site.component].offers.push_back(site.offer);
  }
  return offers;
}

}  // namespace

std::optional<std::vector<Plan::Start>> Plan::FindTogether(const State& state,
                                                           absl::Span<const Component> components,
                                                           const ReadyKey& rank, Track::View view,
                                                           When when) {
  Instant before = std::min(when.before, kNever);
  for (const Component& component : components) {
    const Instant end_by = std::min(component.end_by, when.end_by);
    if (end_by < kNever) before = std::min(before, end_by - component.terms->least_time + 1);
  }
  const Terms& first = *components.front().terms;
  const auto until_of = [&](const Terms& terms) {
    return before < kNever ? before + terms.least_time : kNever;
  };
  const LicenseSight licenses(licenses_, first.licenses, rank, view, until_of(first));
  work_ += licenses.size();
  const Instant from = licenses.FirstFit(first.least_time, when.from, before);
  if (from >= before) return std::nullopt;

  std::vector<Site> sites;
  std::vector<Moment> moments;
  std::vector<Sum> sums(components.size());
  const auto see = [&](const Site& site) {
    work_++;
    const Terms& terms = *components[site.component].terms;
    return Seen(site.offer.index, terms, rank, view, until_of(terms), scratch_);
  };
  for (size_t i = 0; i < components.size(); ++i) {
    const Terms& terms = *components[i].terms;
    LeastRooms least(*this, state, terms);
    for (NodeIndex index : components[i].nodes) {
      const Node* node = state.nodes[index].get();
      sites.push_back({i, {index, node, 0, 0, {}}, 0, least.Of(index)});
      const Site& site = sites.back();
      const Instant at = FirstFit(see(site), site.least, terms.least_time, from, before);
      if (at < before) moments.push_back({at, static_cast<uint32_t>(sites.size() - 1)});
    }
  }
  std::make_heap(moments.begin(), moments.end());
  const auto push = [&](Moment moment) {
    moments.push_back(moment);
    std::push_heap(moments.begin(), moments.end());
  };
  while (!moments.empty()) {
    const Instant at = moments.front().at;
    while (!moments.empty() && moments.front().at <= at) {
      std::pop_heap(moments.begin(), moments.end());
      const uint32_t i = moments.back().site;
      moments.pop_back();
      if (i == kNobody) continue;
      Site& site = sites[i];
      const Terms& terms = *components[site.component].terms;
      const Profile profile = see(site);
      const Window window = WindowAt(profile, at, terms.least_time);
      site.offer = OfferOf(site.offer.index, *site.offer.node, window.least);
      const uint32_t capacity = TaskCapacity(terms, site.offer);
      Sum& sum = sums[site.component];
      sum.nodes += (capacity > 0) - (site.capacity > 0);
      sum.tasks += uint64_t{capacity} - site.capacity;
      site.capacity = capacity;
      Instant next = window.next;
      if (capacity == 0 && next < kNever) {
        next = FirstFit(profile, site.least, terms.least_time, next, before);
      }
      if (next < before) push({next, i});
    }
    bool may = true;
    for (size_t i = 0; i < components.size(); ++i) {
      may = may && sums[i].Suffices(*components[i].terms->shape);
    }
    if (!may) continue;
    const Instant licensed = licenses.FirstFit(first.least_time, at, before);
    if (licensed >= before) return std::nullopt;
    if (licensed > at) {
      push({licensed, kNobody});
      continue;
    }
    std::optional<std::vector<Placement>> placements = SelectTogether(OffersOf(components, sites));
    if (!placements.has_value()) continue;
    std::vector<Start> starts;
    for (size_t i = 0; i < components.size(); ++i) {
      starts.push_back({at, components[i].terms->most_time, std::move((*placements)[i]), {}});
    }
    starts.front().from_reserve = licenses.InReserve(at, at + first.least_time);
    return starts;
  }
  return std::nullopt;
}

std::vector<ReadyKey> Plan::KeepTogether(const State& state, const ReadyKey& key,
                                         absl::Span<const Component> components,
                                         absl::Span<const Start> starts) {
  std::unique_ptr<PlannedJob>& planned = planned_[key.job];
  planned = std::make_unique<PlannedJob>();
  planned->key = key;
  Place place{starts.front().at, components.front().terms->lane, {}};
  for (const Start& start : starts) {
    for (const Placement::Part& part : start.placement.parts) place.nodes.push_back(part.index);
  }
  FirstStartMoved(key.job, kNever, place.at);
  const Instant at = place.at;
  planned->places.push_back(std::move(place));
  std::vector<ReadyKey> lost;
  std::vector<Track::Hold> displaced;
  for (size_t i = 0; i < components.size(); ++i) {
    const Terms& terms = *components[i].terms;
    for (const Placement::Part& part : starts[i].placement.parts) {
      const Room room = RoomOf(terms, *state.nodes[part.index], part);
      const Track::Hold hold{at, at + starts[i].length, room, key, terms.sole_user};
      for (Track::Hold& other : FindTrack(part.index, terms.lane)->Add(hold)) {
        displaced.push_back(std::move(other));
      }
    }
  }
  const Terms& first = *components.front().terms;
  LoseAll(displaced, lost);
  if (first.licenses.Any()) {
    const Start& leader = starts.front();
    LoseAll(licenses_.Add(first.licenses, leader.from_reserve, key, at, at + leader.length), lost);
  }
  return lost;
}

}  // namespace reeve::ctld
