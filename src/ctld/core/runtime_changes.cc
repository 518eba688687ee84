#include "ctld/core/runtime_changes.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "common/base/text.h"
#include "common/base/units.h"
#include "ctld/core/errors.h"
#include "ctld/core/sharing.h"

namespace reeve::ctld {
namespace {

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

absl::Status SetKey(Partition& partition, const std::string& name, const std::string& value) {
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
    absl::StatusOr<uint64_t> tier = ParseUint(value, "tier", 65533);
    if (!tier.ok()) return BadPartitionValue();
    partition.priority_tier = static_cast<uint32_t>(*tier);
  } else if (key == "priorityjobfactor") {
    absl::StatusOr<uint64_t> factor = ParseUint(value, "factor", 65533);
    if (!factor.ok()) return BadPartitionValue();
    partition.priority_job_factor = static_cast<uint32_t>(*factor);
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
  } else if (key == "preemptmode") {
    absl::StatusOr<PreemptMode> mode = ParsePreemptMode(value);
    if (!mode.ok()) return absl::InvalidArgumentError(StrCat(name, ": ", Message(mode.status())));
    partition.preempt_mode = *mode;
  } else if (key == "oversubscribe" || key == "shared") {
    absl::StatusOr<OverSubscribeRule> rule = ParseOverSubscribe(value);
    if (!rule.ok()) return BadPartitionValue();
    SetOverSubscribe(partition, *rule);
  } else if (key == "gracetime") {
    absl::StatusOr<absl::Duration> grace = ParseGraceTime(value);
    if (!grace.ok()) return BadPartitionValue();
    partition.grace_time = *grace;
  } else {
    return absl::InvalidArgumentError(
        StrCat("Update of this parameter is not supported: ", name, "=", value));
  }
  return absl::OkStatus();
}

std::string LimitText(absl::Duration limit) {
  return absl::FormatDuration(limit);
}

std::string TierText(const Partition& partition) {
  const uint32_t factor = partition.priority_job_factor;
  return StrCat(partition.priority_tier, factor == 1 ? "" : StrCat("/", factor));
}

// Nothing for what used to be all there was: a store of that time is still understood.
std::string PreemptText(const Partition& partition) {
  const int64_t grace = absl::ToInt64Seconds(partition.grace_time);
  if (partition.preempt_mode == PreemptMode::kOff && grace == 0) return "";
  return StrCat(";", PreemptModeName(partition.preempt_mode), ";", grace);
}

std::string SharingText(const Partition& partition) {
  const std::string& rule = partition.oversubscribe;
  return rule == "NO" ? "" : ";" + rule;
}

}  // namespace

std::string ConfiguredText(const Node& node) {
  return StrCat(node.weight, ";", absl::StrJoin(node.features, ","));
}

std::string ConfiguredText(const Partition& partition) {
  return absl::StrJoin(
             {absl::StrJoin(partition.nodes, ","), StrCat(partition.is_default ? 1 : 0),
              LimitText(partition.max_time),
              partition.default_time ? LimitText(*partition.default_time) : "",
              std::string(PartitionStateName(partition.state)), TierText(partition),
              absl::StrJoin(partition.allow_groups, ","),
              absl::StrJoin(partition.allow_accounts, ","),
              partition.max_nodes ? StrCat(*partition.max_nodes) : "", StrCat(partition.min_nodes),
              StrCat(partition.hidden ? 1 : 0, partition.root_only ? 1 : 0,
                     partition.disable_root_jobs ? 1 : 0)},
             ";") +
         PreemptText(partition) + SharingText(partition);
}

void SetWeight(Node& node, uint32_t weight) {
  node.weight = weight;
  node.set_weight = weight;
}

void SetFeatures(Node& node, std::string_view names) {
  node.features = SplitNames(names);
  node.set_features = node.features;
}

absl::Status ChangePartition(Partition& partition, const std::string& key,
                             const std::string& value) {
  absl::Status status = SetKey(partition, key, value);
  if (!status.ok()) return status;
  const std::string small = ToLower(key);
  std::erase_if(partition.changes, [&](const PartitionChange& c) { return c.key == small; });
  partition.changes.push_back({small, value});
  return absl::OkStatus();
}

void LeaveOneDefault(Context& context, const std::string& name) {
  for (PartitionEntry& entry : context.state.partitions) {
    Partition& other = entry.facts;
    if (other.name == name || !std::exchange(other.is_default, false)) continue;
    std::erase_if(other.changes, [](const PartitionChange& c) { return c.key == "default"; });
    context.Changed(other);
  }
}

void RestoreNodeChanges(Context& context, Node& node, const StoredNode& stored) {
  node.comment = stored.comment;
  if (!stored.weight.has_value() && !stored.features.has_value()) return;
  if (stored.configured != node.configured) {
    context.Log(LogLevel::kInfo,
                StrCat("node ", node.name, ": its line in the configuration is a new one, what ",
                       "scontrol had set is forgotten"));
    return context.Changed(node);
  }
  if (stored.weight.has_value()) SetWeight(node, *stored.weight);
  if (!stored.features.has_value()) return;
  node.features = *stored.features;
  node.set_features = stored.features;
}

void RestorePartitionChanges(Context& context, const std::vector<StoredPartition>& stored) {
  for (const StoredPartition& from : stored) {
    PartitionEntry* entry = context.state.FindPartition(from.name);
    if (entry == nullptr || entry->facts.configured != from.configured) {
      context.Log(
          LogLevel::kInfo,
          StrCat("partition ", from.name, ": its line in the configuration is ",
                 entry == nullptr ? "gone" : "a new one", ", what scontrol had set is forgotten"));
      context.effects.partitions_to_store.push_back(from.name);
      continue;
    }
    const bool was_default = entry->facts.is_default;
    for (const PartitionChange& change : from.changes) {
      absl::Status status = ChangePartition(entry->facts, change.key, change.value);
      if (status.ok()) continue;
      context.Log(LogLevel::kError, StrCat("partition ", from.name, ": ", change.key, "=",
                                           change.value, ": ", WordsOf(status)));
    }
    if (entry->facts.is_default && !was_default) LeaveOneDefault(context, from.name);
    context.effects.partitions_changed.push_back(from.name);
  }
}

}  // namespace reeve::ctld
