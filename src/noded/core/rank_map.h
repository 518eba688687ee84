// Which rank of a step is where, as MPI's libraries want it written. A rank is a task's id.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "noded/core/task_layout.h"

namespace reeve::noded {

class RankMap {
 public:
  // InvalidArgument ranks (beyond `parts`' total, or twice) are ignored by the queries.
  explicit RankMap(std::span<const NodePart> parts);

  uint32_t size() const { return static_cast<uint32_t>(node_of_.size()); }
  std::optional<uint32_t> NodeOf(uint32_t rank) const;  // its place in `parts`
  // The nodes of these ranks, ascending, each once; nothing when one of the ranks is none.
  std::optional<std::vector<uint32_t>> NodesOf(std::span<const uint32_t> ranks) const;

  // Of PMIx_generate_regex and PMIx_generate_ppn: "n1,n2" and "0,1;2,3".
  std::string Hosts() const;
  std::string Ranks() const;
  // Of PMI-1: "(vector,(0,2,2))", runs of (first node, nodes, ranks on each) in the order of ranks.
  std::string Vector() const;

 private:
  std::vector<std::string> hosts_;
  std::vector<std::string> ranks_;
  std::vector<uint32_t> node_of_;  // by rank
};

// "0-3,7", ascending, each once: one way to write a set of ranks.
std::string RanksText(std::vector<uint32_t> ranks);

}  // namespace reeve::noded
