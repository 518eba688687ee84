// Jobs that ask for sockets, cores and threads: what they and their steps get, when they start, and
// what they are told.
#include <algorithm>

#include "tests/ctld/core/explain_harness.h"
#include "tests/ctld/core/jobs_in.h"
#include "tests/ctld/core/random.h"

namespace reeve::ctld {
namespace {

// Nodes of two sockets with four cores of two threads.
Settings TwoSockets(uint32_t nodes, bool core = true) {
  Settings settings = MakeTestSettings(nodes, 16);
  settings.select.core = core;
  for (Node& node : settings.nodes) {
    node.sockets = 2;
    node.cores_per_socket = 4;
    node.threads_per_core = 2;
  }
  return settings;
}

template <typename Change>
Spec With(Spec spec, Change change) {
  RareWishes wishes = spec.raw().wishes();
  change(wishes.cpus);
  spec.raw().rare = std::make_shared<const RareWishes>(std::move(wishes));
  return spec;
}
Spec OneThread(Spec spec) {
  return With(spec, [](CpuWishes& cpus) { cpus.threads_per_core = 1; });
}
Spec PerSocket(Spec spec, uint32_t tasks) {
  return With(spec, [&](CpuWishes& cpus) { cpus.ntasks_per_socket = tasks; });
}
Spec PerCore(Spec spec, uint32_t tasks) {
  return With(spec, [&](CpuWishes& cpus) { cpus.ntasks_per_core = tasks; });
}

std::string CpusOf(const Cluster& c, JobId id) {
  std::string text;
  for (const NodeShare& share : c.Get(id).shares) {
    text += (text.empty() ? "" : " ") + share.node + ":" + share.cores.ToText();
  }
  return text;
}

std::string Variable(const StepLaunch& launch, const std::string& name) {
  for (const std::string& line : launch.environment) {
    if (line.starts_with(name + "=")) return line.substr(name.size() + 1);
  }
  return "-";
}

TEST(LayoutJobs, OneThreadOfACoreTakesWholeCores) {
  Cluster c(TwoSockets(1));
  const JobId job = c.Submit(OneThread(Spec().Tasks(4)));
  EXPECT_EQ(CpusOf(c, job), "n1:0-7");
  EXPECT_EQ(c.Get(job).num_cpus, 8u);
  EXPECT_EQ(c.Get(job).shares[0].usable_cpus, 4u);
  const auto [node, launch] = c.Commands<StepLaunch>().back();
  EXPECT_EQ(launch.shares[0].cores.ToText(), "0,2,4,6");
  EXPECT_EQ(launch.shares[0].cpus, 4u);
  EXPECT_EQ(Variable(launch, "SLURM_JOB_CPUS_PER_NODE"), "4");
  EXPECT_EQ(Variable(launch, "SLURM_THREADS_PER_CORE"), "1");
  // The other threads are nobody's.
  EXPECT_EQ(CpusOf(c, c.Submit(Spec().Tasks(8))), "n1:8-15");
  EXPECT_TRUE(c.Get(c.Submit(Spec().Tasks(1))).Pending());
}

TEST(LayoutJobs, OneThreadOfACoreWhereThreadsAreGivenAway) {
  Cluster c(TwoSockets(1, /*core=*/false));
  EXPECT_EQ(CpusOf(c, c.Submit(Spec().Tasks(3))), "n1:0-2");
  // Core 1 is somebody's in part.
  EXPECT_EQ(CpusOf(c, c.Submit(OneThread(Spec().Tasks(2)))), "n1:4-7");
  EXPECT_EQ(CpusOf(c, c.Submit(Spec().Tasks(1))), "n1:3");
}

TEST(LayoutJobs, TasksOfACore) {
  Cluster c(TwoSockets(1));
  const JobId job = c.Submit(PerCore(Spec().Tasks(4), 1));
  EXPECT_EQ(CpusOf(c, job), "n1:0-7");
  EXPECT_EQ(c.Get(job).shares[0].usable_cpus, 0u);  // threads are there for the tasks
  EXPECT_EQ(CpusOf(c, c.Submit(PerCore(Spec().Tasks(4), 2))), "n1:8-11");
}

TEST(LayoutJobs, TasksOfASocket) {
  Cluster c(TwoSockets(2));
  EXPECT_EQ(CpusOf(c, c.Submit(PerSocket(Spec().Tasks(4), 2))), "n1:0-1,8-9");
  EXPECT_EQ(CpusOf(c, c.Submit(PerSocket(Spec().Tasks(2).CpusPerTask(4), 1))), "n1:2-5,10-13");
  // What is free is on both sockets, two CPUs each.
  EXPECT_EQ(CpusOf(c, c.Submit(PerSocket(Spec().Tasks(1).CpusPerTask(4), 1))), "n2:0-3");
  EXPECT_EQ(CpusOf(c, c.Submit(PerSocket(Spec().Tasks(2).Nodes(1), 1))), "n1:6-7,14-15");
  EXPECT_EQ(c.Refusal(PerSocket(Spec().Tasks(1).CpusPerTask(9), 1)),
            "Requested node configuration is not available");
}

TEST(LayoutJobs, NodesWithSocketsCoresAndThreads) {
  Settings settings = TwoSockets(2);
  settings.nodes[0].sockets = 4;
  settings.nodes[0].cores_per_socket = 2;
  Cluster c(settings);
  const auto on = [&](uint32_t sockets, uint32_t cores, uint32_t threads) {
    Spec spec = With(Spec().Tasks(1), [&](CpuWishes& cpus) {
      cpus.sockets_per_node = sockets;
      cpus.cores_per_socket = cores;
      cpus.threads_per_core = threads;
    });
    const absl::StatusOr<JobId> id = c.TrySubmit(spec);
    return id.ok() ? c.NodesOf(*id).at(0) : std::string(id.status().message());
  };
  EXPECT_EQ(on(3, 0, 0), "n1");
  EXPECT_EQ(on(0, 3, 0), "n2");
  EXPECT_EQ(on(2, 2, 2), "n1");
  EXPECT_EQ(
      on(3, 3, 0),
      "no node has 3 sockets, 3 cores a socket\nRequested node configuration is not available");
  EXPECT_EQ(on(0, 0, 3),
            "no node has 3 threads a core\nRequested node configuration is not available");
}

TEST(LayoutJobs, DistributionDealsOutCoresAndTasks) {
  Cluster c(TwoSockets(2));
  const auto spread = [](Spec spec, std::string text) {
    return With(spec, [&](CpuWishes& cpus) { cpus.distribution = text; });
  };
  EXPECT_EQ(CpusOf(c, c.Submit(spread(Spec().Tasks(4), "block:cyclic"))), "n1:0-1,8-9");
  EXPECT_EQ(CpusOf(c, c.Submit(spread(Spec().Tasks(2).CpusPerTask(2), "block:fcyclic"))),
            "n1:2-3,10-11");
  const JobId job = c.Submit(spread(Spec().Nodes(2).Tasks(4), "cyclic"));
  EXPECT_EQ(c.Get(job).shares[0].tasks, 2u);
  EXPECT_EQ(c.Get(job).shares[1].tasks, 2u);
  const auto [node, launch] = c.Commands<StepLaunch>().back();
  EXPECT_EQ(Variable(launch, "SLURM_DISTRIBUTION"), "cyclic");
  EXPECT_EQ(c.Refusal(spread(Spec(), "plane=2")),
            "distribution plane=2 is not supported\nRequested feature is not supported");
}

TEST(LayoutJobs, StepsKeepToTheirJobsLayout) {
  Cluster c(TwoSockets(1));
  const JobId job = c.Submit(OneThread(Spec().Tasks(4)));
  c.Started(job);
  CreateStep step;
  step.num_tasks = 4;
  absl::StatusOr<CreateStepAnswer> answer = c.StepIn(job, step);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->shares[0].cores.ToText(), "0,2,4,6");
  c.Exit(job, 0, answer->step);
  step.num_tasks = 5;
  EXPECT_FALSE(c.StepIn(job, step).ok());
  // A step of its own: the other threads of its cores are not for others.
  step.num_tasks = 3;
  step.exact = true;
  answer = c.StepIn(job, step);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->shares[0].cores.ToText(), "0,2,4");
  step.num_tasks = 2;
  EXPECT_EQ(WordsOf(c.StepIn(job, step).status()), kNodesBusy);
  c.Exit(job, 0, answer->step);
  // All threads, where the step says so.
  CreateStep all;
  all.num_tasks = 8;
  all.cpus = CpuWishes();
  answer = c.StepIn(job, all);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->shares[0].cores.ToText(), "0-7");
}

TEST(LayoutJobs, StepsDealOutTheirOwnCpus) {
  Cluster c(TwoSockets(1));
  const JobId job = c.Submit(Spec().Exclusive());
  c.Started(job);
  const auto cores = [&](std::string distribution, uint32_t per_socket) {
    auto spec = std::make_shared<StepSpec>();
    spec->name = "a";
    spec->argv = {"a"};
    spec->distribution = std::move(distribution);
    CreateStep step;
    step.num_tasks = 2;
    step.exact = true;
    step.spec = spec;
    if (per_socket > 0) {
      step.cpus = CpuWishes();
      step.cpus->ntasks_per_socket = per_socket;
    }
    const absl::StatusOr<CreateStepAnswer> answer = c.StepIn(job, step);
    if (!answer.ok()) return std::string(answer.status().message());
    c.Exit(job, 0, answer->step);
    return answer->shares[0].cores.ToText();
  };
  EXPECT_EQ(cores("", 0), "0-1");
  EXPECT_EQ(cores("block:cyclic", 0), "0,8");
  EXPECT_EQ(cores("block:block:cyclic", 0), "0,2");
  EXPECT_EQ(cores("", 1), "0,8");
  EXPECT_EQ(cores("block:plane", 0),
            "distribution block:plane is not supported\nRequested feature is not supported");
}

TEST(LayoutJobs, ExplainCountsNodes) {
  Settings settings = TwoSockets(3);
  settings.nodes[0].sockets = 1;
  settings.nodes[0].cpus = 8;
  Cluster c(settings);
  const JobId job = c.Submit(PerSocket(With(Spec().Nodes(1).Tasks(4).CpusPerTask(4),
                                            [](CpuWishes& cpus) { cpus.sockets_per_node = 2; }),
                                       1));
  const Explanation why = ExplainOne(c, job);
  ASSERT_FALSE(why.prospects.empty());
  const std::vector<Requirement>& told = why.prospects[0].requirements;
  const auto find = [&](Need need) {
    return *std::find_if(told.begin(), told.end(), [&](const auto& r) { return r.need == need; });
  };
  EXPECT_EQ(find(Need::kLayout).asked, "2 sockets");
  EXPECT_EQ(find(Need::kLayout).remaining, 2u);
  EXPECT_EQ(find(Need::kCpus).asked, "16 CPUs, at most 1 task a socket");
  EXPECT_EQ(find(Need::kCpus).remaining, 0u);  // two tasks a node
}

TEST(LayoutJobs, OvercommittedOnesHaveACpu) {
  Settings settings = TwoSockets(1);
  settings.select.core = false;
  Cluster c(settings);
  Spec spec = OneThread(Spec().Tasks(4));
  spec.raw().overcommit = true;
  const JobId job = c.Submit(spec);
  ASSERT_TRUE(c.Running(job));
  EXPECT_GE(c.Get(job).shares[0].cpus, 1u);
  EXPECT_EQ(c.Get(job).shares[0].cpus, c.Get(job).shares[0].cores.Count());
}

// What is planned is so sure that it holds wherever the others' CPUs will be.
TEST(LayoutJobs, PlannedStartsHold) {
  int planned = 0;
  for (uint32_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Settings settings = TwoSockets(1 + random(3), random(2) == 0);
    settings.slurmd_timeout = absl::ZeroDuration();
    settings.min_job_age = absl::ZeroDuration();  // all of them stay
    Cluster c(settings);
    std::vector<JobId> jobs;
    std::map<JobId, absl::Time> promised;
    for (int i = 0; i < 12; ++i) {
      Spec spec;
      spec.Tasks(1 + random(6)).CpusPerTask(1 + random(4)).Minutes(1 + random(10));
      if (random(3) == 0) spec = OneThread(spec);
      if (random(3) == 0) spec = PerSocket(spec, 1 + random(3));
      if (random(4) == 0) spec = PerCore(spec, 1 + random(2));
      if (random(4) == 0) {
        spec = With(spec, [](CpuWishes& cpus) { cpus.distribution = "block:cyclic"; });
      }
      const absl::StatusOr<JobId> id = c.TrySubmit(spec);
      if (!id.ok()) continue;
      jobs.push_back(*id);
    }
    for (JobId id : jobs) {
      if (IsSet(c.Get(id).planned_start)) promised[id] = c.Get(id).planned_start;
    }
    // All run to their limits.
    for (int round = 0; round < 60; ++round) {
      absl::Time next = absl::InfiniteFuture();
      const std::vector<JobId> running = JobsIn(c, [](const Job& job) { return job.Running(); });
      for (JobId id : running) next = std::min<absl::Time>(next, c.Get(id).end_time);
      if (running.empty()) break;
      c.now = std::max(c.now, next - absl::Seconds(1));
      for (JobId id : running) {
        if (c.Get(id).end_time != next) continue;
        c.Exit(id);
        c.Gone(id);
      }
      c.Advance(absl::Seconds(1));
      if (::testing::Test::HasFailure()) return;
    }
    bool kept = true;  // none started before its time: it may have gone before one that comes later
    for (JobId id : jobs) {
      const Job& job = c.Get(id);
      if (job.Pending()) {
        EXPECT_EQ(ReasonText(job), "PartitionConfig") << "job " << id.value;
        continue;
      }
      if (!promised.contains(id)) continue;
      if (kept) {
        EXPECT_LE(job.start_time, promised[id]) << "job " << id.value;
      }
      kept = kept && !(job.start_time < promised[id]);
    }
    planned += static_cast<int>(promised.size());
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(planned, 300);
}

// What it gets takes its tasks, counted by hand.
void ExpectTasksFit(const Job& job, const Node& node, const NodeShare& share) {
  const CpuWishes& asked = job.spec->wishes().cpus;
  const uint32_t each = job.spec->cpus_per_task.value_or(1);
  std::map<uint32_t, uint32_t> of_core;  // CPUs
  for (uint32_t cpu : share.cores.Ids()) of_core[cpu / node.threads_per_core]++;
  std::map<uint32_t, uint32_t> on_socket;  // tasks, or CPUs of larger ones
  for (auto [core, cpus] : of_core) {
    if (asked.threads_per_core > 0) cpus = std::min(cpus, asked.threads_per_core);
    if (each == 1 && asked.ntasks_per_core > 0) cpus = std::min(cpus, asked.ntasks_per_core);
    on_socket[core / node.cores_per_socket] += cpus;
  }
  uint32_t tasks = 0, cpus = 0;
  for (const auto& [socket, count] : on_socket) {
    cpus += count;
    const uint32_t most = asked.ntasks_per_socket > 0 ? asked.ntasks_per_socket : UINT32_MAX;
    tasks += std::min(count / each, most);
  }
  if (asked.ntasks_per_socket == 0) tasks = cpus / each;
  EXPECT_GE(tasks, share.tasks) << "job " << job.id.value << " on " << share.cores.ToText();
}

TEST(LayoutJobs, RandomLives) {
  int checked = 0;
  for (uint32_t seed = 1; seed <= 80; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed + 1000);
    Settings settings = TwoSockets(3, seed % 2 == 0);
    settings.select.memory = random(2) == 0;
    Cluster c(settings);
    for (int i = 0; i < 80; ++i) {
      std::vector<JobId> running = JobsIn(c, [](const Job& job) { return job.Running(); });
      if (random(2) == 0) {
        Spec spec;
        spec.Tasks(1 + random(8)).CpusPerTask(1 + random(3)).Minutes(1 + random(20));
        if (random(3) == 0) spec.Nodes(1 + random(2));
        if (random(3) == 0) spec.MemPerCpu(20 * (1 + random(4)));
        if (random(6) == 0) spec.Exclusive();
        if (random(2) == 0) spec = OneThread(spec);
        if (random(3) == 0) spec = PerSocket(spec, 1 + random(3));
        if (random(3) == 0) spec = PerCore(spec, 1 + random(2));
        (void)c.TrySubmit(spec);
      } else if (!running.empty()) {
        const JobId id = running[random(static_cast<uint32_t>(running.size()))];
        if (random(2) == 0) {
          c.Exit(id);
          c.Gone(id);
        } else {
          CreateStep step;
          step.num_tasks = 1 + random(6);
          step.exact = random(2) == 0;
          (void)c.StepIn(id, step);
        }
      }
      if (random(6) == 0) c.Advance(absl::Seconds(random(300)));
      if (random(30) == 0) c.Restart();
      for (JobId id : JobsIn(c, [](const Job& job) { return job.Running(); })) {
        for (const NodeShare& share : c.Get(id).shares) {
          ExpectTasksFit(c.Get(id), c.GetNode(share.node), share);
          checked++;
        }
      }
      if (::testing::Test::HasFailure()) return;
    }
  }
  EXPECT_GT(checked, 1500);
}

}  // namespace
}  // namespace reeve::ctld
