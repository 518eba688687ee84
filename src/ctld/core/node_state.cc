#include "ctld/core/node_state.h"

#include <algorithm>

#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "ctld/core/errors.h"
#include "ctld/core/job_end.h"
#include "ctld/core/node_events.h"
#include "ctld/core/runtime_changes.h"
#include "ctld/core/update_cluster.h"

namespace reeve::ctld {
namespace {

constexpr std::string_view kInvalidState = "Invalid node state specified";
constexpr std::string_view kStates[] = {"", "DRAIN", "FAIL", "UNDRAIN", "DOWN", "RESUME", "IDLE"};
// Slurm's, that nothing acts on yet.
constexpr std::string_view kRefused[] = {"CANCEL_REBOOT",    "CLOUD",      "FUTURE",
                                         "NORESP",           "POWER_DOWN", "POWER_DOWN_ASAP",
                                         "POWER_DOWN_FORCE", "POWER_UP",   "REBOOT"};

template <size_t kCount>
bool IsOneOf(const std::string_view (&words)[kCount], std::string_view word) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

absl::Status CheckRequest(const Context& context, const UpdateNode& event,
                          const std::vector<std::string>& names, const std::string& state) {
  if (IsOneOf(kRefused, state)) {
    return absl::InvalidArgumentError(StrCat("State=", state, " is not supported yet"));
  }
  if (!IsOneOf(kStates, state)) return absl::InvalidArgumentError(std::string(kInvalidState));
  if ((state == "DRAIN" || state == "DOWN" || state == "FAIL") && event.reason.empty()) {
    return absl::InvalidArgumentError(
        "You must specify a reason when DOWNING or DRAINING a node. Request denied");
  }
  for (const std::string& name : names) {
    if (context.state.FindNode(name) == nullptr) return Refuse(kInvalidNodeName);
  }
  return absl::OkStatus();
}

bool IsAllowed(const Node& node, const std::string& state) {
  if (state == "UNDRAIN") return node.drain;
  if (state == "RESUME") {
    return node.drain || node.fail || node.base == NodeBase::kDown ||
           node.base == NodeBase::kFuture;
  }
  if (state == "IDLE") return node.base == NodeBase::kDown || node.base == NodeBase::kUp;
  return true;
}

void ClearReason(Node& node) {
  node.reason.clear();
  node.reason_user.clear();
  node.reason_time = absl::UnixEpoch();
}

void Resume(Context& context, Node& node) {
  node.drain = node.fail = false;
  if (node.base == NodeBase::kDown || node.base == NodeBase::kFuture) {
    node.base = node.connected ? NodeBase::kUp : NodeBase::kUnknown;
    // It gets SlurmdTimeout to come back.
    node.last_response_time = std::max(node.last_response_time, context.now);
    context.state.timers.Add(context.now + context.state.settings.slurmd_timeout,
                             {TimerKind::kNodeTimeout, {}, node.name, {}});
  }
  node.down_by_admin = false;
  ClearReason(node);
}

void SetState(Context& context, Node& node, const std::string& state, const UpdateNode& event) {
  if (state == "DRAIN") {
    node.drain = true;
  } else if (state == "FAIL") {
    node.fail = true;
  } else if (state == "UNDRAIN") {
    node.drain = false;
    if (!node.fail && node.base != NodeBase::kDown) ClearReason(node);
  } else if (state == "RESUME" || state == "IDLE") {
    Resume(context, node);
  } else {  // DOWN
    SetNodeDown(context, node, event.reason, event.caller.user_name);
    node.down_by_admin = true;
    // An administrator's word that nothing runs there. If it still answers, it clears up first.
    FailJobsOn(context, node, /*dead=*/!node.connected,
               StrCat("set down by ", event.caller.user_name, event.reason.empty() ? "" : ": ",
                      event.reason));
  }
}

void Update(Context& context, Node& node, const std::string& state, const UpdateNode& event) {
  if (!event.reason.empty()) {
    node.reason = event.reason;
    node.reason_user = event.caller.user_name;
    node.reason_time = context.now;
  }
  // Which shapes fit where, and in which order, is another matter now.
  if (event.weight.has_value() || event.features.has_value()) context.state.backlog.stale = true;
  if (event.weight.has_value()) SetWeight(node, *event.weight);
  if (event.features.has_value()) SetFeatures(node, *event.features);
  if (event.comment.has_value()) node.comment = *event.comment;
  if (!state.empty()) {
    SetState(context, node, state, event);
    if (state != "DOWN") context.Account(node);
    context.Log(LogLevel::kInfo, StrCat("node ", node.name, ": ", NodeStateText(node), " by ",
                                        event.caller.user_name, ": ", event.reason));
  }
  context.Changed(node);
}

}  // namespace

void HandleUpdateNode(Context& context, const UpdateNode& event) {
  absl::StatusOr<std::vector<std::string>> names = ExpandHostlist(event.nodes);
  if (!names.ok() || names->empty()) return context.Reply(event.call, Refuse(kInvalidNodeName));
  const std::string state = ToUpper(event.state);
  absl::Status status = CheckRequest(context, event, *names, state);
  if (!status.ok()) return context.Reply(event.call, status);
  // Of several nodes those change that may; the answer tells of the others.
  for (const std::string& name : *names) {
    Node& node = *context.state.FindNode(name);
    if (IsAllowed(node, state)) {
      Update(context, node, state, event);
    } else {
      status = absl::InvalidArgumentError(std::string(kInvalidState));
    }
  }
  context.effects.schedule = true;
  if (!status.ok()) return context.Reply(event.call, status);
  context.Reply(event.call, Done{});
}

void SetNodeDownByEvent(Context& context, Node& node, std::string_view reason) {
  if ((!node.drain && !node.fail) || node.reason.empty()) {
    return SetNodeDown(context, node, std::string(reason), "root");
  }
  node.base = NodeBase::kDown;
  context.Changed(node);
  context.Account(node);
  context.Log(LogLevel::kError,
              StrCat("node ", node.name, ": DOWN, ", reason, " (", node.reason, ")"));
}

void NoteReboot(Context& context, Node& node) {
  if (context.state.settings.return_to_service == 2 || node.base == NodeBase::kUnknown) return;
  // An administrator who set it DOWN has said why.
  if (node.base == NodeBase::kDown && node.down_by_admin) return;
  SetNodeDownByEvent(context, node, kUnexpectedReboot);
  node.down_by_admin = true;
}

void StampReason(Context& context, Node& node) {
  if (node.reason.empty() || IsSet(node.reason_time)) return;
  node.reason_user = "root";
  node.reason_time = context.now;
}

}  // namespace reeve::ctld
