// ConfigDiff: what a changed file means to a running cluster.
#include <algorithm>
#include <functional>
#include <unordered_map>

#include "common/base/config.h"
#include "common/base/config_values.h"
#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve {
namespace {

// Keys that name what a daemon has opened, bound or identified itself with. The rest is read anew.
constexpr std::string_view kNeedRestart[] = {
    "AccountingStorageHost",
    "AccountingStoragePort",
    "AccountingStorageType",
    "AuthInfo",
    "ClusterName",
    "Epilog",
    "FirstJobId",
    "HealthCheckProgram",
    "Prolog",
    "PrologEpilogTimeout",
    "ReeveSocketDir",
    "SchedulerParameters",
    "SlurmUser",
    "SlurmctldHost",
    "SlurmctldLogFile",
    "SlurmctldPidFile",
    "SlurmctldPort",
    "SlurmdLogFile",
    "SlurmdPidFile",
    "SlurmdPort",
    "SlurmdSpoolDir",
    "SlurmdUser",
    "StateSaveLocation",
    "TLSParameters",
    "TLSType",
    "TaskEpilog",
    "TaskProlog",
    "TmpFS",
};

bool NeedsRestart(std::string_view key) {
  return std::find(std::begin(kNeedRestart), std::end(kNeedRestart), key) != std::end(kNeedRestart);
}

using Entries = std::vector<std::pair<std::string, std::string>>;

// Typed values by key; the entries of a Config{} made in a test may be empty, these never are.
Entries Values(const Config& config) {
  Entries values;
  for (const ValueBinding& binding : ConfigValues()) {
    values.emplace_back(binding.key, binding.show(config));
  }
  std::vector<std::string> controllers;
  for (const ControllerHost& controller : config.controllers) {
    controllers.push_back(StrCat(controller.host, "(", controller.addr, ")"));
  }
  values.emplace_back("SlurmctldHost", Join(controllers, ","));
  return values;
}

std::string OrNone(std::string_view text) {
  return text.empty() ? "(none)" : std::string(text);
}

std::string Change(std::string_view before, std::string_view after) {
  return StrCat(OrNone(before), " -> ", OrNone(after));
}

std::string DevicesText(const std::vector<GresDevices>& devices) {
  std::string text;
  for (const GresDevices& each : devices) {
    StrAppend(&text, text.empty() ? "" : " ", each.name, ":", Join(each.files, ","));
    for (const std::vector<uint32_t>& cores : each.cores) StrAppend(&text, ":", Join(cores, ","));
  }
  return text;
}

Entries NodeFields(const NodeConfig& node) {
  return {
      {"NodeHostname", node.hostname},
      {"NodeAddr", node.address},
      {"Port", StrCat(node.port)},
      {"CPUs", StrCat(node.cpus)},
      {"Boards", StrCat(node.boards)},
      {"Sockets", StrCat(node.sockets)},
      {"CoresPerSocket", StrCat(node.cores_per_socket)},
      {"ThreadsPerCore", StrCat(node.threads_per_core)},
      {"RealMemory", StrCat(node.real_memory_mb)},
      {"TmpDisk", StrCat(node.tmp_disk_mb)},
      {"Weight", StrCat(node.weight)},
      {"Features", Join(node.features, ",")},
      {"Gres", node.gres},
      {"gres.conf", DevicesText(node.gres_devices)},
      {"State", StrCat(static_cast<int>(node.state))},
      {"Reason", node.reason},
  };
}

std::string Megabytes(const std::optional<uint64_t>& mb) {
  return mb ? StrCat(*mb) : "";
}

std::string Limit(const std::optional<absl::Duration>& time, std::string_view absent) {
  return time ? FormatDuration(*time) : std::string(absent);
}

Entries PartitionFields(const PartitionConfig& partition) {
  return {
      {"Nodes", partition.all_nodes ? "ALL" : Join(partition.nodes, ",")},
      {"Default", partition.is_default ? "YES" : "NO"},
      {"MaxTime", Limit(partition.max_time, "UNLIMITED")},
      {"DefaultTime", Limit(partition.default_time, "NONE")},
      {"State", StrCat(static_cast<int>(partition.state))},
      {"PriorityTier", StrCat(partition.priority_tier)},
      {"PriorityJobFactor", StrCat(partition.priority_job_factor)},
      {"AllowGroups", Join(partition.allow_groups, ",")},
      {"AllowAccounts", Join(partition.allow_accounts, ",")},
      {"DenyAccounts", Join(partition.deny_accounts, ",")},
      {"AllowQos", Join(partition.allow_qos, ",")},
      {"OverSubscribe", OverSubscribeText(partition.oversubscribe)},
      {"MaxNodes", partition.max_nodes ? StrCat(*partition.max_nodes) : "UNLIMITED"},
      {"MinNodes", StrCat(partition.min_nodes)},
      {"DefMemPerCPU", Megabytes(partition.def_mem_per_cpu_mb)},
      {"DefMemPerNode", Megabytes(partition.def_mem_per_node_mb)},
      {"MaxMemPerCPU", Megabytes(partition.max_mem_per_cpu_mb)},
      {"MaxMemPerNode", Megabytes(partition.max_mem_per_node_mb)},
      {"Hidden", partition.hidden ? "YES" : "NO"},
      {"RootOnly", partition.root_only ? "YES" : "NO"},
      {"DisableRootJobs", partition.disable_root_jobs ? "YES" : "NO"},
      {"ExclusiveUser", partition.exclusive_user ? "YES" : "NO"},
      {"LLN", partition.lln ? "YES" : "NO"},
      {"PreemptMode",
       partition.preempt_mode ? std::string(PreemptModeName(*partition.preempt_mode)) : ""},
      {"GraceTime", StrCat(absl::ToInt64Seconds(partition.grace_time))},
  };
}

Entries SwitchFields(const SwitchConfig& entry) {
  return {
      {"Nodes", Join(entry.nodes, ",")},
      {"Switches", Join(entry.switches, ",")},
      {"LinkSpeed", StrCat(entry.link_speed)},
  };
}

// One line for each record that was added, removed or changed.
template <class T>
void DiffRecords(std::string_view kind, const std::vector<T>& before, const std::vector<T>& after,
                 const std::function<Entries(const T&)>& fields, std::vector<std::string>& out) {
  std::unordered_map<std::string_view, const T*> old;
  for (const T& record : before) old.emplace(record.name, &record);
  for (const T& record : after) {
    const auto it = old.find(record.name);
    if (it == old.end()) {
      out.push_back(StrCat(kind, " ", record.name, ": added"));
      continue;
    }
    const Entries was = fields(*it->second), is = fields(record);
    old.erase(it);
    std::vector<std::string> changes;
    for (size_t i = 0; i < is.size(); ++i) {
      if (was[i].second == is[i].second) continue;
      // Lists and numbered words would say little or too much.
      const bool brief =
          is[i].first == "Nodes" || is[i].first == "Switches" || is[i].first == "State";
      changes.push_back(brief ? StrCat(is[i].first, " changed")
                              : StrCat(is[i].first, ": ", Change(was[i].second, is[i].second)));
    }
    if (!changes.empty()) out.push_back(StrCat(kind, " ", record.name, ": ", Join(changes, ", ")));
  }
  for (const T& record : before) {
    if (old.contains(record.name)) out.push_back(StrCat(kind, " ", record.name, ": removed"));
  }
}

}  // namespace

ConfigChanges ConfigDiff(const Config& before, const Config& after) {
  ConfigChanges changes;
  const Entries was = Values(before), is = Values(after);
  for (size_t i = 0; i < is.size(); ++i) {
    if (was[i].second == is[i].second) continue;
    auto& list = NeedsRestart(is[i].first) ? changes.after_restart : changes.at_run_time;
    list.push_back(StrCat(is[i].first, ": ", Change(was[i].second, is[i].second)));
  }
  DiffRecords<NodeConfig>("NodeName", before.nodes, after.nodes, NodeFields, changes.at_run_time);
  DiffRecords<PartitionConfig>("PartitionName", before.partitions, after.partitions,
                               PartitionFields, changes.at_run_time);
  DiffRecords<SwitchConfig>("SwitchName", before.switches, after.switches, SwitchFields,
                            changes.at_run_time);
  return changes;
}

}  // namespace reeve
