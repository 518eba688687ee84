#include "replay/job_spec.h"

#include <algorithm>

namespace reeve::replay {

absl::Duration LimitOf(const TraceJob& job) {
  return job.limit.value_or(std::max(job.run, absl::Seconds(1)));
}

std::shared_ptr<const ctld::JobSpec> SpecTable::SpecOf(const TraceJob& job) {
  const bool by_partition = cluster_.has_partitions && trace_.names_partitions;
  const uint64_t memory = cluster_.has_partitions ? job.mem_per_cpu_mb.value_or(0) : 0;
  const uint32_t partition = by_partition ? job.partition : 0;
  std::shared_ptr<const ctld::JobSpec>& known =
      specs_[Key{job.cpus, job.nodes, LimitOf(job), memory, partition}];
  if (known != nullptr) return known;
  ctld::JobSpec spec;
  spec.name = "job";
  spec.num_tasks = job.cpus;
  if (job.nodes > 0) spec.min_nodes = spec.max_nodes = job.nodes;
  const absl::Duration limit = LimitOf(job);
  // To the core, as to sbatch, 0 is "no limit".
  spec.time_limit = limit == absl::InfiniteDuration() ? absl::ZeroDuration() : limit;
  if (memory > 0) spec.mem_per_cpu_mb = memory;
  if (by_partition) spec.partition = trace_.partitions[partition];
  known = std::make_shared<const ctld::JobSpec>(std::move(spec));
  return known;
}

}  // namespace reeve::replay
