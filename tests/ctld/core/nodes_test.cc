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

}  // namespace
}  // namespace reeve::ctld
