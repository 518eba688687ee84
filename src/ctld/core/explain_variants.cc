#include "ctld/core/explain_variants.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "common/base/switches.h"
#include "common/base/text.h"
#include "common/base/units.h"
#include "ctld/core/explain_nodes.h"
#include "ctld/core/priority.h"
#include "ctld/core/start_search.h"
#include "ctld/core/validate.h"
#include "ctld/core/verdict.h"

namespace reeve::ctld {
namespace {

// Looks at free nodes, in all: some tens of milliseconds' worth.
constexpr uint64_t kMostLooks = 200'000;
constexpr size_t kCheap = 16;          // so many nodes are passed over in the time of a look
constexpr size_t kMostPartitions = 3;  // suggested

uint32_t WholeMinutes(absl::Duration duration) {
  return static_cast<uint32_t>(absl::ToInt64Minutes(duration));
}

// The largest value in [1, most] for which it is true; it is true of all values below that.
uint64_t Largest(uint64_t most, const std::function<bool(uint64_t)>& holds) {
  if (most == 0 || !holds(1)) return 0;
  uint64_t good = 1;
  while (good < most) {
    const uint64_t middle = good + (most - good + 1) / 2;
    if (holds(middle)) {
      good = middle;
    } else {
      most = middle - 1;
    }
  }
  return good;
}

// One job, asked for in other ways in one partition.
class Trial {
 public:
  Trial(const State& state, const Job& job, PartitionIndex partition, absl::Time now)
      : state_(state), job_(job), key_(KeyOf(state, job, partition, now)), now_(ToInstant(now)) {
    queue_.partition = partition;
    queue_.sole_user = state.SoleUserOf(job, partition);
  }

  // As it is; what the searches below start from.
  void Prepare() {
    queue_.shape = job_.shape;
    FitQueue(state_, queue_);
    offers_ = Offers(queue_);
  }
  const Shape& shape() const { return *queue_.shape; }
  const Terms& terms() const { return queue_.terms; }
  uint64_t looks() const { return looks_; }

  // Everything that decides, for the job asked for like that.
  bool StartsAs(std::shared_ptr<const Shape> shape) {
    ShapeQueue queue;
    queue.shape = std::move(shape);
    queue.partition = queue_.partition;
    queue.sole_user = queue_.sole_user;
    FitQueue(state_, queue);
    if (!Judge(state_, queue).can_run_later || IsBehindOthers(state_, key_)) return false;
    const auto starts = [&](const ShapeQueue& place) {
      return SelectNodes(place.terms, Offers(place)).has_value();
    };
    return starts(queue) || std::any_of(queue.magnets.begin(), queue.magnets.end(),
                                        [&](const auto& magnet) { return starts(*magnet); });
  }

  uint32_t LongestMinutes() {
    const absl::Duration limit = state_.partitions[queue_.partition].facts.max_time;
    const absl::Duration less = shape().LeastTime() - absl::Nanoseconds(1);
    return static_cast<uint32_t>(
        Largest(WholeMinutes(std::min(limit, less)), [&](uint64_t minutes) {
          return Place([&](Shape& shape) { SetTime(shape, absl::Minutes(minutes)); }, true);
        }));
  }
  // Fewer nodes than the free ones that could take a task are not needed.
  uint32_t MostNodes() {
    const size_t free = ctld::MostNodes(queue_.terms, offers_);
    const uint32_t most = state_.partitions[queue_.partition].facts.max_nodes.value_or(UINT32_MAX);
    return static_cast<uint32_t>(std::min<size_t>({free, most, shape().min_nodes - 1}));
  }
  uint32_t MostTasks() {
    return static_cast<uint32_t>(Largest(shape().num_tasks - 1, [&](uint64_t tasks) {
      return Place([&](Shape& shape) { shape.num_tasks = static_cast<uint32_t>(tasks); });
    }));
  }
  uint32_t MostCpusPerTask() {
    return static_cast<uint32_t>(Largest(shape().cpus_per_task - 1, [&](uint64_t cpus) {
      return Place([&](Shape& shape) { shape.cpus_per_task = static_cast<uint32_t>(cpus); });
    }));
  }
  uint64_t MostMemory(uint64_t asked, bool per_cpu) {
    return Largest(asked - 1, [&](uint64_t mb) {
      return Place([&](Shape& shape) {
        shape.mem_per_node_mb.reset();
        shape.mem_per_cpu_mb.reset();
        (per_cpu ? shape.mem_per_cpu_mb : shape.mem_per_node_mb) = mb;
      });
    });
  }
  uint64_t LargestMemory() const {
    uint64_t largest = 0;
    for (NodeIndex index : state_.partitions[queue_.partition].nodes) {
      largest = std::max(largest, state_.nodes[index]->real_memory_mb);
    }
    return largest;
  }

 private:
  // Where the limit may be lowered, how far it may be is what counts.
  static void SetTime(Shape& shape, absl::Duration time) {
    (shape.time_min > absl::ZeroDuration() ? shape.time_min : shape.time_limit) = time;
  }

  std::vector<Offer> Offers(const ShapeQueue& queue) {
    const Instant until = now_ + queue.terms.least_time;
    std::vector<Offer> offers;
    if (LicensedFromNow(state_, queue.terms.licenses, key_, Track::View::kHigher, now_, until)) {
      offers = OffersFromNow(state_, queue, key_, now_, until);
    }
    looks_ += offers.size() + state_.partitions[queue.partition].nodes.size() / kCheap;
    return offers;
  }

  // Would the free nodes do for the shape with that change?
  bool Place(const std::function<void(Shape&)>& change, bool of_time = false) {
    auto changed = std::make_shared<Shape>(shape());
    change(*changed);
    ShapeQueue queue;
    queue.shape = changed;
    queue.partition = queue_.partition;
    queue.terms = MakeTerms(*changed, state_.partitions[queue_.partition].facts, state_.settings);
    queue.terms.lane = queue.terms.licenses.lane = queue_.terms.lane;
    queue.terms.not_in = queue_.terms.not_in;
    queue.terms.sole_user = queue_.terms.sole_user;
    looks_ += offers_.size();
    return SelectNodes(queue.terms, of_time ? Offers(queue) : offers_).has_value();
  }

  const State& state_;
  const Job& job_;
  const ReadyKey key_;
  const Instant now_;
  ShapeQueue queue_;  // the job as it is
  std::vector<Offer> offers_;
  uint64_t looks_ = 0;
};

class Search {
 public:
  Search(const State& state, const Job& job, const Sight& sight, absl::Time now)
      : state_(state), job_(job), sight_(sight), now_(now) {}

  std::vector<Suggestion> Run() {
    for (PartitionIndex partition : state_.PartitionsOf(job_)) {
      trials_.emplace_back(state_, job_, partition, now_);
      trials_.back().Prepare();
    }
    TryTime();
    TrySwitches();
    TryNodes();
    TryTasks();
    TryCpus();
    TryMemory();
    if (sight_.partitions) TryPartitions();
    return std::move(found_);
  }

 private:
  // The best of the job's partitions, 0 for none.
  template <typename Value>
  Value Best(const std::function<Value(Trial&)>& ask) {
    Value best = 0;
    for (Trial& trial : trials_) {
      if (Exhausted()) break;
      best = std::max(best, ask(trial));
    }
    return best;
  }
  bool Exhausted() const {
    uint64_t looks = looks_;
    for (const Trial& trial : trials_) looks += trial.looks();
    return looks > kMostLooks;
  }

  const Shape& shape() const { return *job_.shape; }

  // Takes it when it is true, all things considered.
  bool Keep(const JobSpec& spec, Suggestion suggestion) {
    const std::vector<PartitionIndex> partitions = Asked(spec);
    const std::optional<Shape> shape = Checked(spec);
    if (!shape.has_value()) return false;
    const auto shared = std::make_shared<const Shape>(*shape);
    for (PartitionIndex partition : partitions) {
      Trial trial(state_, job_, partition, now_);
      const bool starts = trial.StartsAs(shared);
      looks_ += trial.looks();
      if (!starts) continue;
      found_.push_back(std::move(suggestion));
      return true;
    }
    return false;
  }

  std::vector<PartitionIndex> Asked(const JobSpec& spec) const {
    Job asked;
    asked.partition = PartitionText(state_, spec);
    return state_.PartitionsOf(asked);
  }

  // As an update of the job would check it.
  std::optional<Shape> Checked(JobSpec spec) const {
    spec.array.clear();
    spec.dependency.clear();
    spec.priority.reset();
    spec.nice = std::max(spec.nice, 0);
    absl::StatusOr<Validated> valid =
        Validate(state_, spec, {job_.owner->uid, false, nullptr}, job_.id);
    if (!valid.ok()) return std::nullopt;
    if (HasWaitedForSwitches(job_, now_)) valid->shape.max_switches = 0;
    return std::move(valid->shape);
  }

  void TryTime() {
    const uint32_t minutes = Best<uint32_t>([](Trial& trial) { return trial.LongestMinutes(); });
    if (minutes == 0) return;
    JobSpec spec = *job_.spec;
    const std::string text = FormatDuration(absl::Minutes(minutes));
    if (shape().time_min > absl::ZeroDuration()) {
      RareWishes wishes = spec.wishes();
      wishes.time_min = absl::Minutes(minutes);
      spec.rare = std::make_shared<const RareWishes>(std::move(wishes));
      Keep(spec, {"--time-min=" + text, FormatDuration(shape().LeastLimit()), {"TimeMin", text}});
      return;
    }
    spec.time_limit = absl::Minutes(minutes);
    Keep(spec, {"--time=" + text, FormatDuration(job_.time_limit), {"TimeLimit", text}});
  }

  void TrySwitches() {
    const bool few = std::any_of(trials_.begin(), trials_.end(), [](const Trial& trial) {
      return AsksForFewSwitches(trial.terms());
    });
    if (!few) return;
    JobSpec spec = *job_.spec;
    RareWishes wishes = spec.wishes();
    const std::string asked = FormatSwitches(wishes.switches, SwitchWaitOf(job_));
    wishes.switches = 0;
    wishes.switches_wait.reset();
    spec.rare = std::make_shared<const RareWishes>(std::move(wishes));
    Keep(spec, {"without --switches", asked, {"Switches", "0"}});
  }

  void TryNodes() {
    const uint32_t nodes = Best<uint32_t>([](Trial& trial) { return trial.MostNodes(); });
    if (nodes == 0 || nodes < shape().req_nodes.size()) return;
    JobSpec spec = *job_.spec;
    const bool range = spec.max_nodes.has_value() && spec.max_nodes != spec.min_nodes;
    spec.min_nodes = nodes;
    if (!range) spec.max_nodes = nodes;
    if (!spec.wishes().node_counts.empty()) {
      RareWishes wishes = spec.wishes();
      wishes.node_counts.clear();
      spec.rare = std::make_shared<const RareWishes>(std::move(wishes));
    }
    const std::string upto = range ? StrCat("-", *spec.max_nodes) : "";
    const std::string text = StrCat(nodes, upto);
    Keep(spec, {"--nodes=" + text, StrCat(shape().min_nodes, upto), {"NumNodes", text}});
  }

  void TryTasks() {
    if (!shape().tasks_given) return;  // follows from the nodes
    const uint32_t tasks = Best<uint32_t>([](Trial& trial) { return trial.MostTasks(); });
    if (tasks == 0) return;
    JobSpec spec = *job_.spec;
    spec.num_tasks = tasks;
    Keep(spec,
         {StrCat("--ntasks=", tasks), StrCat(shape().num_tasks), {"NumTasks", StrCat(tasks)}});
  }

  void TryCpus() {
    const uint32_t cpus = Best<uint32_t>([](Trial& trial) { return trial.MostCpusPerTask(); });
    if (cpus == 0) return;
    JobSpec spec = *job_.spec;
    spec.cpus_per_task = cpus;
    Keep(spec, {StrCat("--cpus-per-task=", cpus),
                StrCat(shape().cpus_per_task),
                {"CPUs/Task", StrCat(cpus)}});
  }

  void TryMemory() {
    if (trials_.empty()) return;
    const Terms& terms = trials_.front().terms();
    const uint64_t per_node = terms.mem_per_node_mb.value_or(0);
    const bool per_cpu = per_node == 0 && terms.mem_per_cpu_mb.value_or(0) > 0;
    uint64_t asked = per_cpu ? *terms.mem_per_cpu_mb : per_node;
    const bool whole = asked == 0;
    if (whole && !terms.consume_memory) return;
    if (whole) asked = trials_.front().LargestMemory();
    if (asked == 0) return;
    const uint64_t mb =
        Best<uint64_t>([&](Trial& trial) { return trial.MostMemory(asked, per_cpu); });
    if (mb == 0) return;
    JobSpec spec = *job_.spec;
    spec.mem_per_node_mb.reset();
    spec.mem_per_cpu_mb.reset();
    (per_cpu ? spec.mem_per_cpu_mb : spec.mem_per_node_mb) = mb;
    const std::string text = StrCat(mb, "M");
    Keep(spec, {StrCat(per_cpu ? "--mem-per-cpu=" : "--mem=", text),
                whole ? "all memory of a node" : FormatMemoryMb(asked),
                {per_cpu ? "MinMemoryCPU" : "MinMemoryNode", text}});
  }

  void TryPartitions() {
    const std::vector<PartitionIndex> own = state_.PartitionsOf(job_);
    size_t suggested = 0;
    for (PartitionIndex i = 0; i < state_.partitions.size() && suggested < kMostPartitions; ++i) {
      const Partition& partition = state_.partitions[i].facts;
      if (std::count(own.begin(), own.end(), i) > 0 || partition.hidden) continue;
      // Who is in its groups is known when its jobs are submitted.
      if (!partition.allow_groups.empty() && job_.owner->uid != 0) continue;
      if (Exhausted()) return;
      JobSpec spec = *job_.spec;
      spec.partition = partition.name;
      suggested += Keep(
          spec, {"--partition=" + partition.name, job_.partition, {"Partition", partition.name}});
    }
  }

  const State& state_;
  const Job& job_;
  const Sight& sight_;
  const absl::Time now_;
  std::vector<Trial> trials_;
  std::vector<Suggestion> found_;
  uint64_t looks_ = 0;
};

}  // namespace

bool StartsNow(const State& state, const Job& job, absl::Time now) {
  for (PartitionIndex partition : state.PartitionsOf(job)) {
    if (Trial(state, job, partition, now).StartsAs(job.shape)) return true;
  }
  return false;
}

std::vector<Suggestion> FindSuggestions(const State& state, const Job& job, const Sight& sight,
                                        absl::Time now) {
  return Search(state, job, sight, now).Run();
}

}  // namespace reeve::ctld
