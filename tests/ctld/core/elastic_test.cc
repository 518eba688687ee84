// Jobs that may have one of several numbers of nodes: -N 1-4, -N 2,4.
#include <algorithm>

#include "ctld/core/shape.h"
#include "tests/ctld/core/harness.h"
#include "tests/ctld/core/jobs_in.h"
#include "tests/ctld/core/random.h"

namespace reeve::ctld {
namespace {

Settings FourNodes() {
  Settings settings = MakeTestSettings(4, 2);
  settings.slurmd_timeout = absl::ZeroDuration();
  return settings;
}
Spec On(const std::string& node) {
  Spec spec = Spec().Tasks(2).Minutes(60);
  spec.raw().req_nodes = node;
  return spec;
}
Spec Counts(std::string counts) {
  return Spec().NodeCounts(std::move(counts)).PerNode(2).Minutes(10);
}

TEST(Elastic, GetsAsManyNodesAsThereAre) {
  Cluster c(FourNodes());
  const JobId other = c.Submit(On("n2"));
  const JobId job = c.Submit(Spec().Nodes(1, 4).Minutes(10));
  EXPECT_EQ(c.NodesOf(job), (std::vector<std::string>{"n1", "n3", "n4"}));
  EXPECT_EQ(c.Get(job).num_tasks, 3u);
  EXPECT_EQ(c.Get(job).num_cpus, 3u);
  EXPECT_EQ(c.Get(job).shares[2].tasks, 1u);
  // Run again it may have more.
  c.Started(job);
  c.Started(other);
  c.Exit(other);
  c.Gone(other);
  EXPECT_EQ(c.Control(JobAction::kRequeue, job), "");
  c.Exit(job);
  c.Gone(job);
  c.Advance(absl::Minutes(5));
  EXPECT_EQ(c.NodesOf(job).size(), 4u);
  EXPECT_EQ(c.Get(job).num_tasks, 4u);
}

TEST(Elastic, HasNoNodesWithoutTasks) {
  Cluster c(FourNodes());
  EXPECT_EQ(c.NodesOf(c.Submit(Spec().Nodes(1, 4).Tasks(2).Minutes(10))).size(), 2u);
  EXPECT_EQ(c.NodesOf(c.Submit(Spec().Nodes(1, 4).Tasks(1).Minutes(10))).size(), 1u);
}

TEST(Elastic, TasksOfANodeGrowWithTheNodes) {
  Cluster c(FourNodes());
  const JobId job = c.Submit(Spec().Nodes(1, 4).PerNode(2).Minutes(10));
  EXPECT_EQ(c.NodesOf(job).size(), 4u);
  EXPECT_EQ(c.Get(job).num_tasks, 8u);
}

TEST(Elastic, MayRatherHaveFew) {
  const auto few = [](Spec spec) {
    RareWishes wishes = spec.raw().wishes();
    wishes.use_min_nodes = true;
    spec.raw().rare = std::make_shared<const RareWishes>(std::move(wishes));
    return spec;
  };
  Cluster c(FourNodes());
  EXPECT_EQ(c.NodesOf(c.Submit(few(Spec().Nodes(2, 4).Minutes(10)))).size(), 2u);
  Cluster d(FourNodes());
  EXPECT_EQ(d.NodesOf(d.Submit(few(Counts("2,4")).Tasks(6))).size(), 4u) << "two take four";
}

TEST(Elastic, TakesOneOfTheNumbersListed) {
  Cluster c(FourNodes());
  const JobId other = c.Submit(On("n2"));
  const JobId job = c.Submit(Counts("2,4"));
  EXPECT_EQ(c.NodesOf(job).size(), 2u) << "three are free";
  const JobId next = c.Submit(Counts("4,3"));
  EXPECT_FALSE(c.Running(next));
  EXPECT_EQ(c.Get(next).num_nodes, 3u);
  c.Started(job);
  c.Exit(job);
  c.Gone(job);
  EXPECT_EQ(c.NodesOf(next).size(), 3u);
  (void)other;
}

TEST(Elastic, NumbersThatAreTooSmallAreLeftOut) {
  Cluster c(FourNodes());
  Spec spec = Counts("1,3");
  spec.raw().req_nodes = "n1,n2";
  EXPECT_EQ(c.NodesOf(c.Submit(spec)).size(), 3u);
  spec = Counts("1");
  spec.raw().req_nodes = "n1,n2";
  EXPECT_EQ(c.Refusal(spec), "Node count specification invalid");
}

TEST(Elastic, ANumberIsUpdated) {
  Cluster c(FourNodes());
  const JobId other = c.Submit(Spec().Nodes(4).PerNode(2).Minutes(60));
  const JobId job = c.Submit(Spec().Nodes(1).Minutes(10));
  EXPECT_EQ(c.Update(job, "numnodes", "3,4-8:4"), "");
  EXPECT_EQ(c.Get(job).shape->node_counts.ToString(), "3-4,8");
  EXPECT_EQ(c.Update(job, "numnodes", "0,2"), "Node count specification invalid");
  EXPECT_EQ(c.Update(job, "numnodes", "2-3"), "");
  EXPECT_TRUE(c.Get(job).shape->node_counts.empty());
  EXPECT_EQ(c.Get(job).shape->max_nodes, 3u);
  (void)other;
}

TEST(Elastic, NobodyMakesRoomForMoreThanTheLeast) {
  Settings settings = FourNodes();
  settings.preempt.by_tier = true;
  Partition high = settings.partitions[0];
  high.name = "high";
  high.is_default = false;
  high.priority_tier = 10;
  settings.partitions.push_back(high);
  settings.partitions[0].preempt_mode = PreemptMode::kRequeue;
  Cluster c(settings);
  std::vector<JobId> low;
  for (const char* node : {"n1", "n2", "n3", "n4"}) {
    low.push_back(c.Submit(On(node)));
    c.Started(low.back());
  }
  const JobId job = c.Submit(Spec().Nodes(1, 4).PerNode(2).Partition("high").Minutes(10));
  const auto leaving = JobsIn(c, [](const Job& each) { return each.Completing(); });
  EXPECT_EQ(leaving.size(), 1u);
  EXPECT_FALSE(c.Running(job));
}

// The harness looks at the invariants and the plan after every event.
TEST(Elastic, InvariantsHoldInRandomLives) {
  size_t more = 0;
  for (uint32_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Settings settings = MakeTestSettings(2 + random(6), 4);
    settings.slurmd_timeout = absl::ZeroDuration();
    settings.backfill = seed % 5 != 0;
    Cluster c(settings);
    for (int i = 0; i < 80; ++i) {
      const std::vector<JobId> running = JobsIn(c, [](const Job& job) { return job.Running(); });
      const std::vector<JobId> gone = JobsIn(c, [](const Job& job) { return job.Completing(); });
      const auto any = [&](const std::vector<JobId>& ids) {
        return ids[random(static_cast<uint32_t>(ids.size()))];
      };
      const uint32_t what = random(8);
      if (what < 4) {
        Spec spec;
        spec.Minutes(1 + random(30));
        if (random(3) == 0) spec.Nodes(1 + random(3), 3 + random(4));
        if (random(3) == 0) spec.NodeCounts(random(2) == 0 ? "1,3,5" : "2,4-8:2");
        if (random(3) == 0) spec.PerNode(1 + random(3));
        if (random(3) == 0) spec.Tasks(3 + random(6));
        if (random(6) == 0) spec.Contiguous();
        if (random(6) == 0) spec.Exclusive();
        (void)c.TrySubmit(spec);
      }
      if (what == 4 && !running.empty()) c.Exit(any(running));
      if (what == 5 && !gone.empty()) c.Gone(any(gone));
      if (what == 6) c.Advance(absl::Seconds(random(500)));
      if (what == 7 && !running.empty()) c.Control(JobAction::kRequeue, any(running), Root());
      for (JobId id : JobsIn(c, [](const Job& job) { return job.Running(); })) {
        more += c.Get(id).num_nodes > c.Get(id).shape->min_nodes;
      }
      if (::testing::Test::HasFailure()) return;
    }
  }
  EXPECT_GT(more, 1000u);
}

}  // namespace
}  // namespace reeve::ctld
