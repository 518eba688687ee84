#include "ctld/core/pick_nodes.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <tuple>

#include "ctld/core/pick_switches.h"

namespace reeve::ctld {
namespace {

bool Counted(const Terms& terms) {
  return !terms.shape->features.groups.empty() && !terms.shape->features.one_of;
}

// What counts of a node's free CPUs: the smaller the better.
int64_t Spare(const Terms& terms, const Candidate& candidate, bool alone) {
  if (terms.least_loaded) return -int64_t{candidate.offer->cpus};
  return alone ? candidate.offer->cpus : 0;
}

auto Preference(const Terms& terms, const Candidate& candidate, bool alone) {
  const Node& node = *candidate.offer->node;
  return std::tuple(node.weight, Spare(terms, candidate, alone), node.order);
}

struct Sums {
  uint64_t tasks = 0;
  uint64_t gpus = 0;

  void Add(const Candidate& candidate) {
    tasks += candidate.capacity;
    gpus += candidate.gpus;
  }
  void Remove(const Candidate& candidate) {
    tasks -= candidate.capacity;
    gpus -= candidate.gpus;
  }
  bool Suffice(const Terms& terms) const {
    return tasks >= terms.shape->num_tasks && gpus >= terms.gres.per_job.count;
  }
};

// More nodes than that the job does not get.
size_t MostOf(const Terms& terms, size_t candidates) {
  size_t most = std::min<size_t>(candidates, terms.max_nodes);
  if (terms.gres.per_job.count > 0) most = std::min<size_t>(most, terms.gres.per_job.count);
  return most;
}

// ---- wherever they are ------------------------------------------------------------------------

// Orders candidates: required ones first, then by preference.
template <typename Less>
void SortBy(Candidates& candidates, Less less) {
  std::sort(candidates.begin(), candidates.end(), [&](const Candidate& a, const Candidate& b) {
    if (a.required != b.required) return a.required;
    return less(a, b);
  });
}

// So many, the first ones that leave room for the nodes that the counts of features ask for. No
// others of that many are better in the order: sets that can still be completed are a matroid.
Candidates FirstOf(const Terms& terms, const Candidates& sorted, size_t count) {
  GroupTally tally(terms.shape->features);
  Candidates chosen;
  for (const Candidate& candidate : sorted) {
    if (chosen.size() == count) break;
    if (chosen.size() + 1 + tally.LackingWith(candidate.groups) > count) {
      if (candidate.required) return {};
      continue;
    }
    tally.Add(candidate.groups);
    chosen.push_back(candidate);
  }
  return chosen;
}

// So many of them that suffice, the first in their order that may be taken together.
std::optional<Candidates> Some(const Terms& terms, const Candidates& sorted, size_t count) {
  if (count > sorted.size()) return std::nullopt;
  Candidates chosen;
  if (Counted(terms)) chosen = FirstOf(terms, sorted, count);
  const Candidates& from = Counted(terms) ? chosen : sorted;
  if (from.size() < count) return std::nullopt;
  Sums sums;
  for (size_t i = 0; i < count; ++i) sums.Add(from[i]);
  if (!sums.Suffice(terms)) return std::nullopt;
  if (!Counted(terms))
    chosen.assign(sorted.begin(), sorted.begin() + static_cast<ptrdiff_t>(count));
  return chosen;
}

// The one node that holds everything with the least to spare.
const Candidate* BestSingle(const Terms& terms, const Candidates& candidates) {
  const GroupTally none(terms.shape->features);
  const Candidate* best = nullptr;
  for (const Candidate& candidate : candidates) {
    Sums sums;
    sums.Add(candidate);
    if (!sums.Suffice(terms)) continue;
    if (Counted(terms) && none.LackingWith(candidate.groups) > 0) continue;
    if (best == nullptr || Preference(terms, candidate, true) < Preference(terms, *best, true)) {
      best = &candidate;
    }
  }
  return best;
}

std::optional<Candidates> PickAnywhere(const Terms& terms, Candidates candidates) {
  const Shape& shape = *terms.shape;
  if (shape.min_nodes == 1 && shape.req_nodes.empty()) {
    if (const Candidate* best = BestSingle(terms, candidates)) return Candidates{*best};
  }
  // The preferred nodes if as many as asked for suffice; else the roomiest, as few as will do.
  const auto by_order = [&](const Candidate& a, const Candidate& b) {
    return Preference(terms, a, false) < Preference(terms, b, false);
  };
  SortBy(candidates, by_order);
  if (auto chosen = Some(terms, candidates, shape.min_nodes)) return chosen;
  for (const bool by_gpus : {terms.gres.per_job.count > 0, false}) {
    SortBy(candidates, [&](const Candidate& a, const Candidate& b) {
      if (by_gpus && a.gpus != b.gpus) return a.gpus > b.gpus;
      return a.capacity != b.capacity ? a.capacity > b.capacity : by_order(a, b);
    });
    const size_t most = MostOf(terms, candidates.size());
    // More nodes take no less: what all of them do not, fewer do not.
    if (Counted(terms) && !by_gpus && !Some(terms, candidates, most)) break;
    for (size_t count = shape.min_nodes; count <= most; ++count) {
      if (auto chosen = Some(terms, candidates, count)) return chosen;
    }
    if (!by_gpus) break;
  }
  return std::nullopt;
}

// ---- neighbours -------------------------------------------------------------------------------

// The shortest row of neighbours that suffices.
class RowSearch {
 public:
  RowSearch(const Terms& terms, Candidates candidates)
      : terms_(terms),
        row_(std::move(candidates)),
        tally_(terms.shape->features),
        leaves_(terms.topology.get()) {
    std::sort(row_.begin(), row_.end(), [](const Candidate& a, const Candidate& b) {
      return a.offer->node->order < b.offer->node->order;
    });
  }

  std::optional<Candidates> Run() {
    for (last_ = 0; last_ < row_.size(); ++last_) {
      if (last_ > 0 && !AreNeighbours(*row_[last_ - 1].offer->node, *row_[last_].offer->node)) {
        while (first_ < last_) DropFirst();
      }
      Add(row_[last_]);
      // The shortest that ends here begins no sooner than the shortest that ended before. It is
      // also on the fewest leaf switches.
      while (first_ < last_ && SufficeWithoutFirst()) DropFirst();
      if (!Suffice() || Count() > MostOf(terms_, row_.size())) continue;
      if (leaves_.Suffices(terms_)) Compare();
    }
    if (!best_.has_value()) return std::nullopt;
    const auto begin = row_.begin() + static_cast<ptrdiff_t>(best_first_);
    return Candidates(begin, begin + static_cast<ptrdiff_t>(std::get<1>(*best_)));
  }

 private:
  // Leaf switches, nodes, weight, what there is to spare.
  using Key = std::tuple<uint32_t, size_t, uint64_t, int64_t>;

  size_t Count() const { return last_ + 1 - first_; }
  void Add(const Candidate& candidate) {
    sums_.Add(candidate);
    required_ += candidate.required;
    tally_.Add(candidate.groups);
    leaves_.Add(candidate.offer->index);
  }
  void Remove(const Candidate& candidate) {
    sums_.Remove(candidate);
    required_ -= candidate.required;
    tally_.Remove(candidate.groups);
    leaves_.Remove(candidate.offer->index);
  }
  void DropFirst() { Remove(row_[first_++]); }
  bool Suffice() const {
    return Count() >= terms_.shape->min_nodes && sums_.Suffice(terms_) &&
           required_ == terms_.shape->req_nodes.size() &&
           (!Counted(terms_) || tally_.Lacking() == 0);
  }
  bool SufficeWithoutFirst() {
    const Candidate& first = row_[first_++];
    Remove(first);
    const bool suffice = Suffice();
    Add(first);
    first_--;
    return suffice;
  }
  void Compare() {
    Key key{leaves_.leaves(), Count(), 0, 0};
    for (size_t i = first_; i <= last_; ++i) {
      std::get<2>(key) += row_[i].offer->node->weight;
      std::get<3>(key) += Spare(terms_, row_[i], Count() == 1);
    }
    if (best_.has_value() && !(key < *best_)) return;
    best_ = key;
    best_first_ = first_;
  }

  const Terms& terms_;
  Candidates row_;
  GroupTally tally_;
  LeafTally leaves_;
  Sums sums_;
  size_t required_ = 0;
  size_t first_ = 0;
  size_t last_ = 0;
  std::optional<Key> best_;
  size_t best_first_ = 0;
};

// One node, or few leaf switches.
std::optional<Candidates> PickInTree(const Terms& terms, const Candidates& candidates) {
  const Shape& shape = *terms.shape;
  if (shape.min_nodes == 1 && shape.req_nodes.empty()) {
    if (const Candidate* best = BestSingle(terms, candidates)) return Candidates{*best};
  }
  return PickOnSwitches(terms, candidates,
                        [&](Candidates some) { return PickAnywhere(terms, std::move(some)); });
}

std::optional<Candidates> PickOf(const Terms& terms, Candidates candidates) {
  const Shape& shape = *terms.shape;
  const auto required = std::count_if(candidates.begin(), candidates.end(),
                                      [](const Candidate& c) { return c.required; });
  if (static_cast<size_t>(required) < shape.req_nodes.size()) return std::nullopt;
  if (candidates.size() < shape.min_nodes) return std::nullopt;
  if (shape.contiguous) return RowSearch(terms, std::move(candidates)).Run();
  if (terms.topology != nullptr) return PickInTree(terms, candidates);
  return PickAnywhere(terms, std::move(candidates));
}

Candidates OfGroup(const Candidates& candidates, size_t group) {
  Candidates found;
  std::copy_if(candidates.begin(), candidates.end(), std::back_inserter(found),
               [&](const Candidate& c) { return (c.groups >> group & 1) != 0; });
  return found;
}

size_t MostOfTree(const Terms& terms, const Candidates& candidates) {
  std::vector<NodeIndex> nodes;
  for (const Candidate& candidate : candidates) nodes.push_back(candidate.offer->index);
  return MostOnSwitches(terms, nodes);
}

// The longest row of neighbours that has what the counts of features ask for, and is on few leaf
// switches; any nodes without contiguous.
size_t LongestOf(const Terms& terms, Candidates candidates) {
  const bool contiguous = terms.shape->contiguous;
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return a.offer->node->order < b.offer->node->order;
  });
  size_t longest = 0;
  size_t length = 0;
  GroupTally tally(terms.shape->features);
  LeafTally leaves(contiguous ? terms.topology.get() : nullptr);
  const auto drop = [&](const Candidate& candidate) {
    tally.Remove(candidate.groups);
    leaves.Remove(candidate.offer->index);
  };
  for (size_t i = 0; i < candidates.size(); ++i) {
    const bool next_to =
        i > 0 && AreNeighbours(*candidates[i - 1].offer->node, *candidates[i].offer->node);
    if (contiguous && !next_to) {
      for (; length > 0; --length) drop(candidates[i - length]);
    }
    tally.Add(candidates[i].groups);
    leaves.Add(candidates[i].offer->index);
    length++;
    for (; !leaves.Suffices(terms); --length) drop(candidates[i + 1 - length]);
    if (tally.Lacking() == 0) longest = std::max(longest, length);
  }
  if (contiguous || terms.topology == nullptr) return longest;
  return std::min(longest, MostOfTree(terms, candidates));
}

uint64_t WeightOf(const Candidates& candidates) {
  return std::accumulate(
      candidates.begin(), candidates.end(), uint64_t{0},
      [](uint64_t sum, const Candidate& c) { return sum + c.offer->node->weight; });
}

}  // namespace

std::optional<Candidates> PickNodes(const Terms& terms, const Candidates& candidates) {
  const FeatureExpr& features = terms.shape->features;
  if (!features.one_of) return PickOf(terms, candidates);
  // Each alternative by itself; the one that takes the fewest nodes, and of those the lightest.
  std::optional<Candidates> best;
  for (size_t i = 0; i < features.groups.size(); ++i) {
    std::optional<Candidates> chosen = PickOf(terms, OfGroup(candidates, i));
    if (!chosen.has_value()) continue;
    if (best.has_value() &&
        std::pair(best->size(), WeightOf(*best)) <= std::pair(chosen->size(), WeightOf(*chosen))) {
      continue;
    }
    best = std::move(chosen);
  }
  return best;
}

size_t MostTogether(const Terms& terms, const Candidates& candidates) {
  const FeatureExpr& features = terms.shape->features;
  if (!features.one_of) return LongestOf(terms, candidates);
  size_t most = 0;
  for (size_t i = 0; i < features.groups.size(); ++i) {
    most = std::max(most, LongestOf(terms, OfGroup(candidates, i)));
  }
  return most;
}

// ---- counts of features -----------------------------------------------------------------------

GroupTally::GroupTally(const FeatureExpr& features) {
  if (features.groups.empty() || features.one_of) return;
  needed_.resize(size_t{1} << features.groups.size());
  have_.resize(needed_.size());
  for (size_t set = 0; set < needed_.size(); ++set) {
    for (size_t i = 0; i < features.groups.size(); ++i) {
      if ((set >> i & 1) != 0) needed_[set] += features.groups[i].count;
    }
  }
}

void GroupTally::Add(GroupBits groups) {
  for (size_t set = 0; set < have_.size(); ++set) have_[set] += (set & groups) != 0;
}

void GroupTally::Remove(GroupBits groups) {
  for (size_t set = 0; set < have_.size(); ++set) have_[set] -= (set & groups) != 0;
}

uint32_t GroupTally::Lacking() const {
  return LackingWith(0);
}

uint32_t GroupTally::LackingWith(GroupBits groups) const {
  uint32_t lacking = 0;
  for (size_t set = 0; set < have_.size(); ++set) {
    const uint32_t have = have_[set] + ((set & groups) != 0);
    if (needed_[set] > have) lacking = std::max(lacking, needed_[set] - have);
  }
  return lacking;
}

// ---- as capacities change ---------------------------------------------------------------------

void CapacitySum::Change(uint32_t before, uint32_t after) {
  nodes += after > 0;
  nodes -= before > 0;
  tasks += after;
  tasks -= before;
}

bool CapacitySum::Suffices(const Shape& shape) const {
  return nodes >= shape.min_nodes && tasks >= shape.num_tasks;
}

Gathering::Gathering(const Terms& terms) : terms_(terms), tally_(terms.shape->features) {}
Gathering::~Gathering() = default;

void Gathering::Expect(const std::vector<const Node*>& nodes, absl::Span<const NodeIndex> indices) {
  const Topology* tree = terms_.topology.get();
  if (tree != nullptr && (AsksForFewSwitches(terms_) || tree->IsSplit())) {
    leaves_ = std::make_unique<LeafSums>(terms_, indices);
  }
  const FeatureExpr& features = terms_.shape->features;
  if (!features.groups.empty()) {
    for (const Node* node : nodes) groups_.push_back(features.GroupsOf(*node));
    if (features.one_of) alternatives_.resize(features.groups.size());
  }
  if (!terms_.shape->contiguous) return;
  std::vector<uint32_t> by_order(nodes.size());
  std::iota(by_order.begin(), by_order.end(), 0);
  std::sort(by_order.begin(), by_order.end(),
            [&](uint32_t a, uint32_t b) { return nodes[a]->order < nodes[b]->order; });
  place_of_.resize(nodes.size());
  capacity_.resize(nodes.size());
  for (uint32_t node : by_order) {
    place_of_[node] = static_cast<uint32_t>(row_.size());
    row_.push_back(nodes[node]);
  }
}

void Gathering::Change(uint32_t node, uint32_t before, uint32_t after) {
  if (before == after) return;
  all_.Change(before, after);
  if (leaves_ != nullptr) leaves_->Change(node, before, after);
  if (!groups_.empty()) {
    for (size_t i = 0; i < alternatives_.size(); ++i) {
      if ((groups_[node] >> i & 1) != 0) alternatives_[i].Change(before, after);
    }
    if (before == 0) tally_.Add(groups_[node]);
    if (after == 0) tally_.Remove(groups_[node]);
  }
  if (row_.empty()) return;
  capacity_[place_of_[node]] = after;
  changed_.push_back(place_of_[node]);
}

// What did not suffice before does now only where something has changed.
bool Gathering::MaySuffice() {
  const std::vector<uint32_t> changed = std::exchange(changed_, {});
  if (!all_.Suffices(*terms_.shape)) return false;
  if (leaves_ != nullptr && !leaves_->MaySuffice()) return false;
  if (!groups_.empty()) {
    const bool any =
        std::any_of(alternatives_.begin(), alternatives_.end(),
                    [&](const CapacitySum& sum) { return sum.Suffices(*terms_.shape); });
    if (!alternatives_.empty() && !any) return false;
    if (tally_.Lacking() > 0) return false;
  }
  if (row_.empty()) return true;
  return std::any_of(changed.begin(), changed.end(),
                     [&](uint32_t place) { return MayBeRow(place); });
}

// Neighbours on both sides, as many as one job may get.
bool Gathering::MayBeRow(uint32_t place) const {
  if (capacity_[place] == 0) return false;
  CapacitySum sum;
  sum.Change(0, capacity_[place]);
  const size_t most = terms_.max_nodes;
  for (size_t i = place; i > 0 && place - i + 1 < most; --i) {
    if (capacity_[i - 1] == 0 || !AreNeighbours(*row_[i - 1], *row_[i])) break;
    sum.Change(0, capacity_[i - 1]);
  }
  for (size_t i = place + 1; i < row_.size() && i - place < most; ++i) {
    if (capacity_[i] == 0 || !AreNeighbours(*row_[i - 1], *row_[i])) break;
    sum.Change(0, capacity_[i]);
  }
  return sum.Suffices(*terms_.shape);
}

}  // namespace reeve::ctld
