#include "ctld/core/place_search.h"

#include <algorithm>
#include <utility>

#include "ctld/core/deadline.h"
#include "ctld/core/het_job.h"
#include "ctld/core/make_room.h"
#include "ctld/core/start_search.h"
#include "ctld/core/switch_wait.h"

namespace reeve::ctld {
namespace {

// So many of the highest rank take what they need from all that rank lower; the others take what
// is left. (None of the lower ones can start before it would fit beside the plans of them all.)
constexpr size_t kStrictJobs = 100;
// So much work goes into the plans of the highest rank that are sought on all nodes; others look
// at some.
constexpr uint64_t kThoroughWork = 200'000;
constexpr size_t kSampleNodes = 64;
// The best of so many nodes is as good as the best of all of a sample, where nodes are alike to it.
constexpr size_t kChoice = 4;
// What cannot start now is not planned for a moment later.
constexpr absl::Duration kLeastDelay = absl::Seconds(1);

// Does one node do as well as another, and not rather several?
bool AnyNodeDoes(const State& state, const Terms& terms) {
  const bool grows = terms.shape->IsElastic() && !terms.fewest_nodes;
  if (grows || terms.least_loaded) return false;
  // In the order of preference the weights are in theirs.
  const auto weight_at = [&](size_t place) {
    return state.nodes[state.plan.NodeAt(place)]->weight;
  };
  return weight_at(0) == weight_at(state.plan.size() - 1);
}

}  // namespace

PlaceSearch::PlaceSearch(Context& context, const Job* supposed, Instant from)
    : context_(context),
      state_(context.state),
      backlog_(context.state.backlog),
      plan_(context.state.plan),
      supposed_(supposed),
      now_(ToInstant(context.now)),
      ready_(std::max(now_, from)) {}

Instant PlaceSearch::Soonest() const {
  return std::max(ready_, now_ + absl::ToInt64Microseconds(kLeastDelay));
}

bool PlaceSearch::IsAmongFirst(size_t count, const ReadyKey& key) {
  if (backlog_.by_rank().size() + (supposed_ != nullptr) <= count) return true;
  if (first_ranks_.empty()) {
    const size_t most = std::min(kStrictJobs, backlog_.by_rank().size());
    auto it = backlog_.by_rank().begin();
    for (size_t i = 0; i < most; ++i) first_ranks_.push_back(*it++);
  }
  return !(first_ranks_[std::min(count, first_ranks_.size()) - 1] < key);
}

// ---- on which nodes -----------------------------------------------------------------------------

bool PlaceSearch::SearchesAll(const ShapeQueue& queue, const ReadyKey& key) {
  if (queue.fit_count <= kSampleNodes || !queue.shape->req_nodes.empty()) return true;
  if (AwaitsVictims(state_, key.job)) return true;
  return IsAmongFirst(std::max<size_t>(kThoroughWork / queue.fit_count, 1), key);
}

std::vector<NodeIndex> PlaceSearch::NodesToSearch(const ShapeQueue& queue, const ReadyKey& key,
                                                  bool all) {
  const size_t most =
      all ? SIZE_MAX : std::max<size_t>(kSampleNodes, size_t{4} * queue.shape->min_nodes);
  // Jobs one after another look in different places.
  const size_t first = all ? 0 : key.job.value * size_t{2654435761} % plan_.size();
  std::vector<NodeIndex> nodes;
  NodeBits::ForEachInBoth(plan_.usable(), queue.fits, first, [&](size_t place) {
    nodes.push_back(plan_.NodeAt(place));
    return nodes.size() < most;
  });
  return nodes;
}

// ---- one job ------------------------------------------------------------------------------------

std::optional<Plan::Start> PlaceSearch::FindStart(const ShapeQueue& queue, const Terms& terms,
                                                  const ReadyKey& key, Plan::When when, bool all) {
  const bool strict = IsAmongFirst(kStrictJobs, key) || AwaitsVictims(state_, key.job);
  const ReadyKey& rank = strict ? key : kLastRank;
  if (!all && AnyNodeDoes(state_, terms)) when.choice = kChoice;
  return plan_.Find(state_, terms, NodesToSearch(queue, key, all), rank, when);
}

std::optional<PlaceSearch::Found> PlaceSearch::Find(const ShapeQueue& queue, const ReadyKey& key,
                                                    Instant from) {
  const bool all = SearchesAll(queue, key);
  const Plan::When when{.from = from, .end_by = DeadlineOf(JobOf(key.job))};
  std::optional<Plan::Start> start = FindStart(queue, queue.terms, key, when, all);
  if (!start.has_value() && !all) start = FindStart(queue, queue.terms, key, when, true);
  if (queue.anywhere != nullptr) start = OrElsewhere(queue, key, std::move(start));
  const Terms* terms = &queue.terms;
  for (const std::shared_ptr<ShapeQueue>& magnet : queue.magnets) {
    const Instant before = start.has_value() ? start->at + 1 : kNever;
    const Plan::When sooner{.from = when.from, .before = before, .end_by = when.end_by};
    std::optional<Plan::Start> inside = FindStart(*magnet, magnet->terms, key, sooner, true);
    if (!inside.has_value()) continue;
    start = std::move(inside);
    terms = &magnet->terms;
  }
  if (!start.has_value()) return std::nullopt;
  return Found{*std::move(start), terms};
}

bool PlaceSearch::MoveEarlier(const ShapeQueue& queue, const ReadyKey& key, Instant before) {
  bool moved = MoveEarlierIn(queue, key, before);
  for (const std::shared_ptr<ShapeQueue>& magnet : queue.magnets) {
    moved = MoveEarlierIn(*magnet, key, before) || moved;
  }
  return moved;
}

bool PlaceSearch::MoveEarlierIn(const ShapeQueue& queue, const ReadyKey& key, Instant before) {
  if (!plan_.MayMoveEarlier(state_, key, queue.terms, queue.fits, Soonest(), before)) return false;
  const std::vector<NodeIndex> nodes = NodesToSearch(queue, key, SearchesAll(queue, key));
  const Instant deadline = DeadlineOf(*state_.FindJob(key.job));
  const Plan::When when{.from = Soonest(), .before = before, .end_by = deadline};
  bool moved = plan_.MoveEarlier(state_, key, queue.terms, nodes, when);
  if (queue.anywhere != nullptr) moved = MoveEarlierElsewhere(queue, key, before) || moved;
  return moved;
}

// ---- components together ------------------------------------------------------------------------

std::vector<Plan::Component> PlaceSearch::Components(const ShapeQueue& queue, const ReadyKey& key,
                                                     bool all) {
  std::vector<Plan::Component> components;
  const std::vector<Job*> jobs = WithComponents(state_, key.job);
  for (size_t i = 0; i < queue.together.size(); ++i) {
    const ShapeQueue& part = queue.together[i];
    components.push_back({&part.terms, NodesToSearch(part, key, all), DeadlineOf(*jobs[i])});
  }
  return components;
}

std::optional<PlaceSearch::FoundTogether> PlaceSearch::FindTogether(const ShapeQueue& queue,
                                                                    const ReadyKey& key) {
  const ReadyKey& rank = IsAmongFirst(kStrictJobs, key) ? key : kLastRank;
  const bool first = SearchesAll(queue, key);
  for (const bool all : {false, true}) {
    if (first && !all) continue;
    std::vector<Plan::Component> components = Components(queue, key, all);
    std::optional<std::vector<Plan::Start>> starts = plan_.FindTogether(
        state_, components, rank, Track::View::kHigherAndOwn, {.from = Soonest()});
    if (starts.has_value()) return FoundTogether{std::move(components), *std::move(starts)};
  }
  return std::nullopt;
}

bool PlaceSearch::MoveEarlierTogether(const ShapeQueue& queue, const ReadyKey& key,
                                      Instant before) {
  before = std::min(before, plan_.Find(key.job)->places.back().at);
  const bool may =
      std::any_of(queue.together.begin(), queue.together.end(), [&](const ShapeQueue& part) {
        return plan_.MayMoveEarlier(state_, key, part.terms, part.fits, Soonest(), before);
      });
  if (!may) return false;
  const Plan::When when{.from = Soonest(), .before = before};
  const std::vector<Plan::Component> components = Components(queue, key, SearchesAll(queue, key));
  const std::optional<std::vector<Plan::Start>> starts =
      plan_.FindTogether(state_, components, key, Track::View::kOthers, when);
  if (!starts.has_value()) return false;
  plan_.Drop(key.job);
  (void)plan_.KeepTogether(state_, key, components, *starts);  // displaces nobody: all were seen
  return true;
}

// ---- waiting for few switches -------------------------------------------------------------------

void PlaceSearch::NoteElsewhere(const ShapeQueue& queue, const ReadyKey& key, Instant since) {
  Job& job = *state_.FindJob(key.job);
  if (queue.anywhere == nullptr || IsSet(job.rare->switches_since)) return;
  FreeNow sum;
  if (FindGrant(state_, queue, *queue.anywhere, key, now_, DeadlineOf(job), scratch_, sum)) {
    BeginToWait(job, since);
  }
}

void PlaceSearch::BeginToWait(Job& job, Instant since) {
  job.rare.Edit().switches_since = ToTime(since);
  context_.Changed(job);
  state_.switch_waits.Watch(job.id, since + absl::ToInt64Microseconds(SwitchWaitOf(job)));
}

// Since when it waits for few switches, as far as the plan knows: from the first time at which it
// could start elsewhere. kNever: it cannot before that time.
Instant PlaceSearch::WaitsSince(const ShapeQueue& queue, const ReadyKey& key, Instant before) {
  const Job& job = JobOf(key.job);
  if (IsSet(job.rare->switches_since)) return ToInstant(job.rare->switches_since);
  const Plan::When when{.from = Soonest(), .before = before, .end_by = DeadlineOf(job)};
  const std::optional<Plan::Start> first = FindStart(queue, *queue.anywhere, key, when, true);
  if (!first.has_value()) return kNever;
  return first->at <= Soonest() ? ready_ : first->at;
}

// A place of the job counts with that. Of several such times the first is the one to look at.
void PlaceSearch::NoteWait(JobId id, Instant since) {
  if (IsSupposed(id)) return;
  Job& job = *state_.FindJob(id);
  if (IsSet(job.rare->switches_since)) return;
  if (since <= now_) return BeginToWait(job, since);
  state_.switch_waits.Watch(id, std::min(since, state_.switch_waits.Of(id).value_or(since)));
}

// After the wait, of places before that time.
std::optional<Plan::When> PlaceSearch::Elsewhere(const Job& job, Instant since, Instant before) {
  if (since == kNever) return std::nullopt;
  const Instant from = std::max(since + absl::ToInt64Microseconds(SwitchWaitOf(job)), Soonest());
  if (from >= before) return std::nullopt;
  return Plan::When{.from = from, .before = before, .end_by = DeadlineOf(job)};
}

// The earlier one: on as few switches as it asks for, or anywhere after its wait.
std::optional<Plan::Start> PlaceSearch::OrElsewhere(const ShapeQueue& queue, const ReadyKey& key,
                                                    std::optional<Plan::Start> few) {
  const Instant before = few.has_value() ? few->at : kNever;
  const Instant since = WaitsSince(queue, key, before);
  if (since < kNever && plan_.Find(key.job) == nullptr) NoteWait(key.job, since);
  const std::optional<Plan::When> when = Elsewhere(JobOf(key.job), since, before);
  if (!when.has_value()) return few;
  std::optional<Plan::Start> start = FindStart(queue, *queue.anywhere, key, *when, true);
  if (!start.has_value()) return few;
  NoteWait(key.job, since);
  return start;
}

bool PlaceSearch::MoveEarlierElsewhere(const ShapeQueue& queue, const ReadyKey& key,
                                       Instant before) {
  before = std::min(before, plan_.Find(key.job)->places.back().at);
  const Instant since = WaitsSince(queue, key, before);
  const std::optional<Plan::When> when = Elsewhere(*state_.FindJob(key.job), since, before);
  if (!when.has_value() ||
      !plan_.MoveEarlier(state_, key, *queue.anywhere, NodesToSearch(queue, key, true), *when)) {
    return false;
  }
  NoteWait(key.job, since);
  return true;
}

}  // namespace reeve::ctld
