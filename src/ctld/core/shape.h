// What placement depends on, resolved from a spec: tasks, CPUs, memory, nodes in and out, features,
// time. Jobs with equal shapes are interchangeable and share one object, hence one verdict a pass.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/array_spec.h"
#include "common/base/licenses.h"
#include "ctld/core/cpu_layout.h"
#include "ctld/core/features.h"
#include "ctld/core/job.h"

namespace reeve::ctld {

struct Shape {
  uint32_t min_nodes = 1;
  uint32_t max_nodes = UINT32_MAX;
  IdRanges node_counts;       // numbers of nodes that it may have; empty: any within those bounds
  bool fewest_nodes = false;  // and it gets the least that will do, else the most
  uint32_t num_tasks = 1;
  bool tasks_given = false;  // else ntasks_per_node (or one) a node
  uint32_t cpus_per_task = 1;
  uint32_t ntasks_per_node = 0;  // 0: no limit
  uint32_t min_cpus_per_node = 0;
  std::optional<uint64_t> mem_per_node_mb;  // as asked; defaults are the partition's
  std::optional<uint64_t> mem_per_cpu_mb;
  uint32_t tmp_disk_mb = 0;
  bool exclusive = false;
  bool exclusive_user = false;
  bool contiguous = false;
  bool overcommit = false;
  bool oversubscribe = false;
  absl::Duration time_limit = absl::InfiniteDuration();
  absl::Duration time_min;  // the least that the limit may be lowered to; 0: not at all
  std::vector<std::string> req_nodes;
  absl::flat_hash_set<std::string> exc_nodes;
  FeatureExpr features;
  bool has_features = false;
  uint32_t max_switches = 0;         // leaf switches that its nodes may be on; 0: any number
  std::string reservation;           // runs in that one only
  std::vector<std::string> magnets;  // or else reservations that it is tried in too: magnetism.h
  GresRequest gres;
  CpuLayout layout;
  std::vector<License> licenses;  // by name; of the cluster, not of its nodes

  // It may have one of several numbers of nodes that it has named.
  bool IsElastic() const { return max_nodes < UINT32_MAX && max_nodes > min_nodes; }
  // The largest number of nodes that it may have up to that.
  std::optional<uint32_t> LargestCount(uint64_t most) const;
  // Tasks on so many nodes.
  uint32_t TasksOn(uint32_t nodes) const;
  // At least this many CPUs in all, as squeue shows them for a pending job.
  uint32_t TotalCpus() const;
  // A plan needs an end: unlimited counts as a year.
  absl::Duration PlanningTime() const;
  // The shortest time limit with which it may start, and the same for a plan.
  absl::Duration LeastLimit() const;
  absl::Duration LeastTime() const;
};

// Errors carry Slurm's words (bad node list, feature grammar, node counts).
absl::StatusOr<Shape> MakeShape(const JobSpec& spec, absl::Duration time_limit);

// Gives equal shapes one object.
class ShapeTable {
 public:
  std::shared_ptr<const Shape> Intern(Shape shape);

 private:
  absl::flat_hash_map<std::string, std::weak_ptr<const Shape>> shapes_;
  size_t sweep_at_ = 1024;
};

}  // namespace reeve::ctld
