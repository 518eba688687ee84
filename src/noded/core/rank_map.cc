#include "noded/core/rank_map.h"

#include <algorithm>

#include "common/base/text.h"

namespace reeve::noded {
namespace {

constexpr uint32_t kNowhere = UINT32_MAX;

}  // namespace

RankMap::RankMap(std::span<const NodePart> parts) : node_of_(TotalTasks(parts), kNowhere) {
  for (uint32_t node = 0; node < parts.size(); ++node) {
    hosts_.push_back(parts[node].node);
    ranks_.push_back(TaskIdsText(parts[node].tasks));
    for (uint32_t rank : parts[node].tasks) {
      if (rank < node_of_.size()) node_of_[rank] = node;
    }
  }
}

std::optional<uint32_t> RankMap::NodeOf(uint32_t rank) const {
  if (rank >= node_of_.size() || node_of_[rank] == kNowhere) return std::nullopt;
  return node_of_[rank];
}

std::optional<std::vector<uint32_t>> RankMap::NodesOf(std::span<const uint32_t> ranks) const {
  std::vector<uint32_t> nodes;
  for (uint32_t rank : ranks) {
    const std::optional<uint32_t> node = NodeOf(rank);
    if (!node.has_value()) return std::nullopt;
    nodes.push_back(*node);
  }
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  return nodes;
}

std::string RankMap::Hosts() const {
  return Join(hosts_, ",");
}

std::string RankMap::Ranks() const {
  return Join(ranks_, ";");
}

std::string RankMap::Vector() const {
  struct Run {
    uint32_t first, nodes, ranks;
  };
  std::vector<Run> runs;
  for (size_t rank = 0; rank < node_of_.size();) {
    const uint32_t node = node_of_[rank];
    const size_t begin = rank;
    while (rank < node_of_.size() && node_of_[rank] == node) ++rank;
    const auto count = static_cast<uint32_t>(rank - begin);
    if (!runs.empty() && runs.back().ranks == count &&
        runs.back().first + runs.back().nodes == node) {
      ++runs.back().nodes;
    } else {
      runs.push_back({node, 1, count});
    }
  }
  std::string text = "(vector";
  for (const Run& run : runs) {
    text += StrCat(",(", run.first, ",", run.nodes, ",", run.ranks, ")");
  }
  return text + ")";
}

std::string RanksText(std::vector<uint32_t> ranks) {
  std::sort(ranks.begin(), ranks.end());
  ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
  std::string text;
  for (size_t i = 0; i < ranks.size();) {
    size_t last = i;
    while (last + 1 < ranks.size() && ranks[last + 1] == ranks[last] + 1) ++last;
    if (!text.empty()) text += ",";
    text += last == i ? StrCat(ranks[i]) : StrCat(ranks[i], "-", ranks[last]);
    i = last + 1;
  }
  return text;
}

}  // namespace reeve::noded
