#include "ctld/core/schedule.h"

#include "ctld/core/select_nodes.h"
#include "ctld/core/task_layout.h"
#include "tests/ctld/core/harness.h"

namespace reeve::ctld {
namespace {

using ::testing::ElementsAre;

TEST(Layout, BlockLeavesOneForEveryNode) {
  EXPECT_THAT(LayOutBlock(4, {32, 32}), ElementsAre(3, 1));
  EXPECT_THAT(LayOutBlock(6, {2, 2, 2}), ElementsAre(2, 2, 2));
  EXPECT_THAT(LayOutBlock(1, {4, 4}), ElementsAre(1, 0));
  EXPECT_THAT(LayOutCyclic(5, {4, 1, 4}), ElementsAre(2, 1, 2));
  EXPECT_THAT(TaskIds({2, 1}, Distribution::kCyclic),
              ElementsAre(ElementsAre(0, 2), ElementsAre(1)));
}

TEST(Schedule, ReasonsOfThoseThatWait) {
  Cluster c(4, 2);
  c.Submit(Spec().Nodes(4).Exclusive().Minutes(60));
  const JobId first = c.Submit(Spec().Nodes(2).Minutes(60));
  const JobId second = c.Submit(Spec().Nodes(1).Minutes(60));
  const JobId held = c.Submit(Spec().Hold());
  const JobId later = c.Submit(Spec().Begin(c.now + absl::Hours(1)));
  EXPECT_EQ(c.Why(first), "Resources");
  EXPECT_EQ(c.Why(second), "Priority");
  EXPECT_EQ(c.Why(held), "JobHeldUser");
  EXPECT_EQ(c.Why(later), "BeginTime");
  EXPECT_EQ(c.Get(first).planned_start, c.now + absl::Minutes(60));
  EXPECT_EQ(c.Get(first).priority, 4294901758u);
}

TEST(Schedule, BeginTimeComes) {
  Cluster c(1, 2);
  const JobId id = c.Submit(Spec().Begin(c.now + absl::Minutes(1)));
  const Effects effects = c.Advance(absl::Seconds(30));
  EXPECT_EQ(effects.next_wakeup, c.now + absl::Seconds(30));
  EXPECT_EQ(c.Why(id), "BeginTime");
  c.Advance(absl::Seconds(30));
  EXPECT_TRUE(c.Running(id));
}

TEST(Schedule, BackfillFillsWithoutDelaying) {
  Cluster c(2, 2);
  c.Submit(Spec().Nodes(1).Exclusive().Minutes(60));
  const JobId wide = c.Submit(Spec().Nodes(2).Exclusive().Minutes(60));
  const JobId too_long = c.Submit(Spec().Tasks(2).Minutes(61));
  const JobId fits = c.Submit(Spec().Tasks(2).Minutes(60));
  EXPECT_EQ(c.Why(wide), "Resources");
  EXPECT_EQ(c.Why(too_long), "Priority");
  EXPECT_TRUE(c.Running(fits));
  EXPECT_EQ(c.Get(too_long).planned_start, c.now + absl::Minutes(120));
}

TEST(Schedule, BuiltinDoesNotBackfill) {
  Settings settings = MakeTestSettings(2, 2);
  settings.backfill = false;
  Cluster c(settings);
  c.Submit(Spec().Exclusive().Minutes(60));
  c.Submit(Spec().Nodes(2).Exclusive().Minutes(60));
  EXPECT_FALSE(c.Running(c.Submit(Spec().Minutes(1))));
}

TEST(Schedule, UnlimitedJobsDontStarveWideOnes) {
  Cluster c(2, 2);
  c.Submit(Spec().Exclusive());
  c.Submit(Spec().Nodes(2).Exclusive());
  c.Advance(absl::Minutes(1));
  // Would hold the other node for ever.
  EXPECT_FALSE(c.Running(c.Submit(Spec().Tasks(2))));
}

TEST(Schedule, TiersThenPriorityThenNice) {
  Settings settings = MakeTestSettings(1, 1);
  Partition high = settings.partitions[0];
  high.name = "high";
  high.is_default = false;
  high.priority_tier = 10;
  settings.partitions.push_back(high);
  Cluster c(settings);
  const JobId running = c.Submit(Spec().Minutes(10));
  const JobId low = c.Submit(Spec().Minutes(10));
  const JobId nice = c.Submit(Spec().Minutes(10).Nice(100));
  const JobId last = c.Submit(Spec().Minutes(10));
  const JobId tier = c.Submit(Spec().Minutes(10).Partition("high"));
  std::vector<JobId> order;
  for (JobId id = running; order.size() < 4;) {
    c.Exit(id);
    for (JobId next : {low, nice, last, tier}) {
      if (c.Running(next)) id = next;
    }
    order.push_back(id);
  }
  EXPECT_THAT(order, ElementsAre(tier, low, last, nice));
}

TEST(Schedule, Top) {
  Cluster c(1, 1);
  c.Submit(Spec().Minutes(10));
  const JobId a = c.Submit(Spec().Minutes(10));
  const JobId other = c.Submit(Spec().Minutes(10), User(2));
  const JobId b = c.Submit(Spec().Minutes(10));
  EXPECT_EQ(c.Control(JobAction::kTop, b), "");
  EXPECT_GT(c.Get(b).priority, c.Get(other).priority);
  EXPECT_GT(c.Get(other).priority, c.Get(a).priority);
}

TEST(Schedule, SeveralPartitions) {
  Settings settings = MakeTestSettings(2, 2);
  Partition other = settings.partitions[0];
  settings.partitions[0].nodes = {"n1"};
  other.name = "other";
  other.is_default = false;
  other.nodes = {"n2"};
  settings.partitions.push_back(other);
  Cluster c(settings);
  c.Submit(Spec().Exclusive());
  const JobId id = c.Submit(Spec().Partition("debug,other"));
  EXPECT_TRUE(c.Running(id));
  EXPECT_EQ(c.Get(id).partition, "other");
  const JobId waits = c.Submit(Spec().Partition("debug,other").Tasks(2));
  EXPECT_EQ(c.Get(waits).partition, "debug,other");
  EXPECT_FALSE(c.Running(waits));
}

TEST(Place, MemoryIsConsumedOnlyWhenSaid) {
  Settings settings = MakeTestSettings(1, 8, 1000);
  Cluster free(settings);
  free.Submit(Spec().Mem(600));
  EXPECT_TRUE(free.Running(free.Submit(Spec().Mem(600))));
  settings.select.memory = true;
  Cluster tight(settings);
  const JobId id = tight.Submit(Spec().Mem(600));
  EXPECT_EQ(tight.Get(id).shares[0].mem_mb, 600u);
  EXPECT_FALSE(tight.Running(tight.Submit(Spec().Mem(600))));
  EXPECT_TRUE(tight.Running(tight.Submit(Spec().MemPerCpu(100).Tasks(4))));
  Cluster whole(settings);
  EXPECT_EQ(whole.Get(whole.Submit(Spec())).shares[0].mem_mb, 1000u);
}

TEST(Place, WholeCores) {
  Settings settings = MakeTestSettings(1, 4);
  settings.nodes[0].threads_per_core = 2;
  settings.select.core = true;
  Cluster c(settings);
  const JobId id = c.Submit(Spec());
  EXPECT_EQ(c.Get(id).shares[0].cores.ToText(), "0-1");
  EXPECT_EQ(c.Get(c.Submit(Spec().Tasks(2))).shares[0].cores.ToText(), "2-3");
  EXPECT_FALSE(c.Running(c.Submit(Spec())));
}

TEST(Place, ListsFeaturesWeights) {
  Settings settings = MakeTestSettings(4, 2);
  settings.nodes[2].features = {"gpu", "fast"};
  settings.nodes[3].features = {"gpu"};
  settings.nodes[0].weight = 10;
  Cluster c(settings);
  EXPECT_THAT(c.NodesOf(c.Submit(Spec())), ElementsAre("n2"));
  EXPECT_THAT(c.NodesOf(c.Submit(Spec().On("n4"))), ElementsAre("n4"));
  EXPECT_THAT(c.NodesOf(c.Submit(Spec().Features("gpu&fast"))), ElementsAre("n3"));
  EXPECT_THAT(c.NodesOf(c.Submit(Spec().NotOn("n[2-4]"))), ElementsAre("n1"));
  EXPECT_THAT(c.NodesOf(c.Submit(Spec().On("n4").Nodes(2))), ElementsAre("n2", "n4"));
  EXPECT_EQ(c.Why(c.Submit(Spec().Features("fast").Nodes(2))), "BadConstraints");
}

TEST(Place, Shapes) {
  Cluster c(4, 4);
  const JobId per_node = c.Submit(Spec().Nodes(2).PerNode(2));
  EXPECT_THAT(c.NodesOf(per_node), ElementsAre("n1", "n2"));
  EXPECT_EQ(c.Get(per_node).shares[0].cpus, 2u);
  // The least to spare of those that hold it.
  EXPECT_THAT(c.NodesOf(c.Submit(Spec().Tasks(2))), ElementsAre("n1"));
  EXPECT_THAT(c.NodesOf(c.Submit(Spec().Tasks(8))), ElementsAre("n3", "n4"));
  EXPECT_FALSE(c.Running(c.Submit(Spec().Exclusive().Nodes(1))));
}

TEST(Place, UnavailableNodes) {
  Cluster c(2, 2);
  EXPECT_EQ(c.SetNode("n1", "drain"),
            "You must specify a reason when DOWNING or DRAINING a node. Request denied");
  EXPECT_EQ(c.SetNode("n1", "drain", "bad disk"), "");
  const JobId id = c.Submit(Spec().On("n1"));
  EXPECT_EQ(c.Why(id), "ReqNodeNotAvail");
  EXPECT_EQ(c.Get(id).reason_detail, "UnavailableNodes:n1");
  EXPECT_EQ(c.SetNode("n1", "resume"), "");
  EXPECT_TRUE(c.Running(id));
}

}  // namespace
}  // namespace reeve::ctld
