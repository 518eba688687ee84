#include "ctld/core/topology.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"

namespace reeve::ctld {

Topology::Topology(const std::vector<SwitchConfig>& switches,
                   const std::vector<std::string>& nodes) {
  std::vector<const SwitchConfig*> sorted;
  for (const SwitchConfig& each : switches) sorted.push_back(&each);
  std::stable_sort(sorted.begin(), sorted.end(), [](const SwitchConfig* a, const SwitchConfig* b) {
    return a->level < b->level;
  });
  absl::flat_hash_map<std::string, size_t> places;
  for (const SwitchConfig* each : sorted) {
    places[each->name] = switches_.size();
    switches_.push_back({each->name, each->level, 0, 0, std::nullopt});
  }
  for (size_t i = 0; i < sorted.size(); ++i) {
    for (const std::string& child : sorted[i]->switches) switches_[places.at(child)].parent = i;
  }

  absl::flat_hash_map<std::string, NodeIndex> index;
  for (NodeIndex i = 0; i < nodes.size(); ++i) index[nodes[i]] = i;
  leaf_of_.resize(nodes.size());
  // Down each tree, from what is on top.
  std::vector<std::pair<size_t, bool>> stack;  // a switch; have those below it been visited?
  for (size_t top = 0; top < sorted.size(); ++top) {
    if (switches_[top].parent.has_value()) continue;
    roots_++;
    stack.push_back({top, false});
    while (!stack.empty()) {
      const auto [place, visited] = stack.back();
      stack.pop_back();
      Switch& here = switches_[place];
      if (visited) {
        here.end = leaves();
        continue;
      }
      here.first = leaves();
      if (sorted[place]->switches.empty()) {
        for (const std::string& node : sorted[place]->nodes) {
          leaf_of_[index.at(node)] = leaves();
        }
        leaf_switch_.push_back(place);
        root_of_.push_back(top);
        here.end = leaves();
        continue;
      }
      stack.push_back({place, true});
      const std::vector<std::string>& below = sorted[place]->switches;
      for (auto child = below.rbegin(); child != below.rend(); ++child) {
        stack.push_back({places.at(*child), false});
      }
    }
  }
}

std::pair<std::string, std::string> Topology::AddressOf(NodeIndex node,
                                                        std::string_view name) const {
  std::string address(name);
  std::string pattern = "node";
  std::optional<size_t> place = leaf_switch_[leaf_of_[node]];
  while (place.has_value()) {
    address = switches_[*place].name + "." + address;
    pattern = "switch." + pattern;
    place = switches_[*place].parent;
  }
  return {address, pattern};
}

}  // namespace reeve::ctld
