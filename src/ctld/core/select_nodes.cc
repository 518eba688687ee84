#include "ctld/core/select_nodes.h"

#include <algorithm>

#include "ctld/core/pick_nodes.h"
#include "ctld/core/plan.h"
#include "ctld/core/task_layout.h"

namespace reeve::ctld {
namespace {

// So many numbers of nodes are tried for an elastic job, from the largest, before as few as will
// do.
constexpr size_t kElasticTries = 8;
constexpr size_t kListedTries = 64;  // of a list, which has no such way out

uint32_t RoundUp(uint32_t value, uint32_t unit) {
  return (value + unit - 1) / unit * unit;
}

// Do sockets, cores and threads matter for how many tasks the CPUs take?
bool CountsByLayout(const Terms& terms, const Offer& offer) {
  return terms.shape->layout.Limits() && !terms.shape->overcommit && offer.cpus <= offer.node->cpus;
}

// Memory that is not consumed must still exist.
uint64_t MemoryOf(const Terms& terms, const Offer& offer) {
  return terms.consume_memory ? offer.mem_mb : offer.node->real_memory_mb;
}

// For which there is memory, too, where CPUs need some.
uint32_t CpusWithMemory(const Terms& terms, const Offer& offer) {
  const bool by_cpu = terms.gres.mem_per_gpu_mb == 0 && terms.mem_per_node_mb.value_or(0) == 0 &&
                      terms.mem_per_cpu_mb.value_or(0) > 0;
  if (!by_cpu) return offer.cpus;
  const uint64_t by_memory = MemoryOf(terms, offer) / *terms.mem_per_cpu_mb;
  const auto cpus = static_cast<uint32_t>(std::min<uint64_t>(offer.cpus, by_memory));
  const uint32_t threads = offer.node->threads_per_core;
  return terms.whole_cores ? cpus / threads * threads : cpus;
}

LayoutRoom RoomFor(const Terms& terms, const Offer& offer) {
  const Node& node = *offer.node;
  const Shape& shape = *terms.shape;
  return LayoutRoom(shape.layout, shape.cpus_per_task, CpusOf(node, terms.whole_cores),
                    terms.whole_cores, offer.cpus, CpusWithMemory(terms, offer),
                    offer.now ? &node.busy : nullptr);
}

// What GPUs and their CPUs are counted with.
uint32_t CpusForGpus(const Terms& terms, const Offer& offer) {
  if (terms.gres.cpus_per_gpu == 0 || !CountsByLayout(terms, offer)) return offer.cpus;
  return RoomFor(terms, offer).Cpus();
}

uint32_t CpusFor(const Terms& terms, const Offer& offer, uint32_t tasks, uint32_t gpus) {
  const Node& node = *offer.node;
  if (terms.exclusive) return node.cpus;
  const Shape& shape = *terms.shape;
  uint64_t by_tasks = shape.overcommit ? 1 : uint64_t{tasks} * shape.cpus_per_task;
  uint32_t unit = terms.whole_cores ? node.threads_per_core : 1;
  if (CountsByLayout(terms, offer)) {
    const LayoutRoom room = RoomFor(terms, offer);
    by_tasks = room.CpusFor(tasks);
    unit = room.unit();
  }
  const uint64_t wanted = std::max(by_tasks, uint64_t{gpus} * terms.gres.cpus_per_gpu);
  return RoundUp(
      static_cast<uint32_t>(std::max<uint64_t>({wanted, shape.min_cpus_per_node, uint64_t{1}})),
      unit);
}

uint32_t SureCpus(const Terms& terms, const Offer& offer, uint32_t tasks) {
  if (offer.now || terms.exclusive || !CountsByLayout(terms, offer)) return 0;
  return RoomFor(terms, offer).SureCpus(tasks);
}

uint64_t MemoryFor(const Terms& terms, const Node& node, uint32_t cpus, uint64_t gpus) {
  if (terms.gres.mem_per_gpu_mb > 0) return terms.gres.mem_per_gpu_mb * gpus;
  if (terms.mem_per_node_mb.has_value() && *terms.mem_per_node_mb > 0) {
    return *terms.mem_per_node_mb;
  }
  if (terms.mem_per_cpu_mb.has_value()) {
    return std::min(*terms.mem_per_cpu_mb * cpus, node.real_memory_mb);
  }
  return node.real_memory_mb;
}

// GPUs that are asked for in all: one on each node, and as many as there are on the first ones.
std::vector<uint32_t> LayOutGpus(const Terms& terms, const Candidates& chosen) {
  std::vector<uint32_t> gpus(chosen.size(), 0);
  if (terms.gres.per_job.count == 0) return gpus;
  std::fill(gpus.begin(), gpus.end(), 1);
  uint32_t left = terms.gres.per_job.count - static_cast<uint32_t>(chosen.size());
  for (size_t i = 0; i < chosen.size(); ++i) {
    const uint32_t more = std::min(left, chosen[i].gpus - 1);
    gpus[i] += more;
    left -= more;
  }
  return gpus;
}

Placement Place(const Terms& terms, Candidates chosen, uint32_t tasks) {
  std::sort(chosen.begin(), chosen.end(), [](const Candidate& a, const Candidate& b) {
    return a.offer->node->order < b.offer->node->order;
  });
  std::vector<uint32_t> capacity;
  for (const Candidate& candidate : chosen) capacity.push_back(candidate.capacity);
  const std::vector<uint32_t> counts = terms.shape->layout.cyclic_nodes
                                           ? LayOutCyclic(tasks, capacity)
                                           : LayOutBlock(tasks, capacity);
  const std::vector<uint32_t> gpus = LayOutGpus(terms, chosen);
  Placement placement;
  for (size_t i = 0; i < chosen.size(); ++i) {
    const Node& node = *chosen[i].offer->node;
    Placement::Part part;
    part.index = chosen[i].offer->index;
    part.tasks = counts[i];
    part.cpus = CpusFor(terms, *chosen[i].offer, counts[i], gpus[i]);
    part.sure_cpus = SureCpus(terms, *chosen[i].offer, counts[i]);
    const uint64_t all_gpus = gpus[i] + uint64_t{terms.gres.per_task.count} * counts[i];
    if (terms.consume_memory) part.mem_mb = MemoryFor(terms, node, part.cpus, all_gpus);
    if (terms.exclusive) {
      part.gres = node.stock.all();
    } else if (terms.gres.any) {
      part.gres = CountsFor(terms.gres, chosen[i].offer->gres, counts[i], gpus[i]);
    }
    placement.parts.push_back(part);
  }
  return placement;
}

// Memory and generic resources too: a suspended job has those without CPUs.
bool IsWhole(const Offer& offer) {
  const Node& node = *offer.node;
  return offer.cpus >= node.cpus && offer.mem_mb >= node.real_memory_mb &&
         offer.gres.Holds(node.stock.all());
}

// As many tasks as a node takes that is of use.
uint64_t LeastTasks(const Terms& terms) {
  const Shape& shape = *terms.shape;
  if (terms.max_nodes == 1) return shape.num_tasks;
  return shape.tasks_given ? 1 : std::max(shape.ntasks_per_node, 1u);
}

}  // namespace

Offer EmptyOffer(NodeIndex index, const Node& node) {
  return {index, &node, node.cpus, node.real_memory_mb, node.stock.all(), false};
}
Offer FreeOffer(NodeIndex index, const Node& node, const Sharing& sharing) {
  return {index, &node, node.FreeCpusFor(sharing), node.FreeMem(), node.FreeGres(), true};
}

Terms MakeTerms(const Shape& shape, const Partition& partition, const Settings& settings) {
  Terms terms;
  terms.shape = &shape;
  terms.exclusive = shape.exclusive || partition.exclusive;
  terms.sharing = SharingOf(shape, partition);
  terms.fewest_nodes = shape.fewest_nodes;
  terms.least_loaded = partition.least_loaded || settings.select.lln;
  terms.consume_memory = settings.select.memory;
  terms.whole_cores = settings.select.core;
  terms.max_nodes = std::min(shape.max_nodes, partition.max_nodes.value_or(UINT32_MAX));
  terms.max_tasks_per_node = std::max(settings.max_tasks_per_node, 1u);
  terms.mem_per_node_mb = shape.mem_per_node_mb;
  terms.mem_per_cpu_mb = shape.mem_per_cpu_mb;
  terms.gres = MakeGresTerms(shape.gres, settings.gres_kinds);
  terms.licenses = MakeLicenseTerms(shape.licenses, settings.licenses);
  terms.topology = settings.topology;
  if (shape.max_switches > 0) terms.max_switches = shape.max_switches;
  absl::Duration most = shape.PlanningTime();
  // A limit that may be lowered may be lowered to the partition's.
  if (shape.LeastLimit() <= partition.max_time) most = std::min(most, partition.max_time);
  terms.least_time = absl::ToInt64Microseconds(shape.LeastTime());
  terms.most_time = absl::ToInt64Microseconds(most);
  if (!terms.mem_per_node_mb && !terms.mem_per_cpu_mb && terms.gres.mem_per_gpu_mb == 0) {
    if (partition.def_mem_per_cpu_mb || partition.def_mem_per_node_mb) {
      terms.mem_per_cpu_mb = partition.def_mem_per_cpu_mb;
      terms.mem_per_node_mb = partition.def_mem_per_node_mb;
    } else {
      terms.mem_per_cpu_mb = settings.def_mem_per_cpu_mb;
      terms.mem_per_node_mb = settings.def_mem_per_node_mb;
    }
  }
  return terms;
}

void KeepTo(Terms& terms, const Reservation& reservation) {
  terms.lane = terms.licenses.lane = reservation.lane;
  // Tracks of its own are closed outside of its times, those of jobs without one are not.
  if (!reservation.IsOpen() || reservation.Has(kReservationFlex)) return;
  terms.not_in = std::make_shared<const std::vector<Interval>>(TimesOutside(reservation));
}

bool AsksForFewSwitches(const Terms& terms) {
  return terms.topology != nullptr && terms.max_switches < terms.topology->leaves();
}

Terms OnAnySwitches(const Terms& terms) {
  Terms any = terms;
  any.max_switches = UINT32_MAX;
  return any;
}

bool SharesWith(const Terms& terms, const Node& node) {
  if (terms.sole_user == 0) return node.sole_jobs == 0;
  return std::all_of(node.jobs.begin(), node.jobs.end(),
                     [&](const auto& entry) { return entry.second.sole_user == terms.sole_user; });
}

bool IsExcluded(const Shape& shape, const Node& node) {
  return !shape.exc_nodes.empty() && shape.exc_nodes.contains(node.name);
}

bool HasFeatures(const Shape& shape, const Node& node) {
  return !shape.has_features || shape.features.Matches(node);
}

bool HasDisk(const Shape& shape, const Node& node) {
  return node.tmp_disk_mb >= shape.tmp_disk_mb;
}

bool NodeFits(const Shape& shape, const Node& node) {
  return !IsExcluded(shape, node) && HasDisk(shape, node) && HasFeatures(shape, node) &&
         HasLayout(shape.layout, node);
}

uint32_t TaskCapacity(const Terms& terms, const Offer& offer) {
  const Shape& shape = *terms.shape;
  const Node& node = *offer.node;
  if (offer.cpus == 0 || (terms.exclusive && !IsWhole(offer))) return 0;
  const uint64_t memory = MemoryOf(terms, offer);
  uint32_t cpus = offer.cpus;
  const GresCapacity by_gres =
      CapacityOf(terms.gres, offer.gres, CpusForGpus(terms, offer), memory);
  if (by_gres.tasks == 0) return 0;
  if (terms.gres.mem_per_gpu_mb > 0) {
    // Counted with the GPUs.
  } else if (terms.mem_per_node_mb.has_value() && *terms.mem_per_node_mb > 0) {
    if (*terms.mem_per_node_mb > memory) return 0;
  } else if (terms.mem_per_cpu_mb.has_value() && *terms.mem_per_cpu_mb > 0) {
    cpus = CpusWithMemory(terms, offer);
  } else if (terms.consume_memory && memory < node.real_memory_mb) {
    return 0;  // the node's whole memory is asked for
  }
  uint32_t tasks = 0;
  if (CountsByLayout(terms, offer)) {
    const LayoutRoom room = RoomFor(terms, offer);
    cpus = room.Cpus();
    tasks = room.Tasks();
  } else {
    tasks = shape.overcommit ? terms.max_tasks_per_node : cpus / shape.cpus_per_task;
  }
  if (cpus == 0 || cpus < shape.min_cpus_per_node) return 0;
  tasks = std::min({tasks, terms.max_tasks_per_node, by_gres.tasks});
  if (shape.ntasks_per_node > 0) {
    if (!shape.tasks_given && tasks < shape.ntasks_per_node) return 0;
    tasks = std::min(tasks, shape.ntasks_per_node);
  }
  return tasks;
}

uint64_t LeastCpus(const Terms& terms) {
  const Shape& shape = *terms.shape;
  const uint64_t by_tasks = shape.overcommit ? 1 : LeastTasks(terms) * shape.cpus_per_task;
  return std::max<uint64_t>(
      {by_tasks, shape.min_cpus_per_node, terms.gres.cpus_per_gpu, uint64_t{1}});
}

Room LeastRoom(const Terms& terms, const Node& node) {
  if (terms.exclusive) return AllOf(node);
  const auto clamp = [](uint64_t value) {
    return static_cast<int32_t>(std::min<uint64_t>(value, INT32_MAX));
  };
  const uint64_t cpus = LeastCpus(terms);
  uint64_t memory = 0;
  if (terms.consume_memory) {
    if (terms.gres.mem_per_gpu_mb > 0) {
      memory = terms.gres.mem_per_gpu_mb;
    } else if (terms.mem_per_node_mb.value_or(0) > 0) {
      memory = *terms.mem_per_node_mb;
    } else if (terms.mem_per_cpu_mb.value_or(0) > 0) {
      memory = *terms.mem_per_cpu_mb * std::min<uint64_t>(cpus, UINT32_MAX);
    } else {
      memory = node.real_memory_mb;
    }
  }
  return {clamp(cpus), clamp(memory),
          LeastCounts(terms.gres, LeastTasks(terms), terms.max_nodes == 1, node.stock.kinds())};
}

namespace {

Candidates CandidatesOf(const Terms& terms, const std::vector<Offer>& offers) {
  const Shape& shape = *terms.shape;
  Candidates candidates;
  for (const Offer& offer : offers) {
    Candidate candidate{&offer, TaskCapacity(terms, offer)};
    if (candidate.capacity == 0) continue;
    candidate.required = std::find(shape.req_nodes.begin(), shape.req_nodes.end(),
                                   offer.node->name) != shape.req_nodes.end();
    if (terms.gres.per_job.count > 0) {
      candidate.gpus =
          CapacityOf(terms.gres, offer.gres, CpusForGpus(terms, offer), MemoryOf(terms, offer))
              .gpus;
    }
    if (!shape.features.groups.empty()) candidate.groups = shape.features.GroupsOf(*offer.node);
    candidates.push_back(candidate);
  }
  return candidates;
}

std::optional<Placement> SelectAny(const Terms& terms, const Candidates& candidates) {
  std::optional<Candidates> chosen = PickNodes(terms, candidates);
  if (!chosen.has_value()) return std::nullopt;
  const Shape& shape = *terms.shape;
  const uint32_t tasks =
      shape.IsElastic() ? shape.TasksOn(static_cast<uint32_t>(chosen->size())) : shape.num_tasks;
  // Fewer tasks than nodes: the rest of the nodes get a CPU each all the same.
  return Place(terms, *std::move(chosen), tasks);
}

// The numbers of nodes that an elastic job may have there, the most wished for first: as many as
// there are, or as few as will do, and those that leave nodes without a task at last.
std::vector<uint32_t> CountsToTry(const Terms& terms, const Candidates& candidates) {
  const Shape& shape = *terms.shape;
  uint64_t most = std::min<uint64_t>(terms.max_nodes, MostTogether(terms, candidates));
  if (terms.gres.per_job.count > 0) most = std::min<uint64_t>(most, terms.gres.per_job.count);
  const uint32_t with_tasks =
      shape.tasks_given ? std::max(shape.num_tasks, shape.min_nodes) : UINT32_MAX;
  std::vector<uint32_t> counts, hollow;
  for (auto count = shape.LargestCount(most); count; count = shape.LargestCount(*count - 1)) {
    // Where any number will do the others are looked for without counting.
    const size_t tries = shape.node_counts.empty() ? kElasticTries : kListedTries;
    if (counts.size() + hollow.size() == tries) break;
    if (*count <= with_tasks) {
      counts.push_back(*count);
    } else if (!shape.node_counts.empty()) {
      hollow.push_back(*count);
    } else {
      count = with_tasks + 1;
    }
  }
  if (terms.fewest_nodes) std::reverse(counts.begin(), counts.end());
  counts.insert(counts.end(), hollow.rbegin(), hollow.rend());
  return counts;
}

std::optional<Placement> SelectElastic(const Terms& terms, const Candidates& candidates) {
  uint64_t tasks = 0;
  for (const Candidate& candidate : candidates) tasks += candidate.capacity;
  if (tasks < terms.shape->num_tasks) return std::nullopt;
  Shape sized = *terms.shape;
  Terms with = terms;
  with.shape = &sized;
  for (const uint32_t count : CountsToTry(terms, candidates)) {
    sized.min_nodes = with.max_nodes = count;
    sized.num_tasks = terms.shape->TasksOn(count);
    if (auto placement = SelectAny(with, candidates)) return placement;
  }
  if (!sized.node_counts.empty()) return std::nullopt;
  return SelectAny(terms, candidates);
}

}  // namespace

std::optional<Placement> SelectNodes(const Terms& terms, const std::vector<Offer>& offers) {
  const Shape& shape = *terms.shape;
  // Each node is to have a GPU of a total.
  const uint32_t gpus = terms.gres.per_job.count;
  if (gpus > 0 && shape.min_nodes > gpus) return std::nullopt;
  if (terms.max_nodes < shape.min_nodes) return std::nullopt;
  const Candidates candidates = CandidatesOf(terms, offers);
  const bool range = shape.IsElastic() && !(terms.fewest_nodes && shape.node_counts.empty());
  return range ? SelectElastic(terms, candidates) : SelectAny(terms, candidates);
}

size_t MostNodes(const Terms& terms, const std::vector<Offer>& offers) {
  return MostTogether(terms, CandidatesOf(terms, offers));
}

}  // namespace reeve::ctld
