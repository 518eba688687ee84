// Generic resources: what is asked for, which are given, and that none is given twice.
#include "ctld/core/gres.h"

#include "tests/ctld/core/harness.h"
#include "tests/ctld/core/random.h"

namespace reeve::ctld {
namespace {

using ::testing::ElementsAre;

Settings GpuSettings(uint32_t nodes, uint32_t cpus, const std::string& gres) {
  Settings settings = MakeTestSettings(nodes, cpus);
  for (Node& node : settings.nodes) node.gres = gres;
  settings.gres_types = {"gpu", "nic"};
  return settings;
}

struct Wish {
  GresSpec gres;
  Wish& PerNode(std::string text) { return gres.per_node = std::move(text), *this; }
  Wish& Gpus(std::string text) { return gres.gpus = std::move(text), *this; }
  Wish& GpusPerNode(std::string text) { return gres.gpus_per_node = std::move(text), *this; }
  Wish& GpusPerTask(std::string text) { return gres.gpus_per_task = std::move(text), *this; }
  Wish& CpusPerGpu(uint32_t n) { return gres.cpus_per_gpu = n, *this; }
  Wish& MemPerGpu(uint64_t mb) { return gres.mem_per_gpu_mb = mb, *this; }
  Spec In(Spec spec = Spec().Mem(1)) const {
    spec.raw().gres = std::make_shared<const GresSpec>(gres);
    return spec;
  }
};
Spec Gres(std::string text) {
  return Wish().PerNode(std::move(text)).In();
}

std::vector<std::string> Given(const Cluster& c, JobId id) {
  std::vector<std::string> given;
  for (const NodeShare& share : c.Get(id).shares) given.push_back(GresText(share.gres));
  return given;
}

CreateStep StepWith(Wish wish) {
  CreateStep step;
  step.gres = std::make_shared<const GresSpec>(wish.gres);
  return step;
}
std::vector<std::string> Given(const CreateStepAnswer& answer) {
  std::vector<std::string> given;
  for (const NodeShare& share : answer.shares) given.push_back(GresText(share.gres));
  return given;
}

TEST(GresJobs, HaveWhatNobodyElseHas) {
  Cluster c(GpuSettings(1, 8, "gpu:2,nic:1"));
  const JobId first = c.Submit(Gres("gpu:1"));
  const JobId second = c.Submit(Gres("gpu:1,nic:1"));
  const JobId third = c.Submit(Gres("gpu:1"));
  const JobId without = c.Submit(Spec().Mem(1));
  EXPECT_THAT(Given(c, first), ElementsAre("gpu:1(IDX:0)"));
  EXPECT_THAT(Given(c, second), ElementsAre("gpu:1(IDX:1),nic:1(IDX:0)"));
  EXPECT_EQ(c.Why(third), "Resources");
  EXPECT_THAT(Given(c, without), ElementsAre(""));
  EXPECT_EQ(c.GetNode("n1").stock.UsedText(), "gpu:2(IDX:0-1),nic:1(IDX:0)");
  c.Exit(first);
  EXPECT_THAT(Given(c, third), ElementsAre("gpu:1(IDX:0)"));
}

TEST(GresJobs, ThatCanNeverRunAreRefused) {
  Cluster c(GpuSettings(2, 8, "gpu:a100:2"));
  const std::string config = "Requested node configuration is not available";
  EXPECT_EQ(c.Refusal(Gres("gpu:3")), config);
  EXPECT_EQ(c.Refusal(Gres("gpu:h100:1")), config);
  EXPECT_EQ(c.Refusal(Wish().Gpus("5").In()), config);
  EXPECT_EQ(c.Refusal(Wish().Gpus("1").In(Spec().Nodes(2).Mem(1))),
            "fewer GPUs than nodes\n" + config);
  EXPECT_EQ(c.Refusal(Wish().GpusPerTask("3").In(Spec().Tasks(1).Mem(1))), config);
  EXPECT_EQ(c.Refusal(Wish().PerNode("gpu:2").CpusPerGpu(5).In()),
            "CPU count per node can not be satisfied\n" + config);
  EXPECT_EQ(c.Refusal(Gres("fpga:1")), "Invalid generic resource (gres) specification");
  EXPECT_EQ(c.Refusal(Gres("nic:1")), config);  // one of GresTypes, and on no node
  EXPECT_EQ(c.Refusal(Gres("none")), "accepted");
}

TEST(GresJobs, MayAskForATypeOrForAny) {
  Cluster c(GpuSettings(1, 8, "gpu:a100:2,gpu:h100:1"));
  EXPECT_THAT(Given(c, c.Submit(Gres("gpu:h100:1"))), ElementsAre("gpu:h100:1(IDX:2)"));
  EXPECT_TRUE(c.Get(c.Submit(Gres("gpu:3"))).Pending());
  Cluster d(GpuSettings(1, 8, "gpu:a100:2,gpu:h100:1"));
  EXPECT_THAT(Given(d, d.Submit(Gres("gpu:3"))),
              ElementsAre("gpu:a100:2(IDX:0-1),gpu:h100:1(IDX:2)"));
  Cluster e(GpuSettings(1, 8, "gpu:a100:2,gpu:h100:1"));
  EXPECT_THAT(Given(e, e.Submit(Gres("gpu:1,gpu:a100:2"))),
              ElementsAre("gpu:a100:2(IDX:0-1),gpu:h100:1(IDX:2)"));
}

TEST(GresJobs, SpreadATotalOverNodes) {
  Cluster c(GpuSettings(3, 8, "gpu:4"));
  EXPECT_THAT(Given(c, c.Submit(Wish().Gpus("6").In())),
              ElementsAre("gpu:4(IDX:0-3)", "gpu:2(IDX:0-1)"));
  // With two nodes asked for each has one at least.
  Cluster d(GpuSettings(3, 8, "gpu:4"));
  EXPECT_THAT(Given(d, d.Submit(Wish().Gpus("4").In(Spec().Nodes(2).Mem(1)))),
              ElementsAre("gpu:3(IDX:0-2)", "gpu:1(IDX:0)"));
  const JobId id = d.Submit(Wish().Gpus("4").CpusPerGpu(2).In());
  EXPECT_THAT(Given(d, id), ElementsAre("gpu:4(IDX:0-3)"));
  EXPECT_EQ(d.Get(id).num_cpus, 8u);
}

TEST(GresJobs, WorkOutWhatOneCountSaysOfAnother) {
  Cluster c(GpuSettings(4, 8, "gpu:4"));
  const JobId nodes = c.Submit(Wish().Gpus("8").GpusPerNode("4").In());
  EXPECT_THAT(Given(c, nodes), ElementsAre("gpu:4(IDX:0-3)", "gpu:4(IDX:0-3)"));
  const JobId tasks = c.Submit(Wish().Gpus("4").GpusPerTask("2").In());
  EXPECT_EQ(c.Get(tasks).num_tasks, 2u);
  EXPECT_THAT(Given(c, tasks), ElementsAre("gpu:4(IDX:0-3)"));
  const JobId both = c.Submit(Wish().GpusPerNode("4").GpusPerTask("1").In());
  EXPECT_EQ(c.Get(both).num_tasks, 4u);
  EXPECT_EQ(c.Refusal(Wish().Gpus("3").GpusPerTask("2").In()),
            "--gpus is no multiple of --gpus-per-task\n"
            "Invalid generic resource (gres) specification");
}

TEST(GresJobs, TakeMemoryAndCpusByGpu) {
  Settings settings = GpuSettings(1, 16, "gpu:4");
  settings.select.memory = true;
  Cluster c(settings);
  const JobId per_node = c.Submit(Wish().PerNode("gpu:2").MemPerGpu(100).CpusPerGpu(3).In(Spec()));
  EXPECT_EQ(c.Get(per_node).shares[0].mem_mb, 200u);
  EXPECT_EQ(c.Get(per_node).num_cpus, 6u);
  const JobId per_task = c.Submit(Wish().GpusPerTask("1").MemPerGpu(150).In(Spec().Tasks(2)));
  EXPECT_EQ(c.Get(per_task).shares[0].mem_mb, 300u);
  EXPECT_TRUE(c.Running(per_task));
}

TEST(GresJobs, ThatTakeWholeNodesHaveAllOfThem) {
  Cluster c(GpuSettings(1, 8, "gpu:2,nic:1"));
  EXPECT_THAT(Given(c, c.Submit(Spec().Exclusive().Mem(1))),
              ElementsAre("gpu:2(IDX:0-1),nic:1(IDX:0)"));
}

TEST(GresJobs, ArePlannedForWhenTheGpusAreFree) {
  Cluster c(GpuSettings(1, 8, "gpu:2"));
  Spec hour = Gres("gpu:1").Minutes(60);
  Spec two_hours = Gres("gpu:1").Minutes(120);
  c.Submit(hour);
  c.Submit(two_hours);
  const JobId both = c.Submit(Gres("gpu:2").Minutes(10));
  EXPECT_EQ(c.Get(both).planned_start, c.now + absl::Minutes(120));
  // What would delay it waits, what needs no GPU does not.
  c.Advance(absl::Minutes(1));
  const JobId without = c.Submit(Spec().Mem(1).Minutes(600));
  EXPECT_TRUE(c.Running(without));
}

TEST(GresJobs, SurviveARestart) {
  Cluster c(GpuSettings(1, 8, "gpu:2"));
  const JobId first = c.Submit(Gres("gpu:1"));
  const JobId second = c.Submit(Gres("gpu:1"));
  c.Exit(first);
  c.Gone(first);
  c.Restart();
  EXPECT_EQ(c.GetNode("n1").stock.UsedText(), "gpu:1(IDX:1)");
  c.Register("n1", {{second, kBatchStep, 0}});
  const JobId third = c.Submit(Gres("gpu:1"));
  EXPECT_THAT(Given(c, third), ElementsAre("gpu:1(IDX:0)"));
}

TEST(GresJobs, KeepTheirsWhenTheConfigurationChanges) {
  Cluster c(GpuSettings(1, 8, "gpu:2"));
  const JobId first = c.Submit(Gres("gpu:2"));
  for (Node& node : c.settings.nodes) node.gres = "gpu:a100:1,nic:1";
  c.Do(Reconfigured{c.settings});
  EXPECT_EQ(c.GetNode("n1").stock.UsedText(), "gpu:a100:1(IDX:0),nic:0(IDX:N/A)");
  const JobId second = c.Submit(Gres("gpu:a100:1"));
  EXPECT_TRUE(c.Get(second).Pending());
  EXPECT_TRUE(c.Running(c.Submit(Gres("nic:1"))));
  c.Exit(first);
  c.Gone(first);
  EXPECT_THAT(Given(c, second), ElementsAre("gpu:a100:1(IDX:0)"));
}

TEST(GresJobs, ArePutNearTheirGpus) {
  Settings settings = GpuSettings(1, 8, "gpu:2");
  settings.nodes[0].cores_per_socket = 1;
  settings.nodes[0].gres_devices = {{"gpu", {"/dev/nvidia4", "/dev/nvidia6"}, {{6, 7}, {2}}}};
  Cluster c(settings);
  const JobId first = c.Submit(Gres("gpu:1").Tasks(3));
  EXPECT_EQ(c.Get(first).shares[0].cores.ToText(), "0,6-7");
  EXPECT_EQ(c.Get(c.Submit(Gres("gpu:1"))).shares[0].cores.ToText(), "2");
  const auto launches = c.Commands<StepLaunch>();
  EXPECT_THAT(launches[0].second.job_gpus, ElementsAre(4));
  EXPECT_THAT(launches[1].second.step_gpus, ElementsAre(6));

  // --gres-flags=disable-binding
  Cluster anywhere(settings);
  RareWishes wishes;
  wishes.cpus.far_from_gpus = true;
  Spec far = Gres("gpu:1").Tasks(3);
  far.raw().rare = std::make_shared<const RareWishes>(wishes);
  EXPECT_EQ(anywhere.Get(anywhere.Submit(far)).shares[0].cores.ToText(), "0-2");
}

TEST(GresSteps, HaveTheJobsOrWhatTheyAskFor) {
  Cluster c(GpuSettings(2, 8, "gpu:4"));
  const JobId id = c.Submit(Gres("gpu:2").Nodes(2).PerNode(4));
  EXPECT_THAT(Given(*c.StepIn(id)), ElementsAre("gpu:2(IDX:0-1)", "gpu:2(IDX:0-1)"));
  Cluster d(GpuSettings(2, 8, "gpu:4"));
  const JobId other = d.Submit(Gres("gpu:2").Nodes(2).PerNode(4));
  CreateStep one = StepWith(Wish().PerNode("gpu:1"));
  one.exact = true;
  one.num_tasks = 1;
  one.max_nodes = one.min_nodes = 1;
  EXPECT_THAT(Given(*d.StepIn(other, one)), ElementsAre("gpu:1(IDX:0)"));
  EXPECT_THAT(Given(*d.StepIn(other, one)), ElementsAre("gpu:1(IDX:1)"));
  CreateStep total = StepWith(Wish().Gpus("3"));
  total.exact = true;
  EXPECT_EQ(d.StepIn(other, total).status().message(), "Requested nodes are busy");
  EXPECT_EQ(d.StepIn(other, StepWith(Wish().PerNode("gpu:3"))).status().message(),
            "Invalid generic resource (gres) specification");
  CreateStep none = StepWith(Wish().PerNode("none"));
  none.exact = true;
  none.num_tasks = 1;
  EXPECT_THAT(Given(*d.StepIn(other, none)), ElementsAre(""));
}

TEST(GresSteps, GiveEachTaskItsOwn) {
  Cluster c(GpuSettings(2, 8, "gpu:4"));
  const JobId id = c.Submit(Gres("gpu:4").Nodes(2).PerNode(4));
  CreateStep step = StepWith(Wish().GpusPerTask("2"));
  step.num_tasks = 3;
  EXPECT_THAT(Given(*c.StepIn(id, step)), ElementsAre("gpu:4(IDX:0-3)", "gpu:2(IDX:0-1)"));
  CreateStep more = StepWith(Wish().GpusPerTask("2"));
  more.num_tasks = 5;
  EXPECT_EQ(c.StepIn(id, more).status().message(), "Invalid generic resource (gres) specification");
}

Spec RandomSpec(Random& random) {
  Wish wish;
  switch (random(6)) {
    case 0:
      wish.PerNode(std::vector<std::string>{"gpu:1", "gpu:2", "gpu:b:1", "gpu:a:2,nic:1",
                                            "gpu:1,gpu:a:1"}[random(5)]);
      break;
    case 1:
      wish.Gpus(std::to_string(1 + random(6)));
      break;
    case 2:
      wish.GpusPerTask(random(2) ? "1" : "a:1");
      break;
    case 3:
      wish.GpusPerNode("2").GpusPerTask("1");
      break;
    case 4:
      wish.PerNode("nic:1");
      break;
    default:
      break;
  }
  if (random(4) == 0) wish.CpusPerGpu(1 + random(2));
  if (random(4) == 0) wish.MemPerGpu(100 * (1 + random(4)));
  Spec spec;
  spec.Minutes(1 + random(20));
  if (random(3) == 0) spec.Nodes(1 + random(3));
  if (random(2)) spec.Tasks(1 + random(4));
  if (random(8) == 0) spec.Exclusive();
  if (random(2) && !wish.gres.mem_per_gpu_mb) spec.Mem(100 * (1 + random(3)));
  return wish.In(spec);
}

std::vector<JobId> ActiveIn(const Cluster& c) {
  std::vector<JobId> ids;
  c.controller->ForEachJob([&](const Job& job) {
    if (job.HoldsResources()) ids.push_back(job.id);
  });
  std::sort(ids.begin(), ids.end());
  return ids;
}

void RestartAll(Cluster& c) {
  c.Restart();
  for (const Node& node : c.settings.nodes) {
    std::vector<KnownStep> known;
    for (JobId id : ActiveIn(c)) {
      const Job& job = c.Get(id);
      if (job.Running() && job.batch_host() == node.name) {
        known.push_back({id, kBatchStep, job.restarts});
      }
    }
    c.Register(node.name, known);
  }
}

// The harness checks after every event that nothing is given twice, that every job has what it
// asked for, that the plan fits, and that nothing waits that could start.
TEST(GresJobs, NeverHaveTheSameOnes) {
  size_t ended = 0;
  for (uint32_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Settings settings = MakeTestSettings(4, 4);
    settings.select.memory = seed % 2 == 0;
    settings.gres_types = {"gpu", "nic"};
    settings.nodes[0].gres = settings.nodes[1].gres = "gpu:a:2,nic:1";
    settings.nodes[2].gres = "gpu:a:1,gpu:b:2";
    Cluster c(settings);
    for (int i = 0; i < 120; ++i) {
      const std::vector<JobId> active = ActiveIn(c);
      if (random(2)) {
        (void)c.TrySubmit(RandomSpec(random));
      } else if (random(15) == 0) {
        RestartAll(c);
      } else if (!active.empty()) {
        const JobId id = active[random(active.size())];
        ended += c.Running(id);
        if (c.Running(id)) c.Exit(id);
        if (c.Get(id).Completing()) c.Gone(id);
      }
      if (random(3) == 0) c.Advance(absl::Minutes(random(5)));
      if (::testing::Test::HasFailure()) return;
    }
  }
  EXPECT_GT(ended, 200u);
}

}  // namespace
}  // namespace reeve::ctld
