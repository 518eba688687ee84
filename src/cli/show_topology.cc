#include "cli/show_topology.h"

#include <algorithm>
#include <unordered_set>

#include "common/base/hostlist.h"
#include "common/base/text.h"

namespace reeve::cli {

std::vector<const v1::Switch*> FindSwitches(
    const google::protobuf::RepeatedPtrField<v1::Switch>& switches, std::string_view name) {
  std::vector<const v1::Switch*> found;
  for (const v1::Switch& each : switches) {
    if (name.empty() || each.name() == name) found.push_back(&each);
  }
  if (name.empty() || !found.empty()) return found;
  const absl::StatusOr<std::vector<std::string>> nodes = ExpandHostlist(name);
  if (!nodes.ok() || nodes->empty()) return {};
  for (const v1::Switch& each : switches) {
    const absl::StatusOr<std::vector<std::string>> below = ExpandHostlist(each.nodes());
    if (!below.ok()) continue;
    const std::unordered_set<std::string> names(below->begin(), below->end());
    const bool all = std::all_of(nodes->begin(), nodes->end(),
                                 [&](const std::string& node) { return names.count(node) > 0; });
    if (all) found.push_back(&each);
  }
  return found;
}

std::string ShowSwitchText(const v1::Switch& each) {
  std::string text =
      StrCat("SwitchName=", each.name(), " Level=", each.level(), " LinkSpeed=", each.link_speed());
  if (!each.nodes().empty()) StrAppend(&text, " Nodes=", each.nodes());
  if (!each.switches().empty()) StrAppend(&text, " Switches=", each.switches());
  return text + "\n";
}

}  // namespace reeve::cli
