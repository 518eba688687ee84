#include "cli/sacct_values.h"

#include <sys/wait.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "absl/strings/str_format.h"
#include "cli/gres_view.h"
#include "common/base/array_spec.h"
#include "common/base/hostlist.h"
#include "common/base/ids.h"
#include "common/base/job_state.h"
#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve::cli {
namespace {

namespace pb = reeve::v1;

constexpr std::string_view kUnits = "BKMGTP";

std::string WithUnit(std::string number, size_t unit) {
  if (unit > 0) number += kUnits[unit];
  return number;
}

template <class Shares>
Allocation SumOf(const Shares& shares) {
  Allocation sum;
  std::vector<std::string> names;
  for (const pb::NodeShare& share : shares) {
    sum.cpus += share.cpus();
    sum.mem_mb += share.mem_mb();
    names.push_back(share.node());
  }
  sum.nodes = static_cast<uint32_t>(names.size());
  sum.node_list = CompressHostlist(names);
  return sum;
}

// What a job that does not say is taken to want: the memory of its partition's smallest node.
std::optional<uint64_t> NodeMemoryMb(const pb::Job& job, const Config& config) {
  const PartitionConfig* partition = config.FindPartition(job.partition());
  if (partition == nullptr) return std::nullopt;
  std::optional<uint64_t> smallest;
  for (const std::string& name : partition->nodes) {
    const NodeConfig* node = config.FindNode(name);
    if (node == nullptr) continue;
    smallest = std::min(smallest.value_or(node->real_memory_mb), node->real_memory_mb);
  }
  return smallest;
}

}  // namespace

std::string FormatSize(uint64_t value, char base, const UnitOptions& options) {
  if (value == 0) return "0";
  size_t unit = kUnits.find(base);
  if (options.unit) {
    const size_t wanted = kUnits.find(*options.unit);
    double scaled = static_cast<double>(value);
    for (; unit < wanted; ++unit) scaled /= 1024;
    for (; unit > wanted; --unit) scaled *= 1024;
    const bool whole = scaled == std::trunc(scaled);
    return WithUnit(absl::StrFormat("%.*f", whole ? 0 : 2, scaled), wanted);
  }
  while (options.convert && value % 1024 == 0 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return WithUnit(StrCat(value), unit);
}

bool KilledBySignal(int32_t status) {
  return WIFSIGNALED(status);
}

std::string FormatSeconds(int64_t seconds) {
  return FormatDuration(absl::Seconds(seconds));
}

std::string FormatCpuTime(int64_t microseconds) {
  const int64_t seconds = microseconds / 1000000;
  const int64_t milliseconds = microseconds % 1000000 / 1000;
  if (milliseconds == 0 || seconds >= 3600) return FormatSeconds(seconds);
  return absl::StrFormat("%02d:%02d.%03d", seconds / 60, seconds % 60, milliseconds);
}

bool RunIsOver(const pb::Job& job) {
  return IsFinished(static_cast<JobState>(job.state())) || job.end_time() != 0;
}

bool HasStarted(const pb::Job& job) {
  // A job that ended while it waited may carry a time of start, but was given nothing.
  return job.start_time() != 0 && job.state() != pb::JOB_STATE_PENDING && job.shares_size() > 0;
}

bool WasRequeued(const pb::Job& job) {
  if ((job.flags() & pb::JOB_FLAG_REQUEUED) == 0 || job.end_time() == 0) return false;
  // Of other endings (a lost node, preemption) the state itself says more.
  const auto state = static_cast<JobState>(job.state());
  return !IsFinished(state) || state == JobState::kCancelled;
}

std::string JobStateText(const pb::Job& job) {
  if (WasRequeued(job)) return "REQUEUED";
  std::string text(LongName(static_cast<JobState>(job.state())));
  if (job.state() == pb::JOB_STATE_CANCELLED && job.has_kill_uid()) {
    StrAppend(&text, " by ", job.kill_uid());
  }
  return text;
}

std::string StepStateText(const pb::Step& step) {
  // Whoever sent the signal, a step that died of one has been cancelled.
  if (step.state() == pb::JOB_STATE_FAILED && KilledBySignal(step.exit_status())) {
    return "CANCELLED";
  }
  std::string text(LongName(static_cast<JobState>(step.state())));
  if (step.state() == pb::JOB_STATE_CANCELLED && step.has_kill_uid()) {
    StrAppend(&text, " by ", step.kill_uid());
  }
  return text;
}

std::string JobIdText(const pb::Job& job, size_t max_tasks_length) {
  if (job.het_job_id() != 0) return StrCat(job.het_job_id(), "+", job.het_job_offset());
  if (job.array_job_id() == 0) return StrCat(job.job_id());
  if (job.has_array_task_id()) return StrCat(job.array_job_id(), "_", job.array_task_id());
  const absl::StatusOr<IdRanges> tasks = IdRanges::Parse(job.array_tasks());
  if (!tasks.ok() || tasks->empty()) return StrCat(job.job_id());
  return StrCat(job.array_job_id(), "_[",
                FormatArrayTasks(*tasks, job.array_limit(), max_tasks_length), "]");
}

uint32_t RequestedNodes(const pb::Job& job) {
  if (job.spec().has_min_nodes()) return std::max(1u, job.spec().min_nodes());
  if (!HasStarted(job) && job.num_nodes() > 0) return job.num_nodes();
  return 1;
}

uint32_t RequestedCpus(const pb::Job& job) {
  if (!HasStarted(job) && job.num_cpus() > 0) return job.num_cpus();
  const pb::JobSpec& spec = job.spec();
  const uint32_t nodes = RequestedNodes(job);
  uint32_t tasks = nodes;
  if (spec.has_num_tasks()) {
    tasks = std::max(spec.num_tasks(), nodes);
  } else if (spec.has_ntasks_per_node()) {
    tasks = nodes * std::max(1u, spec.ntasks_per_node());
  }
  return tasks * std::max(1u, spec.cpus_per_task());
}

std::optional<uint64_t> RequestedMemoryMb(const pb::Job& job, const Config& config) {
  const pb::JobSpec& spec = job.spec();
  const uint64_t nodes = RequestedNodes(job);
  const uint64_t cpus = RequestedCpus(job);
  if (spec.has_mem_per_gpu_mb()) return spec.mem_per_gpu_mb() * RequestedGpus(job);
  if (spec.has_mem_per_cpu_mb()) return spec.mem_per_cpu_mb() * cpus;
  if (spec.mem_per_node_mb() != 0) return spec.mem_per_node_mb() * nodes;
  if (!spec.has_mem_per_node_mb()) {
    if (const PartitionConfig* partition = config.FindPartition(job.partition())) {
      if (partition->def_mem_per_cpu_mb) return *partition->def_mem_per_cpu_mb * cpus;
      if (partition->def_mem_per_node_mb) return *partition->def_mem_per_node_mb * nodes;
    }
    if (config.def_mem_per_cpu_mb) return *config.def_mem_per_cpu_mb * cpus;
    if (config.def_mem_per_node_mb) return *config.def_mem_per_node_mb * nodes;
  }
  const std::optional<uint64_t> whole_node = NodeMemoryMb(job, config);
  if (!whole_node) return std::nullopt;
  return *whole_node * nodes;
}

Allocation AllocationOf(const pb::Job& job) {
  return HasStarted(job) ? SumOf(job.shares()) : Allocation();
}
Allocation AllocationOf(const pb::Step& step) {
  return SumOf(step.shares());
}

std::string RequestedTres(const pb::Job& job, const Config& config, const UnitOptions& units) {
  const uint32_t cpus = RequestedCpus(job);
  std::string text = StrCat("billing=", cpus, ",cpu=", cpus, RequestedGresTres(job));
  if (const auto memory = RequestedMemoryMb(job, config)) {
    StrAppend(&text, ",mem=", FormatSize(*memory, 'M', units));
  }
  StrAppend(&text, ",node=", RequestedNodes(job));
  return text;
}

std::string AllocatedTres(const pb::Job& job, const UnitOptions& units) {
  const Allocation given = AllocationOf(job);
  if (given.cpus == 0) return "";
  std::string text =
      StrCat("billing=", given.cpus, ",cpu=", given.cpus, AllocatedGresTres(job.shares()));
  if (given.mem_mb > 0) StrAppend(&text, ",mem=", FormatSize(given.mem_mb, 'M', units));
  StrAppend(&text, ",node=", given.nodes);
  return text;
}

std::string AllocatedTres(const pb::Step& step, const UnitOptions& units) {
  const Allocation given = AllocationOf(step);
  if (given.cpus == 0) return "";
  return StrCat("cpu=", given.cpus, AllocatedGresTres(step.shares()),
                ",mem=", FormatSize(given.mem_mb, 'M', units), ",node=", given.nodes);
}

}  // namespace reeve::cli
