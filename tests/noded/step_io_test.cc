// Steps whose streams go to a client.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/text.h"
#include "noded/stepd/output_window.h"
#include "step_harness.h"

namespace reeve::noded {
namespace {

using ::testing::HasSubstr;

class StepIo : public ::testing::Test {
 protected:
  void AwaitClientEnd(const StepClient& client) {
    EXPECT_TRUE(node_.Until([&] { return client.ended && client.flushed(); }));
  }
  StepNode node_;
};

TEST_F(StepIo, EveryTaskHasItsStreamsAndExit) {
  node_.Launch(node_.Srun(12, 0,
                          {"bash", "-c",
                           "echo $SLURM_PROCID/$SLURM_LOCALID/$SLURM_NTASKS; echo e >&2; "
                           "exit $SLURM_PROCID"},
                          3));
  StepClient client(&node_, 12, 0);
  AwaitClientEnd(client);
  for (uint32_t task = 0; task < 3; ++task) {
    EXPECT_EQ((client.output[{task, 1}]), StrCat(task, "/", task, "/3\n"));
    EXPECT_EQ((client.output[{task, 2}]), "e\n");
    EXPECT_EQ(client.exits[task], static_cast<int>(task) << 8);
  }
  EXPECT_EQ(client.order.back(), "ended");
  // After a task's exit nothing of it follows.
  for (uint32_t task = 0; task < 3; ++task) {
    auto exit = std::find(client.order.begin(), client.order.end(), StrCat("exit ", task));
    for (auto it = exit; it != client.order.end(); ++it) {
      EXPECT_FALSE(it->starts_with(StrCat("out ", task, ".")));
    }
  }
}

TEST_F(StepIo, AMissingProgramIsExitCodeTwo) {
  node_.Launch(node_.Srun(12, 0, {"nosuchcommand"}));
  StepClient client(&node_, 12, 0);
  AwaitClientEnd(client);
  EXPECT_EQ(client.exits[0], 2 << 8);
  EXPECT_EQ((client.output[{0, 2}]),
            "slurmstepd: error: execve(): nosuchcommand: No such file or directory\n");
}

TEST_F(StepIo, StdinGoesToAllTasks) {
  node_.Launch(node_.Srun(12, 0, {"cat"}, 2));
  StepClient client(&node_, 12, 0);
  client.Stdin(0, "hello ", false);
  client.Stdin(6, "world\n", true);
  AwaitClientEnd(client);
  EXPECT_EQ((client.output[{0, 1}]), "hello world\n");
  EXPECT_EQ((client.output[{1, 1}]), "hello world\n");
  EXPECT_EQ(client.stdin_acknowledged, 12u);
}

TEST_F(StepIo, StdinToOneTask) {
  v1::StepLaunch launch = node_.Srun(12, 0, {"cat"}, 2);
  launch.set_std_in("1");
  node_.Launch(launch);
  StepClient client(&node_, 12, 0);
  client.Stdin(0, "hello\n", true);
  AwaitClientEnd(client);
  EXPECT_EQ((client.output[{0, 1}]), "");
  EXPECT_EQ((client.output[{1, 1}]), "hello\n");
}

TEST_F(StepIo, RepeatedInputIsTakenOnceAndMuchOfItIsHeldBack) {
  node_.Launch(node_.Srun(12, 0, {"bash", "-c", "md5sum"}));
  StepClient client(&node_, 12, 0);
  client.Stdin(0, "abc", false);
  client.Stdin(0, "abcdef", true);
  AwaitClientEnd(client);
  EXPECT_THAT((client.output[{0, 1}]), HasSubstr("e80b5017098950fc58aad83c8c14978e"));
}

TEST_F(StepIo, InputFasterThanTheTaskReadsItArrivesWhole) {
  node_.Launch(node_.Srun(12, 0, {"bash", "-c", "while [ ! -e go ]; do sleep 0.02; done; wc -c"}));
  StepClient client(&node_, 12, 0);
  const std::string chunk(256 << 10, 'x');
  constexpr size_t kChunks = 32;
  for (size_t i = 0; i < kChunks; ++i) client.Stdin(i * chunk.size(), chunk, i + 1 == kChunks);
  ASSERT_TRUE(node_.Until([&] { return client.stdin_acknowledged > 0; }));
  ASSERT_TRUE(os::WriteFile(node_.work_dir() + "/go", "").ok());
  AwaitClientEnd(client);
  EXPECT_EQ((client.output[{0, 1}]), StrCat(kChunks * chunk.size(), "\n"));
}

TEST_F(StepIo, OutputBeyondTheWindowBlocksTheTaskUntilAcknowledged) {
  constexpr size_t kTotal = 3 << 20;
  node_.Launch(node_.Srun(
      12, 0, {"bash", "-c", StrCat("head -c ", kTotal, " /dev/zero; echo done > finished")}));
  StepClient client(&node_, 12, 0, /*acknowledge=*/false);
  ASSERT_TRUE(node_.Until([&] { return client.output[{0, 1}].size() >= OutputWindow::kCapacity; }));
  EXPECT_LT((client.output[{0, 1}].size()), OutputWindow::kCapacity + (128 << 10));
  EXPECT_EQ(node_.Read("finished"), "");
  EXPECT_TRUE(node_.Until([&] {
    client.Acknowledge(0, 1, client.output[{0, 1}].size());
    return client.ended;
  }));
  EXPECT_EQ((client.output[{0, 1}].size()), kTotal);
}

TEST_F(StepIo, AClientThatComesBackGetsTheRest) {
  node_.Launch(node_.Srun(12, 0, {"bash", "-c", "echo one; read line; echo $line"}));
  {
    StepClient first(&node_, 12, 0, /*acknowledge=*/false);
    ASSERT_TRUE(node_.Until([&] { return first.output[{0, 1}] == "one\n"; }));
  }
  v1::StepIoAck have;
  have.set_task_id(0);
  have.set_stream(1);
  have.set_offset(2);
  StepClient second(&node_, 12, 0, true, {have});
  second.Stdin(0, "two\n", true);
  AwaitClientEnd(second);
  EXPECT_EQ((second.output[{0, 1}]), "e\ntwo\n");
  EXPECT_EQ(second.exits[0], 0);
}

TEST_F(StepIo, TwoClientsSeeTheSame) {
  node_.Launch(node_.Srun(12, 0, {"bash", "-c", "read x; echo $x"}));
  StepClient first(&node_, 12, 0);
  StepClient second(&node_, 12, 0);
  ASSERT_TRUE(node_.Until([&] { return first.attached && second.attached; }));
  first.Stdin(0, "both\n", true);
  AwaitClientEnd(first);
  AwaitClientEnd(second);
  EXPECT_EQ((first.output[{0, 1}]), "both\n");
  EXPECT_EQ((second.output[{0, 1}]), "both\n");
}

TEST_F(StepIo, OutputWaitsForALateClient) {
  node_.Launch(node_.Srun(12, 0, {"echo", "early"}));
  node_.AwaitEnd(12, 0);
  StepClient client(&node_, 12, 0);
  AwaitClientEnd(client);
  EXPECT_EQ((client.output[{0, 1}]), "early\n");
}

TEST_F(StepIo, AStepLeavesOnceItsClientHasEverything) {
  node_.Launch(node_.Srun(12, 0, {"echo", "x"}));
  StepClient client(&node_, 12, 0);
  AwaitClientEnd(client);
  EXPECT_TRUE(node_.Until([&] {
    node_.AcknowledgeAll();
    return node_.runner().Known().empty();
  }));
  EXPECT_EQ(node_.runner().FindIo({JobId{12}, StepId{0}, 0}).kind,
            StepRunner::IoState::Kind::kEnded);
}

TEST_F(StepIo, TheNextDaemonStillKnowsHowAForgottenStepWent) {
  node_.Launch(node_.Srun(12, 0, {"bash", "-c", "exit 7"}));
  StepClient client(&node_, 12, 0);
  AwaitClientEnd(client);
  ASSERT_TRUE(node_.Until([&] {
    node_.AcknowledgeAll();
    return node_.runner().Known().empty();
  }));
  node_.StopDaemon();
  node_.StartDaemon();
  StepRunner::IoState state = node_.runner().FindIo({JobId{12}, StepId{0}, 0});
  EXPECT_EQ(state.kind, StepRunner::IoState::Kind::kEnded);
  EXPECT_EQ(state.uid, geteuid());
  EXPECT_EQ(state.secret, "0123456789abcdef");
  ASSERT_EQ(state.outcome.tasks.size(), 1u);
  EXPECT_EQ(state.outcome.tasks[0].status, 7 << 8);
  // But it is not one of the node's steps: nothing is reported, or ended, once more.
  EXPECT_TRUE(node_.runner().Known().empty());
}

TEST_F(StepIo, AGrandchildThatKeepsThePipeOpenDelaysOnlyUntilTheTreeIsKilled) {
  node_.Launch(
      node_.Srun(12, 0, {"bash", "-c", "(trap '' HUP; exec sleep 1000) & echo last; exit 4"}));
  StepClient client(&node_, 12, 0);
  AwaitClientEnd(client);
  EXPECT_EQ((client.output[{0, 1}]), "last\n");
  EXPECT_EQ(client.exits[0], 4 << 8);
}

TEST_F(StepIo, SignalsFromTheClient) {
  node_.Launch(node_.Srun(12, 0, {"bash", "-c", "echo up; exec sleep 1000"}, 2));
  StepClient client(&node_, 12, 0);
  ASSERT_TRUE(node_.Until([&] {
    return client.output[{0, 1}] == "up\n" && client.output[{1, 1}] == "up\n";
  }));
  client.Signal(SIGINT);
  AwaitClientEnd(client);
  EXPECT_EQ(client.exits[0], SIGINT);
  EXPECT_EQ(client.exits[1], SIGINT);
}

TEST_F(StepIo, FilesInsteadOfTheClient) {
  v1::StepLaunch launch = node_.Srun(12, 0, {"bash", "-c", "echo $SLURM_PROCID; echo e >&2"}, 2);
  launch.set_std_out("o-%s-%t");
  node_.Launch(launch);
  StepClient client(&node_, 12, 0);
  AwaitClientEnd(client);
  EXPECT_EQ(node_.Read("o-0-1"), "1\ne\n");
  EXPECT_TRUE((client.output[{0, 1}]).empty());
}

TEST_F(StepIo, ALaunchThatFailsSaysSoToItsClient) {
  v1::StepLaunch launch = node_.Srun(12, 0, {"true"});
  launch.set_std_out("/nope/o");
  node_.Launch(launch);
  StepClient client(&node_, 12, 0);
  AwaitClientEnd(client);
  EXPECT_THAT(client.launch_error, HasSubstr("Could not open stdout file /nope/o"));
}

}  // namespace
}  // namespace reeve::noded
