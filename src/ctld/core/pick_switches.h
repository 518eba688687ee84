// On which leaf switches a job gets its nodes, where the network is a tree: on one, the one that
// just suffices; else below the lowest switch under which enough nodes are, on as few leaves as
// will do. Never on nodes that have no switch above them all, nor on more leaves than the terms
// say.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "ctld/core/pick_nodes.h"

namespace reeve::ctld {

// May the terms' job get nodes of several leaves?
bool MaySpanLeaves(const Terms& terms);

// Some of the candidates that suffice, wherever they are.
using PickSome = std::function<std::optional<Candidates>(Candidates)>;

// The terms have a topology. The lightest nodes come first: heavier ones are looked at only when
// those do not suffice. Fewest is exact but where many leaves of many sizes are to be combined and
// none of the likely ones will do.
std::optional<Candidates> PickOnSwitches(const Terms& terms, const Candidates& candidates,
                                         const PickSome& pick);

// As many nodes as there are on so few leaves of one tree, of nodes that are given by number.
size_t MostOnSwitches(const Terms& terms, const std::vector<NodeIndex>& nodes);
// Those of them that are on leaves which could be among the job's, if it needs `least` nodes.
std::vector<NodeIndex> OnFewSwitches(const Terms& terms, const std::vector<NodeIndex>& nodes,
                                     size_t least);

// Rows of neighbours grow and shrink: on how many leaves are they, and of how many trees?
class LeafTally {
 public:
  explicit LeafTally(const Topology* topology);  // null: nothing is counted
  void Add(NodeIndex node);
  void Remove(NodeIndex node);
  uint32_t leaves() const { return leaves_; }
  bool Suffices(const Terms& terms) const;

 private:
  const Topology* topology_;
  std::vector<uint32_t> nodes_;    // by leaf
  std::vector<uint32_t> of_root_;  // leaves, by the place of the root
  uint32_t leaves_ = 0;
  uint32_t roots_ = 0;
};

// As capacities change: may there be few enough leaves that have enough? False only when there are
// not.
class LeafSums {
 public:
  LeafSums(const Terms& terms, absl::Span<const NodeIndex> nodes);
  void Change(uint32_t node, uint32_t before, uint32_t after);  // a place in `nodes`; in tasks
  bool MaySuffice() const;

 private:
  bool MaySuffice(size_t first, size_t end) const;

  const Terms& terms_;
  std::vector<LeafIndex> leaf_of_;  // by the caller's number
  std::vector<CapacitySum> sums_;   // by leaf
};

}  // namespace reeve::ctld
