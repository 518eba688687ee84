// On random small clusters: every count of an explanation agrees with one made node by node and
// hold by hold from what was asked for, and every suggestion is tried: the job starts with it at
// once, and with less of a change it does not.
#include <functional>

#include "common/base/hostlist.h"
#include "ctld/core/cluster_state.h"
#include "tests/ctld/core/explain_harness.h"
#include "tests/ctld/core/random.h"

namespace reeve::ctld {
namespace {

// ---- worlds
// ----------------------------------------------------------------------------------------

Settings RandomSettings(Random& random) {
  const uint32_t count = 2 + random(4);
  Settings settings = MakeTestSettings(count, 4);
  settings.select.memory = random(2) == 0;
  settings.select.core = random(3) == 0;
  settings.slurmd_timeout = absl::ZeroDuration();
  if (random(2)) settings.def_mem_per_cpu_mb = 50;
  if (random(4) == 0) settings.plan_depth = 1;  // EASY
  if (random(8) == 0) settings.backfill = false;
  for (Node& node : settings.nodes) {
    node.cpus = 2u << random(3);
    node.threads_per_core = settings.select.core ? 2 : 1;
    node.sockets = node.cpus / node.threads_per_core;
    node.real_memory_mb = 400 * (1 + random(3));
    node.tmp_disk_mb = 1000 * random(3);
    if (random(2)) node.features.push_back("gpu");
    if (random(2)) node.features.push_back("ib");
  }
  settings.nodes[0].features = {"gpu", "ib"};  // both are known
  reeve::ctld::Partition small = settings.partitions[0];
  small.name = "small";
  small.is_default = false;
  small.nodes.resize(1 + random(count));
  small.priority_tier = 1 + random(2);
  if (random(2)) small.max_time = absl::Minutes(30);
  if (random(3) == 0) small.max_nodes = 1 + random(2);
  settings.partitions.push_back(small);
  return settings;
}

Spec RandomSpec(Random& random, uint32_t nodes) {
  Spec spec;
  spec.Minutes(1 + random(60));
  if (random(2)) {
    spec.Nodes(1 + random(nodes));
  } else if (random(3) == 0) {
    spec.Nodes(1 + random(2), 2 + random(3));
  }
  if (random(2)) spec.Tasks(1 + random(8));
  if (random(3) == 0) spec.PerNode(1 + random(3));
  if (random(3) == 0) spec.CpusPerTask(1 + random(4));
  if (random(4) == 0) spec.Mem(100 * (1 + random(8)));
  if (random(3) == 0 && !spec.raw().mem_per_node_mb) spec.MemPerCpu(20 * (1 + random(16)));
  if (random(6) == 0) spec.Exclusive();
  if (random(6) == 0) spec.On("n" + std::to_string(1 + random(2)));
  if (random(6) == 0) spec.NotOn("n" + std::to_string(2 + random(nodes - 1)));
  if (random(5) == 0) spec.Features(std::vector<std::string>{"gpu", "gpu&ib", "gpu|ib"}[random(3)]);
  if (random(8) == 0) spec.raw().tmp_disk_mb = 1500;
  if (random(8) == 0) spec.Array("1-" + std::to_string(2 + random(4)));
  if (random(3) == 0) spec.Partition("small");
  if (random(12) == 0) spec.Hold();
  return spec;
}

// What is asked of all nodes together.
void Choose(Random& random, Spec& spec) {
  if (random(6) == 0) {
    spec.raw().contiguous = true;
  } else if (random(6) == 0) {
    spec.Features(std::vector<std::string>{"[gpu*1&ib*1]", "[gpu|ib]", "ib*1"}[random(3)]);
  }
}

// The same seed makes the same world.
std::unique_ptr<Cluster> MakeWorld(uint32_t seed) {
  Random random(seed);
  auto cluster = std::make_unique<Cluster>(RandomSettings(random));
  Cluster& c = *cluster;
  const uint32_t nodes = static_cast<uint32_t>(c.settings.nodes.size());
  Random wishes(seed + 100'000);  // drawn apart
  Random choice(seed + 200'000);
  for (int i = 0; i < 18; ++i) {
    Spec spec = RandomSpec(random, nodes);
    if (wishes(3) == 0) {
      const auto limit = static_cast<uint32_t>(absl::ToInt64Minutes(*spec.raw().time_limit));
      spec.TimeMin(absl::Minutes(limit - wishes(limit / 3 + 1)));
    }
    Choose(choice, spec);
    (void)c.TrySubmit(spec);
    if (random(3) == 0) c.Advance(absl::Seconds(random(300)));
    if (random(12) == 0) c.SetNode("n" + std::to_string(1 + random(nodes)), "DRAIN", "test");
    if (random(6) != 0) continue;
    std::vector<JobId> running;
    c.controller->ForEachJob([&](const Job& job) {
      if (job.Running()) running.push_back(job.id);
    });
    std::sort(running.begin(), running.end());
    if (!running.empty()) c.Exit(running[random(static_cast<uint32_t>(running.size()))]);
  }
  return cluster;
}

std::vector<JobId> PendingIn(const Cluster& c) {
  std::vector<JobId> jobs;
  c.controller->ForEachJob([&](const Job& job) {
    if (job.Pending()) jobs.push_back(job.id);
  });
  std::sort(jobs.begin(), jobs.end());
  return jobs;
}

// ---- counting by hand
// --------------------------------------------------------------------------------

struct Free {
  int64_t cpus = 0;
  int64_t mem_mb = 0;
};

class Recount {
 public:
  Recount(const Cluster& c, const Job& job)
      : c_(c), state_(c.controller->state()), job_(job), spec_(*job.spec) {
    partition_ = &c.controller->FindPartition(job.partition)[0];
  }

  void Check(const Explanation& why) {
    ASSERT_EQ(why.prospects.size(), 1u);
    const std::vector<Requirement>& told = why.prospects[0].requirements;
    std::vector<const Node*> left = InPartition();
    size_t next = 0;
    for (const Row& row : Rows()) {
      if (!row.asked) continue;
      ASSERT_LT(next, told.size());
      const Requirement& requirement = told[next++];
      SCOPED_TRACE(::testing::Message() << "requirement " << static_cast<int>(row.need));
      ASSERT_EQ(requirement.need, row.need);
      uint32_t passing = 0;
      for (const Node* node : InPartition()) passing += row.passes(*node);
      EXPECT_EQ(requirement.passing, passing);
      std::erase_if(left, [&](const Node* node) { return !row.passes(*node); });
      EXPECT_EQ(requirement.remaining, left.size());
      uint64_t tasks = 0;
      for (const Node* node : left) tasks += row.tasks ? row.tasks(*node) : 0;
      EXPECT_EQ(requirement.tasks, tasks);
    }
    for (; next < told.size() && told[next].need == Need::kFeatureGroup; ++next) {
      const std::string name = told[next].asked.substr(0, told[next].asked.find('*'));
      EXPECT_EQ(told[next].passing, CountWith(InPartition(), name));
      EXPECT_EQ(told[next].remaining, CountWith(left, name));
      groups_told_ += "/" + told[next].asked;
    }
    EXPECT_EQ(groups_told_, spec_.features == "[gpu*1&ib*1]" ? "/gpu*1/ib*1"
                            : spec_.features == "[gpu|ib]"   ? "/gpu/ib"
                            : spec_.features == "ib*1"       ? "/ib*1"
                                                             : "");
    if (spec_.contiguous) {
      ASSERT_LT(next, told.size());
      EXPECT_EQ(told[next].need, Need::kContiguous);
      EXPECT_EQ(told[next].passing, InRows(InPartition()));
      EXPECT_EQ(told[next++].remaining, InRows(left));
    }
    EXPECT_EQ(next, told.size());
    CheckAhead(why.prospects[0].ahead);
  }

 private:
  struct Row {
    Need need;
    bool asked;
    std::function<bool(const Node&)> passes;
    std::function<uint64_t(const Node&)> tasks;
  };

  std::vector<Row> Rows() const {
    const bool memory = MemoryMatters();
    const auto by_cpus = [this](const Node& n) { return Tasks(n, {n.cpus, 1 << 30}, true); };
    const auto by_memory = [this](const Node& n) { return Tasks(n, {1 << 20, Mb(n)}, false); };
    const auto by_both = [this](const Node& n) { return Tasks(n, {n.cpus, Mb(n)}, false); };
    const auto now = [this](const Node& n) { return Tasks(n, FreeNow(n), false); };
    const auto long_enough = [this](const Node& n) { return Tasks(n, FreeThroughout(n), false); };
    const std::vector<std::string> list = Hosts(spec_.req_nodes);
    return {
        {Need::kPartition, true, [](const Node&) { return true; }, {}},
        {Need::kNotExcluded,
         !spec_.exc_nodes.empty(),
         [this](const Node& n) { return n.name != spec_.exc_nodes; },
         {}},
        {Need::kInNodeList,
         !list.empty() && MostNodes() <= list.size(),
         [list](const Node& n) { return std::count(list.begin(), list.end(), n.name) > 0; },
         {}},
        {Need::kFeatures,
         !spec_.features.empty(),
         [this](const Node& n) { return Featured(n); },
         {}},
        {Need::kDisk,
         spec_.tmp_disk_mb > 0,
         [this](const Node& n) { return n.tmp_disk_mb >= spec_.tmp_disk_mb; },
         {}},
        {Need::kCpus, true, [=](const Node& n) { return by_cpus(n) > 0; },
         memory ? std::function<uint64_t(const Node&)>(by_cpus) : by_both},
        {Need::kMemory, memory, [=](const Node& n) { return by_memory(n) > 0; }, by_both},
        {Need::kUp, true, [](const Node& n) { return n.Usable(); }, by_both},
        {Need::kFreeNow, true, [=](const Node& n) { return now(n) > 0; }, now},
        {Need::kFreeThroughout, true, [=](const Node& n) { return long_enough(n) > 0; },
         long_enough},
    };
  }

  static std::vector<std::string> Hosts(const std::string& text) {
    return ExpandHostlist(text).value_or(std::vector<std::string>());
  }
  static int64_t Mb(const Node& node) { return static_cast<int64_t>(node.real_memory_mb); }

  std::vector<const Node*> InPartition() const {
    std::vector<const Node*> nodes;
    for (const std::string& name : partition_->nodes) nodes.push_back(&c_.GetNode(name));
    return nodes;
  }
  bool Featured(const Node& node) const {
    const bool gpu = node.HasFeature("gpu"), ib = node.HasFeature("ib");
    if (spec_.features == "ib*1") return true;  // the others may be any
    return spec_.features == "gpu" ? gpu : spec_.features == "gpu&ib" ? gpu && ib : gpu || ib;
  }
  static uint32_t CountWith(const std::vector<const Node*>& nodes, const std::string& name) {
    uint32_t count = 0;
    for (const Node* node : nodes) count += node->HasFeature(name);
    return count;
  }
  // How many of them have enough others of them to the left and right, without a gap.
  uint32_t InRows(const std::vector<const Node*>& nodes) const {
    const auto there = [&](uint32_t order) {
      return std::any_of(nodes.begin(), nodes.end(),
                         [&](const Node* node) { return node->order == order; });
    };
    uint32_t count = 0;
    for (const Node* node : nodes) {
      uint32_t first = node->order, last = node->order;
      while (there(first - 1)) first--;
      while (there(last + 1)) last++;
      count += last - first + 1 >= job_.shape->min_nodes;
    }
    return count;
  }
  uint32_t MostNodes() const {
    return std::min(spec_.max_nodes.value_or(UINT32_MAX),
                    partition_->max_nodes.value_or(UINT32_MAX));
  }
  uint32_t AllTasks() const {
    if (spec_.num_tasks.has_value()) return *spec_.num_tasks;
    const uint32_t counts = spec_.features == "[gpu*1&ib*1]" ? 2 : 1;
    const uint32_t nodes =
        std::max<uint32_t>({spec_.min_nodes.value_or(1), counts,
                            static_cast<uint32_t>(Hosts(spec_.req_nodes).size())});
    return nodes * std::max(spec_.ntasks_per_node.value_or(1), 1u);
  }

  // Per CPU, or else per node; neither: a whole node's.
  int64_t PerNode() const { return spec_.mem_per_node_mb.value_or(0); }
  int64_t PerCpu() const {
    if (spec_.mem_per_node_mb.has_value()) return 0;
    if (spec_.mem_per_cpu_mb.has_value()) return *spec_.mem_per_cpu_mb;
    return c_.settings.def_mem_per_cpu_mb.value_or(0);
  }
  bool MemoryMatters() const { return PerNode() > 0 || PerCpu() > 0 || c_.settings.select.memory; }

  // How many tasks go there, trying one more until they do not.
  uint64_t Tasks(const Node& node, Free free, bool whatever_memory) const {
    const uint32_t per_node = spec_.ntasks_per_node.value_or(0);
    const uint64_t most = per_node > 0 ? per_node : c_.settings.max_tasks_per_node;
    uint64_t tasks = 0;
    while (tasks < most && Fits(node, free, tasks + 1, whatever_memory)) tasks++;
    if (per_node > 0 && !spec_.num_tasks.has_value() && tasks < per_node) return 0;
    return MostNodes() == 1 && tasks < AllTasks() ? 0 : tasks;
  }
  bool Fits(const Node& node, Free free, uint64_t tasks, bool whatever_memory) const {
    int64_t cpus = static_cast<int64_t>(tasks) * spec_.cpus_per_task.value_or(1);
    const int64_t threads = c_.settings.select.core ? node.threads_per_core : 1;
    cpus = (cpus + threads - 1) / threads * threads;
    if (cpus > free.cpus) return false;
    if (spec_.exclusive && free.cpus < node.cpus) return false;
    if (whatever_memory) return true;
    const int64_t memory = c_.settings.select.memory ? free.mem_mb : Mb(node);
    if (PerNode() > 0) return PerNode() <= memory;
    if (PerCpu() > 0) return PerCpu() * cpus <= memory;
    return !c_.settings.select.memory || memory == Mb(node);
  }

  // From the shares of the jobs that are on it.
  Free FreeNow(const Node& node) const {
    Free free{node.cpus, Mb(node)};
    c_.controller->ForEachJob([&](const Job& job) {
      if (!job.HoldsResources()) return;
      for (const NodeShare& share : job.shares) {
        if (share.node != node.name || job.ClearOf(node.name)) continue;
        free.cpus -= job.spec->exclusive ? node.cpus : share.cpus;
        free.mem_mb -= static_cast<int64_t>(share.mem_mb);
      }
    });
    return {std::max<int64_t>(free.cpus, 0), std::max<int64_t>(free.mem_mb, 0)};
  }

  bool Higher(const ReadyKey& other) const {
    const auto score = static_cast<double>(job_.priority);
    const ReadyKey own{partition_->priority_tier, score, job_.id, other.partition};
    return std::tuple(other.tier, other.score) > std::tuple(own.tier, own.score) ||
           (other.tier == own.tier && other.score == own.score && other.job < own.job);
  }

  // At each instant at which something of higher rank is to start.
  Free FreeThroughout(const Node& node) const {
    const Track& track = state_.plan.track(state_.node_index.at(node.name), 0);
    const Instant now = ToInstant(c_.now);
    const Instant until = now + absl::ToInt64Microseconds(job_.shape->LeastTime());
    Free least = FreeNow(node);
    std::vector<Instant> instants = {now};
    for (const Track::Hold& hold : track.holds()) {
      if (hold.from > now && hold.from < until) instants.push_back(hold.from);
    }
    for (Instant at : instants) {
      Free left{node.cpus, Mb(node)};
      for (const Track::Use& use : track.running()) {
        if (use.until <= at) continue;
        left.cpus -= use.room.cpus;
        left.mem_mb -= use.room.mem_mb;
      }
      for (const Track::Hold& hold : track.holds()) {
        if (!Higher(hold.rank) || hold.from > at || hold.until <= at) continue;
        left.cpus -= hold.room.cpus;
        left.mem_mb -= hold.room.mem_mb;
      }
      least.cpus = std::min(least.cpus, left.cpus);
      least.mem_mb = std::min(least.mem_mb, left.mem_mb);
    }
    return {std::max<int64_t>(least.cpus, 0), std::max<int64_t>(least.mem_mb, 0)};
  }

  void CheckAhead(const Ahead& told) const {
    uint32_t jobs = 0;
    uint64_t cpus = 0;
    const Job* first = nullptr;
    const auto before = [](const Job* a, const Job* b) {
      return a->priority != b->priority ? a->priority > b->priority : a->id < b->id;
    };
    c_.controller->ForEachJob([&](const Job& job) {
      const bool waits = job.reason == Reason::kPriority || job.reason == Reason::kResources;
      if (!job.Pending() || !waits || job.partition != job_.partition) return;
      if (!before(&job, &job_)) return;
      jobs++;
      cpus += job.num_cpus * std::max<uint64_t>(job.array->tasks.count(), 1);
      if (first == nullptr || before(&job, first)) first = &job;
    });
    EXPECT_EQ(told.jobs, jobs);
    EXPECT_EQ(told.cpus, cpus);
    EXPECT_EQ(told.first, first == nullptr ? JobId{} : first->id);
    EXPECT_FALSE(told.more);
  }

  const Cluster& c_;
  const State& state_;
  const Job& job_;
  const JobSpec& spec_;
  const reeve::ctld::Partition* partition_ = nullptr;
  std::string groups_told_;
};

TEST(ExplainProperty, CountsAgreeWithANaiveRecount) {
  size_t explained = 0;
  for (uint32_t seed = 1; seed <= 600; ++seed) {
    const std::unique_ptr<Cluster> c = MakeWorld(seed);
    for (JobId id : PendingIn(*c)) {
      SCOPED_TRACE(::testing::Message() << "seed " << seed << ", job " << id.value);
      const Explanation why = ExplainOne(*c, id);
      EXPECT_TRUE(why.settled);
      EXPECT_FALSE(why.starts_now) << "it would have been started";
      Recount(*c, c->Get(id)).Check(why);
      explained++;
      if (::testing::Test::HasFailure()) return;
    }
  }
  EXPECT_GT(explained, 2000u);
}

// ---- suggestions
// -------------------------------------------------------------------------------------

class Suggestions {
 public:
  explicit Suggestions(uint32_t seed) : seed_(seed) {}

  // Does the job start at once when that is changed in a world like this one?
  bool Starts(JobId id, const std::string& key, const std::string& value) const {
    const std::unique_ptr<Cluster> c = MakeWorld(seed_);
    const size_t running = RunningOf(*c, id);
    if (c->Update(id, key, value) != "") return false;
    return RunningOf(*c, id) > running;
  }
  bool Starts(JobId id, const std::string& key, uint64_t value) const {
    return Starts(id, key, std::to_string(value));
  }

 private:
  // Of its array, when it is a record of one.
  static size_t RunningOf(const Cluster& c, JobId id) {
    const JobId array = c.Get(id).array_job_id;
    size_t running = 0;
    c.controller->ForEachJob([&](const Job& job) {
      if (job.Running() && (job.id == id || (array && job.array_job_id == array))) running++;
    });
    return running;
  }

  const uint32_t seed_;
};

// What is suggested for the key, 0 when nothing is.
uint64_t Suggested(const Explanation& why, const std::string& key) {
  for (const Suggestion& suggestion : why.suggestions) {
    if (suggestion.change.first != key) continue;
    if (key != "TimeLimit" && key != "TimeMin") return std::stoull(suggestion.change.second);
    int days = 0, hours = 0, minutes = 0;
    const std::string& text = suggestion.change.second;
    const bool with_days = sscanf(text.c_str(), "%d-%d:%d", &days, &hours, &minutes) == 3;
    if (!with_days) {
      days = 0;
      sscanf(text.c_str(), "%d:%d", &hours, &minutes);
    }
    return (days * 24 + hours) * 60 + minutes;
  }
  return 0;
}

struct Way {
  std::string key;
  uint64_t asked = 0;
  bool larger_is_easier = false;  // every value below the asked one is to be tried
};

std::vector<Way> WaysFor(const Job& job) {
  const JobSpec& spec = *job.spec;
  std::vector<Way> ways = {
      {"TimeLimit", static_cast<uint64_t>(absl::ToInt64Minutes(job.time_limit))}};
  if (spec.wishes().time_min) {
    ways.push_back(
        {"TimeMin", static_cast<uint64_t>(absl::ToInt64Minutes(*spec.wishes().time_min))});
  }
  const bool range = spec.max_nodes != spec.min_nodes;
  if (!range) ways.push_back({"NumNodes", job.num_nodes, true});
  if (spec.num_tasks.has_value()) ways.push_back({"NumTasks", *spec.num_tasks});
  ways.push_back({"CPUs/Task", spec.cpus_per_task.value_or(1)});
  if (spec.mem_per_node_mb.has_value()) {
    ways.push_back({"MinMemoryNode", *spec.mem_per_node_mb});
  } else if (spec.mem_per_cpu_mb.has_value()) {
    ways.push_back({"MinMemoryCPU", *spec.mem_per_cpu_mb});
  }
  return ways;
}

TEST(ExplainProperty, SuggestionsAreTrueAndTheLeastChange) {
  std::map<std::string, int> tried;
  for (uint32_t seed = 1001; seed <= 1120; ++seed) {
    const std::unique_ptr<Cluster> c = MakeWorld(seed);
    const Suggestions world(seed);
    for (JobId id : PendingIn(*c)) {
      const Explanation why = ExplainOne(*c, id);
      SCOPED_TRACE(::testing::Message() << "seed " << seed << ", job " << id.value);
      for (const Suggestion& suggestion : why.suggestions) {
        const auto& [key, value] = suggestion.change;
        EXPECT_TRUE(world.Starts(id, key, value)) << suggestion.option;
        tried[key]++;
      }
      if (!c->controller->state().backlog.Contains(id)) {
        EXPECT_TRUE(why.suggestions.empty()) << "it is held, or waits for something else";
        continue;
      }
      for (const Way& way : WaysFor(c->Get(id))) {
        const uint64_t value = Suggested(why, way.key);
        SCOPED_TRACE(::testing::Message() << way.key << " " << value << " of " << way.asked);
        EXPECT_TRUE(value < way.asked || value == 0);
        if (value + 1 < way.asked) {
          EXPECT_FALSE(world.Starts(id, way.key, value + 1));
        }
        for (uint64_t other = value + 2; way.larger_is_easier && other < way.asked; ++other) {
          EXPECT_FALSE(world.Starts(id, way.key, other));
        }
      }
      if (::testing::Test::HasFailure()) return;
    }
  }
  for (const char* key : {"TimeLimit", "TimeMin", "NumNodes", "NumTasks", "CPUs/Task",
                          "MinMemoryNode", "MinMemoryCPU", "Partition"}) {
    EXPECT_GT(tried[key], 0) << key << " was never suggested";
  }
}

}  // namespace
}  // namespace reeve::ctld
