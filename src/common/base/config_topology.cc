#include "common/base/config_topology.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "common/base/config_lexer.h"
#include "common/base/config_records.h"
#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve {
namespace {

using enum KeyClass;

constexpr ConfigKey kSwitchKeys[] = {
    {"LinkSpeed", kHonoured},
    {"Nodes", kHonoured},
    {"SwitchName", kHonoured},
    {"Switches", kHonoured},
};

absl::Status SetSwitchKey(SwitchConfig& entry, std::string_view key, std::string_view value) {
  if (key == "SwitchName") {
    if (!IsHostName(value)) {
      return absl::InvalidArgumentError(StrCat("'", value, "' is no name for a switch"));
    }
    entry.name = std::string(value);
  }
  if (key == "LinkSpeed") {
    absl::StatusOr<uint64_t> speed =
        ParseUint(value, "number", std::numeric_limits<uint32_t>::max());
    if (!speed.ok()) return speed.status();
    entry.link_speed = static_cast<uint32_t>(*speed);
  }
  if (key == "Nodes" || key == "Switches") {
    absl::StatusOr<std::vector<std::string>> names = ExpandHostlist(value);
    if (!names.ok()) return names.status();
    (key == "Nodes" ? entry.nodes : entry.switches) = *std::move(names);
  }
  return absl::OkStatus();
}

class TreeReader {
 public:
  TreeReader(Config& config, ConfigProblems& problems) : config_(config), problems_(problems) {}

  void Read(std::string_view text, std::string_view name) {
    for (const ConfigLine& line : LexConfig(text, name, nullptr, problems_).lines) Add(line);
    const SourceLine whole{std::string(name), 0};
    if (switches().empty()) return problems_.Add(whole, "no switch is defined");
    for (const SwitchConfig& entry : switches()) {
      if (entry.switches.empty()) PutNodes(entry);
      FindChildren(entry);
    }
    CheckAllNodes(whole);
    if (!problems_.empty()) return;
    FindLevels();
    if (problems_.empty()) FindAllNodes();
  }

 private:
  std::vector<SwitchConfig>& switches() { return config_.switches; }

  void Add(const ConfigLine& line) {
    SwitchConfig entry;
    entry.source = line.source;
    const bool good = ApplyPairs(line.pairs, kSwitchKeys, line.source, problems_,
                                 [&](std::string_view key, std::string_view value) {
                                   return SetSwitchKey(entry, key, value);
                                 });
    if (!good) return;
    if (entry.name.empty()) return problems_.Add(line.source, "SwitchName is missing");
    const std::string the_switch = StrCat("switch ", entry.name);
    if (!entry.nodes.empty() && !entry.switches.empty()) {
      return problems_.Add(line.source,
                           StrCat(the_switch, " has both Nodes and Switches: it may have one"));
    }
    if (entry.nodes.empty() && entry.switches.empty()) {
      return problems_.Add(line.source, StrCat(the_switch, " has neither Nodes nor Switches"));
    }
    const auto [known, is_new] = by_name_.emplace(entry.name, switches().size());
    if (!is_new) {
      return problems_.Add(line.source, StrCat(the_switch, " is defined already, in line ",
                                               switches()[known->second].source.line));
    }
    switches().push_back(std::move(entry));
  }

  void PutNodes(const SwitchConfig& leaf) {
    if (leaf_of_.empty()) {
      for (const NodeConfig& node : config_.nodes) leaf_of_[node.name] = nullptr;
    }
    for (const std::string& node : leaf.nodes) {
      const auto found = leaf_of_.find(node);
      if (found == leaf_of_.end()) {
        problems_.Add(leaf.source, StrCat("switch ", leaf.name, ": no node ", node));
      } else if (found->second != nullptr) {
        problems_.Add(leaf.source, StrCat("node ", node, " is on switch ", found->second->name,
                                          " already, in line ", found->second->source.line));
      } else {
        found->second = &leaf;
      }
    }
  }

  void FindChildren(const SwitchConfig& above) {
    for (const std::string& name : above.switches) {
      const auto found = by_name_.find(name);
      if (found == by_name_.end()) {
        problems_.Add(above.source, StrCat("switch ", above.name, ": no switch ", name));
        continue;
      }
      const SwitchConfig*& parent = parent_of_[name];
      if (parent != nullptr) {
        problems_.Add(above.source, StrCat("switch ", name, " is below switch ", parent->name,
                                           " already, in line ", parent->source.line));
      } else {
        parent = &above;
      }
    }
  }

  void CheckAllNodes(const SourceLine& whole) {
    std::vector<std::string> missing;
    for (const NodeConfig& node : config_.nodes) {
      const auto found = leaf_of_.find(node.name);
      if (found == leaf_of_.end() || found->second == nullptr) missing.push_back(node.name);
    }
    if (missing.empty()) return;
    // That line is where the node comes from; the rest of them would say the same again.
    const NodeConfig& first = *config_.FindNode(missing[0]);
    problems_.Add(first.source.line > 0 ? first.source : whole,
                  StrCat("no switch of ", whole.file, " has ",
                         missing.size() == 1 ? "node " : "nodes ", CompressHostlist(missing)));
  }

  // A switch is one level above the highest that is below it. Who is never reached from a leaf is
  // of a circle.
  void FindLevels() {
    std::vector<size_t> waits_for(switches().size());
    std::vector<size_t> ready;
    for (size_t i = 0; i < switches().size(); ++i) {
      waits_for[i] = switches()[i].switches.size();
      if (waits_for[i] == 0) ready.push_back(i);
    }
    for (size_t done = 0; done < ready.size(); ++done) {
      const SwitchConfig& entry = switches()[ready[done]];
      const auto parent = parent_of_.find(entry.name);
      if (parent == parent_of_.end()) continue;
      const size_t above = by_name_.at(parent->second->name);
      SwitchConfig& next = switches()[above];
      next.level = std::max(next.level, entry.level + 1);
      if (--waits_for[above] == 0) ready.push_back(above);
    }
    for (size_t i = 0; i < switches().size(); ++i) {
      if (waits_for[i] == 0) continue;
      problems_.Add(switches()[i].source,
                    StrCat("switch ", switches()[i].name, " is in a circle of switches"));
    }
  }

  void FindAllNodes() {
    for (SwitchConfig& entry : switches()) {
      std::vector<std::string> nodes;
      AddNodes(entry, nodes);
      entry.all_nodes = CompressHostlist(nodes);
    }
  }
  void AddNodes(const SwitchConfig& entry, std::vector<std::string>& nodes) const {
    nodes.insert(nodes.end(), entry.nodes.begin(), entry.nodes.end());
    for (const std::string& child : entry.switches) {
      AddNodes(config_.switches[by_name_.at(child)], nodes);
    }
  }

  Config& config_;
  ConfigProblems& problems_;
  std::unordered_map<std::string, size_t> by_name_;
  std::unordered_map<std::string, const SwitchConfig*> leaf_of_;    // by node
  std::unordered_map<std::string, const SwitchConfig*> parent_of_;  // by switch
};

}  // namespace

void ApplyTopologyConf(Config& config, std::string_view text, std::string_view name,
                       ConfigProblems& problems) {
  config.switches.clear();
  TreeReader(config, problems).Read(text, name);
}

}  // namespace reeve
