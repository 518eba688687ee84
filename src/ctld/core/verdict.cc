#include "ctld/core/verdict.h"

#include <algorithm>
#include <optional>

#include "common/base/hostlist.h"
#include "ctld/core/het_plan.h"
#include "ctld/core/select_nodes.h"

namespace reeve::ctld {
namespace {

std::optional<Reason> StateOf(const Partition& partition) {
  if (partition.state == PartitionState::kDown) return Reason::kPartitionDown;
  if (partition.state == PartitionState::kInactive) return Reason::kPartitionInactive;
  return std::nullopt;
}

// Limits of a partition that keep a job waiting rather than refused.
std::optional<Reason> PartitionLimit(const Shape& shape, const Partition& partition) {
  if (shape.LeastLimit() > partition.max_time) return Reason::kPartitionTimeLimit;
  const std::optional<uint32_t> largest =
      shape.LargestCount(partition.max_nodes.value_or(UINT32_MAX));
  if (!largest.has_value() || *largest < partition.min_nodes) return Reason::kPartitionNodeLimit;
  return std::nullopt;
}

// Would it fit these nodes if they were empty, on whatever switches they are? Looks at no more of
// them than it takes to say yes.
bool FitsEmpty(const State& state, const ShapeQueue& queue, const NodeBits& nodes) {
  const Terms& terms = TermsAnywhere(queue);
  std::vector<Offer> offers;
  uint64_t tasks = 0;
  size_t try_at = 0;
  bool found = false;
  NodeBits::ForEachInBoth(queue.fits, nodes, 0, [&](size_t place) {
    const NodeIndex index = state.plan.NodeAt(place);
    const Node& node = *state.nodes[index];
    offers.push_back(EmptyOffer(index, node));
    tasks += TaskCapacity(terms, offers.back());
    if (offers.size() < queue.shape->min_nodes || tasks < queue.shape->num_tasks) return true;
    if (!queue.shape->req_nodes.empty() || offers.size() < try_at) return true;
    found = SelectNodes(terms, offers).has_value();
    try_at = 2 * offers.size();
    return !found;
  });
  return found || SelectNodes(terms, offers).has_value();
}

// Those that fit and are not to be had.
std::vector<std::string> Unavailable(const State& state, const ShapeQueue& queue) {
  const std::vector<std::string>& required = queue.shape->req_nodes;
  std::vector<std::string> names;
  for (NodeIndex index : state.partitions[queue.partition].nodes) {
    const Node& node = *state.nodes[index];
    const bool wanted = required.empty() ||
                        std::find(required.begin(), required.end(), node.name) != required.end();
    if (wanted && !node.Usable() && NodeFits(*queue.shape, node)) names.push_back(node.name);
  }
  return names;
}

void FitMagnets(const State& state, ShapeQueue& queue) {
  queue.magnets.clear();
  for (const std::string& name : queue.shape->magnets) {
    auto magnet = std::make_shared<ShapeQueue>();
    magnet->shape = queue.shape;
    magnet->partition = queue.partition;
    magnet->sole_user = queue.sole_user;
    magnet->inside = name;
    FitQueue(state, *magnet);
    magnet->anywhere = nullptr;  // inside it gets as few switches as it asks for
    if (magnet->fit_count > 0) queue.magnets.push_back(std::move(magnet));
  }
}

void FitAlone(const State& state, ShapeQueue& queue) {
  const PartitionEntry& partition = state.partitions[queue.partition];
  queue.terms = MakeTerms(*queue.shape, partition.facts, state.settings);
  queue.terms.sole_user = queue.sole_user;
  queue.anywhere = nullptr;
  queue.fits = NodeBits(state.nodes.size());
  queue.fit_count = 0;
  queue.fitted = true;
  const Reservation* reservation = nullptr;
  const std::string& name = queue.inside.empty() ? queue.shape->reservation : queue.inside;
  if (!name.empty()) {
    reservation = state.reservations.Find(name);
    if (reservation == nullptr) return;
    KeepTo(queue.terms, *reservation);
  }
  if (AsksForFewSwitches(queue.terms)) {
    queue.anywhere = std::make_shared<const Terms>(OnAnySwitches(queue.terms));
  }
  // One node of a kind speaks for all, but for the names.
  std::vector<std::optional<bool>> kinds;
  for (NodeIndex index : partition.nodes) {
    const Node& node = *state.nodes[index];
    if (IsExcluded(*queue.shape, node)) continue;
    if (reservation != nullptr && !reservation->IsOpen() && !reservation->Covers(node.name)) {
      continue;
    }
    const uint32_t kind = state.plan.KindOf(index);
    if (kind >= kinds.size()) kinds.resize(kind + 1);
    if (!kinds[kind].has_value()) {
      kinds[kind] =
          NodeFits(*queue.shape, node) && TaskCapacity(queue.terms, EmptyOffer(index, node)) > 0;
    }
    if (!*kinds[kind]) continue;
    queue.fits.Set(state.plan.PlaceOf(index), true);
    queue.fit_count++;
  }
  if (queue.inside.empty()) FitMagnets(state, queue);
}

}  // namespace

void FitQueue(const State& state, ShapeQueue& queue) {
  FitAlone(state, queue);
  if (queue.het) FitTogether(state, queue);
}

std::optional<Reason> WhyNever(const State& state, const ShapeQueue& queue) {
  const Shape& shape = *queue.shape;
  const std::optional<Reason> limit =
      PartitionLimit(shape, state.partitions[queue.partition].facts);
  if (limit.has_value()) return limit;
  if (queue.terms.licenses.impossible) return Reason::kLicenses;
  if (FitsEmpty(state, queue, queue.fits)) return std::nullopt;
  const bool plain = shape.req_nodes.empty() && !shape.has_features && shape.exc_nodes.empty() &&
                     !shape.contiguous;
  return plain ? Reason::kPartitionConfig : Reason::kBadConstraints;
}

Verdict Judge(const State& state, const ShapeQueue& queue) {
  if (queue.het) return JudgeTogether(state, queue);
  const Shape& shape = *queue.shape;
  const Partition& partition = state.partitions[queue.partition].facts;
  if (const std::optional<Reason> down = StateOf(partition)) return {.reason = *down};
  if (const std::optional<Reason> limit = PartitionLimit(shape, partition)) {
    return {.reason = *limit};
  }
  if (!shape.reservation.empty() && state.reservations.Find(shape.reservation) == nullptr) {
    return {.reason = Reason::kReservationDeleted};
  }
  if (queue.terms.licenses.impossible) return {.reason = Reason::kLicenses};
  if (FitsEmpty(state, queue, state.plan.usable())) return {.can_run_later = true};
  if (const std::optional<Reason> never = WhyNever(state, queue)) return {.reason = *never};
  return {.reason = Reason::kReqNodeNotAvail,
          .detail = "UnavailableNodes:" + CompressHostlist(Unavailable(state, queue))};
}

}  // namespace reeve::ctld
