// Nothing of a step stays behind.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/text.h"
#include "noded/stepd/cgroup.h"
#include "step_harness.h"

namespace reeve::noded {
namespace {

using ::testing::HasSubstr;

class StepEnd : public ::testing::TestWithParam<bool> {
 protected:
  StepNode node_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Cgroups, StepEnd, ::testing::Bool(), [](const auto& info) {
  return info.param ? "with_cgroups" : "without_cgroups";
});

TEST_P(StepEnd, GrandchildrenThatIgnoreSigtermAreKilled) {
  std::string marker = StrCat("86400.", getpid());
  node_.Launch(node_.Batch(12, StrCat("trap '' TERM\n"
                                      "(trap '' TERM; setsid bash -c 'trap \"\" TERM; sleep ",
                                      marker, " & sleep ", marker,
                                      "' ) &\n"
                                      "echo ready; sleep ",
                                      marker, "; sleep ", marker)));
  ASSERT_TRUE(node_.AwaitFile("slurm-12.out", "ready"));
  ASSERT_TRUE(node_.Until([&] { return ProcessesWith(marker).size() >= 3; }));
  node_.Terminate(12, 1);
  EXPECT_TRUE(node_.AwaitJobGone(12));
  EXPECT_TRUE(ProcessesWith(marker).empty());
  EXPECT_EQ(WTERMSIG(node_.AwaitEnd(12, -5).tasks(0).status()), SIGKILL);
}

TEST_P(StepEnd, WhatTheScriptLeavesRunningIsKilledAtItsEnd) {
  std::string marker = StrCat("86401.", getpid());
  v1::StepReport end = node_.Run(node_.Batch(12, StrCat("setsid sleep ", marker, " & exit 3")));
  EXPECT_EQ(end.tasks(0).status(), 3 << 8);
  EXPECT_TRUE(ProcessesWith(marker).empty());
}

TEST_P(StepEnd, SigtermComesFirstAndLeavesTime) {
  node_.Launch(node_.Batch(12,
                           "trap 'echo cleaning; exit 5' TERM\necho ready\n"
                           "while :; do sleep 0.05; done"));
  ASSERT_TRUE(node_.AwaitFile("slurm-12.out", "ready"));
  node_.Terminate(12, 60);
  EXPECT_EQ(node_.AwaitEnd(12, -5).tasks(0).status(), 5 << 8);
  EXPECT_TRUE(node_.AwaitJobGone(12));
  EXPECT_THAT(node_.Read("slurm-12.out"), HasSubstr("cleaning"));
  EXPECT_THAT(node_.Read("slurm-12.out"),
              HasSubstr("slurmstepd: error: *** JOB 12 ON n1 CANCELLED AT "));
}

TEST_P(StepEnd, AStoppedJobIsEndedToo) {
  node_.Launch(node_.Batch(12, "echo ready; kill -STOP $$"));
  ASSERT_TRUE(node_.AwaitFile("slurm-12.out", "ready"));
  node_.Terminate(12, 60);
  EXPECT_EQ(WTERMSIG(node_.AwaitEnd(12, -5).tasks(0).status()), SIGTERM);
}

TEST_P(StepEnd, SignalsReachTheLeaderOrAll) {
  node_.Launch(node_.Batch(12,
                           "trap 'echo parent' USR1\n"
                           "(trap 'echo child' USR1; echo one; while :; do sleep 0.05; done) &\n"
                           "echo two; while :; do wait; sleep 0.05; done"));
  ASSERT_TRUE(node_.AwaitFile("slurm-12.out", "one"));
  ASSERT_TRUE(node_.AwaitFile("slurm-12.out", "two"));
  v1::SignalStep signal;
  signal.set_job_id(12);
  signal.set_step_id(-5);
  signal.set_signal(SIGUSR1);
  signal.set_leader_only(true);
  node_.runner().Signal(signal);
  ASSERT_TRUE(node_.AwaitFile("slurm-12.out", "parent"));
  EXPECT_EQ(node_.Read("slurm-12.out").find("child"), std::string::npos);
}

TEST_P(StepEnd, OneBadTaskEndsTheOthersWhenAsked) {
  v1::StepLaunch launch =
      node_.Srun(12, 0, {"bash", "-c", "[ $SLURM_PROCID = 1 ] && exit 9; exec sleep 1000"}, 3);
  launch.set_kill_on_bad_exit(true);
  launch.set_io_secret("");
  v1::StepReport end = node_.Run(launch);
  ASSERT_EQ(end.tasks_size(), 3);
  EXPECT_EQ(end.tasks(1).status(), 9 << 8);
  EXPECT_EQ(WTERMSIG(end.tasks(0).status()), SIGTERM);
  EXPECT_EQ(WTERMSIG(end.tasks(2).status()), SIGTERM);
}

TEST_P(StepEnd, AJobWithoutStepsIsGoneAtOnce) {
  node_.Terminate(77, 30);
  EXPECT_TRUE(node_.AwaitJobGone(77));
}

TEST_P(StepEnd, KillStepSparesTheRestOfTheJob) {
  node_.Launch(node_.Batch(12, "echo ready; exec sleep 1000"));
  v1::StepLaunch step = node_.Srun(12, 0, {"sleep", "1000"});
  step.set_io_secret("");
  node_.Launch(step);
  ASSERT_TRUE(node_.AwaitFile("slurm-12.out", "ready"));
  node_.Await(12, 0, v1::StepReport::KIND_STARTED);
  v1::KillStep kill;
  kill.set_job_id(12);
  kill.set_step_id(0);
  kill.set_kill_wait(30);
  node_.runner().KillStep(kill);
  node_.AwaitEnd(12, 0);
  EXPECT_TRUE(IsAlive(node_.StepdPid(12, -5)));
}

TEST_P(StepEnd, ManyJobsAtOnceKeepTheirExitCodes) {
  for (uint32_t job = 1; job <= 60; ++job) {
    node_.Launch(node_.Batch(job, StrCat("exit ", job % 50)));
  }
  for (uint32_t job = 1; job <= 60; ++job) {
    v1::StepReport end = node_.AwaitEnd(job, -5);
    ASSERT_EQ(end.tasks_size(), 1) << end.error();
    EXPECT_EQ(end.tasks(0).status(), static_cast<int>(job % 50) << 8);
  }
}

TEST(StepMemory, ALimitIsEnforcedAndAnOomKillSeen) {
  bool controlled = false;
  for (const CgroupMount& mount : FindCgroupMounts()) {
    if (mount.kind == CgroupMount::Kind::kMemory) controlled = true;
    if (mount.v2) {
      absl::StatusOr<std::string> names = os::ReadFile(mount.root + "/cgroup.controllers");
      if (names.ok() && names->find("memory") != std::string::npos) controlled = true;
    }
  }
  if (!controlled) GTEST_SKIP() << "no memory controller here";
  StepNode node;
  v1::StepLaunch launch =
      node.Batch(12, "exec python3 -c 'x = bytearray(200 << 20); print(len(x))'");
  launch.set_mem_limit_mb(50);
  launch.set_job_mem_limit_mb(50);
  v1::StepReport end = node.Run(launch);
  EXPECT_TRUE(end.oom());
  EXPECT_THAT(node.Read("slurm-12.out"), HasSubstr("slurmstepd: error: Detected 1 oom_kill"));
  EXPECT_TRUE(WIFSIGNALED(end.tasks(0).status()));
}

}  // namespace
}  // namespace reeve::noded
