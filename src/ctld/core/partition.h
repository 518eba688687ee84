// A partition: a named set of nodes with limits on what may run there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "common/base/config.h"
#include "ctld/core/sharing.h"

namespace reeve::ctld {

using reeve::PartitionState;
std::string_view PartitionStateName(PartitionState state);  // "UP"

struct PartitionChange {
  std::string key;  // as scontrol names it, in small letters
  std::string value;
};

struct Partition {
  std::string name;
  std::string nodes_text;          // hostlist as it prints
  std::vector<std::string> nodes;  // expanded, in configuration order
  bool is_default = false;
  absl::Duration max_time = absl::InfiniteDuration();
  std::optional<absl::Duration> default_time;
  PartitionState state = PartitionState::kUp;
  uint32_t priority_tier = 1;
  uint32_t priority_job_factor = 1;
  std::vector<std::string> allow_groups;    // empty: all
  std::vector<std::string> allow_accounts;  // empty: all
  std::vector<std::string> deny_accounts;
  std::vector<std::string> allow_qos;
  std::string oversubscribe = "NO";
  bool exclusive = false;       // OverSubscribe=EXCLUSIVE
  Sharing sharing;              // YES and FORCE: of its jobs that share; its group is the State's
  bool sharing_forced = false;  // FORCE: whether they ask for it or not
  bool exclusive_user = false;  // ExclusiveUser: jobs share nodes with those of the same user
  bool least_loaded = false;    // LLN
  std::optional<uint32_t> max_nodes;
  uint32_t min_nodes = 0;
  std::optional<uint64_t> def_mem_per_cpu_mb;
  std::optional<uint64_t> def_mem_per_node_mb;
  std::optional<uint64_t> max_mem_per_cpu_mb;
  std::optional<uint64_t> max_mem_per_node_mb;
  bool hidden = false;
  bool root_only = false;
  bool disable_root_jobs = false;
  PreemptMode preempt_mode = PreemptMode::kOff;  // of its jobs, when higher tiers need their room
  absl::Duration grace_time = absl::ZeroDuration();  // that they are given then
  uint32_t total_cpus = 0;
  uint64_t total_mem_mb = 0;
  // What scontrol has set over its line in the configuration; see runtime_changes.h.
  std::string configured;
  std::vector<PartitionChange> changes;
};

}  // namespace reeve::ctld
