// From the ways in which GPUs are asked for to the one in which they are placed.
#include <algorithm>

#include "ctld/core/errors.h"
#include "ctld/core/gres.h"
#include "ctld/core/job.h"

namespace reeve::ctld {
namespace {

// GPUs on each node, of all types.
uint32_t GpusPerNode(const GresRequest& request) {
  uint32_t count = 0;
  for (const Gres& gres : request.per_node) count += gres.name == kGpu ? gres.count : 0;
  return count;
}

absl::StatusOr<std::optional<Gres>> Gpus(const std::string& text) {
  if (text.empty()) return std::nullopt;
  absl::StatusOr<Gres> gpus = ParseGpus(text);
  if (!gpus.ok()) return Refuse(kInvalidGres, Message(gpus.status()));
  if (gpus->count == 0) return std::nullopt;
  return *std::move(gpus);
}

absl::Status ParseAll(const GresSpec& spec, GresRequest& request) {
  absl::StatusOr<std::vector<Gres>> per_node = ParseGres(spec.per_node);
  if (!per_node.ok()) return Refuse(kInvalidGres, Message(per_node.status()));
  request.per_node = *std::move(per_node);
  std::erase_if(request.per_node, [](const Gres& gres) { return gres.count == 0; });
  absl::StatusOr<std::optional<Gres>> gpus_per_node = Gpus(spec.gpus_per_node);
  if (!gpus_per_node.ok()) return gpus_per_node.status();
  if (gpus_per_node->has_value()) {
    if (GpusPerNode(request) > 0) {
      return Refuse(kInvalidGres, "--gpus-per-node and --gres both ask for GPUs");
    }
    request.per_node.push_back(**std::move(gpus_per_node));
  }
  std::stable_partition(request.per_node.begin(), request.per_node.end(),
                        [](const Gres& gres) { return !gres.type.empty(); });
  absl::StatusOr<std::optional<Gres>> per_job = Gpus(spec.gpus);
  if (!per_job.ok()) return per_job.status();
  absl::StatusOr<std::optional<Gres>> per_task = Gpus(spec.gpus_per_task);
  if (!per_task.ok()) return per_task.status();
  request.per_job = *std::move(per_job);
  request.per_task = *std::move(per_task);
  return absl::OkStatus();
}

bool SameType(const Gres& a, const Gres& b) {
  return a.type.empty() || b.type.empty() || a.type == b.type;
}

// A count that may have been given: then it must be this one.
absl::Status Agree(std::optional<uint32_t>& given, uint32_t value, std::string_view words,
                   std::string_view note) {
  if (given.has_value() && *given != value) return Refuse(words, note);
  given = value;
  return absl::OkStatus();
}

// --gpus with a count for each node or task says how many of those there are.
absl::Status SettleTotal(JobSpec& spec, GresRequest& request) {
  const Gres total = *request.per_job;
  if (const uint32_t each = GpusPerNode(request); each > 0) {
    request.per_job.reset();
    if (total.count % each != 0) {
      return Refuse(kInvalidGres, "--gpus is no multiple of the GPUs of a node");
    }
    const uint32_t nodes = total.count / each;
    if (spec.max_nodes.value_or(nodes) < nodes || spec.min_nodes.value_or(nodes) > nodes) {
      return Refuse(kInvalidNodeCount, "--gpus asks for another number of nodes");
    }
    spec.min_nodes = spec.max_nodes = nodes;
    return absl::OkStatus();
  }
  if (!request.per_task.has_value()) return absl::OkStatus();
  request.per_job.reset();
  if (!SameType(total, *request.per_task)) {
    return Refuse(kInvalidGres, "--gpus and --gpus-per-task name different types");
  }
  if (request.per_task->type.empty()) request.per_task->type = total.type;
  if (total.count % request.per_task->count != 0) {
    return Refuse(kInvalidGres, "--gpus is no multiple of --gpus-per-task");
  }
  return Agree(spec.num_tasks, total.count / request.per_task->count, kInvalidGres,
               "--gpus and --gpus-per-task ask for another number of tasks");
}

// GPUs of a node and of a task say how many tasks a node has.
absl::Status SettleTasksPerNode(JobSpec& spec, GresRequest& request) {
  const uint32_t tasks = GpusPerNode(request) / request.per_task->count;
  request.per_task.reset();
  if (tasks == 0) return Refuse(kInvalidGres, "a task asks for more GPUs than its node has");
  if (spec.ntasks_per_node.value_or(tasks) > tasks) {
    return Refuse(kInvalidGres, "the tasks of a node ask for more GPUs than it has");
  }
  if (!spec.ntasks_per_node.has_value()) spec.ntasks_per_node = tasks;
  return absl::OkStatus();
}

absl::Status SettlePerGpu(JobSpec& spec, const GresSpec& asked, GresRequest& request) {
  const uint64_t cpus = asked.cpus_per_gpu.value_or(0);
  const uint64_t mem_mb = asked.mem_per_gpu_mb.value_or(0);
  if (cpus == 0 && mem_mb == 0) return absl::OkStatus();
  const uint64_t per_node = GpusPerNode(request);
  const uint64_t per_task = request.per_task.has_value() ? request.per_task->count : 0;
  if (per_node == 0 && per_task == 0 && !request.per_job) {
    return Refuse(kInvalidGres, "--cpus-per-gpu and --mem-per-gpu need GPUs");
  }
  const auto clamp = [](uint64_t value) {
    return static_cast<uint32_t>(std::min<uint64_t>(value, UINT32_MAX));
  };
  if (cpus > 0 && per_node > 0) {
    spec.min_cpus_per_node = std::max(spec.min_cpus_per_node.value_or(1), clamp(cpus * per_node));
  } else if (cpus > 0 && per_task > 0) {
    spec.cpus_per_task = clamp(cpus * per_task);
  } else if (cpus > 0) {
    request.cpus_per_gpu = clamp(cpus);
  }
  if (mem_mb > 0 && per_node > 0) {
    spec.mem_per_node_mb = std::min<uint64_t>(mem_mb, INT32_MAX) * per_node;
  } else if (mem_mb > 0) {
    request.mem_per_gpu_mb = mem_mb;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SettleGres(JobSpec& spec, GresRequest& request) {
  const GresSpec asked = *spec.gres;
  if (absl::Status status = ParseAll(asked, request); !status.ok()) return status;
  if (request.per_job.has_value()) {
    if (absl::Status status = SettleTotal(spec, request); !status.ok()) return status;
  }
  if (request.per_task.has_value() && GpusPerNode(request) > 0) {
    if (absl::Status status = SettleTasksPerNode(spec, request); !status.ok()) return status;
  }
  if (request.per_job.has_value() && request.per_job->count < spec.min_nodes.value_or(1)) {
    return Refuse(kNodeConfig, "fewer GPUs than nodes");
  }
  return SettlePerGpu(spec, asked, request);
}

}  // namespace reeve::ctld
