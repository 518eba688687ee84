#include "ctld/core/health_check.h"

namespace reeve::ctld {
namespace {

bool Wanted(const HealthCheckStates& states, const Node& node) {
  if (!node.connected || !node.responding || node.base == NodeBase::kFuture) return false;
  if (states.other) return true;
  switch (node.State()) {
    case NodeState::kIdle:
      return states.idle;
    case NodeState::kAllocated:
      return states.allocated;
    case NodeState::kMixed:
      return states.mixed;
    default:
      return false;
  }
}

}  // namespace

void PlanHealthChecks(Context& context) {
  State& state = context.state;
  const absl::Duration interval = state.settings.health_check_interval;
  state.next_health_check =
      interval > absl::ZeroDuration() ? context.now + interval : absl::InfiniteFuture();
  state.timers.Add(state.next_health_check, {TimerKind::kHealthCheck, {}, {}, {}});
}

void CheckHealthNow(Context& context) {
  State& state = context.state;
  if (context.now < state.next_health_check) return;  // of an interval that was changed
  for (const std::unique_ptr<Node>& node : state.nodes) {
    if (Wanted(state.settings.health_check_states, *node)) context.Send(node->name, CheckHealth{});
  }
  PlanHealthChecks(context);
}

}  // namespace reeve::ctld
