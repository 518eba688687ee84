#include "ctld/core/update_cluster.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "common/base/units.h"
#include "ctld/core/eligibility.h"
#include "ctld/core/errors.h"
#include "ctld/core/health_check.h"
#include "ctld/core/het_job.h"
#include "ctld/core/job_end.h"
#include "ctld/core/lease.h"
#include "ctld/core/node_events.h"
#include "ctld/core/node_state.h"
#include "ctld/core/priority.h"
#include "ctld/core/priority_round.h"
#include "ctld/core/reservations.h"
#include "ctld/core/runtime_changes.h"

namespace reeve::ctld {
namespace {

// Keys of the ready queue hold tiers and places of partitions.
void RebuildReady(Context& context) {
  const std::vector<JobId> ids = context.state.backlog.Jobs();
  context.state.backlog = Backlog();
  for (JobId id : ids) context.AddReady(*context.state.FindJob(id));
}

}  // namespace

void HandleUpdatePartition(Context& context, const UpdatePartition& event) {
  PartitionEntry* entry = context.state.FindPartition(event.name);
  if (entry == nullptr) return context.Reply(event.call, Refuse(kInvalidPartition));
  Partition changed = entry->facts;
  for (const auto& [key, value] : event.changes) {
    absl::Status status = ChangePartition(changed, key, value);
    if (!status.ok()) return context.Reply(event.call, status);
    if (changed.preempt_mode == entry->facts.preempt_mode ||
        !EqualsIgnoreCase(key, "PreemptMode") || context.state.settings.preempt.by_tier) {
      continue;
    }
    return context.Reply(event.call, absl::InvalidArgumentError(
                                         "PreemptMode needs PreemptType=preempt/partition_prio"));
  }
  const bool new_default = changed.is_default && !entry->facts.is_default;
  entry->facts = std::move(changed);
  if (new_default) LeaveOneDefault(context, event.name);
  context.Changed(entry->facts);
  context.state.book = MakeBook(context.state);
  context.effects.priorities_changed = true;
  RebuildReady(context);
  context.effects.schedule = true;
  context.Log(LogLevel::kInfo,
              StrCat("partition ", event.name, ": updated by ", event.caller.user_name));
  context.Reply(event.call, Done{});
}

void HandleReconfigured(Context& context, const Reconfigured& event) {
  State& state = context.state;
  // Jobs on nodes that are to go end while the nodes are still known.
  for (const std::unique_ptr<Node>& node : state.nodes) {
    const bool stays = std::any_of(event.settings.nodes.begin(), event.settings.nodes.end(),
                                   [&](const Node& n) { return n.name == node->name; });
    if (!stays) FailJobsOn(context, *node, /*dead=*/false, "is no longer configured");
  }
  const bool lease_changed = !(state.settings.lease == event.settings.lease);
  // The file's word again: what scontrol had set is forgotten.
  for (const PartitionEntry& entry : state.partitions) {
    if (!entry.facts.changes.empty()) context.Changed(entry.facts);
  }
  const std::vector<std::string> gone = state.ApplySettings(event.settings);
  PlanHealthChecks(context);
  FollowNodes(context);
  PlanPriorities(context);
  context.effects.priorities_changed = true;
  context.effects.licenses_changed = true;
  for (const std::string& name : gone) {
    context.Log(LogLevel::kInfo, StrCat("node ", name, ": no longer configured"));
    std::vector<JobId> waiting;
    for (JobId id : state.active) {
      const Job& job = *state.FindJob(id);
      if (std::count(job.pending_nodes.begin(), job.pending_nodes.end(), name) > 0) {
        waiting.push_back(id);
      }
    }
    for (JobId id : waiting) {
      Job& job = *state.FindJob(id);
      job.flags &= ~kJobFlagRequeued;  // nobody will tell when nothing of it runs there any more
      context.Changed(job);
      RunNoneAgain(context, job, {.state = JobState::kNodeFail, .reason = Reason::kNodeDown});
      NodeIsClear(context, job, name);
    }
    context.effects.nodes_changed.push_back(name);
  }
  for (const std::unique_ptr<Node>& node : state.nodes) {
    StampReason(context, *node);
    context.Changed(*node);
    if (lease_changed && node->connected) ChangeLease(context, *node);
    if (IsSet(node->last_response_time)) continue;
    node->last_response_time = context.now;
    if (state.settings.slurmd_timeout > absl::ZeroDuration()) {
      state.timers.Add(context.now + state.settings.slurmd_timeout,
                       {TimerKind::kNodeTimeout, {}, node->name, {}});
    }
  }
  for (const PartitionEntry& entry : state.partitions) {
    context.effects.partitions_changed.push_back(entry.facts.name);
  }
  RebuildReady(context);
  context.effects.schedule = true;
}

}  // namespace reeve::ctld
