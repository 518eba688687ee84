// What scheduling costs at a queue's length: the first plan, and the passes after one event.
//
// A cluster of 10,000 nodes of 64 CPUs is full; N jobs of up to 1,000 shapes wait. Times are those
// of the passes that look at an event until nothing is left to look at, on one core. FourFullNodes
// is the peer's case (tests/bench/peer/planning.py): four nodes, 64 shapes of one node each. In
// TenLicenses there are nodes enough, and all jobs ask for one of ten licences.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "ctld/core/cluster_state.h"
#include "ctld/core/controller.h"

namespace reeve::ctld {
namespace {

constexpr uint32_t kCpus = 64;
constexpr uint64_t kMemory = 256'000;

// Jobs are drawn from `shapes`; each node is taken by `running_a_node` equal jobs.
struct Scene {
  uint32_t nodes;
  uint32_t running_a_node;
  std::vector<JobSpec> shapes;
  bool multifactor = false;
  std::vector<License> licenses;
};

// With them the queue's order is of all that priority/multifactor knows; 100 users share it.
PriorityConfig Weights() {
  PriorityConfig priority;
  priority.weight_age = 1000;
  priority.weight_fair_share = 10'000;
  priority.weight_job_size = 1000;
  priority.weight_partition = 100;
  priority.weight_cpu = 100;
  return priority;
}

Settings ClusterOf(const Scene& scene) {
  Settings settings;
  settings.priority.multifactor = scene.multifactor;
  if (scene.multifactor) settings.priority = Weights();
  settings.licenses = scene.licenses;
  settings.cluster_name = "bench";
  settings.max_job_count = 10'000'000;
  settings.min_job_age = absl::Seconds(1);
  settings.slurmd_timeout = absl::ZeroDuration();
  Partition partition;
  partition.name = "all";
  partition.is_default = true;
  partition.def_mem_per_cpu_mb = 1000;
  for (uint32_t i = 0; i < scene.nodes; ++i) {
    Node node;
    node.name = node.hostname = node.address = "n" + std::to_string(i + 1);
    node.cpus = node.cores_per_socket = kCpus;
    node.real_memory_mb = kMemory;
    node.order = i;
    partition.nodes.push_back(node.name);
    settings.nodes.push_back(std::move(node));
  }
  settings.partitions.push_back(std::move(partition));
  return settings;
}

JobSpec BatchJob(std::string name) {
  JobSpec spec;
  spec.name = std::move(name);
  spec.batch = true;
  spec.work_dir = "/home/user";
  return spec;
}

// Mostly narrow and short, some wide and long: users of a site ask for a thousand things.
std::vector<JobSpec> ManyShapes() {
  std::mt19937 random(7);
  std::vector<JobSpec> shapes;
  for (int i = 0; i < 1000; ++i) {
    JobSpec spec = BatchJob("job");
    const int kind = i % 10;
    if (kind < 5) {
      spec.num_tasks = 1;
      spec.cpus_per_task = 1 + random() % 32;
    } else if (kind < 8) {
      spec.min_nodes = spec.max_nodes = 1 + random() % 8;
      spec.ntasks_per_node = 1 + random() % 64;
    } else if (kind < 9) {
      spec.num_tasks = 1 + random() % 128;
    } else {
      spec.min_nodes = spec.max_nodes = 1 + random() % 64;
      spec.exclusive = true;
    }
    if (random() % 3 == 0) spec.mem_per_cpu_mb = 500 + random() % 3500;
    spec.time_limit = absl::Minutes(10 + random() % 2870);
    shapes.push_back(spec);
  }
  return shapes;
}

// As planning.py submits them: CPUs and minutes of the i-th.
std::vector<JobSpec> PeersShapes() {
  std::vector<JobSpec> shapes;
  for (int i = 0; i < 64; ++i) {
    JobSpec spec = BatchJob("job");
    spec.num_tasks = 1;
    spec.cpus_per_task = 1 + 7 * i % 32;
    spec.time_limit = absl::Minutes(10 + 37 * i % 480);
    shapes.push_back(spec);
  }
  return shapes;
}

Scene BigCluster(bool multifactor) {
  return {10'000, 4, ManyShapes(), multifactor, {}};
}

Scene TenOfALicense() {
  RareWishes wishes;
  wishes.licenses = "tool";
  std::vector<JobSpec> shapes = PeersShapes();
  for (JobSpec& shape : shapes) shape.rare = std::make_shared<const RareWishes>(wishes);
  return {100, 0, std::move(shapes), false, {{"tool", 10}}};
}

// The process's memory, in bytes.
int64_t Resident() {
  int64_t all = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

class Queue {
 public:
  Queue(size_t pending, Scene scene) : scene_(std::move(scene)), controller_(ClusterOf(scene_)) {
    (void)controller_.Restore({}, now_);
    for (const Node* node : controller_.Nodes()) {
      NodeRegistered event;
      event.node = node->name;
      event.boot_id = "boot";
      event.hardware.cpus = kCpus;
      event.hardware.real_memory_mb = kMemory;
      (void)controller_.Handle(event, now_);
    }
    Pass();
    for (const JobSpec& shape : scene_.shapes)
      shapes_.push_back(std::make_shared<const JobSpec>(shape));
    Fill();
    const int64_t before = Resident();
    while (waiting_ < pending) Submit();
    waiting_bytes_ = Resident() - before;
  }

  // Until there is nothing to look at. Returns the number of passes.
  int Pass() {
    int passes = 0;
    bool again = true;
    for (; again; ++passes) {
      const auto begin = std::chrono::steady_clock::now();
      const Effects effects = controller_.Schedule(now_);
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
      longest_ = std::max(longest_, took.count());
      Note(effects);
      again = effects.schedule;
    }
    return passes;
  }

  void Submit() {
    SubmitJob event;
    const auto user = static_cast<uint32_t>(1000 + random_() % 100);
    event.caller = {user, 100, "user", false};
    event.spec = Draw();
    event.script_hash = "s" + std::to_string(random_() % 1000);
    event.env_hash = "e" + std::to_string(random_() % 1000);
    Note(controller_.Handle(event, now_));
    waiting_++;
  }

  // A job that runs ends now, long before its limit. Room is made, the pass is not run.
  void Release() {
    const size_t pick = random_() % running_.size();
    const JobId id = running_[pick];
    running_[pick] = running_.back();
    running_.pop_back();
    now_ += absl::Milliseconds(10);
    const Job& job = *controller_.FindJob(id);
    StepReported event;
    event.node = job.shares.front().node;
    event.report_id = 1;
    event.job = id;
    event.step = kBatchStep;
    event.kind = StepReportKind::kExited;
    event.tasks = {{0, 0}};
    Note(controller_.Handle(event, now_));
  }

  // The next PriorityCalcPeriod has come. Everything that it leads to, passes left out: the time of
  // the longest event, and of all together.
  std::pair<double, double> Round() {
    now_ += absl::Minutes(6);
    double longest = 0, all = 0;
    size_t looked = 0;
    do {
      const auto begin = std::chrono::steady_clock::now();
      Note(controller_.Handle(Tick{}, now_));
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
      longest = std::max(longest, took.count());
      all += took.count();
      now_ += absl::Milliseconds(20);
    } while (controller_.state().round.going && ++looked < 1'000'000);
    return {longest, all};
  }

  double TakeLongest() { return std::exchange(longest_, 0); }
  int64_t waiting_bytes() const { return waiting_bytes_; }
  size_t planned() const { return controller_.state().plan.planned_jobs(); }
  size_t waiting() const { return waiting_; }
  // How long the planned jobs are to wait, in hours: what a faster search may cost.
  double MeanWait() const {
    double sum = 0;
    controller_.state().plan.planned().ForEach([&](JobId, const auto& planned) {
      sum += absl::ToDoubleHours(ToTime(planned->places.front().at) - now_);
    });
    return sum / static_cast<double>(std::max<size_t>(planned(), 1));
  }

 private:
  std::shared_ptr<const JobSpec> Draw() {
    // Each user's job is a request of its own, as it comes from the wire.
    return std::make_shared<const JobSpec>(*shapes_[random_() % shapes_.size()]);
  }

  // Every node is taken, until a time of its own.
  void Fill() {
    for (uint32_t i = 0; i < scene_.nodes * scene_.running_a_node; ++i) {
      SubmitJob event;
      event.caller = {1000, 100, "user", false};
      auto spec = std::make_shared<JobSpec>(BatchJob("running"));
      spec->num_tasks = 1;
      spec->cpus_per_task = kCpus / scene_.running_a_node;
      spec->time_limit = absl::Minutes(10 + random_() % 2000);
      event.spec = spec;
      Note(controller_.Handle(event, now_));
    }
    Pass();
  }

  void Note(const Effects& effects) {
    for (const NodeCommand& command : effects.commands) {
      if (const auto* launch = std::get_if<StepLaunch>(&command.command)) {
        running_.push_back(launch->job);
        if (waiting_ > 0) waiting_--;
      }
    }
  }

  Scene scene_;
  absl::Time now_ = absl::FromUnixSeconds(1'795'000'000);
  Controller controller_;
  std::vector<std::shared_ptr<const JobSpec>> shapes_;
  std::vector<JobId> running_;
  std::mt19937 random_{1};
  size_t waiting_ = 0;
  int64_t waiting_bytes_ = 0;
  double longest_ = 0;
};

// One queue a length, planned once; the events that follow are few beside it.
Queue& Planned(const benchmark::State& state) {
  using Kind = std::pair<size_t, bool>;
  static std::pair<Kind, std::unique_ptr<Queue>> last;
  const Kind kind(state.range(0), state.range(1) != 0);
  if (last.second == nullptr || last.first != kind) {
    last = {kind, nullptr};
    last.second = std::make_unique<Queue>(kind.first, BigCluster(kind.second));
    last.second->Pass();
  }
  return *last.second;
}

void TimePlan(benchmark::State& state, Scene scene) {
  Queue queue(state.range(0), std::move(scene));
  const int64_t submitted = queue.waiting_bytes();
  for (auto _ : state) {
    const int64_t before = Resident();
    queue.Pass();
    const int64_t plan = Resident() - before;
    state.counters["job_bytes"] = static_cast<double>(submitted + plan) / state.range(0);
    state.counters["of_it_planned"] = static_cast<double>(plan) / state.range(0);
    state.counters["planned"] = queue.planned();
    state.counters["longest_pass_ms"] = queue.TakeLongest() * 1e3;
    state.PauseTiming();
    state.counters["mean_wait_h"] = queue.MeanWait();
    state.ResumeTiming();
  }
}

void FullPlan(benchmark::State& state) {
  TimePlan(state, BigCluster(false));
}
BENCHMARK(FullPlan)->Arg(1000)->Arg(10'000)->Arg(100'000)->Arg(1'000'000)->Iterations(1)->Unit(
    benchmark::kMillisecond);

void FourFullNodes(benchmark::State& state) {
  TimePlan(state, {4, 1, PeersShapes(), false, {}});
}
BENCHMARK(FourFullNodes)
    ->Arg(400)
    ->Arg(10'000)
    ->Iterations(1)
    ->Repetitions(5)
    ->Unit(benchmark::kMillisecond);

// And what one release and one submission cost then, of 100 each.
void TenLicenses(benchmark::State& state) {
  const auto seconds = [](auto begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  Queue queue(state.range(0), TenOfALicense());
  for (auto _ : state) {
    queue.Pass();
    state.PauseTiming();
    state.counters["planned"] = queue.planned();
    double release = 0, submission = 0;
    for (int i = 0; i < 100; ++i) {
      queue.Release();
      auto begin = std::chrono::steady_clock::now();
      queue.Pass();
      release += seconds(begin);
      queue.Submit();
      begin = std::chrono::steady_clock::now();
      queue.Pass();
      submission += seconds(begin);
    }
    state.counters["release_us"] = release / 100 * 1e6;
    state.counters["submission_us"] = submission / 100 * 1e6;
    state.ResumeTiming();
  }
}
BENCHMARK(TenLicenses)
    ->Arg(1000)
    ->Arg(10'000)
    ->Arg(20'000)
    ->Arg(100'000)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

void AfterRelease(benchmark::State& state) {
  Queue& queue = Planned(state);
  queue.TakeLongest();
  int passes = 0;
  for (auto _ : state) {
    state.PauseTiming();
    queue.Release();
    state.ResumeTiming();
    passes += queue.Pass();
  }
  state.counters["longest_pass_ms"] = queue.TakeLongest() * 1e3;
  state.counters["passes"] = static_cast<double>(passes) / state.iterations();
}
void AfterSubmission(benchmark::State& state) {
  Queue& queue = Planned(state);
  queue.TakeLongest();
  for (auto _ : state) {
    state.PauseTiming();
    queue.Submit();
    state.ResumeTiming();
    queue.Pass();
  }
  state.counters["longest_pass_ms"] = queue.TakeLongest() * 1e3;
}
void Lengths(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"jobs", "multifactor"});
  for (int64_t n : {1000, 10'000, 100'000, 1'000'000}) benchmark->Args({n, 0});
  for (int64_t n : {100'000, 1'000'000}) benchmark->Args({n, 1});
  benchmark->Iterations(200)->Unit(benchmark::kMicrosecond);
}
BENCHMARK(AfterRelease)->Apply(Lengths);
BENCHMARK(AfterSubmission)->Apply(Lengths);

// The fair shares of all users have moved: a round through the whole queue.
void PriorityRound(benchmark::State& state) {
  Queue& queue = Planned(state);
  for (auto _ : state) {
    const auto [longest, all] = queue.Round();
    state.counters["longest_event_ms"] = longest * 1e3;
    state.counters["round_ms"] = all * 1e3;
  }
  queue.TakeLongest();
  queue.Pass();
  state.counters["longest_pass_ms"] = queue.TakeLongest() * 1e3;
}
BENCHMARK(PriorityRound)
    ->ArgNames({"jobs", "multifactor"})
    ->Args({100'000, 1})
    ->Args({1'000'000, 1})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace reeve::ctld

BENCHMARK_MAIN();
