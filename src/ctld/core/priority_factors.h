// What the priority of a job is made of (PriorityType=priority/multifactor): a sum of factors, each
// between 0 and 1 and times its weight, less the job's nice value. Pure, and from plain values: the
// scheduler's order, what squeue shows and what sprio takes apart are the same sum.
//
// Associations and QOS have no priorities yet: their factors are 0, as are site factors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "common/base/config_priority.h"

namespace reeve::ctld {

// What priorities follow from, apart from the job. Immutable once it is published: queries read it
// on other threads.
struct PriorityBook {
  struct Partition {
    std::string name;
    uint32_t job_factor = 1;
    uint32_t nodes = 0;
    uint64_t cpus = 0;
    uint64_t mem_mb = 0;
    absl::Duration max_time = absl::InfiniteDuration();
    // Of a job that asks for no memory; absent: all of a node's.
    std::optional<uint64_t> def_mem_per_node_mb;
    std::optional<uint64_t> def_mem_per_cpu_mb;
  };
  PriorityConfig config;
  uint32_t nodes = 0;  // of the cluster
  uint64_t cpus = 0;
  uint32_t highest_job_factor = 0;
  std::vector<Partition> partitions;                 // by PartitionIndex
  absl::flat_hash_map<uint32_t, double> fair_share;  // by user; who is not in it has 1

  double FairShareOf(uint32_t uid) const;
  // null when there is none of that name.
  const Partition* Find(std::string_view name) const;
};

// What a pending job's priority depends on.
struct PriorityAsk {
  uint32_t uid = 0;
  uint32_t cpus = 0;
  uint32_t nodes = 0;
  std::optional<uint64_t> mem_per_node_mb;  // 0: all of a node's
  std::optional<uint64_t> mem_per_cpu_mb;
  absl::Duration time_limit = absl::InfiniteDuration();
  int64_t submit_time = 0;  // seconds since the epoch
  int64_t accrue_time = 0;  // since when it has grown older; 0: it does not yet
  int32_t nice = 0;
  std::optional<uint32_t> fixed;  // set by an operator: nothing else counts
};

struct PriorityFactors {
  double site = 0;  // points, not a factor
  double age = 0;
  double assoc = 0;
  double fair_share = 0;
  double job_size = 0;
  double partition = 0;
  double qos = 0;
  double tres_cpu = 0;
  double tres_mem = 0;
  int32_t nice = 0;

  // Times the weights; never less than 1 when it is shown, but ordered by this.
  double Sum(const PriorityConfig& config) const;
};

PriorityFactors FactorsOf(const PriorityBook& book, const PriorityAsk& ask,
                          const PriorityBook::Partition& partition, absl::Time now);

// What people see of a sum: whole, from 1 to 2^32 - 2.
uint32_t ShownPriority(double sum);

// The place in the queue. All jobs gain the same by waiting until they are PriorityMaxAge old, so
// that is left out: the score of a younger job stays as time passes, that of an older one (or of a
// fixed priority) sinks. Of two scores of one moment the greater is the higher priority.
double ScoreOf(const PriorityBook& book, const PriorityAsk& ask,
               const PriorityBook::Partition& partition, absl::Time now);
// From then on the job's score sinks; the infinite future when it never does.
absl::Time SinksFrom(const PriorityBook& book, const PriorityAsk& ask);

}  // namespace reeve::ctld
