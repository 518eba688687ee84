#include "tests/ctld/core/harness.h"

namespace reeve::ctld {
namespace {

using ::testing::ElementsAre;

JobId TaskOf(const Cluster& c, JobId array, uint32_t task) {
  for (JobId id : c.controller->ArrayMembers(array)) {
    if (c.Get(id).array_task_id == task) return id;
  }
  return JobId{};
}

TEST(Array, LastTaskKeepsTheArraysId) {
  Cluster c(1, 4);
  const JobId id = c.Submit(Spec().Array("1-5:2"));
  EXPECT_THAT(c.controller->ArrayMembers(id), ElementsAre(id, JobId{2}, JobId{3}));
  EXPECT_EQ(TaskOf(c, id, 1), JobId{2});
  EXPECT_EQ(TaskOf(c, id, 3), JobId{3});
  EXPECT_EQ(TaskOf(c, id, 5), id);
  const std::vector<std::string> env = c.Commands<StepLaunch>()[0].second.environment;
  for (const char* line : {"SLURM_ARRAY_JOB_ID=1", "SLURM_ARRAY_TASK_ID=1", "SLURM_JOB_ID=2",
                           "SLURM_ARRAY_TASK_COUNT=3", "SLURM_ARRAY_TASK_MIN=1",
                           "SLURM_ARRAY_TASK_MAX=5", "SLURM_ARRAY_TASK_STEP=2"}) {
    EXPECT_THAT(env, testing::Contains(line));
  }
}

TEST(Array, OneRecordUntilTasksStart) {
  Cluster c(1, 2);
  const JobId id = c.Submit(Spec().Array("0-99999").Minutes(1));
  EXPECT_EQ(c.controller->job_count(), 3u);
  EXPECT_EQ(c.Get(id).array->tasks.ToString(), "2-99999");
  EXPECT_EQ(c.Why(id), "Resources");
  c.Exit(TaskOf(c, id, 0));
  EXPECT_EQ(c.Get(id).array->tasks.ToString(), "3-99999");
}

TEST(Array, Limit) {
  Cluster c(1, 8);
  const JobId id = c.Submit(Spec().Array("1-6%2"));
  EXPECT_EQ(JobLabel(c.Get(id)), "1_[3-6%2]");
  EXPECT_EQ(c.Why(id), "JobArrayTaskLimit");
  c.Exit(TaskOf(c, id, 1));
  EXPECT_EQ(c.Get(id).array->tasks.ToString(), "4-6");
  EXPECT_EQ(c.Update(id, "ArrayTaskThrottle", "0"), "");
  EXPECT_TRUE(c.Get(id).array->tasks.empty());
}

TEST(Array, ALimitSetOnOneTaskIsTheArrays) {
  Cluster c(1, 8);
  const JobId id = c.Submit(Spec().Array("1-6%1"));
  EXPECT_EQ(c.Update(TaskOf(c, id, 1), "ArrayTaskThrottle", "3"), "");
  EXPECT_EQ(JobLabel(c.Get(id)), "1_[4-6%3]");
  for (JobId member : c.controller->ArrayMembers(id)) EXPECT_EQ(c.Get(member).array->limit, 3u);
  const JobId plain = c.Submit(Spec());
  EXPECT_EQ(c.Update(plain, "ArrayTaskThrottle", "3"), "Invalid job array specification");
}

TEST(Array, CancelParts) {
  Cluster c(1, 1);
  const JobId id = c.Submit(Spec().Array("1-10"));
  EXPECT_EQ(c.Cancel(id, User(2), "7"), "Access/permission denied");
  EXPECT_EQ(c.Get(id).array->tasks.ToString(), "2-10");
  EXPECT_EQ(c.Cancel(id, User(1000), "7"), "");
  EXPECT_EQ(c.Cancel(id, User(1000), "8-9"), "");
  EXPECT_EQ(c.Get(id).array->tasks.ToString(), "2-6,10");
  EXPECT_EQ(c.Get(TaskOf(c, id, 7)).state, JobState::kCancelled);
  EXPECT_EQ(c.Cancel(id, User(1000), "99"), "Invalid job id specified");
  EXPECT_EQ(c.Cancel(id), "");
  for (JobId member : c.controller->ArrayMembers(id)) {
    EXPECT_EQ(c.Get(member).state, JobState::kCancelled);
  }
}

TEST(Array, HoldOneTask) {
  Cluster c(1, 1);
  c.Submit(Spec());
  const JobId id = c.Submit(Spec().Array("1-3"));
  EXPECT_EQ(c.Control(JobAction::kHold, id, User(1000), "2"), "");
  EXPECT_EQ(c.Why(TaskOf(c, id, 2)), "JobHeldUser");
  EXPECT_EQ(c.Get(id).array->tasks.ToString(), "1,3");
  EXPECT_EQ(c.Control(JobAction::kRelease, id, User(1000), "2"), "");
  EXPECT_EQ(c.Why(TaskOf(c, id, 2)), "Priority");
}

TEST(Array, TheLimitHoldsForTasksThatSplitOffBeforeTheyRan) {
  Cluster c(1, 4);
  const JobId first = c.Submit(Spec().Exclusive());
  const JobId id = c.Submit(Spec().Array("1-3%1"));
  EXPECT_EQ(c.Control(JobAction::kHold, id, User(1000), "2"), "");
  EXPECT_EQ(c.Control(JobAction::kRelease, id, User(1000), "2"), "");
  c.Exit(first);
  int running = 0;
  for (JobId member : c.controller->ArrayMembers(id)) running += c.Running(member);
  EXPECT_EQ(running, 1);
}

TEST(Array, SurvivesARestart) {
  Cluster c(1, 2);
  const JobId id = c.Submit(Spec().Array("1-6%2"));
  c.Restart();
  c.Register("n1", {{TaskOf(c, id, 1), kBatchStep, 0}, {TaskOf(c, id, 2), kBatchStep, 0}});
  EXPECT_EQ(c.Why(id), "JobArrayTaskLimit");
  c.Exit(TaskOf(c, id, 1));
  EXPECT_TRUE(c.Running(TaskOf(c, id, 3)));
}

}  // namespace
}  // namespace reeve::ctld
