// --signal: who gets the signal before a job's end, when, and that it is once in a run.
#include "common/base/text.h"
#include "tests/ctld/core/harness.h"

namespace reeve::ctld {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct WarnCluster : Cluster {
  using Cluster::Cluster;
  // Signals since the last call, as "n1 0 10" or "n1 batch 10 shell".
  std::vector<std::string> Told() {
    std::vector<std::string> told;
    for (const auto& [node, command] : Commands<SignalStep>(heard)) {
      told.push_back(StrCat(node, " ", ToString(command.step), " ", command.signal,
                            command.leader_only ? " shell" : ""));
    }
    heard = commands.size();
    return told;
  }
  void Pass(absl::Duration time) {
    for (; time > absl::Minutes(1); time -= absl::Minutes(1)) {
      Advance(absl::Minutes(1));
      Heartbeats();
    }
    Advance(time);
    Heartbeats();
  }
  JobId Start(const Spec& spec) {
    const JobId id = Submit(spec);
    EXPECT_TRUE(Running(id)) << Why(id);
    Started(id);
    return id;
  }
  // Beside those that there are.
  StepId StartStep(JobId id) {
    CreateStep request;
    request.overlap = true;
    const absl::StatusOr<CreateStepAnswer> answer = StepIn(id, request);
    EXPECT_TRUE(answer.ok()) << answer.status();
    if (!answer.ok()) return StepId{};
    Started(id, answer->step);
    return answer->step;
  }
  void StartsOn(const std::string& node, JobId id, StepId step) {
    Do(StepReported{.node = node,
                    .report_id = 1,
                    .job = id,
                    .step = step,
                    .attempt = Get(id).restarts,
                    .kind = StepReportKind::kStarted});
  }

  size_t heard = 0;
};

Spec OnTwo() {
  return Spec().Nodes(2).Tasks(2).Minutes(10).Signal(10, absl::Minutes(1));
}
// For the shell of the script.
Spec ForShell(int minutes, absl::Duration before) {
  return Spec().Minutes(minutes).Signal(10, before, /*batch_only=*/true);
}

TEST(EndWarning, GoesToTheStepsOnce) {
  WarnCluster c(2, 4);
  const JobId id = c.Start(OnTwo());
  c.StartStep(id);
  c.Pass(absl::Minutes(8) + absl::Seconds(59));
  EXPECT_THAT(c.Told(), IsEmpty());
  c.Pass(absl::Seconds(1));
  EXPECT_THAT(c.Told(), ElementsAre("n1 0 10", "n2 0 10"));
  c.Pass(absl::Seconds(59));
  EXPECT_TRUE(c.Running(id));
  c.Pass(absl::Seconds(1));
  EXPECT_EQ(c.Get(id).state, JobState::kTimeout);
  EXPECT_THAT(c.Told(), IsEmpty());
}

TEST(EndWarning, GoesToTheShellAlone) {
  WarnCluster c(1, 4);
  const JobId id = c.Start(ForShell(10, absl::Minutes(2)));
  c.StartStep(id);
  c.Pass(absl::Minutes(8));
  EXPECT_THAT(c.Told(), ElementsAre("n1 batch 10 shell"));
}

TEST(EndWarning, WaitsForTheScriptToStart) {
  WarnCluster c(1, 4);
  const JobId id = c.Submit(ForShell(1, absl::Minutes(5)));
  c.Advance(absl::ZeroDuration());
  EXPECT_THAT(c.Told(), IsEmpty()) << "it would be lost";
  c.Started(id);
  EXPECT_THAT(c.Told(), ElementsAre("n1 batch 10 shell"));
  c.StartStep(id);
  c.Pass(absl::Seconds(59));
  EXPECT_THAT(c.Told(), IsEmpty());
}

TEST(EndWarning, GoesToTheFirstStepWhenThereIsNone) {
  WarnCluster c(1, 4);
  const JobId id = c.Start(Spec().Minutes(1).Signal(10, absl::Minutes(5)));
  c.Advance(absl::ZeroDuration());
  EXPECT_FALSE(c.Get(id).rare->warned);
  c.StartStep(id);
  EXPECT_THAT(c.Told(), ElementsAre("n1 0 10"));
  c.StartStep(id);
  EXPECT_THAT(c.Told(), IsEmpty()) << "once in a run";
}

TEST(EndWarning, APartThatStartsLaterGetsItThen) {
  WarnCluster c(2, 4);
  const JobId id = c.Start(OnTwo());
  ASSERT_TRUE(c.StepIn(id).ok());
  c.StartsOn("n1", id, StepId{0});
  c.Pass(absl::Minutes(9));
  EXPECT_THAT(c.Told(), ElementsAre("n1 0 10"));
  c.StartsOn("n2", id, StepId{0});
  EXPECT_THAT(c.Told(), ElementsAre("n2 0 10"));
  c.StartsOn("n2", id, StepId{0});
  EXPECT_THAT(c.Told(), IsEmpty());
}

TEST(EndWarning, MovesWithTheLimit) {
  WarnCluster c(1, 4);
  const JobId id = c.Start(ForShell(10, absl::Minutes(1)));
  c.Pass(absl::Minutes(5));
  EXPECT_EQ(c.Update(id, "TimeLimit", "20", Root()), "");
  c.Pass(absl::Minutes(13) + absl::Seconds(59));
  EXPECT_THAT(c.Told(), IsEmpty());
  c.Pass(absl::Seconds(1));
  EXPECT_THAT(c.Told(), ElementsAre("n1 batch 10 shell"));
  EXPECT_EQ(c.Update(id, "TimeLimit", "30", Root()), "");
  c.Pass(absl::Minutes(10) + absl::Seconds(30));
  EXPECT_TRUE(c.Running(id));
  EXPECT_THAT(c.Told(), IsEmpty()) << "once in a run";
}

TEST(EndWarning, ComesAtOnceWhenTheLimitIsLowered) {
  WarnCluster c(1, 4);
  const JobId id = c.Start(ForShell(60, absl::Minutes(1)));
  c.Pass(absl::Seconds(90));
  EXPECT_EQ(c.Update(id, "TimeLimit", "2"), "");
  c.Advance(absl::ZeroDuration());
  EXPECT_THAT(c.Told(), ElementsAre("n1 batch 10 shell"));
}

TEST(EndWarning, StandsStillWithTheJob) {
  WarnCluster c(1, 4);
  const JobId id = c.Start(ForShell(10, absl::Minutes(2)));
  c.Pass(absl::Minutes(7));
  EXPECT_EQ(c.Control(JobAction::kSuspend, id, Root()), "");
  c.Pass(absl::Minutes(30));
  EXPECT_EQ(c.Control(JobAction::kResume, id, Root()), "");
  c.Pass(absl::Seconds(59));
  EXPECT_THAT(c.Told(), IsEmpty());
  c.Pass(absl::Seconds(1));
  EXPECT_THAT(c.Told(), ElementsAre("n1 batch 10 shell"));
}

TEST(EndWarning, WhatIsSuspendedGetsItWhenItGoesOn) {
  WarnCluster c(1, 4);
  const JobId id = c.Submit(ForShell(1, absl::Minutes(5)));
  c.Advance(absl::ZeroDuration());
  EXPECT_EQ(c.Control(JobAction::kSuspend, id, Root()), "");
  c.Started(id);
  EXPECT_THAT(c.Told(), IsEmpty());
  EXPECT_EQ(c.Control(JobAction::kResume, id, Root()), "");
  EXPECT_THAT(c.Told(), ElementsAre("n1 batch 10 shell"));
}

TEST(EndWarning, ComesAgainInTheNextRun) {
  WarnCluster c(1, 4);
  const JobId id = c.Start(ForShell(10, absl::Minutes(1)));
  c.Pass(absl::Minutes(9));
  EXPECT_THAT(c.Told(), ElementsAre("n1 batch 10 shell"));
  EXPECT_EQ(c.Control(JobAction::kRequeue, id), "");
  c.Exit(id, 15);
  c.Gone(id);
  ASSERT_TRUE(c.Running(id));
  c.Started(id);
  c.Pass(absl::Minutes(8) + absl::Seconds(59));
  EXPECT_THAT(c.Told(), IsEmpty());
  c.Pass(absl::Seconds(1));
  EXPECT_THAT(c.Told(), ElementsAre("n1 batch 10 shell"));
}

TEST(EndWarning, IsNotForWhoHasEnded) {
  WarnCluster c(1, 4);
  const JobId id = c.Start(ForShell(10, absl::Minutes(1)));
  c.Pass(absl::Minutes(8));
  c.Exit(id);
  c.Pass(absl::Minutes(3));
  EXPECT_THAT(c.Told(), IsEmpty());
}

TEST(EndWarning, OutlivesTheController) {
  WarnCluster c(2, 4);
  const JobId id = c.Start(OnTwo());
  c.StartStep(id);
  c.Pass(absl::Minutes(8));
  c.now += absl::Minutes(1);
  c.Restart();
  EXPECT_THAT(c.Told(), IsEmpty()) << "nobody is there to hear it";
  c.Register("n1", {{id, kBatchStep, 0}, {id, StepId{0}, 0}});
  EXPECT_THAT(c.Told(), ElementsAre("n1 0 10"));
  c.Restart();
  c.Register("n1", {{id, kBatchStep, 0}, {id, StepId{0}, 0}});
  EXPECT_THAT(c.Told(), IsEmpty()) << "it has had it";
  c.Register("n2", {{id, StepId{0}, 0}});
  EXPECT_THAT(c.Told(), ElementsAre("n2 0 10"));
}

TEST(EndWarning, ANodeThatIsAwayGetsItLater) {
  WarnCluster c(2, 4);
  const JobId id = c.Start(OnTwo());
  c.StartStep(id);
  c.Pass(absl::Minutes(8) + absl::Seconds(30));
  c.Do(NodeLost{"n2"});
  c.Pass(absl::Seconds(30));
  EXPECT_THAT(c.Told(), ElementsAre("n1 0 10"));
  c.Register("n2", {{id, StepId{0}, 0}});
  EXPECT_THAT(c.Told(), ElementsAre("n2 0 10"));
}

TEST(EndWarning, WithoutALimitThereIsNone) {
  WarnCluster c(1, 4);
  const JobId id = c.Start(Spec().Signal(10, absl::Hours(1), /*batch_only=*/true));
  ASSERT_EQ(c.Get(id).time_limit, absl::InfiniteDuration());
  c.Pass(absl::Hours(2));
  EXPECT_TRUE(c.Running(id));
  EXPECT_THAT(c.Told(), IsEmpty());
}

TEST(EndWarning, ComesBeforeTheEndOfAGraceTimeToo) {
  Settings settings = MakeTestSettings(1, 1);
  settings.preempt.by_tier = true;
  settings.preempt.mode = PreemptMode::kCancel;
  settings.partitions[0].preempt_mode = PreemptMode::kCancel;
  settings.partitions[0].grace_time = absl::Seconds(60);
  settings.partitions.push_back(settings.partitions[0]);
  settings.partitions[1].name = "high";
  settings.partitions[1].is_default = false;
  settings.partitions[1].priority_tier = 2;
  WarnCluster c(settings);
  c.Start(Spec().Signal(10, absl::Seconds(20), /*batch_only=*/true));
  c.Submit(Spec().Minutes(5).Partition("high"));
  EXPECT_THAT(c.Told(), ElementsAre("n1 batch 18", "n1 batch 15"));
  c.Pass(absl::Seconds(39));
  EXPECT_THAT(c.Told(), IsEmpty());
  c.Pass(absl::Seconds(1));
  EXPECT_THAT(c.Told(), ElementsAre("n1 batch 10 shell"));
}

TEST(EndWarning, RubbishIsRefused) {
  WarnCluster c(1, 4);
  const std::string invalid = "Invalid --signal specification";
  EXPECT_EQ(c.Refusal(Spec().Signal(0, absl::Minutes(1))), invalid);
  EXPECT_EQ(c.Refusal(Spec().Signal(65, absl::Minutes(1))), invalid);
  EXPECT_EQ(c.Refusal(Spec().Signal(10, absl::Seconds(65536))), invalid);
  EXPECT_EQ(c.Refusal(Spec().Signal(10, -absl::Seconds(1))), invalid);
  EXPECT_THAT(c.Refusal(ForShell(10, absl::Minutes(1)).Interactive()),
              HasSubstr("is for the shell of a batch script"));
}

}  // namespace
}  // namespace reeve::ctld
