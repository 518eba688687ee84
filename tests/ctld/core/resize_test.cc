// A running job gives nodes back: which ones, what of it ends there, and who may have them.
#include "ctld/core/resize.h"

#include "common/base/text.h"
#include "tests/ctld/core/harness.h"
#include "tests/ctld/core/jobs_in.h"
#include "tests/ctld/core/random.h"

namespace reeve::ctld {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kBadCount[] = "Node count specification invalid";

CreateStep OnNodes(uint32_t nodes, bool overlap = true) {
  CreateStep step;
  step.min_nodes = step.max_nodes = step.num_tasks = nodes;
  step.overlap = overlap;
  return step;
}

TEST(Resize, TheLastNodesAreGivenBack) {
  Cluster c(4, 2);
  const JobId job = c.Submit(Spec().Nodes(4).Tasks(8).Minutes(60));
  const JobId waits = c.Submit(Spec().Nodes(2).Tasks(4).Minutes(60));
  EXPECT_FALSE(c.Running(waits));
  const size_t records = c.accounting.size();
  EXPECT_EQ(c.Update(job, "NumNodes", "2"), "");
  EXPECT_THAT(c.NodesOf(job), ElementsAre("n1", "n2"));
  EXPECT_EQ(c.Get(job).num_nodes, 2u);
  EXPECT_EQ(c.Get(job).num_cpus, 4u);
  EXPECT_EQ(c.Get(job).num_tasks, 4u);
  EXPECT_EQ(c.Get(job).rare->resize_time, c.now);
  EXPECT_GT(c.accounting.size(), records);
  EXPECT_THAT(c.NodesOf(waits), ElementsAre("n3", "n4")) << "at once: nothing ran there";
  EXPECT_TRUE(c.Running(job));
}

TEST(Resize, ThoseThatAreNamedAreKept) {
  Cluster c(4, 2);
  const JobId job = c.Submit(Spec().Nodes(4).Minutes(60));
  EXPECT_EQ(c.Update(job, "NodeList", "n[4,1]"), "");
  EXPECT_THAT(c.NodesOf(job), ElementsAre("n1", "n4"));
  EXPECT_EQ(c.Update(job, "ReqNodeList", "n1"), "");
  EXPECT_THAT(c.NodesOf(job), ElementsAre("n1"));
}

TEST(Resize, WhatCannotBeIsRefused) {
  Cluster c(4, 2);
  const JobId job = c.Submit(Spec().Nodes(3).Minutes(60));
  EXPECT_THAT(c.Update(job, "NumNodes", "4"), HasSubstr(kBadCount));
  EXPECT_THAT(c.Update(job, "NumNodes", "4"), HasSubstr("gets more is not supported"));
  EXPECT_EQ(c.Update(job, "NumNodes", "0"), kBadCount);
  EXPECT_EQ(c.Update(job, "NumNodes", "1-2"), kBadCount);
  EXPECT_THAT(c.Update(job, "NodeList", "n[2-3]"), HasSubstr("node n1 runs the script"));
  EXPECT_THAT(c.Update(job, "NodeList", "n[1,4]"), HasSubstr("n4 is not one of the job's"));
  EXPECT_EQ(c.Update(job, "NodeList", ""), "Invalid node name specified");
  EXPECT_EQ(c.Update(job, "NumNodes", "2", User(1001)), "Access/permission denied");
  EXPECT_EQ(c.Update(job, "NumNodes", "3"), "") << "as many as it has";
  EXPECT_EQ(c.Control(JobAction::kSuspend, job, Root()), "");
  EXPECT_EQ(c.Update(job, "NumNodes", "2"), "Requested operation is presently disabled");
  EXPECT_THAT(c.NodesOf(job), SizeIs(3));
  EXPECT_EQ(c.Get(job).rare->resize_time, absl::UnixEpoch());
}

TEST(Resize, AnAllocationMayGiveItsFirstNodeBack) {
  Cluster c(2, 2);
  const JobId job = c.Submit(Spec().Nodes(2).Minutes(60).Interactive());
  EXPECT_EQ(c.Update(job, "NodeList", "n2"), "");
  EXPECT_THAT(c.NodesOf(job), ElementsAre("n2"));
  const auto step = c.StepIn(job, OnNodes(1));
  ASSERT_TRUE(step.ok()) << step.status();
  EXPECT_EQ(step->shares[0].node, "n2");
}

TEST(Resize, StepsEndWhereItLeaves) {
  Cluster c(3, 2);
  const JobId job = c.Submit(Spec().Nodes(3).Minutes(60));
  c.Started(job);
  const StepId all = c.StepIn(job, OnNodes(3))->step;
  CreateStep last = OnNodes(1);
  last.req_nodes = "n3";
  const StepId there = c.StepIn(job, last)->step;
  c.Started(job, all);
  c.Started(job, there);
  const size_t before = c.commands.size();
  EXPECT_EQ(c.Update(job, "NumNodes", "2"), "");
  ASSERT_THAT(c.Commands<TerminateJob>(before), SizeIs(1));
  EXPECT_EQ(c.Commands<TerminateJob>(before)[0].first, "n3");
  EXPECT_EQ(c.Get(job).FindStep(there)->state, JobState::kCancelled);
  EXPECT_FALSE(c.Get(job).FindStep(all)->Ended());
  // Nobody comes before what runs there has gone.
  const JobId waits = c.Submit(Spec().On("n3").Minutes(5));
  EXPECT_FALSE(c.Running(waits));
  c.ExitOn("n3", job, all, 15);
  c.ExitOn("n3", job, there, 15);
  EXPECT_FALSE(c.Running(waits));
  c.Do(JobGone{"n3", ++c.reports, job, 0});
  EXPECT_TRUE(c.Running(waits));
  // The rest of the step goes on and ends well.
  c.ExitOn("n1", job, all, 0);
  c.ExitOn("n2", job, all, 0);
  EXPECT_EQ(c.Get(job).FindStep(all)->state, JobState::kCompleted);
  c.Exit(job);
  c.Gone(job);
  EXPECT_EQ(c.State(job), "COMPLETED");
}

TEST(Resize, LaterStepsKnowOfTheNodesThatAreLeft) {
  Cluster c(3, 2);
  const JobId job = c.Submit(Spec().Nodes(3).Minutes(60));
  EXPECT_FALSE(c.StepIn(job, OnNodes(4)).ok());
  EXPECT_EQ(c.Update(job, "NumNodes", "2"), "");
  EXPECT_FALSE(c.StepIn(job, OnNodes(3)).ok());
  const size_t before = c.commands.size();
  ASSERT_TRUE(c.StepIn(job, OnNodes(2)).ok());
  ASSERT_THAT(c.Commands<StepLaunch>(before), SizeIs(2));
  EXPECT_THAT(c.Commands<StepLaunch>(before)[0].second.environment,
              ::testing::IsSupersetOf({"SLURM_JOB_NUM_NODES=2", "SLURM_JOB_NODELIST=n[1-2]"}));
}

TEST(Resize, AStepThatWaitsForMoreNodesIsRefused) {
  Cluster c(2, 1);
  const JobId job = c.Submit(Spec().Nodes(2).Minutes(60));
  ASSERT_TRUE(c.StepIn(job, OnNodes(2, false)).ok());
  CreateStep waits = OnNodes(2, false);
  waits.deadline = c.now + absl::Hours(1);
  EXPECT_FALSE(c.StepIn(job, waits).ok());
  const CallToken call = c.last_call;
  EXPECT_EQ(c.AnswerTo(call).status().message(), "no reply");
  EXPECT_EQ(c.Update(job, "NumNodes", "1"), "");
  EXPECT_NE(c.AnswerTo(call).status().message(), "no reply");
}

TEST(Resize, AnEpilogRunsWhereItLeaves) {
  Settings settings = MakeTestSettings(2, 2);
  settings.has_epilog = true;
  Cluster c(settings);
  const JobId job = c.Submit(Spec().Nodes(2).Minutes(60));
  const JobId waits = c.Submit(Spec().Nodes(1).On("n2").Tasks(2).Minutes(5));
  size_t before = c.commands.size();
  EXPECT_EQ(c.Update(job, "NumNodes", "1"), "");
  ASSERT_THAT(c.Commands<TerminateJob>(before), SizeIs(1));
  EXPECT_NE(c.Commands<TerminateJob>(before)[0].second.facts, nullptr);
  EXPECT_FALSE(c.Running(waits));
  c.Do(JobGone{"n2", ++c.reports, job, 0});
  EXPECT_TRUE(c.Running(waits));
}

TEST(Resize, RequeuedItAsksForAllAgain) {
  Cluster c(2, 2);
  const JobId job = c.Submit(Spec().Nodes(2).Minutes(60));
  EXPECT_EQ(c.Update(job, "NumNodes", "1"), "");
  EXPECT_EQ(c.Control(JobAction::kRequeue, job), "");
  c.Gone(job);
  EXPECT_THAT(c.NodesOf(job), ElementsAre("n1", "n2"));
  EXPECT_EQ(c.Get(job).rare->resize_time, absl::UnixEpoch());
}

TEST(Resize, SurvivesARestart) {
  Settings settings = MakeTestSettings(3, 2);
  settings.gres_types = {"gpu"};
  for (Node& node : settings.nodes) node.gres = "gpu:2";
  Cluster c(settings);
  Spec spec = Spec().Nodes(3).Minutes(60);
  spec.raw().gres = std::make_shared<const GresSpec>(GresSpec{"", "6", "", "", {}, {}});
  const JobId job = c.Submit(spec);
  ASSERT_TRUE(c.Running(job));
  ASSERT_TRUE(c.StepIn(job, OnNodes(3)).ok());
  EXPECT_EQ(c.Update(job, "NumNodes", "2"), "");
  c.Restart();
  EXPECT_THAT(c.NodesOf(job), ElementsAre("n1", "n2"));
  c.Register("n1", {{job, kBatchStep, 0}, {job, StepId{0}, 0}});
  c.Register("n2", {{job, StepId{0}, 0}});
  const size_t before = c.commands.size();
  c.Register("n3", {{job, StepId{0}, 0}});
  ASSERT_THAT(c.Commands<TerminateJob>(before), SizeIs(1)) << "it is told again";
  const JobId waits = c.Submit(Spec().On("n3").Minutes(5));
  EXPECT_FALSE(c.Running(waits));
  c.Do(JobGone{"n3", ++c.reports, job, 0});
  EXPECT_TRUE(c.Running(waits));
  EXPECT_TRUE(c.Running(job));
}

TEST(Resize, ItsNodesTroublesAreItsOwnNoLonger) {
  Cluster c(2, 2);
  const JobId job = c.Submit(Spec().Nodes(2).Minutes(60));
  ASSERT_TRUE(c.StepIn(job, OnNodes(2)).ok());
  EXPECT_EQ(c.Update(job, "NumNodes", "1"), "");
  EXPECT_EQ(c.SetNode("n2", "DOWN", "test"), "");
  EXPECT_TRUE(c.Running(job));
  c.Register("n2", {}, "boot2");
  EXPECT_TRUE(c.Running(job));
}

// The harness checks the invariants after every event.
TEST(Resize, ARandomLifeKeepsTheBooks) {
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Cluster c(5, 2);
    for (int i = 0; i < 100 && !::testing::Test::HasFailure(); ++i) {
      const std::vector<JobId> jobs = JobsIn(c, [](const Job& job) { return !job.Finished(); });
      const JobId any = jobs.empty() ? JobId{} : jobs[random(static_cast<uint32_t>(jobs.size()))];
      switch (random(10)) {
        case 0:
        case 1:
          if (any) (void)c.Update(any, "NumNodes", std::to_string(1 + random(4)));
          break;
        case 2:
          if (any && c.Running(any)) (void)c.StepIn(any, OnNodes(1 + random(3), random(2) == 0));
          break;
        case 3:
          if (any && c.Running(any) && c.Get(any).spec->batch) c.Exit(any);
          break;
        case 4:
          if (any && random(2) == 0) c.Cancel(any);
          if (any) c.Control(JobAction::kRequeue, any);
          break;
        case 5:
          if (any)
            c.Control(random(2) == 0 ? JobAction::kSuspend : JobAction::kResume, any, Root());
          break;
        case 6:  // what is told to go says that it has
          for (const Node* node : c.controller->Nodes()) {
            for (const auto& [id, attempt] : absl::flat_hash_map<JobId, uint32_t>(node->clearing)) {
              c.Do(JobGone{node->name, ++c.reports, id, attempt});
            }
          }
          for (JobId id : JobsIn(c, [](const Job& job) { return job.Completing(); })) c.Gone(id);
          break;
        case 7:
          c.Advance(absl::Minutes(random(4)));
          c.Heartbeats();
          break;
        default: {
          Spec spec;
          spec.Nodes(1 + random(4)).Minutes(5 + static_cast<int>(random(30)));
          if (random(3) == 0) spec.Interactive();
          c.Submit(spec);
        }
      }
    }
  }
}

}  // namespace
}  // namespace reeve::ctld
