// What the core takes from the configuration. Users and groups are resolved by the shell.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/base/config.h"
#include "common/base/lease_terms.h"
#include "ctld/core/node.h"
#include "ctld/core/partition.h"
#include "ctld/core/topology.h"

namespace reeve::ctld {

struct Settings {
  std::string cluster_name;
  absl::Duration kill_wait = absl::Seconds(30);
  absl::Duration slurmd_timeout = absl::Seconds(300);  // 0: never
  LeaseTerms lease = LeaseTerms::For(absl::Seconds(300));
  absl::Duration min_job_age = absl::Seconds(300);  // 0: finished jobs are kept
  absl::Duration over_time_limit = absl::ZeroDuration();
  absl::Duration request_memory = absl::Hours(1);  // how long answers to requests are kept
  size_t max_requests_of_user = 100000;            // kept of one user; the oldest go first
  uint32_t max_array_size = 1000001;
  uint32_t max_job_count = 1000000;
  uint32_t first_job_id = 1;
  uint32_t max_job_id = kMaxJobId;
  uint32_t max_step_count = 40000;
  uint32_t max_tasks_per_node = 512;
  int return_to_service = 0;
  SelectFlags select;
  bool backfill = true;
  PriorityConfig priority;
  PreemptConfig preempt;
  EnforcePartLimits enforce_part_limits = EnforcePartLimits::kNo;
  std::optional<uint64_t> def_mem_per_cpu_mb;
  std::optional<uint64_t> def_mem_per_node_mb;
  std::optional<uint64_t> max_mem_per_cpu_mb;
  std::optional<uint64_t> max_mem_per_node_mb;
  bool job_requeue = true;
  bool kill_on_bad_exit = false;
  bool disable_root_jobs = false;
  bool config_overrides = false;
  bool has_prolog = false;
  bool has_epilog = false;
  bool prolog_at_allocation = false;
  bool prolog_no_hold = false;
  absl::Duration health_check_interval = absl::ZeroDuration();  // 0: none
  HealthCheckStates health_check_states;
  // Jobs that get a planned start. With fewer than all, the plan is made anew in each pass; one is
  // EASY backfill: only the first job that waits is protected.
  uint32_t plan_depth = UINT32_MAX;
  // Every job that can run has a place in a plan that is kept.
  bool PlansAll() const { return backfill && plan_depth == UINT32_MAX; }
  std::vector<std::string> gres_types;
  std::vector<License> licenses;      // by name
  std::vector<GresKind> gres_kinds;   // those that nodes have: State fills them in
  std::vector<Node> nodes;            // configured facts; `drain`, `base`, `reason` for State=
  std::vector<Partition> partitions;  // in the order of the file
  // Of the nodes by their places in `nodes`; null: the network is flat.
  std::shared_ptr<const Topology> topology;
  absl::Duration max_switch_wait = absl::Seconds(300);
};

Settings MakeSettings(const Config& config);

}  // namespace reeve::ctld
