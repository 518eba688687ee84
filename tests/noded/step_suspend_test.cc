// Suspended steps: real step daemons, with and without control groups.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>

#include "common/base/text.h"
#include "step_harness.h"

namespace reeve::noded {
namespace {

using ::testing::HasSubstr;

class StepSuspend : public ::testing::TestWithParam<bool> {
 protected:
  void Suspend(bool suspended, uint32_t attempt = 0) {
    v1::SuspendJob suspend;
    suspend.set_job_id(12);
    suspend.set_attempt(attempt);
    suspend.set_suspended(suspended);
    node_.runner().Suspend(suspend);
  }
  size_t Ticks(const std::string& file = "ticks") const { return node_.Read(file).size(); }
  bool Ticking(const std::string& file = "ticks") {
    const size_t before = Ticks(file);
    return node_.Until([&] { return Ticks(file) > before + 1; });
  }
  // No tick for many of its intervals.
  bool StandsStill(const std::string& file = "ticks") {
    return node_.Until([&] { return !TicksWithin(absl::Milliseconds(200), file); });
  }
  bool TicksWithin(absl::Duration time, const std::string& file = "ticks") {
    const size_t before = Ticks(file);
    const absl::Time end = absl::Now() + time;
    node_.Until([&] { return absl::Now() > end; });
    return Ticks(file) != before;
  }

  StepNode node_{GetParam()};
  const std::string ticker_ = "while :; do echo >> ticks; sleep 0.01; done";
};
INSTANTIATE_TEST_SUITE_P(Cgroups, StepSuspend, ::testing::Bool(), [](const auto& info) {
  return info.param ? "with_cgroups" : "without_cgroups";
});

TEST_P(StepSuspend, AllStepsStandStillAndGoOn) {
  node_.Launch(node_.Batch(12, StrCat("(", ticker_, ") & ", ticker_)));
  v1::StepLaunch step =
      node_.Srun(12, 0, {"bash", "-c", "while :; do echo >> step-ticks; sleep 0.01; done"});
  step.set_io_secret("");
  node_.Launch(step);
  ASSERT_TRUE(Ticking());
  ASSERT_TRUE(Ticking("step-ticks"));
  Suspend(true, 1);  // another attempt
  ASSERT_TRUE(Ticking());
  Suspend(true);
  Suspend(true);
  EXPECT_TRUE(StandsStill());
  EXPECT_TRUE(StandsStill("step-ticks"));
  EXPECT_FALSE(TicksWithin(absl::Seconds(1)));
  Suspend(false);
  EXPECT_TRUE(Ticking());
  EXPECT_TRUE(Ticking("step-ticks"));
  Suspend(true);
  EXPECT_TRUE(StandsStill());
}

TEST_P(StepSuspend, SigtstpComesFirst) {
  node_.Launch(node_.Batch(12, "trap 'echo told' TSTP; echo ready; " + ticker_));
  ASSERT_TRUE(node_.AwaitFile("slurm-12.out", "ready"));
  Suspend(true);
  EXPECT_TRUE(node_.AwaitFile("slurm-12.out", "told"));
  EXPECT_TRUE(StandsStill());
}

TEST_P(StepSuspend, SigcontOfItsUserDoesNotLetItGoOn) {
  node_.Launch(node_.Batch(12, ticker_));
  ASSERT_TRUE(Ticking());
  Suspend(true);
  ASSERT_TRUE(StandsStill());
  v1::SignalStep signal;
  signal.set_job_id(12);
  signal.set_step_id(-5);
  signal.set_signal(SIGCONT);
  node_.runner().Signal(signal);
  EXPECT_FALSE(TicksWithin(absl::Milliseconds(500)));
}

TEST_P(StepSuspend, TheDaemonMayRestartMeanwhile) {
  node_.Launch(node_.Batch(12, ticker_));
  ASSERT_TRUE(Ticking());
  Suspend(true);
  ASSERT_TRUE(StandsStill());
  node_.StopDaemon();
  node_.StartDaemon();
  Suspend(true);  // as the controller says it again
  EXPECT_FALSE(TicksWithin(absl::Milliseconds(500)));
  node_.StopDaemon();
  node_.StartDaemon();
  Suspend(false);  // before it has found the step daemon again
  EXPECT_TRUE(Ticking());
}

TEST_P(StepSuspend, TerminatedItGetsSigtermAndItsTime) {
  node_.Launch(node_.Batch(12, "trap 'echo cleaning; exit 5' TERM; echo ready; " + ticker_));
  ASSERT_TRUE(node_.AwaitFile("slurm-12.out", "ready"));
  Suspend(true);
  ASSERT_TRUE(StandsStill());
  node_.Terminate(12, 60);
  EXPECT_EQ(node_.AwaitEnd(12, -5).tasks(0).status(), 5 << 8);
  EXPECT_TRUE(node_.AwaitJobGone(12));
  EXPECT_THAT(node_.Read("slurm-12.out"), HasSubstr("cleaning"));
}

TEST_P(StepSuspend, TerminatedItIsKilledInTheEnd) {
  node_.Launch(node_.Batch(12, "trap '' TERM; " + ticker_));
  ASSERT_TRUE(Ticking());
  Suspend(true);
  ASSERT_TRUE(StandsStill());
  node_.Terminate(12, 1);
  EXPECT_EQ(WTERMSIG(node_.AwaitEnd(12, -5).tasks(0).status()), SIGKILL);
  EXPECT_TRUE(node_.AwaitJobGone(12));
}

TEST_P(StepSuspend, LaunchedMeanwhileItBeginsStopped) {
  v1::StepLaunch launch = node_.Batch(12, "echo began >> ticks; " + ticker_);
  launch.set_suspended(true);
  node_.Launch(launch);
  node_.Await(12, -5, v1::StepReport::KIND_STARTED);
  EXPECT_FALSE(TicksWithin(absl::Seconds(1))) << "not even its first line";
  EXPECT_EQ(Ticks(), 0u);
  Suspend(false);
  EXPECT_TRUE(Ticking());
}

TEST_P(StepSuspend, WhatAKilledStepDaemonLeavesStoppedIsEnded) {
  const std::string marker = StrCat("86402.", getpid());
  node_.Launch(node_.Batch(12, StrCat("echo ready; sleep ", marker)));
  ASSERT_TRUE(node_.AwaitFile("slurm-12.out", "ready"));
  ASSERT_TRUE(node_.Until([&] { return !ProcessesWith(marker).empty(); }));
  Suspend(true);
  const absl::Time stopped = absl::Now() + absl::Milliseconds(2500);
  node_.Until([&] { return absl::Now() > stopped; });
  kill(node_.StepdPid(12, -5), SIGKILL);
  node_.Await(12, -5, v1::StepReport::KIND_LAUNCH_FAILED);
  EXPECT_TRUE(ProcessesWith(marker).empty());
}

}  // namespace
}  // namespace reeve::noded
