#include "noded/core/step_machine.h"

#include <gtest/gtest.h>

namespace reeve::noded {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1000);
const StepKey kBatch{JobId{12}, kBatchStep, 0};
const StepKey kStep{JobId{12}, StepId{0}, 0};

StepOutcome Started() {
  return {.kind = StepOutcome::Kind::kStarted, .time = kNow};
}
StepOutcome Exited(int status = 0) {
  return {.kind = StepOutcome::Kind::kExited, .tasks = {{0, status}}, .time = kNow};
}

template <class E>
const E* Only(const Effects& effects) {
  return effects.size() == 1 ? std::get_if<E>(&effects[0]) : nullptr;
}
template <class E>
const E* Find(const Effects& effects) {
  for (const Effect& effect : effects) {
    if (const E* found = std::get_if<E>(&effect)) return found;
  }
  return nullptr;
}

TEST(StepMachine, ALifeFromLaunchToForgetting) {
  StepMachine machine(100);
  EXPECT_TRUE(Only<StartStepd>(machine.Launch(kBatch, kNow)));
  EXPECT_FALSE(machine.HasStarted(kBatch));
  EXPECT_EQ(Only<SendReport>(machine.Outcome(kBatch, Started()))->id, 100u);
  EXPECT_TRUE(machine.HasStarted(kBatch));
  EXPECT_EQ(Only<SendReport>(machine.Outcome(kBatch, Exited()))->id, 101u);
  EXPECT_TRUE(machine.Acknowledge(100).empty());
  EXPECT_TRUE(machine.Acknowledge(101).empty()) << "its stepd still lives";
  EXPECT_TRUE(Only<RemoveSpool>(machine.StepdGone(kBatch, kNow)));
  EXPECT_TRUE(machine.Known().empty());
}

TEST(StepMachine, ADuplicateLaunchDoesNothing) {
  StepMachine machine(1);
  machine.Launch(kBatch, kNow);
  EXPECT_TRUE(machine.Launch(kBatch, kNow).empty());
  machine.Outcome(kBatch, Started());
  EXPECT_TRUE(machine.Launch(kBatch, kNow).empty());
  machine.Outcome(kBatch, Exited());
  machine.StepdGone(kBatch, kNow);
  EXPECT_TRUE(machine.Launch(kBatch, kNow).empty()) << "its end is not acknowledged yet";
}

TEST(StepMachine, AnotherAttemptIsAnotherStep) {
  StepMachine machine(1);
  machine.Launch(kBatch, kNow);
  StepKey again = kBatch;
  again.attempt = 1;
  EXPECT_TRUE(Only<StartStepd>(machine.Launch(again, kNow)));
}

TEST(StepMachine, ALaunchThatRanNothingMayBeRepeated) {
  StepMachine machine(1);
  machine.Launch(kBatch, kNow);
  StepOutcome failed{.kind = StepOutcome::Kind::kLaunchFailed, .time = kNow, .launch_again = true};
  machine.Outcome(kBatch, failed);
  machine.StepdGone(kBatch, kNow);
  Effects effects = machine.Launch(kBatch, kNow);
  ASSERT_EQ(effects.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<RemoveSpool>(effects[0]));
  EXPECT_TRUE(std::holds_alternative<StartStepd>(effects[1]));
}

TEST(StepMachine, AStepdThatDiesWithoutAWordFailsItsStep) {
  StepMachine machine(1);
  machine.Launch(kBatch, kNow);
  machine.Outcome(kBatch, Started());
  Effects effects = machine.StepdGone(kBatch, kNow);
  const SendReport* report = Only<SendReport>(effects);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->outcome.kind, StepOutcome::Kind::kLaunchFailed);
  EXPECT_FALSE(report->outcome.launch_again);
}

TEST(StepMachine, ReportsAreRepeatedInOrderUntilAcknowledged) {
  StepMachine machine(7);
  machine.Launch(kBatch, kNow);
  machine.Outcome(kBatch, Started());
  machine.Outcome(kBatch, Exited(256));
  machine.TerminateJob(JobId{12}, 0, absl::Seconds(30), "");
  Effects effects = machine.Connected();
  ASSERT_EQ(effects.size(), 3u);
  EXPECT_EQ(std::get<SendReport>(effects[0]).id, 7u);
  EXPECT_EQ(std::get<SendReport>(effects[1]).outcome.tasks[0].status, 256);
  EXPECT_TRUE(std::holds_alternative<SendJobGone>(effects[2]));
  machine.Acknowledge(8);
  EXPECT_EQ(machine.Connected().size(), 2u);
}

TEST(StepMachine, AJobIsGoneOnceAllItsStepsHaveEnded) {
  StepMachine machine(1);
  machine.Launch(kBatch, kNow);
  machine.Launch(kStep, kNow);
  Effects effects = machine.TerminateJob(JobId{12}, 0, absl::Seconds(30), "DUE TO TIME LIMIT");
  ASSERT_EQ(effects.size(), 2u);
  EXPECT_TRUE(std::get<TerminateStepd>(effects[0]).whole_job);
  EXPECT_FALSE(std::get<TerminateStepd>(effects[1]).whole_job);
  EXPECT_EQ(std::get<TerminateStepd>(effects[0]).reason, "DUE TO TIME LIMIT");
  EXPECT_FALSE(Find<SendJobGone>(machine.Outcome(kStep, Exited(15))));
  effects = machine.Outcome(kBatch, Exited(15));
  ASSERT_EQ(effects.size(), 2u) << "the step's end comes before the job's";
  EXPECT_TRUE(std::holds_alternative<SendJobGone>(effects[1]));
}

TEST(StepMachine, AJobThatIsNotHereIsGoneAtOnce) {
  StepMachine machine(1);
  EXPECT_TRUE(Only<SendJobGone>(machine.TerminateJob(JobId{99}, 3, absl::Seconds(1), "")));
}

TEST(StepMachine, TerminatingAnOldAttemptSparesANewerOne) {
  StepMachine machine(1);
  StepKey newer = kBatch;
  newer.attempt = 2;
  machine.Launch(newer, kNow);
  Effects effects = machine.TerminateJob(JobId{12}, 1, absl::Seconds(1), "");
  EXPECT_TRUE(Only<SendJobGone>(effects));
}

TEST(StepMachine, AJobThatIsBeingEndedStartsNothing) {
  StepMachine machine(1);
  machine.Launch(kBatch, kNow);
  machine.TerminateJob(JobId{12}, 0, absl::Seconds(30), "");
  EXPECT_TRUE(Only<SendReport>(machine.Launch(kStep, kNow)));
  EXPECT_FALSE(machine.Knows(kStep));
}

TEST(StepMachine, SuspendsWhatRunsOfOneAttempt) {
  StepMachine machine(1);
  StepKey newer = kStep;
  newer.attempt = 1;
  machine.Launch(kBatch, kNow);
  machine.Launch(kStep, kNow);
  machine.Launch(newer, kNow);
  machine.Outcome(kStep, Exited());
  const Effects effects = machine.Suspend(JobId{12}, 0, true);
  ASSERT_EQ(effects.size(), 1u);
  EXPECT_EQ(std::get<SuspendStepd>(effects[0]).key, kBatch);
  EXPECT_TRUE(std::get<SuspendStepd>(effects[0]).suspended);
  EXPECT_EQ(machine.Suspend(JobId{12}, 1, false).size(), 1u);
  EXPECT_TRUE(machine.Suspend(JobId{13}, 0, true).empty());
}

TEST(StepMachine, SignalsReachLiveStepsOnly) {
  StepMachine machine(1);
  EXPECT_TRUE(machine.Signal(kBatch, 10, true).empty());
  machine.Launch(kBatch, kNow);
  EXPECT_TRUE(Only<SignalStepd>(machine.Signal(kBatch, 10, true)));
  machine.Outcome(kBatch, Exited());
  EXPECT_TRUE(machine.Signal(kBatch, 10, true).empty());
  EXPECT_TRUE(machine.KillStep(kBatch, absl::Seconds(1), "").empty());
}

}  // namespace
}  // namespace reeve::noded
