#include "ctld/core/pick_switches.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <numeric>
#include <tuple>
#include <utility>

namespace reeve::ctld {
namespace {

// So many sets of leaves are tried on one level; beyond that only the likeliest of each size.
constexpr size_t kMostSets = 256;
constexpr size_t kMostSteps = 20'000;

// Of so many of them.
template <typename Count>
uint64_t SumOfLargest(std::vector<Count> counts, size_t most) {
  if (most < counts.size()) {
    std::nth_element(counts.begin(), counts.begin() + static_cast<ptrdiff_t>(most), counts.end(),
                     std::greater<>());
    counts.resize(most);
  }
  return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
}

struct Sums {
  uint64_t nodes = 0;
  uint64_t tasks = 0;
  uint64_t gpus = 0;

  void Add(const Sums& other) {
    nodes += other.nodes;
    tasks += other.tasks;
    gpus += other.gpus;
  }
  bool Suffice(const Terms& terms) const {
    return nodes >= terms.shape->min_nodes && tasks >= terms.shape->num_tasks &&
           gpus >= terms.gres.per_job.count;
  }
};

// What of the candidates is on one leaf.
struct Leaf {
  LeafIndex leaf = 0;
  Sums sums;  // as far as one job may have them: no more nodes than it may get
  size_t required = 0;
  Candidates candidates;
};
using Leaves = std::vector<const Leaf*>;

// The leaves below one switch, in three orders: most nodes, most tasks, most GPUs first. Those with
// required nodes are always taken and are not among them.
class Below {
 public:
  Below(const Terms& terms, const Leaves& leaves) : terms_(terms) {
    for (const Leaf* leaf : leaves) {
      required_ += leaf->required;
      if (leaf->required > 0) {
        forced_.push_back(leaf);
        forced_sums_.Add(leaf->sums);
      }
      all_.Add(leaf->sums);
    }
    for (Order& order : orders_) {
      for (const Leaf* leaf : leaves) {
        if (leaf->required == 0) order.leaves.push_back(leaf);
      }
    }
    Sort(orders_[0], [](const Sums& sums) { return std::pair(sums.nodes, sums.tasks); });
    Sort(orders_[1], [](const Sums& sums) { return std::pair(sums.tasks, sums.nodes); });
    Sort(orders_[2], [](const Sums& sums) { return std::pair(sums.gpus, sums.tasks); });
  }

  const Leaves& forced() const { return forced_; }
  const Sums& forced_sums() const { return forced_sums_; }
  size_t others() const { return orders_[0].leaves.size(); }
  bool HasRequired() const { return required_ == terms_.shape->req_nodes.size(); }
  bool Suffices() const { return HasRequired() && all_.Suffice(terms_); }
  const Sums& all() const { return all_; }
  const Leaves& Largest(size_t order) const { return orders_[order].leaves; }
  // GPUs matter to few jobs.
  size_t orders() const { return terms_.gres.per_job.count > 0 ? 3 : 2; }

  // The most that so many of the others could add, whatever they are.
  Sums Most(size_t count) const {
    return {orders_[0].most[count], orders_[1].most[count], orders_[2].most[count]};
  }

 private:
  struct Order {
    Leaves leaves;
    std::vector<uint64_t> most;  // of what it is sorted by, in the first so many
  };
  template <typename Key>
  void Sort(Order& order, Key key) {
    std::sort(order.leaves.begin(), order.leaves.end(), [&](const Leaf* a, const Leaf* b) {
      return key(a->sums) != key(b->sums) ? key(a->sums) > key(b->sums) : a->leaf < b->leaf;
    });
    order.most.push_back(0);
    for (const Leaf* leaf : order.leaves) {
      order.most.push_back(order.most.back() + key(leaf->sums).first);
    }
  }

  const Terms& terms_;
  size_t required_ = 0;
  Leaves forced_;
  Sums forced_sums_;
  Sums all_;
  Order orders_[3];
};

class TreeSearch {
 public:
  TreeSearch(const Terms& terms, const Candidates& candidates, const PickSome& pick)
      : terms_(terms), tree_(*terms.topology), all_(candidates), pick_(pick) {}

  // More candidates never do less: the lightest that suffice are found by halving.
  std::optional<Candidates> Run() {
    std::vector<uint32_t> weights;
    for (const Candidate& candidate : all_) weights.push_back(candidate.offer->node->weight);
    std::sort(weights.begin(), weights.end());
    weights.erase(std::unique(weights.begin(), weights.end()), weights.end());
    std::optional<Candidates> best;
    size_t low = 0;
    size_t high = weights.size();
    while (low < high) {
      const size_t middle = best.has_value() ? (low + high) / 2 : high - 1;
      std::optional<Candidates> found = UpTo(weights[middle]);
      if (!found.has_value() && !best.has_value()) return std::nullopt;  // nor with fewer
      (found.has_value() ? high : low) = found.has_value() ? middle : middle + 1;
      if (found.has_value()) best = std::move(found);
    }
    return best;
  }

 private:
  struct Found {
    Candidates candidates;
    size_t leaves = 0;
    Sums there;  // of all candidates below the switch
  };

  std::optional<Candidates> UpTo(uint32_t weight) {
    Gather(weight);
    const std::vector<Topology::Switch>& switches = tree_.switches();
    std::optional<Found> best;
    for (size_t i = 0; i < switches.size(); ++i) {
      // Of one level all are compared; the lowest that has one is taken.
      if (best.has_value() && switches[i].level > level_) break;
      if (switches[i].level != level_) sets_ = 0;
      level_ = switches[i].level;
      std::optional<Found> found = Under(switches[i], best);
      if (found.has_value()) best = std::move(found);
    }
    if (!best.has_value()) return std::nullopt;
    return std::move(best->candidates);
  }

  void Gather(uint32_t weight) {
    std::vector<std::optional<Leaf>> found(tree_.leaves());
    for (const Candidate& candidate : all_) {
      if (!candidate.required && candidate.offer->node->weight > weight) continue;
      std::optional<Leaf>& leaf = found[tree_.LeafOf(candidate.offer->index)];
      if (!leaf.has_value()) leaf.emplace();
      leaf->candidates.push_back(candidate);
    }
    leaves_.clear();
    for (LeafIndex i = 0; i < found.size(); ++i) {
      if (!found[i].has_value()) continue;
      found[i]->leaf = i;
      Sum(*found[i]);
      leaves_.push_back(*std::move(found[i]));
    }
  }

  void Sum(Leaf& leaf) const {
    std::vector<uint32_t> tasks, gpus;
    for (const Candidate& candidate : leaf.candidates) {
      leaf.required += candidate.required;
      tasks.push_back(candidate.capacity);
      gpus.push_back(candidate.gpus);
    }
    leaf.sums = {leaf.candidates.size(), SumOfLargest(std::move(tasks), terms_.max_nodes),
                 SumOfLargest(std::move(gpus), terms_.max_nodes)};
  }

  // What there is below that switch and is better than `best`: on fewer leaves, or more narrowly
  // fitting.
  std::optional<Found> Under(const Topology::Switch& above, const std::optional<Found>& best) {
    const auto by_leaf = [](const Leaf& leaf, LeafIndex index) { return leaf.leaf < index; };
    const auto first = std::lower_bound(leaves_.begin(), leaves_.end(), above.first, by_leaf);
    const auto end = std::lower_bound(first, leaves_.end(), above.end, by_leaf);
    Leaves leaves;
    for (auto leaf = first; leaf != end; ++leaf) leaves.push_back(&*leaf);
    if (leaves.empty()) return std::nullopt;
    const Below below(terms_, leaves);
    if (!below.Suffices()) return std::nullopt;
    size_t most = std::min<size_t>(leaves.size(), terms_.max_switches);
    if (best.has_value()) most = std::min(most, best->leaves);
    std::optional<Found> found = Fewest(below, most);
    if (!found.has_value()) return std::nullopt;
    found->there = below.all();
    const auto key = [](const Found& f) {
      return std::tuple(f.leaves, f.there.nodes, f.there.tasks);
    };
    if (best.has_value() && !(key(*found) < key(*best))) return std::nullopt;
    return found;
  }

  std::optional<Found> Fewest(const Below& below, size_t most) {
    // One leaf is a switch of its own, which has been looked at before those above it.
    const size_t least = std::max<size_t>(below.forced().size(), level_ == 0 ? 1 : 2);
    bool known_to_do = false;  // with all leaves
    for (size_t count = least; count <= most;) {
      Sums sums = below.forced_sums();
      sums.Add(below.Most(count - below.forced().size()));
      if (sums.Suffice(terms_)) {
        if (std::optional<Found> found = OfCount(below, count)) return found;
        if (!known_to_do && below.others() > 8) {
          Leaves all = below.forced();
          all.insert(all.end(), below.Largest(0).begin(), below.Largest(0).end());
          if (!Try(all).has_value()) return std::nullopt;
          known_to_do = true;
        }
      }
      // What is left of the effort goes into wider steps.
      if (count == most) break;
      count = sets_ < kMostSets ? count + 1 : std::min(count * 2, most);
    }
    return std::nullopt;
  }

  std::optional<Found> OfCount(const Below& below, size_t count) {
    const size_t others = count - below.forced().size();
    const bool one_set = others == 0 || others == below.others();
    for (size_t order = 0; order < (one_set ? 1 : below.orders()); ++order) {
      if (std::optional<Found> found = Largest(below, below.Largest(order), others)) return found;
    }
    if (one_set) return std::nullopt;
    steps_left_ = kMostSteps;
    Leaves chosen = below.forced();
    return Any(below, chosen, below.forced_sums(), 0, others);
  }

  // The largest but for the last one, which is the smallest that makes it enough.
  std::optional<Found> Largest(const Below& below, const Leaves& sorted, size_t count) {
    Leaves chosen = below.forced();
    Sums sums = below.forced_sums();
    for (size_t i = 0; i + 1 < count; ++i) {
      chosen.push_back(sorted[i]);
      sums.Add(sorted[i]->sums);
    }
    if (count == 0) return Try(chosen);
    for (size_t i = sorted.size(); i-- > count - 1;) {
      Sums with = sums;
      with.Add(sorted[i]->sums);
      if (!with.Suffice(terms_)) continue;
      chosen.push_back(sorted[i]);
      return Try(chosen);
    }
    return std::nullopt;
  }

  // All sets of that many, as far as the effort goes.
  std::optional<Found> Any(const Below& below, Leaves& chosen, const Sums& sums, size_t from,
                           size_t left) {
    if (left == 0) return sums.Suffice(terms_) ? Try(chosen) : std::nullopt;
    Sums most = sums;
    most.Add(below.Most(left));
    if (!most.Suffice(terms_)) return std::nullopt;
    const Leaves& leaves = below.Largest(0);
    for (size_t i = from; i + left <= leaves.size(); ++i) {
      if (steps_left_ == 0 || sets_ >= kMostSets) return std::nullopt;
      steps_left_--;
      Sums with = sums;
      with.Add(leaves[i]->sums);
      chosen.push_back(leaves[i]);
      std::optional<Found> found = Any(below, chosen, with, i + 1, left - 1);
      chosen.pop_back();
      if (found.has_value()) return found;
    }
    return std::nullopt;
  }

  std::optional<Found> Try(const Leaves& leaves) {
    sets_++;
    Candidates candidates;
    for (const Leaf* leaf : leaves) {
      candidates.insert(candidates.end(), leaf->candidates.begin(), leaf->candidates.end());
    }
    std::optional<Candidates> chosen = pick_(std::move(candidates));
    if (!chosen.has_value()) return std::nullopt;
    return Found{*std::move(chosen), leaves.size(), {}};
  }

  const Terms& terms_;
  const Topology& tree_;
  const Candidates& all_;
  const PickSome& pick_;
  std::vector<Leaf> leaves_;  // by number; those without candidates left out
  uint32_t level_ = 0;
  size_t sets_ = 0;
  size_t steps_left_ = 0;
};

// How many of the nodes are on each leaf.
std::vector<uint32_t> CountByLeaf(const Topology& tree, const std::vector<NodeIndex>& nodes) {
  std::vector<uint32_t> counts(tree.leaves());
  for (NodeIndex node : nodes) counts[tree.LeafOf(node)]++;
  return counts;
}

// The most nodes on so many leaves of each tree, `with` one of them when it is given.
size_t MostOf(const Topology& tree, const std::vector<uint32_t>& counts, size_t root,
              uint32_t leaves, std::optional<LeafIndex> with) {
  std::vector<uint32_t> others;
  for (LeafIndex i = 0; i < counts.size(); ++i) {
    if (tree.RootOf(i) == root && i != with) others.push_back(counts[i]);
  }
  const size_t more = leaves - (with.has_value() ? 1 : 0);
  return (with.has_value() ? counts[*with] : 0) + SumOfLargest(std::move(others), more);
}

}  // namespace

bool MaySpanLeaves(const Terms& terms) {
  const Shape& shape = *terms.shape;
  if (terms.topology == nullptr || terms.topology->leaves() == 1) return false;
  return terms.max_nodes > 1 &&
         (shape.min_nodes > 1 || shape.num_tasks > 1 || terms.gres.per_job.count > 1);
}

std::optional<Candidates> PickOnSwitches(const Terms& terms, const Candidates& candidates,
                                         const PickSome& pick) {
  return TreeSearch(terms, candidates, pick).Run();
}

size_t MostOnSwitches(const Terms& terms, const std::vector<NodeIndex>& nodes) {
  const Topology& tree = *terms.topology;
  const std::vector<uint32_t> counts = CountByLeaf(tree, nodes);
  size_t most = 0;
  for (size_t i = 0; i < tree.switches().size(); ++i) {
    if (tree.switches()[i].parent.has_value()) continue;
    most = std::max(most, MostOf(tree, counts, i, terms.max_switches, std::nullopt));
  }
  return most;
}

std::vector<NodeIndex> OnFewSwitches(const Terms& terms, const std::vector<NodeIndex>& nodes,
                                     size_t least) {
  const Topology& tree = *terms.topology;
  const std::vector<uint32_t> counts = CountByLeaf(tree, nodes);
  std::vector<bool> good(tree.leaves());
  for (LeafIndex i = 0; i < tree.leaves(); ++i) {
    good[i] = counts[i] > 0 && MostOf(tree, counts, tree.RootOf(i), terms.max_switches, i) >= least;
  }
  std::vector<NodeIndex> found;
  std::copy_if(nodes.begin(), nodes.end(), std::back_inserter(found),
               [&](NodeIndex node) { return good[tree.LeafOf(node)]; });
  return found;
}

// ---- rows -------------------------------------------------------------------------------------

LeafTally::LeafTally(const Topology* topology) : topology_(topology) {
  if (topology_ == nullptr) return;
  nodes_.resize(topology_->leaves());
  of_root_.resize(topology_->switches().size());
}

void LeafTally::Add(NodeIndex node) {
  if (topology_ == nullptr) return;
  const LeafIndex leaf = topology_->LeafOf(node);
  if (nodes_[leaf]++ > 0) return;
  leaves_++;
  if (of_root_[topology_->RootOf(leaf)]++ == 0) roots_++;
}

void LeafTally::Remove(NodeIndex node) {
  if (topology_ == nullptr) return;
  const LeafIndex leaf = topology_->LeafOf(node);
  if (--nodes_[leaf] > 0) return;
  leaves_--;
  if (--of_root_[topology_->RootOf(leaf)] == 0) roots_--;
}

bool LeafTally::Suffices(const Terms& terms) const {
  return topology_ == nullptr || (leaves_ <= terms.max_switches && roots_ <= 1);
}

// ---- as capacities change ---------------------------------------------------------------------

LeafSums::LeafSums(const Terms& terms, absl::Span<const NodeIndex> nodes) : terms_(terms) {
  for (NodeIndex node : nodes) leaf_of_.push_back(terms.topology->LeafOf(node));
  sums_.resize(terms.topology->leaves());
}

void LeafSums::Change(uint32_t node, uint32_t before, uint32_t after) {
  sums_[leaf_of_[node]].Change(before, after);
}

bool LeafSums::MaySuffice() const {
  const Topology& tree = *terms_.topology;
  for (const Topology::Switch& top : tree.switches()) {
    if (!top.parent.has_value() && MaySuffice(top.first, top.end)) return true;
  }
  return false;
}

// The most nodes of so many leaves, and the most tasks, which need not be those of the same ones.
bool LeafSums::MaySuffice(size_t first, size_t end) const {
  const size_t count = std::min<size_t>(end - first, terms_.max_switches);
  std::vector<uint64_t> nodes, tasks;
  for (size_t i = first; i < end; ++i) {
    nodes.push_back(sums_[i].nodes);
    tasks.push_back(sums_[i].tasks);
  }
  return SumOfLargest(std::move(nodes), count) >= terms_.shape->min_nodes &&
         SumOfLargest(std::move(tasks), count) >= terms_.shape->num_tasks;
}

}  // namespace reeve::ctld
