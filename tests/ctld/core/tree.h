// Small networks of switches for tests.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/config_topology.h"
#include "ctld/core/settings.h"
#include "gtest/gtest.h"

namespace reeve::ctld {

// As topology.conf has it, over those nodes.
inline std::shared_ptr<const Topology> MakeTree(const std::vector<std::string>& nodes,
                                                std::string_view text) {
  Config config;
  for (const std::string& name : nodes) config.nodes.push_back({.name = name});
  ConfigProblems problems;
  ApplyTopologyConf(config, text, "topology.conf", problems);
  EXPECT_TRUE(problems.empty()) << problems.ToStatus();
  return std::make_shared<const Topology>(config.switches, nodes);
}

inline void AddTree(Settings& settings, std::string_view text) {
  std::vector<std::string> nodes;
  for (const Node& node : settings.nodes) nodes.push_back(node.name);
  settings.topology = MakeTree(nodes, text);
}

}  // namespace reeve::ctld
