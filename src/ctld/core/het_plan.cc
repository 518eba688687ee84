#include "ctld/core/het_plan.h"

#include <algorithm>
#include <utility>

#include "common/base/hostlist.h"
#include "ctld/core/het_job.h"
#include "ctld/core/het_select.h"
#include "ctld/core/verdict.h"

namespace reeve::ctld {
namespace {

// On these nodes if they were empty.
bool FitEmpty(const State& state, const ShapeQueue& queue, const NodeBits* usable) {
  std::vector<ComponentOffers> components;
  for (const ShapeQueue& part : queue.together) {
    ComponentOffers& offers = components.emplace_back();
    offers.terms = &part.terms;
    NodeBits::ForEachInBoth(part.fits, usable == nullptr ? part.fits : *usable, 0,
                            [&](size_t place) {
                              const NodeIndex index = state.plan.NodeAt(place);
                              offers.offers.push_back(EmptyOffer(index, *state.nodes[index]));
                              return true;
                            });
  }
  return SelectTogether(components).has_value();
}

std::string UnavailableText(const State& state, const ShapeQueue& queue) {
  std::vector<std::string> names;
  for (NodeIndex i = 0; i < state.nodes.size(); ++i) {
    if (!queue.fits.Test(state.plan.PlaceOf(i)) || state.nodes[i]->Usable()) continue;
    names.push_back(state.nodes[i]->name);
  }
  return "UnavailableNodes:" + CompressHostlist(names);
}

std::optional<std::vector<Placement>> PlacementsNow(State& state, const ShapeQueue& queue,
                                                    const ReadyKey& key, Track::View view,
                                                    Instant now, Track::Scratch& scratch,
                                                    bool& licensed, FromReserve* from_reserve) {
  const Terms& first = queue.together.front().terms;
  licensed =
      LicensedFromNow(state, first.licenses, key, view, now, now + first.least_time, from_reserve);
  if (!licensed) return std::nullopt;
  std::vector<ComponentOffers> components;
  for (const ShapeQueue& part : queue.together) {
    ComponentOffers& offers = components.emplace_back();
    offers.terms = &part.terms;
    uint64_t tasks = 0;
    NodeBits::ForEachInBoth(state.plan.free_now(), part.fits, 0, [&](size_t place) {
      state.plan.AddWork(1);
      const Offer offer = OfferFromNow(state, part.terms, state.plan.NodeAt(place), key, view, now,
                                       now + part.terms.least_time, scratch);
      const uint32_t capacity = TaskCapacity(part.terms, offer);
      if (capacity == 0) return true;
      tasks += capacity;
      offers.offers.push_back(offer);
      return true;
    });
    if (offers.offers.size() < part.shape->min_nodes || tasks < part.shape->num_tasks) {
      return std::nullopt;
    }
  }
  return SelectTogether(components);
}

}  // namespace

void FitTogether(const State& state, ShapeQueue& queue) {
  queue.together.clear();
  auto& all = const_cast<State&>(state);
  queue.fits = NodeBits(state.nodes.size());
  queue.fit_count = 0;
  queue.terms.sharing = {};
  for (const Job* job : ComponentsOf(all, *state.FindJob(queue.het))) {
    ShapeQueue& part = queue.together.emplace_back();
    part.shape = job->shape;
    const std::vector<PartitionIndex> partitions = state.PartitionsOf(*job);
    part.partition = partitions.empty() ? queue.partition : partitions.front();
    part.sole_user = state.SoleUserOf(*job, part.partition);
    FitQueue(state, part);
    part.terms.sharing = {};         // each has its CPUs alone
    part.terms.fewest_nodes = true;  // and leaves the others theirs
    NodeBits::ForEachInBoth(part.fits, part.fits, 0, [&](size_t place) {
      queue.fit_count += !queue.fits.Test(place);
      queue.fits.Set(place, true);
      return true;
    });
  }
}

Verdict JudgeTogether(const State& state, const ShapeQueue& queue) {
  for (const ShapeQueue& part : queue.together) {
    Verdict verdict = Judge(state, part);
    if (!verdict.can_run_later) return verdict;
  }
  if (FitEmpty(state, queue, &state.plan.usable())) return {.can_run_later = true};
  if (FitEmpty(state, queue, nullptr)) {
    return {.reason = Reason::kReqNodeNotAvail, .detail = UnavailableText(state, queue)};
  }
  return {.reason = Reason::kPartitionConfig,
          .detail = "the components need more nodes together than there are"};
}

std::optional<std::vector<Grant>> FindGrantsTogether(State& state, const ShapeQueue& queue,
                                                     const ReadyKey& key, Instant now,
                                                     Track::Scratch& scratch, FreeNow& sum) {
  FromReserve from_reserve;
  std::optional<std::vector<Placement>> placements = PlacementsNow(
      state, queue, key, Track::View::kHigher, now, scratch, sum.licenses, &from_reserve);
  if (!placements.has_value()) return std::nullopt;
  bool licensed = true;
  std::optional<std::vector<Placement>> gentle =
      PlacementsNow(state, queue, key, Track::View::kOthers, now, scratch, licensed, nullptr);
  if (gentle.has_value()) placements = std::move(gentle);
  std::vector<Grant> grants;
  for (size_t i = 0; i < placements->size(); ++i) {
    grants.push_back({std::move((*placements)[i]), queue.together[i].terms.most_time});
  }
  grants.front().from_reserve = from_reserve;
  return grants;
}

}  // namespace reeve::ctld
