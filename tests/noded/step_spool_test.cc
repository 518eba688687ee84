// Death at every point of a step's life: nothing runs twice, nothing vanishes.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/text.h"
#include "noded/stepd/forker_process.h"
#include "step_harness.h"

namespace reeve::noded {
namespace {

using ::testing::HasSubstr;

class StepSpoolLife : public ::testing::TestWithParam<bool> {
 protected:
  StepNode node_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Cgroups, StepSpoolLife, ::testing::Bool(), [](const auto& info) {
  return info.param ? "with_cgroups" : "without_cgroups";
});

TEST_P(StepSpoolLife, ADuplicateLaunchRunsNothing) {
  v1::StepLaunch launch = node_.Batch(12, "echo x >> ran; exec sleep 1000");
  node_.Launch(launch);
  node_.Launch(launch);
  ASSERT_TRUE(node_.AwaitFile("ran", "x"));
  node_.StopDaemon();
  node_.StartDaemon();
  node_.Launch(launch);
  node_.Await(12, -5, v1::StepReport::KIND_STARTED);
  node_.Terminate(12, 0);
  node_.AwaitEnd(12, -5);
  node_.Launch(launch);
  EXPECT_TRUE(node_.AwaitJobGone(12));
  EXPECT_EQ(node_.Read("ran"), "x\n");
}

TEST_P(StepSpoolLife, ARunningStepIsFoundAgain) {
  node_.Launch(node_.Batch(12, "echo ready; read line < fifo; exit 6"));
  ASSERT_EQ(mkfifo((node_.work_dir() + "/fifo").c_str(), 0666), 0);
  ASSERT_TRUE(node_.AwaitFile("slurm-12.out", "ready"));
  pid_t stepd = node_.StepdPid(12, -5);
  node_.StopDaemon();
  EXPECT_TRUE(IsAlive(stepd));
  node_.StartDaemon();
  EXPECT_EQ(node_.runner().Known().size(), 1u);
  ASSERT_TRUE(os::WriteFile(node_.work_dir() + "/fifo", "go\n").ok());
  EXPECT_EQ(node_.AwaitEnd(12, -5).tasks(0).status(), 6 << 8);
}

TEST_P(StepSpoolLife, AnExitWhileTheDaemonIsAwayIsReported) {
  node_.Launch(node_.Batch(12, "echo ready; while [ ! -e go ]; do sleep 0.02; done; exit 8"));
  ASSERT_TRUE(node_.AwaitFile("slurm-12.out", "ready"));
  pid_t stepd = node_.StepdPid(12, -5);
  node_.StopDaemon();
  ASSERT_TRUE(os::WriteFile(node_.work_dir() + "/go", "").ok());
  ASSERT_TRUE(node_.Until([&] { return !IsAlive(stepd); }));
  node_.StartDaemon();
  EXPECT_EQ(node_.AwaitEnd(12, -5).tasks(0).status(), 8 << 8);
  // Not acknowledged: the next daemon says it again, under another id.
  size_t before = node_.reports();
  node_.StopDaemon();
  node_.StartDaemon();
  EXPECT_TRUE(node_.Until([&] { return node_.reports() > before; }));
}

TEST_P(StepSpoolLife, AFolderWithoutALaunchMayBeLaunchedAgain) {
  node_.StopDaemon();
  ASSERT_EQ(mkdir(node_.Spool(12, -5).path().c_str(), 0700), 0);
  node_.StartDaemon();
  v1::StepReport end = node_.AwaitEnd(12, -5);
  EXPECT_EQ(end.kind(), v1::StepReport::KIND_LAUNCH_FAILED);
  EXPECT_TRUE(end.launch_again());
  // The controller does: it runs, once.
  node_.Launch(node_.Batch(12, "echo x >> ran"));
  node_.Await(12, -5, v1::StepReport::KIND_EXITED);
  EXPECT_EQ(node_.Read("ran"), "x\n");
}

TEST_P(StepSpoolLife, AClientWaitsWhileTheFolderHasNoLaunch) {
  node_.StopDaemon();
  ASSERT_EQ(mkdir(node_.Spool(12, 0).path().c_str(), 0700), 0);
  node_.StartDaemon();
  const StepKey key{JobId{12}, StepId{0}, 0};
  EXPECT_EQ(node_.runner().FindIo(key).kind, StepRunner::IoState::Kind::kUnknown);
  node_.AwaitEnd(12, 0);
  EXPECT_EQ(node_.runner().FindIo(key).kind, StepRunner::IoState::Kind::kUnknown);
  v1::StepLaunch launch = node_.Srun(12, 0, {"true"});
  node_.Launch(launch);
  EXPECT_NE(node_.runner().FindIo(key).kind, StepRunner::IoState::Kind::kUnknown);
  EXPECT_EQ(node_.runner().FindIo(key).secret, launch.io_secret());
  StepClient client(&node_, 12, 0);
  EXPECT_TRUE(node_.Until([&] { return client.ended; }));
}

TEST_P(StepSpoolLife, ALaunchGivenUpIsNeverStartedByALateStepd) {
  node_.StopDaemon();
  StepSpool spool = node_.Spool(12, -5);
  ASSERT_TRUE(spool.Create(node_.Batch(12, "echo x >> ran")).ok());
  node_.StartDaemon();
  EXPECT_TRUE(node_.AwaitEnd(12, -5).launch_again());
  // The request that the old forker had still in its queue.
  absl::StatusOr<os::UniqueFd> late = node_.forker().StartStepd(spool.key());
  ASSERT_TRUE(late.ok());
  char byte;
  ASSERT_TRUE(node_.Until([&] { return read(late->get(), &byte, 1) == 0; }));
  EXPECT_EQ(node_.Read("ran"), "");
  EXPECT_FALSE(spool.started());
}

TEST_P(StepSpoolLife, AStepdKilledBeforeTheMarkRanNothing) {
  // Opening a FIFO for writing waits for a reader: stepd stands before its mark.
  ASSERT_EQ(mkfifo((node_.work_dir() + "/fifo").c_str(), 0666), 0);
  chmod((node_.work_dir() + "/fifo").c_str(), 0666);
  v1::StepLaunch launch = node_.Batch(12, "echo x >> ran");
  launch.set_std_out("fifo");
  node_.Launch(launch);
  ASSERT_TRUE(node_.Until([&] { return node_.StepdPid(12, -5) > 0; }));
  kill(node_.StepdPid(12, -5), SIGKILL);
  v1::StepReport end = node_.AwaitEnd(12, -5);
  EXPECT_EQ(end.kind(), v1::StepReport::KIND_LAUNCH_FAILED);
  EXPECT_TRUE(end.launch_again());
  EXPECT_EQ(node_.Read("ran"), "");
  // The child that opens the files waits on the FIFO no longer.
  std::string title = StrCat("reeve-stepd: 12.batch [", node_.spool_dir(), "]");
  EXPECT_TRUE(node_.Until([&] { return ProcessesWith(title).empty(); }));
}

TEST_P(StepSpoolLife, AStepdKilledWhileItsTasksRun) {
  std::string marker = StrCat("86402.", getpid());
  node_.Launch(node_.Batch(
      12, StrCat("sleep ", marker, " & setsid sleep ", marker, " & echo ready; sleep ", marker)));
  ASSERT_TRUE(node_.AwaitFile("slurm-12.out", "ready"));
  ASSERT_TRUE(node_.Until([&] { return ProcessesWith(marker).size() >= 3; }));
  kill(node_.StepdPid(12, -5), SIGKILL);
  v1::StepReport end = node_.AwaitEnd(12, -5);
  EXPECT_EQ(end.kind(), v1::StepReport::KIND_LAUNCH_FAILED);
  EXPECT_FALSE(end.launch_again());
  EXPECT_THAT(end.error(), HasSubstr("died"));
  std::vector<pid_t> left = ProcessesWith(marker);
  // Without a cgroup a process that started its own session is out of reach.
  EXPECT_LE(left.size(), GetParam() && !FindCgroupMounts().empty() ? 0u : 1u);
  for (pid_t pid : left) kill(pid, SIGKILL);
}

TEST_P(StepSpoolLife, AStepdKilledWhileTheDaemonIsAway) {
  std::string marker = StrCat("86403.", getpid());
  node_.Launch(node_.Batch(12, StrCat("echo ready; exec sleep ", marker)));
  ASSERT_TRUE(node_.AwaitFile("slurm-12.out", "ready"));
  pid_t stepd = node_.StepdPid(12, -5);
  node_.StopDaemon();
  kill(stepd, SIGKILL);
  ASSERT_TRUE(node_.Until([&] { return !IsAlive(stepd); }));
  node_.StartDaemon();
  v1::StepReport end = node_.AwaitEnd(12, -5);
  EXPECT_EQ(end.kind(), v1::StepReport::KIND_LAUNCH_FAILED);
  EXPECT_FALSE(end.launch_again());
  EXPECT_TRUE(ProcessesWith(marker).empty());
}

TEST_P(StepSpoolLife, ADeadForkerIsReplaced) {
  pid_t before = node_.forker().pid();
  kill(before, SIGKILL);
  EXPECT_EQ(node_.Run(node_.Batch(12, "exit 1")).tasks(0).status(), 1 << 8);
  EXPECT_NE(node_.forker().pid(), before);
}

TEST_P(StepSpoolLife, ATerminationIsNotLostWhileTheDaemonIsAway) {
  node_.Launch(node_.Batch(12, "echo ready; exec sleep 1000"));
  ASSERT_TRUE(node_.AwaitFile("slurm-12.out", "ready"));
  node_.StopDaemon();
  node_.StartDaemon();
  node_.Terminate(12, 5);  // before it has found the stepd
  EXPECT_TRUE(node_.AwaitJobGone(12));
  EXPECT_EQ(WTERMSIG(node_.AwaitEnd(12, -5).tasks(0).status()), SIGTERM);
}

}  // namespace
}  // namespace reeve::noded
