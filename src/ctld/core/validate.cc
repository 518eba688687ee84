#include "ctld/core/validate.h"

#include <algorithm>

#include "common/base/text.h"
#include "ctld/core/end_warning.h"
#include "ctld/core/errors.h"
#include "ctld/core/select_nodes.h"

namespace reeve::ctld {
namespace {

const PartitionEntry* Find(const State& state, std::string_view name) {
  return const_cast<State&>(state).FindPartition(name);
}

// Who may use the partition at all.
absl::Status CheckAccess(const Partition& partition, const JobSpec& spec,
                         const Requester& requester) {
  const bool is_root = requester.uid == 0;
  if (partition.state == PartitionState::kDrain || partition.state == PartitionState::kInactive) {
    return Refuse(kPartitionNotAvail);
  }
  if (partition.root_only && !is_root) return Refuse(kAccessDenied);
  if (partition.disable_root_jobs && is_root) return Refuse(kInvalidUser);
  if (!partition.allow_groups.empty() && !is_root && requester.groups != nullptr &&
      std::none_of(requester.groups->begin(), requester.groups->end(),
                   [&](const auto& group) { return Contains(partition.allow_groups, group); })) {
    return Refuse(kGroupDenied);
  }
  if (!partition.allow_accounts.empty() && !Contains(partition.allow_accounts, spec.account)) {
    return Refuse(kInvalidAccount);
  }
  if (Contains(partition.deny_accounts, spec.account)) return Refuse(kInvalidAccount);
  if (!partition.allow_qos.empty() &&
      !Contains(partition.allow_qos, spec.qos.empty() ? "normal" : spec.qos)) {
    return Refuse(kInvalidQos);
  }
  return absl::OkStatus();
}

// Only with EnforcePartLimits; otherwise such a job waits.
absl::Status CheckLimits(const Partition& partition, const Shape& shape) {
  if (shape.LeastLimit() > partition.max_time) return Refuse(kInvalidTimeLimit);
  if (shape.min_nodes > partition.max_nodes.value_or(UINT32_MAX) ||
      shape.max_nodes < partition.min_nodes || shape.min_nodes > partition.nodes.size()) {
    return Refuse(kInvalidNodeCount);
  }
  return absl::OkStatus();
}

// One task, and what is asked for per node, must fit some node as configured.
absl::Status CheckNodeConfig(const State& state, const PartitionEntry& partition,
                             const Shape& shape) {
  bool memory_fits = false;
  bool cpus_fit = false;
  bool layout_fits = false;
  uint64_t gpus = 0;  // of all nodes that could take a task
  Terms terms = MakeTerms(shape, partition.facts, state.settings);
  const uint64_t tasks = shape.tasks_given ? 1 : std::max(shape.ntasks_per_node, 1u);
  const uint64_t cpus = std::max<uint64_t>(shape.overcommit ? 1 : tasks * shape.cpus_per_task,
                                           shape.min_cpus_per_node);
  for (NodeIndex index : partition.nodes) {
    const Node& node = *state.nodes[index];
    const uint64_t memory = terms.mem_per_node_mb.value_or(terms.mem_per_cpu_mb.value_or(0) *
                                                           std::min<uint64_t>(cpus, UINT32_MAX));
    memory_fits = memory_fits || memory <= node.real_memory_mb;
    cpus_fit = cpus_fit || cpus <= node.cpus;
    if (memory > node.real_memory_mb || cpus > node.cpus) continue;
    if (!HasLayout(shape.layout, node)) continue;
    layout_fits = true;
    if (!shape.gres.Any() && !shape.layout.Limits()) return absl::OkStatus();
    const Offer empty = EmptyOffer(index, node);
    if (TaskCapacity(terms, empty) == 0) continue;
    gpus += Available(terms.gres.per_job, empty.gres);
    if (gpus >= terms.gres.per_job.count) return absl::OkStatus();
  }
  if (partition.nodes.empty()) return absl::OkStatus();  // waits for nodes to be configured
  if (!memory_fits) return Refuse(kNodeConfig, "Memory specification can not be satisfied");
  if (!cpus_fit) return Refuse(kNodeConfig, "CPU count per node can not be satisfied");
  if (!layout_fits) return Refuse(kNodeConfig, StrCat("no node has ", shape.layout.NodeText()));
  return Refuse(kNodeConfig);
}

absl::Status CheckMaxMemory(const State& state, const Partition& partition, const Shape& shape) {
  const std::optional<uint64_t> per_node = partition.max_mem_per_node_mb
                                               ? partition.max_mem_per_node_mb
                                               : state.settings.max_mem_per_node_mb;
  const std::optional<uint64_t> per_cpu = partition.max_mem_per_cpu_mb
                                              ? partition.max_mem_per_cpu_mb
                                              : state.settings.max_mem_per_cpu_mb;
  if ((per_node && shape.mem_per_node_mb && *shape.mem_per_node_mb > *per_node) ||
      (per_cpu && shape.mem_per_cpu_mb && *shape.mem_per_cpu_mb > *per_cpu)) {
    return Refuse(kNodeConfig, "Memory required by task is not available");
  }
  return absl::OkStatus();
}

absl::Status CheckNames(const State& state, const PartitionEntry& partition, const Shape& shape) {
  for (const std::string& name : shape.req_nodes) {
    if (!state.node_index.contains(name)) return Refuse(kInvalidNodeName);
    if (!Contains(partition.facts.nodes, name)) return Refuse(kNodesNotInPartition);
  }
  for (const std::string& name : shape.exc_nodes) {
    if (!state.node_index.contains(name)) return Refuse(kInvalidNodeName);
  }
  for (const std::string& feature : shape.features.Names()) {
    const bool known = std::any_of(state.nodes.begin(), state.nodes.end(),
                                   [&](const auto& node) { return node->HasFeature(feature); });
    if (!known) return Refuse(kInvalidFeature);
  }
  return absl::OkStatus();
}

absl::Status CheckPartition(const State& state, const PartitionEntry& partition,
                            const JobSpec& spec, const Shape& shape, const Requester& requester) {
  absl::Status status = CheckAccess(partition.facts, spec, requester);
  if (!status.ok()) return status;
  status = CheckNames(state, partition, shape);
  if (!status.ok()) return status;
  status = CheckMaxMemory(state, partition.facts, shape);
  if (!status.ok()) return status;
  status = CheckNodeConfig(state, partition, shape);
  if (!status.ok()) return status;
  return state.settings.enforce_part_limits == EnforcePartLimits::kNo
             ? absl::OkStatus()
             : CheckLimits(partition.facts, shape);
}

absl::Status CheckReservation(const State& state, const JobSpec& spec, const Requester& requester) {
  if (spec.reservation.empty()) return absl::OkStatus();
  const Reservation* reservation = state.reservations.Find(spec.reservation);
  if (reservation == nullptr) return Refuse(kReservationInvalid);
  if (requester.is_operator ||
      reservation->Admits(requester.user_name, spec.account, requester.groups)) {
    return absl::OkStatus();
  }
  return Refuse(kReservationAccess);
}

// Names are those of GresTypes; a type that no node has is for CheckNodeConfig.
absl::Status CheckGresNames(const State& state, const Shape& shape) {
  const auto known = [&](const std::string& name) {
    const auto& kinds = state.settings.gres_kinds;
    return Contains(state.settings.gres_types, name) ||
           std::any_of(kinds.begin(), kinds.end(), [&](const auto& k) { return k.name == name; });
  };
  const GresRequest& asked = shape.gres;
  for (const Gres& gres : asked.per_node) {
    if (!known(gres.name)) return Refuse(kInvalidGres);
  }
  if ((asked.per_task || asked.per_job) && !known(std::string(kGpu))) return Refuse(kInvalidGres);
  return absl::OkStatus();
}

// Also of names with a count of 0, which the shape leaves out.
absl::Status CheckLicenses(const State& state, const JobSpec& spec) {
  const absl::StatusOr<std::vector<License>> asked = ParseLicenses(spec.wishes().licenses);
  if (!asked.ok()) return Refuse(kInvalidLicense, Message(asked.status()));
  const std::string missing = MissingLicenses(*asked, state.settings.licenses);
  return missing.empty() ? absl::OkStatus() : Refuse(kInvalidLicense, missing);
}

}  // namespace

absl::Duration TimeLimitOf(const JobSpec& spec, const Partition& partition) {
  if (!spec.time_limit.has_value()) return partition.default_time.value_or(partition.max_time);
  if (*spec.time_limit <= absl::ZeroDuration()) return absl::InfiniteDuration();
  return *spec.time_limit;
}

std::string PartitionText(const State& state, const JobSpec& spec) {
  if (!spec.partition.empty()) return spec.partition;
  const PartitionIndex index = state.DefaultPartition();
  return index < state.partitions.size() ? state.partitions[index].facts.name : "";
}

absl::StatusOr<Validated> Validate(const State& state, const JobSpec& spec,
                                   const Requester& requester, JobId self) {
  if (state.settings.disable_root_jobs && requester.uid == 0) return Refuse(kInvalidUser);
  Validated result;
  result.partition = PartitionText(state, spec);
  if (result.partition.empty()) return Refuse(kNoPartition);
  std::vector<const PartitionEntry*> partitions;
  for (std::string_view name : Split(result.partition, ",")) {
    const PartitionEntry* entry = Find(state, name);
    if (entry == nullptr) {
      return Refuse(kInvalidPartition, StrCat("invalid partition specified: ", name));
    }
    const bool again = std::find(partitions.begin(), partitions.end(), entry) != partitions.end();
    if (!again) partitions.push_back(entry);
  }
  if (absl::Status status = CheckReservation(state, spec, requester); !status.ok()) return status;
  if (spec.priority.has_value() && *spec.priority != 0 && !requester.is_operator) {
    return Refuse(kAccessDenied);
  }
  if (spec.nice < 0 && !requester.is_operator) return Refuse(kAccessDenied);
  if (absl::Status status = CheckWarning(spec); !status.ok()) return status;

  result.time_limit = TimeLimitOf(spec, partitions[0]->facts);
  absl::StatusOr<Shape> shape = MakeShape(spec, result.time_limit);
  if (!shape.ok()) return shape.status();
  if (absl::Status status = CheckGresNames(state, *shape); !status.ok()) return status;
  if (absl::Status status = CheckLicenses(state, spec); !status.ok()) return status;
  // Of several partitions one that would take it is enough.
  absl::Status refusal;
  bool taken = false;
  for (const PartitionEntry* partition : partitions) {
    const absl::Status status = CheckPartition(state, *partition, spec, *shape, requester);
    taken = taken || status.ok();
    if (refusal.ok()) refusal = status;
  }
  if (!taken) return refusal;
  result.shape = *std::move(shape);

  absl::StatusOr<Dependency> dependency = ParseDependency(spec.dependency);
  if (!dependency.ok()) return dependency.status();
  // A changed job keeps dependencies on jobs that have been forgotten since.
  if (absl::Status status = CheckDependency(state, *dependency, self); !status.ok() && !self) {
    return status;
  }
  result.dependency = *std::move(dependency);
  if (!spec.array.empty()) {
    absl::StatusOr<ArraySpec> array = ParseArraySpec(spec.array, state.settings.max_array_size);
    if (!array.ok() || array->tasks.empty()) return Refuse(kInvalidArray);
    result.array = *std::move(array);
  }
  return result;
}

}  // namespace reeve::ctld
