#include "ctld/core/node.h"

#include <algorithm>

#include "common/base/text.h"

namespace reeve::ctld {

NodeState Node::State() const {
  switch (base) {
    case NodeBase::kUnknown:
      return NodeState::kUnknown;
    case NodeBase::kDown:
      return NodeState::kDown;
    case NodeBase::kFuture:
      return NodeState::kFuture;
    case NodeBase::kUp:
      break;
  }
  if (whole_jobs > 0 || (alloc_cpus > 0 && alloc_cpus >= cpus)) return NodeState::kAllocated;
  return jobs.empty() ? NodeState::kIdle : NodeState::kMixed;
}

bool Node::HasFeature(std::string_view feature) const {
  return std::find(features.begin(), features.end(), feature) != features.end();
}

std::string NodeStateText(const Node& node) {
  static constexpr std::string_view kNames[] = {"UNKNOWN", "DOWN",   "IDLE", "ALLOCATED",
                                                "MIXED",   "FUTURE", "ERROR"};
  std::string text(kNames[static_cast<size_t>(node.State())]);
  if (node.Completing()) text += "+COMPLETING";
  if (node.drain) text += "+DRAIN";
  if (!node.reservation.empty()) text += node.maint ? "+MAINTENANCE" : "+RESERVED";
  if (node.fail) text += "+FAIL";
  if (!node.responding && node.base != NodeBase::kFuture) text += "+NOT_RESPONDING";
  return text;
}

}  // namespace reeve::ctld
