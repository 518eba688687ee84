// NodeName and PartitionName lines.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "common/base/config.h"
#include "common/base/config_keys.h"
#include "common/base/config_lexer.h"
#include "common/base/config_problems.h"

namespace reeve {

inline constexpr size_t kMaxPartitions = 4096;
inline constexpr size_t kMaxMemberships = 2'000'000;  // nodes of all partitions together

// A node line as read: what it does not say stays absent, so that NodeName=DEFAULT can be its base.
struct NodeDraft {
  NodeConfig node;  // fields that are equal for all names of the line
  std::string names, addresses, hostnames, ports;
  std::optional<uint32_t> cpus, boards, sockets, sockets_per_board, cores, threads;
};

class NodeLines {
 public:
  // `pairs` begin with NodeName.
  void Add(std::span<const ConfigPair> pairs, const SourceLine& source, ConfigProblems& problems);
  std::vector<NodeConfig> Take() { return std::move(nodes_); }

 private:
  void Expand(const NodeDraft& draft, ConfigProblems& problems);

  NodeDraft defaults_;
  std::vector<NodeConfig> nodes_;
  std::unordered_set<std::string> seen_;
};

struct PartitionDraft {
  PartitionConfig partition;
  std::string nodes;
};

class PartitionLines {
 public:
  // `pairs` begin with PartitionName.
  void Add(std::span<const ConfigPair> pairs, const SourceLine& source, ConfigProblems& problems);
  // Fills in the nodes, which must exist.
  std::vector<PartitionConfig> Resolve(const std::vector<NodeConfig>& nodes,
                                       ConfigProblems& problems);

 private:
  PartitionDraft defaults_;
  std::vector<PartitionDraft> partitions_;
  std::unordered_set<std::string> seen_;
};

// Applies a record's pairs through `set`, which gets the table's name of each honoured key; other
// keys are checked here. Says whether all were right.
bool ApplyPairs(
    std::span<const ConfigPair> pairs, std::span<const ConfigKey> keys, const SourceLine& source,
    ConfigProblems& problems,
    const std::function<absl::Status(std::string_view key, std::string_view value)>& set);

}  // namespace reeve
