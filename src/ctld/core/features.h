// What -C asks for. Names are joined by "&" (and; "," is the same) and "|" (or), "&" binding
// tighter, and grouped by "(" and ")". Counts and brackets are about all nodes of a job together:
//
//   ib&graphics*4        each node has ib, at least four of them graphics
//   [rack1*2&rack2*4]    two nodes are of rack1, four others of rack2, and no node is of neither
//   [rack1|rack2]        all nodes are of one of the racks
//
// One pair of brackets at most, joined to the rest by "&". Whatever is beyond that is refused by
// name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "ctld/core/node.h"

namespace reeve::ctld {

// An "or" of "and"s of names.
using FeatureTerms = std::vector<std::vector<std::string>>;
bool Matches(const FeatureTerms& terms, const Node& node);

// Bit i: the node is of the i-th group.
using GroupBits = uint32_t;

struct FeatureExpr {
  struct Group {
    FeatureTerms terms;
    uint32_t count = 0;  // so many nodes that are counted for no other group; 0 with one_of
    std::string text;    // as typed
  };

  FeatureTerms alternatives;  // of every node; empty: everything matches
  std::vector<Group> groups;  // counts or brackets; at most kMaxFeatureGroups
  bool one_of = false;        // all nodes are of one of the groups
  bool only = false;          // every node is of a group

  // May the node be used at all?
  bool Matches(const Node& node) const;
  GroupBits GroupsOf(const Node& node) const;
  uint32_t LeastNodes() const;  // the sum of the counts
  std::vector<std::string> Names() const;
  std::string KeyText() const;  // equal for equal expressions
};
constexpr size_t kMaxFeatureGroups = 8;

absl::StatusOr<FeatureExpr> ParseFeatures(std::string_view text);

}  // namespace reeve::ctld
