// Which of the nodes that could take tasks a job gets: few of them, the preferred ones, and in all
// what it asks of its nodes together (tasks, GPUs, counts of features, neighbours).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "ctld/core/features.h"
#include "ctld/core/select_nodes.h"

namespace reeve::ctld {

struct Candidate {
  const Offer* offer = nullptr;
  uint32_t capacity = 0;  // tasks
  uint32_t gpus = 0;      // of those that are asked for in all
  bool required = false;
  GroupBits groups = 0;
};
using Candidates = std::vector<Candidate>;

// nullopt: they do not suffice. All required nodes must be among the candidates.
std::optional<Candidates> PickNodes(const Terms& terms, const Candidates& candidates);

// As many of them as could be one job's nodes if it asked for that many, whatever they take.
size_t MostTogether(const Terms& terms, const Candidates& candidates);

// Counts nodes against the counts of feature groups, each node for one group.
class GroupTally {
 public:
  explicit GroupTally(const FeatureExpr& features);
  void Add(GroupBits groups);
  void Remove(GroupBits groups);
  // How many of the nodes asked for those that were added cannot be. (By Hall's theorem: the most
  // that any of the groups together lack.)
  uint32_t Lacking() const;
  uint32_t LackingWith(GroupBits groups) const;  // if it were added

 private:
  std::vector<uint32_t> needed_;  // by set of groups: the sum of their counts
  std::vector<uint32_t> have_;    // likewise: nodes that are of one of them
};

// Neighbours of the configuration.
inline bool AreNeighbours(const Node& a, const Node& b) {
  return a.order + 1 == b.order;
}

// What nodes can take together, as it changes.
struct CapacitySum {
  uint32_t nodes = 0;  // of use
  uint64_t tasks = 0;

  void Change(uint32_t before, uint32_t after);  // of one node, in tasks
  bool Suffices(const Shape& shape) const;
};

class LeafSums;  // pick_switches.h

// As capacities change, could those nodes suffice? False only when SelectNodes would find nothing.
class Gathering {
 public:
  explicit Gathering(const Terms& terms);
  ~Gathering();

  // All nodes that will change, by the caller's numbers, which begin with 0. `indices` are those
  // nodes' places in State::nodes.
  void Expect(const std::vector<const Node*>& nodes, absl::Span<const NodeIndex> indices);
  void Change(uint32_t node, uint32_t before, uint32_t after);  // in tasks
  bool MaySuffice();

 private:
  bool MayBeRow(uint32_t place) const;

  const Terms& terms_;
  CapacitySum all_;
  std::unique_ptr<LeafSums> leaves_;  // where not all leaf switches will do together
  GroupTally tally_;
  std::vector<GroupBits> groups_;          // by node; empty: there are no groups
  std::vector<CapacitySum> alternatives_;  // with one_of: by group
  // With contiguous: nodes in the order of the configuration.
  std::vector<uint32_t> place_of_;
  std::vector<const Node*> row_;
  std::vector<uint32_t> capacity_;
  std::vector<uint32_t> changed_;  // places, since MaySuffice was last asked
};

}  // namespace reeve::ctld
