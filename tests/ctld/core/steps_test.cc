#include "tests/ctld/core/harness.h"

namespace reeve::ctld {
namespace {

using ::testing::ElementsAre;

std::vector<uint32_t> TasksOf(const CreateStepAnswer& answer) {
  std::vector<uint32_t> tasks;
  for (const NodeShare& share : answer.shares) tasks.push_back(share.tasks);
  return tasks;
}

TEST(Steps, DefaultsAndLayout) {
  Cluster c(3, 8);
  const JobId id = c.Submit(Spec().Nodes(2).Tasks(4).CpusPerTask(2));
  CreateStep four;
  four.num_tasks = 4;
  four.min_nodes = 2;
  four.cpus_per_task = 2;
  const absl::StatusOr<CreateStepAnswer> step = c.StepIn(id, four);
  ASSERT_TRUE(step.ok()) << step.status();
  EXPECT_EQ(step->step, StepId{0});
  EXPECT_THAT(TasksOf(*step), ElementsAre(3, 1));
  EXPECT_THAT(step->task_ids, ElementsAre(ElementsAre(0, 1, 2), ElementsAre(3)));
  EXPECT_EQ(step->io_secret, "0123456789abcdef");
  const auto launches = c.Commands<StepLaunch>();
  ASSERT_EQ(launches.size(), 3u);
  EXPECT_THAT(launches[1].second.environment, testing::Contains("SLURM_STEP_TASKS_PER_NODE=3,1"));
  EXPECT_EQ(launches[2].first, "n2");
  EXPECT_EQ(launches[2].second.node_index, 1u);
  c.Exit(id, 0, StepId{0});
  EXPECT_THAT(TasksOf(*c.StepIn(id)), ElementsAre(1, 1));
}

TEST(Steps, AsOpenMpiAsks) {
  Cluster c(3, 2);
  const JobId id = c.Submit(Spec().Nodes(3).Tasks(6));
  CreateStep orted;
  orted.num_tasks = 2;
  orted.min_nodes = orted.max_nodes = 2;
  orted.ntasks_per_node = 1;
  orted.req_nodes = "n2,n3";
  const absl::StatusOr<CreateStepAnswer> step = c.StepIn(id, orted);
  ASSERT_TRUE(step.ok()) << step.status();
  ASSERT_EQ(step->shares.size(), 2u);
  EXPECT_EQ(step->shares[0].node, "n2");
  EXPECT_THAT(step->task_ids, ElementsAre(ElementsAre(0), ElementsAre(1)));
}

TEST(Steps, WaitForEachOther) {
  Cluster c(1, 4);
  const JobId id = c.Submit(Spec().Tasks(4));
  CreateStep one;
  one.num_tasks = 1;
  one.deadline = c.now + absl::Seconds(20);
  ASSERT_TRUE(c.StepIn(id, one).ok());
  EXPECT_EQ(c.StepIn(id, one).status().message(), "waits");
  const CallToken waiting = c.last_call;
  CreateStep now = one;
  now.immediate = true;
  EXPECT_EQ(c.StepIn(id, now).status().message(), "Requested nodes are busy");
  CreateStep overlap = one;
  overlap.overlap = true;
  EXPECT_TRUE(c.StepIn(id, overlap).ok());
  CreateStep launcher = one;
  launcher.external_launcher = true;
  EXPECT_TRUE(c.StepIn(id, launcher).ok());
  c.Exit(id, 0, StepId{0});
  EXPECT_TRUE(c.AnswerTo(waiting).ok());
  EXPECT_EQ(c.StepIn(id, one).status().message(), "waits");
  c.Advance(absl::Seconds(20));
  EXPECT_EQ(c.AnswerTo(c.last_call).status().message(), "Requested nodes are busy");
}

TEST(Steps, ExactOnesRunSideBySide) {
  Cluster c(1, 4);
  const JobId id = c.Submit(Spec().Tasks(4));
  CreateStep two;
  two.num_tasks = 2;
  two.exact = true;
  EXPECT_EQ(c.StepIn(id, two)->shares[0].cores.ToText(), "0-1");
  EXPECT_EQ(c.StepIn(id, two)->shares[0].cores.ToText(), "2-3");
}

TEST(Steps, Refusals) {
  Cluster c(2, 4);
  const JobId id = c.Submit(Spec().Nodes(1).Tasks(4));
  CreateStep many;
  many.num_tasks = 5;
  EXPECT_EQ(c.StepIn(id, many).status().message(), "More processors requested than permitted");
  many.overcommit = true;
  EXPECT_TRUE(c.StepIn(id, many).ok());
  CreateStep elsewhere;
  elsewhere.req_nodes = "n2";
  EXPECT_EQ(c.StepIn(id, elsewhere).status().message(),
            "Requested node configuration is not available");
  EXPECT_EQ(c.StepIn(JobId{99}).status().message(), "Invalid job id specified");
  c.Cancel(id);
  EXPECT_EQ(c.StepIn(id).status().message(), "Job/step already completing or completed");
}

TEST(Steps, SameRequestSameStep) {
  Cluster c(1, 4);
  const JobId id = c.Submit(Spec());
  CreateStep request;
  request.key = {1000, "s1"};
  EXPECT_EQ(c.StepIn(id, request)->step, StepId{0});
  EXPECT_EQ(c.StepIn(id, request)->step, StepId{0});
  EXPECT_EQ(c.Get(id).steps.size(), 2u);
}

TEST(Steps, WaitsForItsJob) {
  Cluster c(1, 1);
  const JobId first = c.Submit(Spec());
  const JobId id = c.Submit(Spec().Interactive());
  CreateStep request;
  request.deadline = c.now + absl::Minutes(1);
  EXPECT_FALSE(c.StepIn(id, request).ok());
  c.Exit(first);
  EXPECT_TRUE(c.AnswerTo(c.last_call).ok());
}

TEST(Steps, OneDeadPartKeepsTheCpusOfTheOther) {
  Cluster c(2, 2);
  const JobId id = c.Submit(Spec().Nodes(2).Tasks(4));
  ASSERT_TRUE(c.StepIn(id).ok());
  c.Do(StepReported{.node = "n1",
                    .report_id = 1,
                    .job = id,
                    .step = StepId{0},
                    .attempt = 0,
                    .kind = StepReportKind::kExited,
                    .tasks = {{0, 9}},
                    .oom = true});
  CreateStep second;
  second.req_nodes = "n2";
  second.deadline = c.now + absl::Seconds(9);
  EXPECT_EQ(c.StepIn(id, second).status().message(), "waits");
  c.ExitOn("n2", id, StepId{0}, 0);
  EXPECT_TRUE(c.AnswerTo(c.last_call).ok());
  EXPECT_EQ(c.Get(id).FindStep(StepId{0})->state, JobState::kOutOfMemory);
}

TEST(Steps, CancelOne) {
  Cluster c(1, 4);
  const JobId id = c.Submit(Spec());
  ASSERT_TRUE(c.StepIn(id).ok());
  CancelJobs event;
  event.call = c.NextCall();
  event.caller = User(1000);
  event.jobs = {{id, "", StepId{0}}};
  c.Do(event);
  EXPECT_EQ(c.FirstResult(event.call), "");
  EXPECT_EQ(c.Commands<KillStep>().size(), 1u);
  c.Exit(id, 15, StepId{0});
  EXPECT_EQ(c.Get(id).FindStep(StepId{0})->state, JobState::kCancelled);
  EXPECT_TRUE(c.Running(id));
}

// The controller answered srun and went down before the node had its word.
TEST(Steps, ALaunchThatWentDownWithTheControllerIsSentAgain) {
  Cluster cluster(2, 4);
  const JobId id = cluster.Submit(Spec().Nodes(2));
  cluster.Started(id);
  CreateStep request;
  request.num_tasks = 2;
  request.min_nodes = request.max_nodes = 2;
  ASSERT_TRUE(cluster.StepIn(id, request).ok());
  cluster.Do(StepReported{.node = "n1", .report_id = 5, .job = id, .step = StepId{0}});
  EXPECT_EQ(cluster.launches.size(), 1u);
  cluster.Restart();
  const size_t before = cluster.commands.size();
  cluster.Register("n1", {{id, kBatchStep, 0}, {id, StepId{0}, 0}});
  EXPECT_TRUE(cluster.Commands<StepLaunch>(before).empty());  // it has it
  cluster.Register("n2");
  const auto launches = cluster.Commands<StepLaunch>(before);
  ASSERT_EQ(launches.size(), 1u);
  EXPECT_EQ(launches[0].first, "n2");
  EXPECT_EQ(launches[0].second.step, StepId{0});
  EXPECT_EQ(launches[0].second.step_spec->argv, std::vector<std::string>{"hostname"});
  EXPECT_EQ(launches[0].second.io_secret, "0123456789abcdef");
  // Once it has started everywhere nothing of it is kept: it will not be launched again.
  cluster.Do(StepReported{.node = "n2", .report_id = 6, .job = id, .step = StepId{0}});
  EXPECT_TRUE(cluster.launches.empty());
}

TEST(Steps, WhatIsLaunchedIsKeptNoLongerThanItsJob) {
  Cluster cluster(1, 4);
  const JobId id = cluster.Submit(Spec());
  cluster.Started(id);
  ASSERT_TRUE(cluster.StepIn(id).ok());
  EXPECT_EQ(cluster.launches.size(), 1u);
  EXPECT_EQ(cluster.Control(JobAction::kRequeue, id, Root()), "");
  cluster.Gone(id);
  EXPECT_TRUE(cluster.launches.empty());
}

// A step was cancelled while its node could not be told.
TEST(Steps, ACancelledStepIsEndedWhenItsNodeIsBack) {
  Cluster cluster(1, 4);
  const JobId id = cluster.Submit(Spec());
  cluster.Started(id);
  ASSERT_TRUE(cluster.StepIn(id).ok());
  cluster.Started(id, StepId{0});
  CancelJobs event;
  event.call = cluster.NextCall();
  event.caller = User(1000);
  event.jobs = {{id, "", StepId{0}}};
  cluster.Do(event);
  cluster.Restart();
  const size_t before = cluster.commands.size();
  cluster.Register("n1", {{id, kBatchStep, 0}, {id, StepId{0}, 0}});
  const auto kills = cluster.Commands<KillStep>(before);
  ASSERT_EQ(kills.size(), 1u);
  EXPECT_EQ(kills[0].second.step, StepId{0});
}

}  // namespace
}  // namespace reeve::ctld
