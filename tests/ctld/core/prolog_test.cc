// Prolog and Epilog as the controller sees them, health checks, clocks.
#include "tests/ctld/core/harness.h"

namespace reeve::ctld {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Settings With(bool prolog, bool epilog, uint32_t nodes = 2) {
  Settings settings = MakeTestSettings(nodes, 2);
  settings.has_prolog = prolog;
  settings.has_epilog = epilog;
  return settings;
}

Settings AtAllocation() {
  Settings settings = With(true, false);
  settings.prolog_at_allocation = true;
  return settings;
}

void PrologFails(Cluster& c, JobId id, const std::string& node) {
  c.Do(StepReported{.node = node,
                    .report_id = ++c.reports,
                    .job = id,
                    .step = kBatchStep,
                    .attempt = c.Get(id).restarts,
                    .kind = StepReportKind::kLaunchFailed,
                    .error = "/etc/prolog: exit code 1",
                    .prolog_failed = true});
}

void Prepared(Cluster& c, JobId id, const std::string& node, bool failed = false) {
  c.Do(JobPrepared{node, ++c.reports, id, c.Get(id).restarts, failed, failed ? "no disk" : ""});
}

TEST(Scripts, WithoutThemALoneBatchStepLeavesNothingBehind) {
  Cluster c(With(false, false));
  const JobId id = c.Submit(Spec());
  c.Exit(id);
  EXPECT_EQ(c.State(id), "COMPLETED");
  EXPECT_THAT(c.Commands<TerminateJob>(), IsEmpty());
  EXPECT_EQ(c.Commands<StepLaunch>()[0].second.facts, nullptr);
}

TEST(Scripts, TheJobCompletesUntilTheEpilogHasEnded) {
  Cluster c(With(false, true));
  const JobId id = c.Submit(Spec());
  c.Exit(id, 3 << 8);
  EXPECT_EQ(c.State(id), "COMPLETING");
  ASSERT_EQ(c.Commands<TerminateJob>().size(), 1u);
  const TerminateJob order = c.Commands<TerminateJob>()[0].second;
  ASSERT_NE(order.facts, nullptr);
  EXPECT_EQ(order.facts->owner->user_name, "user1000");
  EXPECT_EQ(order.facts->nodes, "n1");
  EXPECT_EQ(order.facts->exit_status, 3 << 8);
  c.Gone(id);
  EXPECT_EQ(c.State(id), "FAILED");
}

TEST(Scripts, AnEpilogRunsOnEveryNodeOfTheJob) {
  Cluster c(With(false, true));
  const JobId id = c.Submit(Spec().Nodes(2).Exclusive());
  c.Exit(id);
  EXPECT_THAT(c.Get(id).pending_nodes, ElementsAre("n1", "n2"));
  const JobId idle = c.Submit(Spec().Interactive().Nodes(2));
  EXPECT_FALSE(c.Running(idle)) << "the nodes are not free yet";
  c.Gone(id);
  EXPECT_TRUE(c.Running(idle));
  c.Cancel(idle);
  EXPECT_THAT(c.Get(idle).pending_nodes, ElementsAre("n1", "n2")) << "no step, an epilog still";
}

TEST(Scripts, APrologWithoutAnEpilogIsClearedUpWhereStepsWere) {
  Cluster c(With(true, false));
  const JobId id = c.Submit(Spec().Nodes(2));
  c.Exit(id);
  EXPECT_THAT(c.Get(id).pending_nodes, ElementsAre("n1"));
}

TEST(Scripts, AFailedPrologDrainsTheNodeAndHoldsTheJob) {
  Cluster c(With(true, true, 1));
  const JobId id = c.Submit(Spec());
  PrologFails(c, id, "n1");
  EXPECT_TRUE(c.GetNode("n1").drain);
  EXPECT_EQ(c.GetNode("n1").reason, "Prolog error");
  EXPECT_EQ(c.State(id), "COMPLETING");
  c.Gone(id);
  EXPECT_EQ(c.Get(id).state, JobState::kPending);
  EXPECT_TRUE(c.Get(id).Held());
  EXPECT_EQ(c.Get(id).reason_detail, "launch failed requeued held");
  EXPECT_EQ(c.Get(id).restarts, 1u);
}

TEST(Scripts, AJobThatMayNotBeRequeuedFails) {
  Cluster c(With(true, false, 1));
  const JobId id = c.Submit(Spec().NoRequeue());
  PrologFails(c, id, "n1");
  c.Gone(id);
  EXPECT_EQ(c.State(id), "FAILED");
}

TEST(Scripts, AFailedEpilogDrainsTheNodeWhateverBecameOfTheJob) {
  Cluster c(With(false, true));
  const JobId id = c.Submit(Spec());
  c.Exit(id);
  c.Do(JobGone{"n1", ++c.reports, id, 0, false, true});
  EXPECT_EQ(c.GetNode("n1").reason, "Epilog error");
  EXPECT_EQ(c.State(id), "COMPLETED");
  c.Do(JobGone{"n2", ++c.reports, JobId{999}, 0, false, true});
  EXPECT_EQ(c.GetNode("n2").reason, "Epilog error");
}

TEST(Scripts, AnAdministratorsReasonStays) {
  Cluster c(With(false, true));
  c.SetNode("n1", "DRAIN", "fans");
  c.Do(JobGone{"n1", ++c.reports, JobId{999}, 0, false, true});
  EXPECT_EQ(c.GetNode("n1").reason, "fans");
}

TEST(Scripts, WhatANodeStillKnowsOfAJobThatIsOverIsEnded) {
  Cluster c(With(true, true));
  const JobId id = c.Submit(Spec().On("n1"));
  NodeRegistered back{.node = "n1", .boot_id = "boot1"};
  back.hardware.cpus = 2;
  back.hardware.real_memory_mb = 1000;
  back.steps = {{id, kBatchStep, 0}};
  back.jobs = {{id, 0}, {JobId{77}, 3}};
  c.Do(NodeLost{"n1"});
  c.Do(back);
  ASSERT_EQ(c.Commands<TerminateJob>().size(), 1u);
  EXPECT_EQ(c.Commands<TerminateJob>()[0].second.job, JobId{77});
  EXPECT_EQ(c.Commands<TerminateJob>()[0].second.attempt, 3u);
  EXPECT_EQ(c.Commands<TerminateJob>()[0].second.facts, nullptr);
}

TEST(PrologAtAllocation, TheJobIsConfiguringUntilAllNodesAreReady) {
  Cluster c(AtAllocation());
  const JobId id = c.Submit(Spec().Nodes(2));
  EXPECT_EQ(c.State(id), "CONFIGURING");
  EXPECT_EQ(c.Commands<PrepareJob>().size(), 2u);
  EXPECT_EQ(c.Commands<PrepareJob>()[0].second.facts->nodes, "n[1-2]");
  Prepared(c, id, "n1");
  Prepared(c, id, "n1");
  EXPECT_EQ(c.State(id), "CONFIGURING");
  Prepared(c, id, "n2");
  EXPECT_EQ(c.State(id), "RUNNING");
  c.Exit(id);
  EXPECT_THAT(c.Get(id).pending_nodes, ElementsAre("n1", "n2"));
}

TEST(PrologAtAllocation, WhoWaitsForTheAllocationWaitsForThePrologs) {
  for (const bool hold : {true, false}) {
    Settings settings = AtAllocation();
    settings.prolog_no_hold = !hold;
    Cluster c(settings);
    const JobId id = c.Submit(Spec().Interactive());
    WaitJob wait{.call = c.NextCall(), .caller = User(1000), .job = id};
    wait.deadline = c.now + absl::Minutes(1);
    c.Do(wait);
    EXPECT_EQ(c.replies.contains(wait.call.value), !hold);
    Prepared(c, id, "n1");
    EXPECT_TRUE(c.replies.contains(wait.call.value));
  }
}

TEST(PrologAtAllocation, ItsFailureIsTheSameAsALaunchs) {
  Cluster c(AtAllocation());
  const JobId batch = c.Submit(Spec().On("n1"));
  const JobId interactive = c.Submit(Spec().Interactive().On("n2"));
  Prepared(c, batch, "n1", true);
  Prepared(c, interactive, "n2", true);
  EXPECT_EQ(c.GetNode("n1").reason, "Prolog error");
  EXPECT_EQ(c.GetNode("n2").reason, "Prolog error");
  c.Gone(batch);
  c.Gone(interactive);
  EXPECT_TRUE(c.Get(batch).Pending());
  EXPECT_TRUE(c.Get(batch).Held());
  EXPECT_EQ(c.State(interactive), "FAILED");
}

TEST(PrologAtAllocation, ANodeThatComesBackIsAskedAgain) {
  Cluster c(AtAllocation());
  const JobId id = c.Submit(Spec().On("n1"));
  c.Restart();
  EXPECT_EQ(c.State(id), "CONFIGURING");
  const size_t before = c.commands.size();
  c.Register("n1", {{id, kBatchStep, 0}});
  EXPECT_EQ(c.Commands<PrepareJob>(before).size(), 1u);
  Prepared(c, id, "n1");
  EXPECT_EQ(c.State(id), "RUNNING");
  c.Do(NodeLost{"n1"});
  const size_t later = c.commands.size();
  c.Register("n1", {{id, kBatchStep, 0}});
  EXPECT_THAT(c.Commands<PrepareJob>(later), IsEmpty());
}

TEST(HealthCheck, RunsOnNodesInTheStatesAskedFor) {
  Settings settings = MakeTestSettings(4, 2);
  settings.health_check_interval = absl::Seconds(60);
  settings.health_check_states = {.idle = true, .allocated = false, .mixed = true, .other = false};
  Cluster c(settings);
  c.Submit(Spec().On("n1").Tasks(2));
  c.Submit(Spec().On("n2"));
  c.Do(NodeLost{"n4"});
  c.Advance(absl::Seconds(59));
  EXPECT_THAT(c.Commands<CheckHealth>(), IsEmpty());
  c.Advance(absl::Seconds(1));
  ASSERT_EQ(c.Commands<CheckHealth>().size(), 2u);
  EXPECT_EQ(c.Commands<CheckHealth>()[0].first, "n2");
  EXPECT_EQ(c.Commands<CheckHealth>()[1].first, "n3");
  c.Advance(absl::Seconds(60));
  EXPECT_EQ(c.Commands<CheckHealth>().size(), 4u);
}

TEST(HealthCheck, AChangedIntervalCountsFromTheChange) {
  Settings settings = MakeTestSettings(1, 2);
  settings.health_check_interval = absl::Seconds(60);
  Cluster c(settings);
  c.settings.health_check_interval = absl::Seconds(100);
  c.Advance(absl::Seconds(30));
  c.Do(Reconfigured{c.settings});
  c.Advance(absl::Seconds(99));
  EXPECT_THAT(c.Commands<CheckHealth>(), IsEmpty());
  c.Advance(absl::Seconds(1));
  EXPECT_EQ(c.Commands<CheckHealth>().size(), 1u);
  c.settings.health_check_interval = absl::ZeroDuration();
  c.Do(Reconfigured{c.settings});
  c.Advance(absl::Seconds(250));
  EXPECT_EQ(c.Commands<CheckHealth>().size(), 1u);
}

TEST(Clocks, ADifferenceIsShownUntilItIsGone) {
  Cluster c(1, 2);
  c.Do(NodeHeartbeat{.node = "n1", .time = c.now + absl::Seconds(42)});
  EXPECT_EQ(c.GetNode("n1").clock_skew, absl::Seconds(42));
  c.Do(NodeHeartbeat{.node = "n1", .time = c.now - absl::Seconds(300)});
  EXPECT_EQ(c.GetNode("n1").clock_skew, -absl::Seconds(300));
  c.Do(NodeHeartbeat{.node = "n1", .time = c.now - absl::Seconds(2)});
  EXPECT_EQ(c.GetNode("n1").clock_skew, absl::ZeroDuration());
  c.Do(NodeHeartbeat{.node = "n1"});
  EXPECT_EQ(c.GetNode("n1").clock_skew, absl::ZeroDuration());
}

}  // namespace
}  // namespace reeve::ctld
