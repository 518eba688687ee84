#include "ctld/core/start_search.h"

#include <algorithm>
#include <utility>

#include "ctld/core/pick_switches.h"
#include "ctld/core/share_cpus.h"

namespace reeve::ctld {
namespace {

// Of nodes that could start a job now, as many are compared as this, or four times what it needs.
constexpr size_t kOffersCompared = 64;

class Search {
 public:
  Search(State& state, const ShapeQueue& queue, const Terms& terms, const ReadyKey& key,
         Instant now, Track::Scratch& scratch)
      : state_(state), queue_(queue), terms_(terms), key_(key), now_(now), scratch_(scratch) {}

  std::optional<Grant> For(Instant length, FreeNow& sum) {
    FromReserve from_reserve;
    if (!Licensed(Track::View::kHigher, length, from_reserve)) {
      sum = {SIZE_MAX, UINT64_MAX, false};  // of nodes nothing is known
      return std::nullopt;
    }
    std::optional<Placement> placement = PlacementFor(Track::View::kHigher, length, sum);
    if (!placement.has_value()) return std::nullopt;
    FreeNow others;
    FromReserve of_others;
    if (!Licensed(Track::View::kOthers, length, of_others)) {
      return Grant{*std::move(placement), length, from_reserve};
    }
    std::optional<Placement> gentle = PlacementFor(Track::View::kOthers, length, others);
    return Grant{gentle.has_value() ? *std::move(gentle) : *std::move(placement), length,
                 of_others};
  }

  // By halving: what does not fit for a time does not fit for a longer one.
  void Lengthen(Instant too_long, Grant& grant) {
    const Instant minute = absl::ToInt64Microseconds(absl::Minutes(1));
    Instant good = grant.length / minute;
    Instant bad = (too_long + minute - 1) / minute;
    FreeNow sum;
    while (bad - good > 1) {
      const Instant middle = good + (bad - good) / 2;
      if (std::optional<Grant> longer = For(middle * minute, sum)) {
        good = middle;
        grant = *std::move(longer);
      } else {
        bad = middle;
      }
    }
  }

 private:
  bool Licensed(Track::View view, Instant length, FromReserve& from_reserve) const {
    return LicensedFromNow(state_, terms_.licenses, key_, view, now_, now_ + length, &from_reserve);
  }

  // So many nodes an elastic job may make use of.
  uint64_t MostWanted() const {
    const Shape& shape = *queue_.shape;
    const uint64_t tasks = shape.tasks_given ? shape.num_tasks : UINT32_MAX;
    return std::max<uint64_t>(std::min<uint64_t>(terms_.max_nodes, tasks), shape.min_nodes);
  }

  std::optional<Placement> PlacementFor(Track::View view, Instant length, FreeNow& sum) {
    const Shape& shape = *queue_.shape;
    const Instant until = now_ + length;
    std::vector<Offer> offers;
    std::optional<Placement> placement;
    sum = FreeNow();
    // The least loaded are among them all, and so are the fewest switches and the most nodes.
    const bool spans = MaySpanLeaves(terms_);
    const bool grows = shape.IsElastic() && !terms_.fewest_nodes;
    const uint64_t wanted = grows ? MostWanted() : shape.min_nodes;
    size_t try_at = terms_.least_loaded || (spans && wanted > 1)
                        ? SIZE_MAX
                        : std::max<size_t>(kOffersCompared, size_t{4} * wanted);
    NodeBits::ForEachInBoth(state_.plan.free_now(), queue_.fits, 0, [&](size_t place) {
      state_.plan.AddWork(1);
      const Offer offer = OfferFromNow(state_, terms_, state_.plan.NodeAt(place), key_, view, now_,
                                       until, scratch_);
      const uint32_t capacity = TaskCapacity(terms_, offer);
      if (capacity == 0) return true;
      sum.tasks += capacity;
      sum.nodes++;
      offers.push_back(offer);
      if (offers.size() < try_at || sum.tasks < shape.num_tasks) return true;
      placement = SelectNodes(terms_, offers);
      try_at = 2 * offers.size();
      if (spans && placement.has_value() && placement->parts.size() > 1) {
        placement.reset();
        try_at = SIZE_MAX;
      }
      return !placement.has_value();
    });
    return placement.has_value() ? placement : SelectNodes(terms_, offers);
  }

  State& state_;
  const ShapeQueue& queue_;
  const Terms& terms_;
  const ReadyKey& key_;
  const Instant now_;
  Track::Scratch& scratch_;
};

std::optional<Grant> FindGrantWith(State& state, const ShapeQueue& queue, const Terms& terms,
                                   const ReadyKey& key, Instant now, Instant deadline,
                                   Track::Scratch& scratch, FreeNow& sum) {
  Search search(state, queue, terms, key, now, scratch);
  const Instant least = terms.least_time;
  const Instant most = std::min(terms.most_time, deadline - now);
  std::optional<Grant> grant = search.For(most, sum);
  if (grant.has_value() || least >= most) return grant;
  grant = search.For(least, sum);
  if (grant.has_value()) search.Lengthen(most, *grant);
  return grant;
}

}  // namespace

std::optional<Grant> FindGrant(State& state, const ShapeQueue& queue, const Terms& terms,
                               const ReadyKey& key, Instant now, Instant deadline,
                               Track::Scratch& scratch, FreeNow& sum) {
  if (!terms.sharing.Shares()) {
    return FindGrantWith(state, queue, terms, key, now, deadline, scratch, sum);
  }
  Terms tried = terms;
  const auto with = [&](uint32_t most, FreeNow& free) {
    tried.sharing = most > 1 ? Sharing{terms.sharing.group, most} : Sharing();
    return FindGrantWith(state, queue, tried, key, now, deadline, scratch, free);
  };
  // Rather CPUs that nobody has; else those that the fewest have.
  std::optional<Grant> grant = with(1, sum);
  uint32_t bad = 1, good = 1;
  if (!grant.has_value()) {
    good = terms.sharing.most;
    grant = with(good, sum);
    if (!grant.has_value()) return grant;
  }
  while (good - bad > 1) {
    const uint32_t middle = bad + (good - bad) / 2;
    FreeNow others;
    if (std::optional<Grant> better = with(middle, others)) {
      good = middle;
      grant = std::move(better);
    } else {
      bad = middle;
    }
  }
  tried.sharing.group = terms.sharing.group;
  tried.sharing.most = good;
  ChooseCpus(state, tried, key, now, *grant, scratch);
  return grant;
}

std::optional<Grant> FindAnyGrant(State& state, const ShapeQueue& queue, const ReadyKey& key,
                                  Instant now, Instant deadline, Track::Scratch& scratch,
                                  FreeNow& sum) {
  sum = {0, 0, false};
  const auto find = [&](const ShapeQueue& place) {
    FreeNow here;
    std::optional<Grant> grant =
        FindGrant(state, place, place.terms, key, now, deadline, scratch, here);
    sum = {std::max(sum.nodes, here.nodes), std::max(sum.tasks, here.tasks),
           sum.licenses || here.licenses};
    if (grant.has_value()) grant->reservation = place.inside;
    return grant;
  };
  for (const std::shared_ptr<ShapeQueue>& magnet : queue.magnets) {
    if (std::optional<Grant> grant = find(*magnet)) return grant;
  }
  return find(queue);
}

bool IsBehindOthers(const State& state, const ReadyKey& key) {
  if (state.settings.backfill) return false;
  const auto& queues = state.backlog.queues();
  return std::any_of(queues.begin(), queues.end(), [&](const std::unique_ptr<ShapeQueue>& queue) {
    if (queue->partition != key.partition || queue->jobs.empty()) return false;
    const bool can_run = !queue->judged || queue->verdict.can_run_later;
    return can_run && queue->head() < key;
  });
}

void Block(ShapeQueue& queue, const ReadyKey& key, const FreeNow& sum) {
  const Shape& shape = *queue.shape;
  queue.blocked = true;
  queue.blocked_rank = key;
  queue.missing_nodes = sum.nodes < shape.min_nodes ? shape.min_nodes - sum.nodes : 0;
  queue.missing_tasks = sum.tasks < shape.num_tasks ? shape.num_tasks - sum.tasks : 0;
  queue.gained_nodes = 0;
  queue.gained_tasks = 0;
  queue.lacks_licenses = !sum.licenses;
}

namespace {

bool AnyPartitionShares(const State& state) {
  return std::any_of(
      state.partitions.begin(), state.partitions.end(),
      [](const PartitionEntry& partition) { return partition.facts.sharing.most > 1; });
}

bool IsBlockedSharer(const ShapeQueue& queue) {
  return queue.waits() && queue.blocked && queue.terms.sharing.Shares();
}

}  // namespace

void UnblockSharers(State& state) {
  Backlog& backlog = state.backlog;
  if (!AnyPartitionShares(state)) return;
  // Whoever is still to be looked at since the last time comes before anybody is once more.
  const bool going_on =
      std::any_of(backlog.candidates.begin(), backlog.candidates.end(),
                  [](const auto& each) { return each.second->terms.sharing.Shares(); });
  if (going_on) return;
  backlog.sharers_epoch = state.preemption.starts;
  for (const std::unique_ptr<ShapeQueue>& queue : backlog.queues()) {
    if (!IsBlockedSharer(*queue)) continue;
    queue->blocked = false;
    backlog.candidates.insert({queue->head(), queue.get()});
  }
}

bool SharersMayGain(const State& state) {
  if (state.backlog.sharers_epoch == state.preemption.starts) return false;
  const auto& queues = state.backlog.queues();
  return AnyPartitionShares(state) &&
         std::any_of(queues.begin(), queues.end(),
                     [](const auto& queue) { return IsBlockedSharer(*queue); });
}

}  // namespace reeve::ctld
