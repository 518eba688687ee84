#include "ctld/core/priority_factors.h"

#include <algorithm>
#include <cmath>

namespace reeve::ctld {
namespace {

// 2026-01-01: what a score counts from. Any moment does, near ones keep the numbers small.
constexpr int64_t kReference = 1'767'225'600;

double Share(double part, double whole) {
  return whole <= 0 ? 0 : std::clamp(part / whole, 0.0, 1.0);
}

// Since when the job has grown older; 0: it does not.
int64_t AgesFrom(const PriorityConfig& config, const PriorityAsk& ask) {
  return config.accrue_always ? ask.submit_time : ask.accrue_time;
}

double MaxAge(const PriorityConfig& config) {
  return absl::ToDoubleSeconds(config.max_age);
}

double JobSize(const PriorityBook& book, const PriorityAsk& ask,
               const PriorityBook::Partition& partition) {
  if (book.nodes == 0 || book.cpus == 0) return 0;
  const auto cluster_cpus = static_cast<double>(book.cpus);
  if (book.config.small_relative_to_time) {
    const double of_nodes = ask.nodes * cluster_cpus / book.nodes;
    const absl::Duration limit = std::min(ask.time_limit, partition.max_time);
    const double minutes =
        limit == absl::InfiniteDuration() ? 365 * 24 * 60 : absl::ToDoubleMinutes(limit);
    const double size =
        Share(std::max<double>(ask.cpus, of_nodes) / std::max(minutes, 1.0), cluster_cpus);
    return book.config.favor_small ? 1 - size : size;
  }
  const double size = (Share(ask.nodes, book.nodes) + Share(ask.cpus, cluster_cpus)) / 2;
  return book.config.favor_small ? 1 - size : size;
}

double MemoryOf(const PriorityAsk& ask, const PriorityBook::Partition& partition) {
  std::optional<uint64_t> per_node = ask.mem_per_node_mb;
  std::optional<uint64_t> per_cpu = ask.mem_per_cpu_mb;
  if (!per_node.has_value() && !per_cpu.has_value()) {
    per_node = partition.def_mem_per_node_mb;
    per_cpu = partition.def_mem_per_cpu_mb;
  }
  if (per_cpu.has_value() && !per_node.has_value()) {
    return static_cast<double>(*per_cpu) * ask.cpus;
  }
  if (per_node.value_or(0) > 0) return static_cast<double>(*per_node) * ask.nodes;
  return partition.nodes == 0 ? 0
                              : static_cast<double>(partition.mem_mb) / partition.nodes * ask.nodes;
}

// What does not change with time alone.
PriorityFactors StillFactors(const PriorityBook& book, const PriorityAsk& ask,
                             const PriorityBook::Partition& partition) {
  const PriorityConfig& config = book.config;
  PriorityFactors factors;
  factors.nice = ask.nice;
  if (config.weight_fair_share > 0) factors.fair_share = book.FairShareOf(ask.uid);
  if (config.weight_job_size > 0) factors.job_size = JobSize(book, ask, partition);
  if (config.weight_partition > 0) {
    factors.partition = config.no_normal_partition
                            ? partition.job_factor
                            : Share(partition.job_factor, book.highest_job_factor);
  }
  if (config.weight_cpu != 0) {
    factors.tres_cpu =
        config.no_normal_tres ? ask.cpus : Share(ask.cpus, static_cast<double>(partition.cpus));
  }
  if (config.weight_mem != 0) {
    const double mem = MemoryOf(ask, partition);
    factors.tres_mem =
        config.no_normal_tres ? mem : Share(mem, static_cast<double>(partition.mem_mb));
  }
  return factors;
}

}  // namespace

double PriorityBook::FairShareOf(uint32_t uid) const {
  const auto found = fair_share.find(uid);
  return found == fair_share.end() ? 1 : found->second;
}

const PriorityBook::Partition* PriorityBook::Find(std::string_view name) const {
  for (const Partition& partition : partitions) {
    if (partition.name == name) return &partition;
  }
  return nullptr;
}

double PriorityFactors::Sum(const PriorityConfig& config) const {
  return site + config.weight_age * age + config.weight_assoc * assoc +
         config.weight_fair_share * fair_share + config.weight_job_size * job_size +
         config.weight_partition * partition + config.weight_qos * qos +
         config.weight_cpu * tres_cpu + config.weight_mem * tres_mem - nice;
}

PriorityFactors FactorsOf(const PriorityBook& book, const PriorityAsk& ask,
                          const PriorityBook::Partition& partition, absl::Time now) {
  PriorityFactors factors = StillFactors(book, ask, partition);
  const int64_t from = AgesFrom(book.config, ask);
  if (from > 0 && book.config.weight_age > 0) {
    factors.age =
        Share(absl::ToDoubleSeconds(now - absl::FromUnixSeconds(from)), MaxAge(book.config));
  }
  return factors;
}

uint32_t ShownPriority(double sum) {
  return static_cast<uint32_t>(std::clamp<double>(std::floor(sum), 1, UINT32_MAX - 1));
}

double ScoreOf(const PriorityBook& book, const PriorityAsk& ask,
               const PriorityBook::Partition& partition, absl::Time now) {
  const PriorityConfig& config = book.config;
  const double a_second = config.weight_age / MaxAge(config);  // what waiting gives
  if (!ask.fixed.has_value() && SinksFrom(book, ask) > now) {
    // Not by way of `now`: the score is to be the same to the last bit whenever it is worked out.
    const double still = StillFactors(book, ask, partition).Sum(config);
    return still - a_second * static_cast<double>(AgesFrom(config, ask) - kReference);
  }
  const double priority =
      ask.fixed.has_value() ? *ask.fixed : FactorsOf(book, ask, partition, now).Sum(config);
  const absl::Duration since = now - absl::FromUnixSeconds(kReference);
  return priority - a_second * absl::ToDoubleSeconds(since);
}

absl::Time SinksFrom(const PriorityBook& book, const PriorityAsk& ask) {
  if (book.config.weight_age == 0) return absl::InfiniteFuture();
  const int64_t from = AgesFrom(book.config, ask);
  if (ask.fixed.has_value() || from == 0) return absl::InfinitePast();
  return absl::FromUnixSeconds(from) + book.config.max_age;
}

}  // namespace reeve::ctld
