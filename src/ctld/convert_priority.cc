// Priorities as queries show them: worked out for the moment of the question.
#include <algorithm>

#include "common/base/text.h"
#include "ctld/convert.h"

namespace reeve::ctld {
namespace {

PriorityAsk AskOf(const pb::Job& job) {
  PriorityAsk ask;
  ask.uid = job.uid();
  ask.cpus = job.num_cpus();
  ask.nodes = job.num_nodes();
  const pb::JobSpec& spec = job.spec();
  if (spec.has_mem_per_node_mb()) ask.mem_per_node_mb = spec.mem_per_node_mb();
  if (spec.has_mem_per_cpu_mb()) ask.mem_per_cpu_mb = spec.mem_per_cpu_mb();
  if (job.time_limit() >= 0) ask.time_limit = absl::Seconds(job.time_limit());
  ask.submit_time = job.submit_time();
  ask.accrue_time = job.accrue_time();
  ask.nice = spec.nice();
  if (job.priority_fixed()) ask.fixed = job.priority();
  return ask;
}

}  // namespace

pb::JobPriority ToProto(const PriorityFactors& factors, std::string_view partition,
                        uint32_t priority) {
  pb::JobPriority out;
  out.set_partition(partition.data(), partition.size());
  out.set_priority(priority);
  out.set_site(factors.site);
  out.set_age(factors.age);
  out.set_assoc(factors.assoc);
  out.set_fair_share(factors.fair_share);
  out.set_job_size(factors.job_size);
  out.set_partition_factor(factors.partition);
  out.set_qos(factors.qos);
  out.set_tres_cpu(factors.tres_cpu);
  out.set_tres_mem(factors.tres_mem);
  out.set_nice(factors.nice);
  return out;
}

void ShowPriorities(const PriorityBook& book, absl::Time now, bool with_parts, pb::Job* job) {
  if (!book.config.multifactor || job->state() != pb::JOB_STATE_PENDING) return;
  const bool held = job->priority() == 0;
  if (held && !with_parts) return;
  const PriorityAsk ask = AskOf(*job);
  uint32_t highest = 1;
  for (std::string_view name : Split(job->partition(), ",")) {
    const PriorityBook::Partition* partition = book.Find(name);
    if (partition == nullptr) continue;
    PriorityFactors factors;
    uint32_t priority = job->priority();
    if (!ask.fixed.has_value() && !held) {
      factors = FactorsOf(book, ask, *partition, now);
      priority = ShownPriority(factors.Sum(book.config));
    }
    highest = std::max(highest, priority);
    if (with_parts) *job->add_priorities() = ToProto(factors, name, priority);
  }
  if (!held) job->set_priority(highest);
}

pb::StoredUsage ToProto(const StoredUsage& usage) {
  pb::StoredUsage out;
  out.set_uid(usage.uid);
  out.set_cpu_seconds(usage.cpu_seconds);
  out.set_time_usec(absl::ToUnixMicros(usage.at));
  return out;
}

StoredUsage FromProto(const pb::StoredUsage& usage) {
  return {usage.uid(), usage.cpu_seconds(), absl::FromUnixMicros(usage.time_usec())};
}

}  // namespace reeve::ctld
