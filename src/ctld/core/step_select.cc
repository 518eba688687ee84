#include "ctld/core/step_select.h"

#include <algorithm>
#include <numeric>

#include "common/base/hostlist.h"
#include "ctld/core/errors.h"
#include "ctld/core/task_layout.h"

namespace reeve::ctld {
namespace {

struct Candidate {
  const NodeShare* share;
  CpuSet free;  // CPUs that no other step holds and tasks may use
  bool whole;   // no other step holds any
  NodeCpus node;
  std::vector<GresShare> gres;  // likewise
  uint32_t capacity;            // tasks
  uint32_t gpus;                // of those that are asked for in all
  bool required;
};

// What a step asks for, with the defaults filled in.
struct Wish {
  CpuLayout layout;
  NodeCpusOf cpus_of;
  uint32_t cpus_per_task;
  uint32_t min_nodes;
  uint32_t max_nodes;
  uint32_t tasks;  // 0: so many a node
  uint32_t tasks_per_node;
  bool all_gres;  // else what `gres` says
  GresRequest gres;
  uint32_t total_gpus() const { return gres.per_job ? gres.per_job->count : 0; }
};

// What other steps hold there is taken out.
void LeaveToOthers(const Job& job, const std::string& node, Candidate& candidate) {
  for (const Step& step : job.steps) {
    if (step.Ended() || !step.holds_cpus) continue;
    for (size_t i = 0; i < step.shares.size(); ++i) {
      if (step.shares[i].node == node && step.parts[i] != PartState::kEnded) {
        candidate.free.RemoveAll(step.shares[i].cores);
        RemoveAll(candidate.gres, step.shares[i].gres);
      }
    }
  }
}

bool TakesCpus(const CreateStep& request) {
  return !request.overlap && !request.external_launcher;
}

uint32_t Capacity(const CreateStep& request, const Wish& wish, const Candidate& candidate,
                  uint32_t max_tasks_per_node) {
  const CpuSet& cpus = candidate.free;
  const bool whole = candidate.whole;
  if (request.external_launcher || request.overcommit) {
    return cpus.Empty() || !whole ? 0 : max_tasks_per_node;
  }
  // Without --exact a step takes all of the job's CPUs on its nodes, so none may be in use.
  if (!request.exact && !whole) return 0;
  uint32_t tasks = cpus.Count() / wish.cpus_per_task;
  if (wish.layout.Limits()) {
    tasks = static_cast<uint32_t>(
        LayOutTasks(wish.layout, wish.cpus_per_task, candidate.node, cpus, tasks).size());
  }
  if (request.ntasks_per_node.has_value()) tasks = std::min(tasks, *request.ntasks_per_node);
  return std::min(tasks, max_tasks_per_node);
}

// How many tasks, and of a total how many GPUs, the generic resources allow.
GresCapacity CapacityOf(const Wish& wish, const Candidate& candidate) {
  GresCapacity capacity;
  if (wish.all_gres) {
    if (candidate.gres != candidate.share->gres) capacity.tasks = 0;
    return capacity;
  }
  std::vector<GresShare> left = candidate.gres, taken;
  for (const Gres& gres : wish.gres.per_node) {
    if (Available(gres, left) < gres.count) return {0, 0};
    TakeIds(gres, gres.count, left, taken);
  }
  if (wish.gres.per_task) {
    capacity.tasks = Available(*wish.gres.per_task, left) / wish.gres.per_task->count;
  }
  if (wish.gres.per_job) {
    capacity.gpus = Available(*wish.gres.per_job, left);
    if (capacity.gpus == 0) capacity.tasks = 0;
  }
  return capacity;
}

std::vector<GresShare> GresFor(const Wish& wish, std::vector<GresShare> left, uint32_t tasks,
                               uint32_t gpus) {
  if (wish.all_gres) return left;
  std::vector<GresShare> taken;
  for (const Gres& gres : wish.gres.per_node) TakeIds(gres, gres.count, left, taken);
  if (wish.gres.per_task) {
    TakeIds(*wish.gres.per_task, wish.gres.per_task->count * tasks, left, taken);
  }
  if (wish.gres.per_job) TakeIds(*wish.gres.per_job, gpus, left, taken);
  return taken;
}

absl::StatusOr<std::vector<std::string>> NodesOf(const std::string& text) {
  absl::StatusOr<std::vector<std::string>> nodes = ExpandHostlist(text);
  if (!nodes.ok()) return Refuse(kInvalidNodeName);
  return nodes;
}

// The job's nodes the step may use, in the job's order. `ignore_steps`: as if it were alone.
absl::StatusOr<std::vector<Candidate>> Candidates(const Job& job, const CreateStep& request,
                                                  const Wish& wish, bool ignore_steps,
                                                  uint32_t max_tasks_per_node) {
  absl::StatusOr<std::vector<std::string>> required = NodesOf(request.req_nodes);
  if (!required.ok()) return required.status();
  absl::StatusOr<std::vector<std::string>> excluded = NodesOf(request.exc_nodes);
  if (!excluded.ok()) return excluded.status();
  std::vector<Candidate> candidates;
  size_t required_found = 0;
  for (const NodeShare& share : job.shares) {
    if (std::count(excluded->begin(), excluded->end(), share.node) > 0) continue;
    const bool is_required = std::count(required->begin(), required->end(), share.node) > 0;
    required_found += is_required;
    Candidate candidate{&share, share.cores, true, {}, share.gres, 0, 0, is_required};
    if (TakesCpus(request) && !ignore_steps) LeaveToOthers(job, share.node, candidate);
    candidate.whole = candidate.free == share.cores;
    if (wish.layout.Any()) {
      candidate.node = wish.cpus_of(share.node);
      candidate.free = UsableCpus(wish.layout, candidate.node, share.cores, candidate.free);
    }
    const GresCapacity by_gres = CapacityOf(wish, candidate);
    candidate.gpus = by_gres.gpus;
    candidate.capacity =
        std::min(Capacity(request, wish, candidate, max_tasks_per_node), by_gres.tasks);
    candidates.push_back(std::move(candidate));
  }
  std::sort(required->begin(), required->end());
  required->erase(std::unique(required->begin(), required->end()), required->end());
  if (required_found < required->size()) return Refuse(kNodeConfig);
  return candidates;
}

Wish MakeWish(const Job& job, const CreateStep& request, uint32_t required) {
  Wish wish;
  wish.cpus_per_task = std::max(request.cpus_per_task.value_or(1), 1u);
  wish.tasks = request.num_tasks.value_or(0);
  wish.tasks_per_node = std::max(request.ntasks_per_node.value_or(1), 1u);
  wish.min_nodes = request.min_nodes.value_or(0);
  if (wish.min_nodes == 0) {
    // Without any count the step spans the allocation, one task a node.
    wish.min_nodes = required > 0     ? required
                     : wish.tasks > 0 ? 1
                                      : static_cast<uint32_t>(job.shares.size());
  }
  wish.min_nodes = std::max(wish.min_nodes, required);
  if (wish.tasks > 0) wish.min_nodes = std::max(std::min(wish.min_nodes, wish.tasks), required);
  wish.max_nodes = std::max(request.max_nodes.value_or(UINT32_MAX), wish.min_nodes);
  return wish;
}

// What is not said of a step is as for its job; how CPUs are dealt out is said by --distribution.
CpuLayout LayoutOfStep(const Job& job, const CreateStep& request) {
  CpuWishes wishes = request.cpus.value_or(job.spec->wishes().cpus);
  if (request.spec != nullptr && !request.spec->distribution.empty()) {
    wishes.distribution = request.spec->distribution;
  }
  CpuLayout layout = LayoutOf(wishes);
  layout.sockets = layout.cores = 0;  // its nodes have been chosen
  return layout;
}

uint64_t TotalGpus(const std::vector<Candidate>& candidates) {
  uint64_t gpus = 0;
  for (const Candidate& candidate : candidates) gpus += candidate.gpus;
  return gpus;
}

uint64_t TotalCapacity(const std::vector<Candidate>& candidates) {
  uint64_t sum = 0;
  for (const Candidate& candidate : candidates) sum += candidate.capacity;
  return sum;
}

// Required nodes, then the job's first ones, then (if they don't suffice) the roomiest.
std::optional<std::vector<Candidate>> Choose(std::vector<Candidate> candidates, const Wish& wish) {
  for (const Candidate& candidate : candidates) {
    if (candidate.required && candidate.capacity == 0) return std::nullopt;
  }
  std::erase_if(candidates, [](const Candidate& c) { return c.capacity == 0; });
  const auto tasks = [&](size_t nodes) {
    return wish.tasks > 0 ? uint64_t{wish.tasks} : uint64_t{wish.tasks_per_node} * nodes;
  };
  const auto take = [&](size_t count) {
    return std::vector<Candidate>(candidates.begin(), candidates.begin() + count);
  };
  size_t most = std::min<size_t>(candidates.size(), wish.max_nodes);
  if (wish.total_gpus() > 0) most = std::min<size_t>(most, wish.total_gpus());
  for (const bool by_room : {false, true}) {
    std::stable_sort(candidates.begin(), candidates.end(), [&](const auto& a, const auto& b) {
      if (a.required != b.required) return a.required;
      return by_room && a.capacity > b.capacity;
    });
    for (size_t count = wish.min_nodes; count <= most; ++count) {
      std::vector<Candidate> chosen = take(count);
      if (TotalCapacity(chosen) < tasks(count)) continue;
      if (TotalGpus(chosen) >= wish.total_gpus()) return chosen;
    }
  }
  return std::nullopt;
}

CpuSet TakeLowest(const CpuSet& from, uint32_t count) {
  CpuSet taken;
  for (uint32_t cpu : from.Ids()) {
    if (count-- == 0) break;
    taken.Add(cpu);
  }
  return taken;
}

// Of a step that has no more CPUs than its tasks.
CpuSet CpusOfTasks(const Wish& wish, const Candidate& candidate, uint32_t tasks) {
  if (!wish.layout.Any()) return TakeLowest(candidate.free, tasks * wish.cpus_per_task);
  CpuSet taken;
  for (const CpuSet& cpus :
       LayOutTasks(wish.layout, wish.cpus_per_task, candidate.node, candidate.free, tasks)) {
    taken.AddAll(cpus);
  }
  return taken;
}

absl::StatusOr<StepPlacement> Place(const Job& job, const CreateStep& request, const Wish& wish,
                                    std::vector<Candidate> chosen) {
  const auto place_of = [&](const Candidate& c) { return c.share - job.shares.data(); };
  std::sort(chosen.begin(), chosen.end(),
            [&](const auto& a, const auto& b) { return place_of(a) < place_of(b); });
  StepPlacement placement;
  placement.num_tasks =
      wish.tasks > 0 ? wish.tasks : wish.tasks_per_node * static_cast<uint32_t>(chosen.size());
  absl::StatusOr<Distribution> distribution =
      ParseDistribution(request.spec != nullptr ? request.spec->distribution : "",
                        placement.num_tasks, static_cast<uint32_t>(chosen.size()));
  if (!distribution.ok()) return distribution.status();
  placement.distribution =
      DistributionText(*distribution, request.spec != nullptr ? request.spec->distribution : "");
  std::vector<uint32_t> capacity;
  for (const Candidate& candidate : chosen) capacity.push_back(candidate.capacity);
  // Overcommitted tasks go where the CPUs are.
  if (request.external_launcher || request.overcommit) {
    for (size_t i = 0; i < chosen.size(); ++i) {
      capacity[i] = std::max(chosen[i].free.Count() / wish.cpus_per_task, 1u);
      if (request.ntasks_per_node) capacity[i] = std::min(capacity[i], *request.ntasks_per_node);
    }
  }
  if (wish.tasks == 0) {
    for (uint32_t& tasks : capacity) tasks = std::min(tasks, wish.tasks_per_node);
  }
  for (size_t i = 0; i < chosen.size(); ++i) {
    capacity[i] = std::min(capacity[i], CapacityOf(wish, chosen[i]).tasks);
  }
  const std::vector<uint32_t> counts = *distribution == Distribution::kBlock
                                           ? LayOutBlock(placement.num_tasks, capacity)
                                           : LayOutCyclic(placement.num_tasks, capacity);
  placement.task_ids = TaskIds(counts, *distribution);
  uint32_t gpus_left = wish.total_gpus();
  for (size_t i = 0; i < chosen.size(); ++i) {
    NodeShare share = *chosen[i].share;
    share.tasks = counts[i];
    if (request.exact && !request.external_launcher && !request.overcommit) {
      share.cores = CpusOfTasks(wish, chosen[i], counts[i]);
    } else if (!request.external_launcher) {
      share.cores = UsableCpus(wish.layout, chosen[i].node, share.cores, share.cores);
    }
    share.usable_cpus = 0;
    share.cpus = share.cores.Count();
    // One on each node, and as many as there are on the first ones.
    const uint32_t rest = static_cast<uint32_t>(chosen.size() - i - 1);
    const uint32_t gpus = std::min(chosen[i].gpus, gpus_left - std::min(gpus_left, rest));
    gpus_left -= gpus;
    share.gres = GresFor(wish, chosen[i].gres, counts[i], gpus);
    placement.shares.push_back(std::move(share));
  }
  return placement;
}

absl::StatusOr<StepPlacement> Select(const Job& job, const CreateStep& request,
                                     const GresRequest& gres, uint32_t max_tasks_per_node,
                                     const NodeCpusOf& cpus_of) {
  absl::StatusOr<std::vector<std::string>> required = NodesOf(request.req_nodes);
  if (!required.ok()) return required.status();
  std::sort(required->begin(), required->end());
  required->erase(std::unique(required->begin(), required->end()), required->end());
  Wish wish = MakeWish(job, request, static_cast<uint32_t>(required->size()));
  wish.layout = LayoutOfStep(job, request);
  wish.cpus_of = cpus_of;
  wish.all_gres = request.gres == nullptr || request.external_launcher;
  wish.gres = gres;
  if (request.max_nodes.has_value() && *request.max_nodes < wish.min_nodes) {
    return Refuse(kInvalidNodeCount);
  }
  if (wish.min_nodes > job.shares.size()) return Refuse(kInvalidNodeCount);
  for (const bool ignore_steps : {false, true}) {
    absl::StatusOr<std::vector<Candidate>> candidates =
        Candidates(job, request, wish, ignore_steps, max_tasks_per_node);
    if (!candidates.ok()) return candidates.status();
    std::optional<std::vector<Candidate>> chosen = Choose(*std::move(candidates), wish);
    if (!chosen.has_value()) continue;
    if (ignore_steps) return Refuse(kNodesBusy);
    return Place(job, request, wish, *std::move(chosen));
  }
  if (wish.all_gres) return Refuse(kTooManyTasks);
  // Would it do without generic resources?
  wish.gres = GresRequest();
  absl::StatusOr<std::vector<Candidate>> candidates =
      Candidates(job, request, wish, /*ignore_steps=*/true, max_tasks_per_node);
  if (!candidates.ok()) return candidates.status();
  return Refuse(Choose(*std::move(candidates), wish) ? kInvalidGres : kTooManyTasks);
}

}  // namespace

absl::StatusOr<StepPlacement> SelectStep(const Job& job, const CreateStep& request,
                                         uint32_t max_tasks_per_node, const NodeCpusOf& cpus_of) {
  if (request.gres == nullptr) return Select(job, request, {}, max_tasks_per_node, cpus_of);
  // What ways of asking for GPUs mean for the other counts is the same for jobs and steps.
  JobSpec spec;
  spec.min_nodes = request.min_nodes;
  spec.max_nodes = request.max_nodes;
  spec.num_tasks = request.num_tasks;
  spec.ntasks_per_node = request.ntasks_per_node;
  spec.gres = request.gres;
  GresRequest gres;
  if (absl::Status status = SettleGres(spec, gres); !status.ok()) return status;
  CreateStep settled = request;
  settled.min_nodes = spec.min_nodes;
  settled.max_nodes = spec.max_nodes;
  settled.num_tasks = spec.num_tasks;
  settled.ntasks_per_node = spec.ntasks_per_node;
  return Select(job, settled, gres, max_tasks_per_node, cpus_of);
}

}  // namespace reeve::ctld
