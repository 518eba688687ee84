// All that sinfo can print: letters of -o, names of -O, titles, cells. A row is a group of nodes of
// one partition that look the same in all the columns that tell nodes apart.
#pragma once

#include <span>
#include <vector>

#include "cli/node_view.h"
#include "cli/view_field.h"

namespace reeve::cli {

struct NodeRow {
  const pb::Partition* partition = nullptr;  // null for nodes of no partition
  size_t partition_index = 0;                // its place in the configuration
  std::vector<const pb::Node*> nodes;        // may be empty: a partition without matching nodes
};

std::span<const ViewField<NodeRow>> NodeFields();

// Whether nodes with different values of the field get rows of their own. Counts and lists never
// do; amounts (CPUs, memory, load ...) only with sinfo --exact, else they show as "64+" or "10-20".
bool SplitsRows(const ViewField<NodeRow>& field, bool exact);

}  // namespace reeve::cli
