// The network of the cluster as a tree of switches: leaves have nodes, the others have switches
// below them. Made of topology.conf, and never changed: a new configuration makes a new one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/config.h"
#include "ctld/core/ready_key.h"

namespace reeve::ctld {

// Leaves are numbered so that those below one switch follow one another.
using LeafIndex = uint32_t;

class Topology {
 public:
  struct Switch {
    std::string name;
    uint32_t level = 0;            // 0: a leaf
    LeafIndex first = 0;           // the leaves below it, itself when it is one: from this one
    LeafIndex end = 0;             // to before this one
    std::optional<size_t> parent;  // place in switches()
  };

  // `switches` are a tree, or several, that has every node on one leaf: ApplyTopologyConf has seen
  // to it. A node's index is its place in `nodes`.
  Topology(const std::vector<SwitchConfig>& switches, const std::vector<std::string>& nodes);

  // By level, leaves first; then in the order of the file.
  const std::vector<Switch>& switches() const { return switches_; }
  uint32_t leaves() const { return static_cast<uint32_t>(leaf_switch_.size()); }
  LeafIndex LeafOf(NodeIndex node) const { return leaf_of_[node]; }
  const std::string& LeafName(LeafIndex leaf) const { return switches_[leaf_switch_[leaf]].name; }
  // The switch above all others of that leaf. Of two leaves it is the same one when a job may have
  // nodes of both.
  size_t RootOf(LeafIndex leaf) const { return root_of_[leaf]; }
  // There are several trees.
  bool IsSplit() const { return roots_ > 1; }
  size_t nodes() const { return leaf_of_.size(); }

  // What a node's tasks find in SLURM_TOPOLOGY_ADDR ("top.s1.n7") and SLURM_TOPOLOGY_ADDR_PATTERN
  // ("switch.switch.node").
  std::pair<std::string, std::string> AddressOf(NodeIndex node, std::string_view name) const;

 private:
  std::vector<Switch> switches_;
  std::vector<size_t> leaf_switch_;  // by leaf: its place in switches_
  std::vector<size_t> root_of_;      // by leaf
  std::vector<LeafIndex> leaf_of_;   // by node
  size_t roots_ = 0;
};

}  // namespace reeve::ctld
