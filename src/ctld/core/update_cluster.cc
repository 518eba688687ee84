#include "ctld/core/update_cluster.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "common/base/units.h"
#include "ctld/core/eligibility.h"
#include "ctld/core/errors.h"
#include "ctld/core/health_check.h"
#include "ctld/core/job_end.h"
#include "ctld/core/lease.h"
#include "ctld/core/node_events.h"
#include "ctld/core/node_state.h"

namespace reeve::ctld {
namespace {

std::vector<std::string> SplitNames(const std::string& text) {
  std::vector<std::string> names;
  for (std::string_view name : SplitSkipEmpty(text, ",")) names.emplace_back(name);
  return names;
}

std::string UnlessAll(const std::string& value) {
  return EqualsIgnoreCase(value, "ALL") ? "" : value;
}

absl::Status BadPartitionValue() {
  return absl::InvalidArgumentError("Invalid partition update value");
}

absl::StatusOr<PartitionState> ParseState(std::string_view text) {
  for (PartitionState state : {PartitionState::kUp, PartitionState::kDown, PartitionState::kDrain,
                               PartitionState::kInactive}) {
    if (EqualsIgnoreCase(text, PartitionStateName(state))) return state;
  }
  return BadPartitionValue();
}

absl::Status SetPartitionKey(Partition& partition, const std::string& name,
                             const std::string& value) {
  const std::string key = ToLower(name);
  if (key == "state") {
    absl::StatusOr<PartitionState> state = ParseState(value);
    if (!state.ok()) return state.status();
    partition.state = *state;
  } else if (key == "maxtime" || key == "defaulttime") {
    if (key == "defaulttime" && EqualsIgnoreCase(value, "NONE")) {
      partition.default_time.reset();
      return absl::OkStatus();
    }
    absl::StatusOr<absl::Duration> limit = ParseTimeLimit(value);
    if (!limit.ok()) return Refuse(kInvalidTimeLimit);
    if (key == "maxtime") partition.max_time = *limit;
    if (key == "defaulttime") partition.default_time = *limit;
  } else if (key == "prioritytier") {
    if (!absl::SimpleAtoi(value, &partition.priority_tier)) return BadPartitionValue();
  } else if (key == "maxnodes") {
    uint32_t nodes = 0;
    if (EqualsIgnoreCase(value, "UNLIMITED")) {
      partition.max_nodes.reset();
    } else if (absl::SimpleAtoi(value, &nodes)) {
      partition.max_nodes = nodes;
    } else {
      return BadPartitionValue();
    }
  } else if (key == "minnodes") {
    if (!absl::SimpleAtoi(value, &partition.min_nodes)) return BadPartitionValue();
  } else if (key == "allowgroups") {
    partition.allow_groups = SplitNames(UnlessAll(value));
  } else if (key == "allowaccounts") {
    partition.allow_accounts = SplitNames(UnlessAll(value));
  } else if (key == "rootonly" || key == "hidden" || key == "default" || key == "disablerootjobs") {
    const bool yes = EqualsIgnoreCase(value, "YES");
    if (!yes && !EqualsIgnoreCase(value, "NO")) return BadPartitionValue();
    if (key == "rootonly") partition.root_only = yes;
    if (key == "hidden") partition.hidden = yes;
    if (key == "default") partition.is_default = yes;
    if (key == "disablerootjobs") partition.disable_root_jobs = yes;
  } else {
    return absl::InvalidArgumentError(
        StrCat("Update of this parameter is not supported: ", name, "=", value));
  }
  return absl::OkStatus();
}

// Keys of the ready queue hold tiers and places of partitions.
void RebuildReady(Context& context) {
  std::vector<JobId> ids;
  for (const auto& [id, keys] : context.state.ready_keys) ids.push_back(id);
  context.state.ready.clear();
  context.state.ready_keys.clear();
  for (JobId id : ids) context.AddReady(*context.state.FindJob(id));
}

}  // namespace

void HandleUpdatePartition(Context& context, const UpdatePartition& event) {
  PartitionEntry* entry = context.state.FindPartition(event.name);
  if (entry == nullptr) return context.Reply(event.call, Refuse(kInvalidPartition));
  Partition changed = entry->facts;
  for (const auto& [key, value] : event.changes) {
    absl::Status status = SetPartitionKey(changed, key, value);
    if (!status.ok()) return context.Reply(event.call, status);
  }
  if (changed.is_default && !entry->facts.is_default) {
    for (PartitionEntry& other : context.state.partitions) {
      if (std::exchange(other.facts.is_default, false)) {
        context.effects.partitions_changed.push_back(other.facts.name);
      }
    }
  }
  entry->facts = std::move(changed);
  RebuildReady(context);
  context.effects.partitions_changed.push_back(event.name);
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
    if (!stays) FailJobsOn(context, *node, /*dead=*/false);
  }
  const bool lease_changed = !(state.settings.lease == event.settings.lease);
  const std::vector<std::string> gone = state.ApplySettings(event.settings);
  PlanHealthChecks(context);
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
