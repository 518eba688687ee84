#include "tests/ctld/core/harness.h"

namespace reeve::ctld {
namespace {

TEST(Nodes, UnknownUntilRegistered) {
  Cluster c(MakeTestSettings(2, 2), /*up=*/false);
  const JobId id = c.Submit(Spec());
  EXPECT_EQ(c.Why(id), "ReqNodeNotAvail");
  EXPECT_EQ(c.GetNode("n1").State(), NodeState::kUnknown);
  c.Register("n1");
  EXPECT_TRUE(c.Running(id));
}

TEST(Nodes, TooSmallIsDrained) {
  Cluster c(MakeTestSettings(1, 4), /*up=*/false);
  NodeRegistered event{.node = "n1", .boot_id = "b"};
  event.hardware.cpus = 4;
  event.hardware.real_memory_mb = 900;
  c.Do(event);
  EXPECT_TRUE(c.GetNode("n1").drain);
  EXPECT_EQ(c.GetNode("n1").reason, "Low RealMemory (reported:900 < configured:1000)");
  EXPECT_FALSE(c.Running(c.Submit(Spec())));
}

TEST(Nodes, SilenceMeansDown) {
  Settings settings = MakeTestSettings(2, 2);
  settings.return_to_service = 2;
  Cluster c(settings);
  const JobId movable = c.Submit(Spec().On("n1"));
  const JobId fixed = c.Submit(Spec().On("n1").NoRequeue());
  c.Started(movable);
  c.Started(fixed);
  c.Do(NodeLost{"n1"});
  EXPECT_EQ(NodeStateText(c.GetNode("n1")), "ALLOCATED+NOT_RESPONDING");
  EXPECT_TRUE(c.Running(movable));
  c.Do(NodeHeartbeat{"n2"});
  c.Advance(c.settings.slurmd_timeout - absl::Seconds(1));
  c.Do(NodeHeartbeat{"n2"});
  EXPECT_TRUE(c.Running(movable));
  c.Advance(absl::Seconds(1));
  EXPECT_EQ(c.GetNode("n1").State(), NodeState::kDown);
  EXPECT_EQ(c.GetNode("n1").reason, "Not responding");
  EXPECT_EQ(c.State(fixed), "NODE_FAIL");
  EXPECT_EQ(c.Get(fixed).reason_detail, "node n1: Not responding");
  // It might still run there: it goes back into the queue only when that is settled.
  EXPECT_EQ(c.State(movable), "COMPLETING");
  c.Register("n1", {}, "boot2");
  EXPECT_EQ(c.GetNode("n1").base, NodeBase::kUp);
  EXPECT_TRUE(c.Running(movable));
  EXPECT_EQ(c.Get(movable).restarts, 1u);
}

TEST(Nodes, AnAdministratorsWordFreesTheJob) {
  Cluster c(2, 2);
  const JobId id = c.Submit(Spec().Exclusive());
  c.Do(NodeLost{"n1"});
  c.Do(NodeHeartbeat{"n2"});
  c.Advance(c.settings.slurmd_timeout - absl::Seconds(1));
  c.Do(NodeHeartbeat{"n2"});
  c.Advance(absl::Seconds(1));
  EXPECT_EQ(c.State(id), "COMPLETING");
  EXPECT_EQ(c.SetNode("n1", "down", "burnt"), "");
  EXPECT_TRUE(c.Running(id));
  EXPECT_THAT(c.NodesOf(id), testing::ElementsAre("n2"));
  c.Register("n1", {{id, kBatchStep, 0}});
  EXPECT_EQ(c.GetNode("n1").State(), NodeState::kDown);  // ReturnToService=1: not after this
  EXPECT_EQ(c.Commands<TerminateJob>().back().first, "n1");
}

TEST(Nodes, DownByAnAdministratorClearsUpFirst) {
  Cluster c(1, 2);
  const JobId id = c.Submit(Spec().NoRequeue());
  c.Started(id);
  EXPECT_EQ(c.SetNode("n1", "down", "smoke"), "");
  EXPECT_EQ(c.State(id), "COMPLETING");
  EXPECT_EQ(c.Commands<TerminateJob>().size(), 1u);
  c.Exit(id, 15);
  c.Gone(id);
  EXPECT_EQ(c.State(id), "NODE_FAIL");
}

TEST(Nodes, ShortAbsenceIsNotNoticed) {
  Cluster c(1, 2);
  const JobId id = c.Submit(Spec());
  c.Started(id);
  c.Do(NodeLost{"n1"});
  EXPECT_FALSE(c.Running(c.Submit(Spec())));
  const size_t before = c.commands.size();
  c.Register("n1", {{id, kBatchStep, 0}});
  EXPECT_TRUE(c.Running(id));
  EXPECT_EQ(c.Commands<StepLaunch>(before).size(), 1u);  // the one that waited
}

TEST(Nodes, LostLaunchIsSentAgainLostStepFails) {
  Cluster c(2, 2);
  const JobId fresh = c.Submit(Spec().On("n1"));
  const JobId old = c.Submit(Spec().On("n1").NoRequeue());
  c.Started(old);
  c.Do(NodeLost{"n1"});
  const size_t before = c.commands.size();
  c.Register("n1");
  ASSERT_EQ(c.Commands<StepLaunch>(before).size(), 1u);
  EXPECT_EQ(c.Commands<StepLaunch>(before)[0].second.job, fresh);
  EXPECT_EQ(c.State(old), "NODE_FAIL");
}

TEST(Nodes, RebootKillsWhatRanThere) {
  Settings settings = MakeTestSettings(1, 2);
  settings.return_to_service = 2;
  Cluster c(settings);
  const JobId id = c.Submit(Spec());
  c.Started(id);
  c.Register("n1", {}, "boot2");
  EXPECT_EQ(c.Get(id).restarts, 1u);
  EXPECT_TRUE(c.Running(id));
}

TEST(Nodes, StrangersAreKilled) {
  Cluster c(1, 2);
  c.Do(NodeLost{"n1"});
  c.Register("n1", {{JobId{77}, kBatchStep, 0}});
  ASSERT_EQ(c.Commands<TerminateJob>().size(), 1u);
  EXPECT_EQ(c.Commands<TerminateJob>()[0].second.job, JobId{77});
}

TEST(Nodes, CompletingIsRemindedAtRegistration) {
  Cluster c(1, 2);
  const JobId id = c.Submit(Spec());
  c.Cancel(id);
  c.Do(NodeLost{"n1"});
  c.Register("n1", {{id, kBatchStep, 0}});
  EXPECT_EQ(c.Commands<TerminateJob>().size(), 2u);
  c.Gone(id);
  EXPECT_EQ(c.State(id), "CANCELLED");
}

TEST(Nodes, DrainLetsJobsFinish) {
  Cluster c(1, 2);
  const JobId id = c.Submit(Spec());
  c.SetNode("n1", "DRAIN", "bad disk");
  EXPECT_EQ(NodeStateText(c.GetNode("n1")), "MIXED+DRAIN");
  EXPECT_TRUE(c.Running(id));
  c.Exit(id);
  EXPECT_EQ(NodeStateText(c.GetNode("n1")), "IDLE+DRAIN");
  EXPECT_EQ(c.GetNode("n1").reason_user, "root");
}

TEST(Nodes, RestartOfTheController) {
  Cluster c(1, 4);
  const JobId id = c.Submit(Spec().Minutes(10));
  ASSERT_TRUE(c.StepIn(id).ok());
  c.Restart();
  EXPECT_TRUE(c.Running(id));
  EXPECT_EQ(c.GetNode("n1").alloc_cpus, 1u);
  EXPECT_FALSE(c.GetNode("n1").responding);
  c.Register("n1", {{id, kBatchStep, 0}, {id, StepId{0}, 0}});
  EXPECT_TRUE(c.Running(id));
  c.Exit(id, 0, StepId{0});
  c.Exit(id);
  c.Gone(id);
  EXPECT_EQ(c.State(id), "COMPLETED");
  EXPECT_GT(c.Submit(Spec()), id);
}

TEST(Nodes, Reconfigure) {
  Cluster c(2, 2);
  const JobId id = c.Submit(Spec().On("n2").NoRequeue());
  c.settings = MakeTestSettings(1, 2);
  c.Do(Reconfigured{c.settings});
  EXPECT_EQ(c.State(id), "NODE_FAIL");
  EXPECT_EQ(c.controller->FindNode("n2"), nullptr);
  EXPECT_TRUE(c.Running(c.Submit(Spec())));
}

TEST(Nodes, AJobOnANodeThatIsTakenOutDoesNotRunElsewhere) {
  for (const bool restart : {false, true}) {
    Cluster c(2, 4);
    const JobId id = c.Submit(Spec().On("n1"));
    const JobId wide = c.Submit(Spec().Nodes(2));
    ASSERT_TRUE(c.StepIn(wide).ok());
    std::erase_if(c.settings.nodes, [](const Node& node) { return node.name == "n1"; });
    c.settings.partitions[0].nodes = {"n2"};
    // Nobody can tell whether they still run there.
    if (restart) {
      c.Restart();
    } else {
      c.Do(Reconfigured{c.settings});
    }
    EXPECT_EQ(c.State(id), "NODE_FAIL");
    if (!c.Get(wide).pending_nodes.empty()) c.Gone(wide);
    EXPECT_EQ(c.State(wide), "NODE_FAIL");
  }
}

TEST(Nodes, OneThatWasTakenOutAndInAgainRegistersAnew) {
  Cluster c(2, 4);
  const Settings both = c.settings;
  std::erase_if(c.settings.nodes, [](const Node& node) { return node.name == "n1"; });
  c.Do(Reconfigured{c.settings});
  c.Do(Reconfigured{both});
  EXPECT_FALSE(c.GetNode("n1").connected);
  const size_t before = c.commands.size();
  c.Do(NodeHeartbeat{"n1"});  // its stream was open all the time
  EXPECT_EQ(c.Commands<HangUp>(before).size(), 1u);
}

TEST(Partitions, UpdateState) {
  Cluster c(1, 2);
  UpdatePartition down{c.NextCall(), Root(), "debug", {{"State", "DOWN"}}};
  c.Do(down);
  const JobId id = c.Submit(Spec());
  EXPECT_EQ(c.Why(id), "PartitionDown");
  UpdatePartition up{c.NextCall(), Root(), "debug", {{"State", "UP"}}};
  c.Do(up);
  EXPECT_TRUE(c.Running(id));
}

std::string SetPartition(Cluster& cluster, const std::string& key, const std::string& value,
                         const std::string& name = "debug") {
  UpdatePartition event{cluster.NextCall(), Root(), name, {{key, value}}};
  cluster.Do(event);
  const absl::StatusOr<Answer> answer = cluster.AnswerTo(event.call);
  return answer.ok() ? "" : std::string(answer.status().message());
}

const Partition& PartitionOf(const Cluster& cluster, const std::string& name = "debug") {
  return *cluster.controller->FindPartition(name);
}

UpdateNode NodeChange(Cluster& cluster) {
  UpdateNode event;
  event.call = cluster.NextCall();
  event.caller = Root();
  event.nodes = "n1";
  return event;
}

TEST(RuntimeChanges, OutliveARestart) {
  Cluster cluster(2, 4);
  EXPECT_EQ(SetPartition(cluster, "State", "DOWN"), "");
  EXPECT_EQ(SetPartition(cluster, "MaxTime", "10"), "");
  EXPECT_EQ(SetPartition(cluster, "MaxTime", "20"), "");
  EXPECT_EQ(SetPartition(cluster, "MaxTime", "nonsense"),
            "Requested time limit is invalid (missing "
            "or exceeds some limit)");
  UpdateNode event = NodeChange(cluster);
  event.weight = 7;
  event.features = "big,fast";
  event.comment = "mind the step";
  cluster.Do(event);
  cluster.Restart();
  EXPECT_EQ(PartitionOf(cluster).state, PartitionState::kDown);
  EXPECT_EQ(PartitionOf(cluster).max_time, absl::Minutes(20));
  EXPECT_EQ(cluster.GetNode("n1").weight, 7u);
  EXPECT_THAT(cluster.GetNode("n1").features, ::testing::ElementsAre("big", "fast"));
  EXPECT_EQ(cluster.GetNode("n1").comment, "mind the step");
  EXPECT_EQ(cluster.GetNode("n2").weight, 1u);
  cluster.Restart();  // and the next one
  EXPECT_EQ(PartitionOf(cluster).max_time, absl::Minutes(20));
  EXPECT_EQ(cluster.GetNode("n1").weight, 7u);
}

TEST(RuntimeChanges, AreStored) {
  Cluster cluster(1, 4);
  UpdatePartition event{cluster.NextCall(), Root(), "debug", {{"State", "DOWN"}}};
  const Effects effects = cluster.controller->Handle(event, cluster.now);
  EXPECT_THAT(effects.partitions_to_store, ::testing::ElementsAre("debug"));
  EXPECT_TRUE(effects.NeedsCommit());
}

TEST(RuntimeChanges, GoWithAReconfiguration) {
  Cluster cluster(1, 4);
  SetPartition(cluster, "State", "DOWN");
  UpdateNode event = NodeChange(cluster);
  event.weight = 7;
  event.comment = "stays";
  cluster.Do(event);
  const Effects effects = cluster.Do(Reconfigured{cluster.settings});
  EXPECT_EQ(PartitionOf(cluster).state, PartitionState::kUp);
  EXPECT_EQ(cluster.GetNode("n1").weight, 1u);
  cluster.Restart();
  EXPECT_EQ(PartitionOf(cluster).state, PartitionState::kUp);
  EXPECT_EQ(cluster.GetNode("n1").weight, 1u);
  EXPECT_EQ(cluster.GetNode("n1").comment, "stays");
}

// Who edits the file and restarts means the file.
TEST(RuntimeChanges, GoWhenTheLineInTheFileIsANewOne) {
  Cluster cluster(2, 4);
  SetPartition(cluster, "MaxTime", "10");
  UpdateNode event = NodeChange(cluster);
  event.nodes = "n[1-2]";
  event.weight = 7;
  cluster.Do(event);
  cluster.settings.partitions[0].priority_tier = 3;
  cluster.settings.nodes[0].weight = 5;
  cluster.Restart();
  EXPECT_EQ(PartitionOf(cluster).max_time, absl::InfiniteDuration());
  EXPECT_EQ(PartitionOf(cluster).priority_tier, 3u);
  EXPECT_EQ(cluster.GetNode("n1").weight, 5u);
  EXPECT_EQ(cluster.GetNode("n2").weight, 7u);
}

TEST(RuntimeChanges, OneDefaultPartitionAlsoAfterARestart) {
  Settings settings = MakeTestSettings(1, 4);
  settings.partitions.push_back(settings.partitions[0]);
  settings.partitions[1].name = "other";
  settings.partitions[1].is_default = false;
  settings.partitions.push_back(settings.partitions[1]);
  settings.partitions[2].name = "third";
  Cluster cluster(settings);
  EXPECT_EQ(SetPartition(cluster, "Default", "YES", "third"), "");
  EXPECT_EQ(SetPartition(cluster, "Default", "YES", "other"), "");
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(PartitionOf(cluster, "debug").is_default);
    EXPECT_TRUE(PartitionOf(cluster, "other").is_default);
    EXPECT_FALSE(PartitionOf(cluster, "third").is_default);
    cluster.Restart();
  }
}

}  // namespace
}  // namespace reeve::ctld
