#include <algorithm>
#include <functional>

#include "absl/strings/ascii.h"
#include "common/base/config_records.h"
#include "common/base/config_values.h"
#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve {
namespace {

bool IsUnlimited(std::string_view value) {
  return EqualsIgnoreCase(value, "UNLIMITED") || EqualsIgnoreCase(value, "INFINITE") ||
         value == "-1";
}

template <bool PartitionConfig::*member>
absl::Status SetBool(PartitionDraft& draft, std::string_view value) {
  absl::StatusOr<bool> parsed = ParseYesNo(value);
  if (parsed.ok()) draft.partition.*member = *parsed;
  return parsed.status();
}

// A comma list in which ALL is no restriction.
template <std::vector<std::string> PartitionConfig::*member>
absl::Status SetNames(PartitionDraft& draft, std::string_view value) {
  draft.partition.*member =
      EqualsIgnoreCase(value, "ALL") ? std::vector<std::string>() : ParseNames(value);
  return absl::OkStatus();
}

template <std::optional<uint64_t> PartitionConfig::*member>
absl::Status SetMemory(PartitionDraft& draft, std::string_view value) {
  absl::StatusOr<std::optional<uint64_t>> mb = ParseMbOrUnlimited(value);
  if (mb.ok()) draft.partition.*member = *mb;
  return mb.status();
}

template <uint32_t PartitionConfig::*member>
absl::Status SetFactor(PartitionDraft& draft, std::string_view value) {
  absl::StatusOr<uint64_t> number = ParseUint(value, "number", 65533);
  if (number.ok()) draft.partition.*member = static_cast<uint32_t>(*number);
  return number.status();
}

absl::Status SetName(PartitionDraft& draft, std::string_view value) {
  const bool good = !value.empty() && value.size() <= 253 &&
                    std::all_of(value.begin(), value.end(), absl::ascii_isgraph) &&
                    value.find_first_of(",*\"'\\/") == value.npos;
  if (!good) return Refused(value, "is no name for a partition");
  draft.partition.name = std::string(value);
  return absl::OkStatus();
}

absl::Status SetNodes(PartitionDraft& draft, std::string_view value) {
  draft.nodes = std::string(value);
  return absl::OkStatus();
}

absl::Status SetMaxNodes(PartitionDraft& draft, std::string_view value) {
  if (IsUnlimited(value)) {
    draft.partition.max_nodes.reset();
    return absl::OkStatus();
  }
  absl::StatusOr<uint64_t> count = ParseUint(value, "number of nodes", kMaxHosts);
  if (count.ok()) draft.partition.max_nodes = static_cast<uint32_t>(*count);
  return count.status();
}

absl::Status SetMaxTime(PartitionDraft& draft, std::string_view value) {
  absl::StatusOr<absl::Duration> time = ParseTimeLimit(value);
  if (!time.ok()) return time.status();
  draft.partition.max_time.reset();
  if (*time != absl::InfiniteDuration()) draft.partition.max_time = *time;
  return absl::OkStatus();
}

absl::Status SetDefaultTime(PartitionDraft& draft, std::string_view value) {
  draft.partition.default_time.reset();
  if (EqualsIgnoreCase(value, "NONE")) return absl::OkStatus();
  absl::StatusOr<absl::Duration> time = ParseTimeLimit(value);
  if (time.ok()) draft.partition.default_time = *time;
  return time.status();
}

absl::Status SetState(PartitionDraft& draft, std::string_view value) {
  struct Word {
    std::string_view name;
    PartitionState state;
  };
  static constexpr Word kWords[] = {{"UP", PartitionState::kUp},
                                    {"DOWN", PartitionState::kDown},
                                    {"DRAIN", PartitionState::kDrain},
                                    {"INACTIVE", PartitionState::kInactive}};
  for (const Word& word : kWords) {
    if (EqualsIgnoreCase(value, word.name)) {
      draft.partition.state = word.state;
      return absl::OkStatus();
    }
  }
  return Refused(value, "is none of UP, DOWN, DRAIN, INACTIVE");
}

absl::Status SetGraceTime(PartitionDraft& draft, std::string_view value) {
  absl::StatusOr<absl::Duration> time = ParseGraceTime(value);
  if (time.ok()) draft.partition.grace_time = *time;
  return time.status();
}

absl::Status SetPreemptMode(PartitionDraft& draft, std::string_view value) {
  absl::StatusOr<PreemptMode> mode = ParsePreemptMode(value);
  if (mode.ok()) draft.partition.preempt_mode = *mode;
  return mode.status();
}

absl::Status SetOverSubscribe(PartitionDraft& draft, std::string_view value) {
  absl::StatusOr<OverSubscribeRule> rule = ParseOverSubscribe(value);
  if (rule.ok()) draft.partition.oversubscribe = *rule;
  return rule.status();
}

struct PartitionBinding {
  std::string_view key;
  absl::Status (*set)(PartitionDraft&, std::string_view);
};
using P = PartitionConfig;
constexpr PartitionBinding kPartitionBindings[] = {
    {"PartitionName", SetName},
    {"AllowAccounts", SetNames<&P::allow_accounts>},
    {"AllowGroups", SetNames<&P::allow_groups>},
    {"AllowQos", SetNames<&P::allow_qos>},
    {"Default", SetBool<&P::is_default>},
    {"DefaultTime", SetDefaultTime},
    {"DefMemPerCPU", SetMemory<&P::def_mem_per_cpu_mb>},
    {"DefMemPerNode", SetMemory<&P::def_mem_per_node_mb>},
    {"DenyAccounts", SetNames<&P::deny_accounts>},
    {"DisableRootJobs", SetBool<&P::disable_root_jobs>},
    {"ExclusiveUser", SetBool<&P::exclusive_user>},
    {"GraceTime", SetGraceTime},
    {"Hidden", SetBool<&P::hidden>},
    {"LLN", SetBool<&P::lln>},
    {"MaxMemPerCPU", SetMemory<&P::max_mem_per_cpu_mb>},
    {"MaxMemPerNode", SetMemory<&P::max_mem_per_node_mb>},
    {"MaxNodes", SetMaxNodes},
    {"MaxTime", SetMaxTime},
    {"MinNodes", SetFactor<&P::min_nodes>},
    {"Nodes", SetNodes},
    {"OverSubscribe", SetOverSubscribe},
    {"PreemptMode", SetPreemptMode},
    {"PriorityJobFactor", SetFactor<&P::priority_job_factor>},
    {"PriorityTier", SetFactor<&P::priority_tier>},
    {"RootOnly", SetBool<&P::root_only>},
    {"Shared", SetOverSubscribe},
    {"State", SetState},
};

// The nodes that a partition lists, each once; names that no node has are problems.
std::vector<std::string> KnownNodes(const PartitionDraft& draft,
                                    const std::unordered_set<std::string_view>& known,
                                    ConfigProblems& problems) {
  const PartitionConfig& partition = draft.partition;
  absl::StatusOr<std::vector<std::string>> list = ExpandHostlist(draft.nodes);
  if (!list.ok()) {
    problems.Add(partition.source, Message(list.status()));
    return {};
  }
  std::vector<std::string> names;
  std::unordered_set<std::string_view> taken;
  for (const std::string& name : *list) {
    if (!known.contains(name)) {
      problems.Add(partition.source,
                   StrCat("partition ", partition.name, ": there is no node ", name));
    } else if (taken.insert(name).second) {
      names.push_back(name);
    }
  }
  return names;
}

}  // namespace

void PartitionLines::Add(std::span<const ConfigPair> pairs, const SourceLine& source,
                         ConfigProblems& problems) {
  PartitionDraft draft = defaults_;
  const bool good = ApplyPairs(pairs, PartitionKeys(), source, problems,
                               [&](std::string_view key, std::string_view value) {
                                 for (const PartitionBinding& binding : kPartitionBindings) {
                                   if (binding.key == key) return binding.set(draft, value);
                                 }
                                 return absl::InternalError("no setter");
                               });
  draft.partition.source = source;
  if (draft.partition.name == "DEFAULT") {
    defaults_ = std::move(draft);
    defaults_.partition.name.clear();
    return;
  }
  if (!good) return;
  const PartitionConfig& partition = draft.partition;
  if (partition.def_mem_per_cpu_mb.has_value() && partition.def_mem_per_node_mb.has_value()) {
    return problems.Add(source, "DefMemPerCPU and DefMemPerNode exclude each other");
  }
  if (partition.max_mem_per_cpu_mb.has_value() && partition.max_mem_per_node_mb.has_value()) {
    return problems.Add(source, "MaxMemPerCPU and MaxMemPerNode exclude each other");
  }
  if (!seen_.insert(partition.name).second) {
    return problems.Add(source, StrCat("partition ", partition.name, " is defined twice"));
  }
  if (partitions_.size() >= kMaxPartitions) {
    return problems.Add(source, StrCat("more than ", kMaxPartitions, " partitions"));
  }
  partitions_.push_back(std::move(draft));
}

std::vector<PartitionConfig> PartitionLines::Resolve(const std::vector<NodeConfig>& nodes,
                                                     ConfigProblems& problems) {
  std::unordered_set<std::string_view> known;
  for (const NodeConfig& node : nodes) known.insert(node.name);
  std::vector<PartitionConfig> resolved;
  const PartitionConfig* default_partition = nullptr;
  size_t memberships = 0;
  for (PartitionDraft& draft : partitions_) {
    PartitionConfig& partition = draft.partition;
    if (partition.is_default && default_partition != nullptr) {
      problems.Add(partition.source, StrCat("partition ", partition.name,
                                            ": Default=YES, and so has ", default_partition->name));
    } else if (partition.is_default) {
      default_partition = &partition;
    }
    partition.all_nodes = EqualsIgnoreCase(draft.nodes, "ALL");
    if (partition.all_nodes) {
      for (const NodeConfig& node : nodes) partition.nodes.push_back(node.name);
    } else {
      partition.nodes = KnownNodes(draft, known, problems);
    }
    memberships += partition.nodes.size();
    if (memberships > kMaxMemberships) {
      problems.Add(partition.source, "the partitions together have too many nodes");
      break;
    }
    resolved.push_back(partition);
  }
  return resolved;
}

}  // namespace reeve
