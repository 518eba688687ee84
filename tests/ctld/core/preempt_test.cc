// Jobs of a higher tier have those of lower ones make room.
#include <signal.h>

#include "ctld/core/cluster_state.h"
#include "tests/ctld/core/explain_harness.h"
#include "tests/ctld/core/harness.h"

namespace reeve::ctld {
namespace {

constexpr absl::Duration kKillWait = absl::Seconds(30);  // the default

reeve::ctld::Partition LikeFirst(const Settings& settings, std::string name, uint32_t tier,
                                 PreemptMode mode) {
  reeve::ctld::Partition partition = settings.partitions[0];
  partition.name = std::move(name);
  partition.is_default = false;
  partition.priority_tier = tier;
  partition.preempt_mode = mode;
  return partition;
}

// Partitions over all nodes: debug, whose jobs make room, high above it, and safe below whose jobs
// are left alone.
Settings Tiers(uint32_t nodes, uint32_t cpus, PreemptMode mode = PreemptMode::kCancel) {
  Settings settings = MakeTestSettings(nodes, cpus);
  settings.preempt.by_tier = true;
  settings.preempt.mode = mode;
  settings.slurmd_timeout = absl::ZeroDuration();
  settings.partitions[0].preempt_mode = mode;
  settings.partitions.push_back(LikeFirst(settings, "high", 2, mode));
  settings.partitions.push_back(LikeFirst(settings, "safe", 1, PreemptMode::kOff));
  return settings;
}
Settings WithGrace(Settings settings, absl::Duration grace) {
  for (reeve::ctld::Partition& partition : settings.partitions) partition.grace_time = grace;
  return settings;
}

Spec Low() {
  return Spec().Minutes(600);
}
Spec High() {
  return Spec().Minutes(60).Partition("high");
}
JobId Start(Cluster& c, const Spec& spec) {
  const JobId id = c.Submit(spec);
  EXPECT_TRUE(c.Running(id)) << c.Why(id);
  c.Started(id);
  return id;
}
bool MakesRoom(const Cluster& c, JobId id) {
  return IsSet(c.Get(id).rare->preempt_time);
}

TEST(Preempt, EndsAJobOfALowerTier) {
  Cluster c(Tiers(1, 2));
  const JobId low = Start(c, Low().Tasks(2));
  const JobId high = c.Submit(High());
  EXPECT_EQ(c.State(low), "COMPLETING");
  EXPECT_EQ(c.Get(low).state, JobState::kPreempted);
  ASSERT_EQ(c.Commands<TerminateJob>().size(), 1u);
  EXPECT_EQ(c.Commands<TerminateJob>()[0].second.reason, "DUE TO PREEMPTION");
  EXPECT_FALSE(c.Running(high));
  c.Gone(low);
  EXPECT_EQ(c.State(low), "PREEMPTED");
  EXPECT_TRUE(c.Running(high));
}

TEST(Preempt, ForALicenseEndsWhoHasItWhereverThatRuns) {
  Settings settings = Tiers(2, 2);
  settings.licenses = {{"foo", 2}};
  Cluster c(settings);
  const JobId without = Start(c, Low().On("n1"));
  const JobId safe = Start(c, Low().On("n2").Licenses("foo").Partition("safe"));
  const JobId with = Start(c, Low().On("n2").Licenses("foo"));
  const JobId high = c.Submit(High().On("n1").Licenses("foo"));
  EXPECT_TRUE(MakesRoom(c, with));
  EXPECT_FALSE(MakesRoom(c, without) || MakesRoom(c, safe)) << "that would be for nothing";
  c.Gone(with);
  EXPECT_TRUE(c.Running(high));
  c.Submit(High().Licenses("foo:2"));
  EXPECT_FALSE(MakesRoom(c, without) || MakesRoom(c, safe)) << "it would not be enough";
}

TEST(Preempt, LeavesJobsAloneWhereItIsNotTheirTurn) {
  for (const char* partition : {"high", "safe"}) {
    Cluster c(Tiers(1, 1));
    const JobId running = Start(c, Low().Partition(partition));
    const JobId high = c.Submit(High());
    EXPECT_TRUE(c.Running(running)) << partition;
    EXPECT_FALSE(c.Running(high));
  }
  Settings settings = Tiers(1, 1);
  settings.preempt.by_tier = false;
  Cluster c(settings);
  const JobId low = Start(c, Low());
  c.Submit(High());
  EXPECT_TRUE(c.Running(low));
}

TEST(Preempt, ExemptsThoseThatHaveNotRunLongEnough) {
  Settings settings = Tiers(1, 1);
  settings.preempt.exempt_time = absl::Minutes(10);
  Cluster c(settings);
  const JobId low = Start(c, Low());
  const JobId high = c.Submit(High());
  c.Advance(absl::Minutes(9));
  EXPECT_TRUE(c.Running(low));
  // A timer has the scheduler look again.
  const Effects effects = c.Advance(absl::Seconds(59));
  ASSERT_TRUE(effects.next_wakeup.has_value());
  EXPECT_LE(*effects.next_wakeup, c.now + absl::Seconds(1));
  EXPECT_TRUE(c.Running(low));
  c.Advance(absl::Seconds(1));
  EXPECT_EQ(c.Get(low).state, JobState::kPreempted);
  c.Gone(low);
  EXPECT_TRUE(c.Running(high));
}

TEST(Preempt, GivesGraceTime) {
  Cluster c(WithGrace(Tiers(1, 1), absl::Seconds(60)));
  const JobId low = Start(c, Low());
  const size_t before = c.commands.size();
  const JobId high = c.Submit(High());
  const std::vector<std::pair<std::string, SignalStep>> sent = c.Commands<SignalStep>(before);
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].second.signal, SIGCONT);
  EXPECT_EQ(sent[1].second.signal, SIGTERM);
  EXPECT_EQ(sent[1].second.job, low);
  EXPECT_TRUE(c.Running(low));
  EXPECT_EQ(c.Get(low).end_time, c.now + absl::Seconds(60));
  EXPECT_EQ(c.Get(high).planned_start, c.now + absl::Seconds(60));
  c.Advance(absl::Seconds(59));
  EXPECT_TRUE(c.Running(low));
  c.Advance(absl::Seconds(1));
  EXPECT_EQ(c.Get(low).state, JobState::kPreempted);
  c.Gone(low);
  EXPECT_TRUE(c.Running(high));
}

TEST(Preempt, GraceEndsWithTheTimeLimitAndCannotBeExtended) {
  Cluster c(WithGrace(Tiers(1, 1), absl::Hours(1)));
  const JobId low = Start(c, Spec().Minutes(50));
  const JobId high = c.Submit(High().Minutes(10));
  // It would end by itself before the grace time is over: nothing is gained.
  EXPECT_FALSE(MakesRoom(c, low));
  c.Cancel(high);
  c.Cancel(low);
  c.Gone(low);

  const JobId other = Start(c, Low());
  c.Submit(High());
  ASSERT_TRUE(MakesRoom(c, other));
  const absl::Time end = c.Get(other).end_time;
  EXPECT_EQ(c.Update(other, "TimeLimit", "UNLIMITED", Root()), "");
  EXPECT_EQ(c.Get(other).end_time, end);
  EXPECT_EQ(c.Update(other, "TimeLimit", "30", Root()), "");
  EXPECT_EQ(c.Get(other).end_time, c.Get(other).start_time + absl::Minutes(30));
  c.Advance(absl::Minutes(30));
  EXPECT_EQ(c.Get(other).state, JobState::kPreempted);
}

TEST(Preempt, EndsAJobWithoutATimeLimit) {
  Settings settings = WithGrace(Tiers(1, 1), absl::Seconds(20));
  Cluster c(settings);
  Spec spec;
  spec.raw().time_limit = absl::InfiniteDuration();
  const JobId low = Start(c, spec);
  c.Submit(High());
  EXPECT_TRUE(c.Running(low));
  c.Advance(absl::Seconds(20));
  EXPECT_EQ(c.Get(low).state, JobState::kPreempted);
}

TEST(Preempt, RequeuesWhereItMay) {
  Cluster c(Tiers(2, 1, PreemptMode::kRequeue));
  const JobId again = Start(c, Low());
  const JobId once = Start(c, Low().NoRequeue());
  const JobId high = c.Submit(High().Nodes(2));
  c.accounting.clear();
  c.Gone(again);
  c.Gone(once);
  EXPECT_EQ(c.State(once), "PREEMPTED");
  EXPECT_EQ(c.State(again), "PENDING");
  EXPECT_EQ(c.Get(again).restarts, 1u);
  EXPECT_FALSE(MakesRoom(c, again));
  EXPECT_TRUE(c.Running(high));
  // Accounting has the run's end, then the job that waits anew.
  std::vector<std::pair<JobState, uint32_t>> told;
  for (const AccountingRecord& record : c.accounting) {
    const auto* job = std::get_if<std::shared_ptr<const Job>>(&record);
    if (job != nullptr && (*job)->id == again) told.emplace_back((*job)->state, (*job)->restarts);
  }
  EXPECT_EQ(told, (std::vector<std::pair<JobState, uint32_t>>{{JobState::kPreempted, 0},
                                                              {JobState::kPending, 1}}));
  c.Exit(high);
  EXPECT_TRUE(c.Running(again));
}

TEST(Preempt, WhoEndsWellInItsGraceTimeIsNotPreempted) {
  for (const int status : {0, SIGTERM}) {
    Cluster c(WithGrace(Tiers(1, 1, PreemptMode::kRequeue), absl::Seconds(60)));
    const JobId low = Start(c, Low());
    const JobId high = c.Submit(High());
    c.Advance(absl::Seconds(1));
    c.Exit(low, status);
    EXPECT_EQ(c.State(low), status == 0 ? "COMPLETED" : "PENDING");
    EXPECT_TRUE(c.Running(high));
  }
}

TEST(Preempt, IsNeverForNothing) {
  // Another job that stays holds what is needed as well.
  Cluster c(Tiers(2, 1));
  const JobId low = Start(c, Low().On("n1"));
  Start(c, Low().On("n2").Partition("safe"));
  const JobId high = c.Submit(High().Nodes(2));
  EXPECT_TRUE(c.Running(low));
  c.Cancel(high);
  EXPECT_TRUE(MakesRoom(c, low) == false);
  c.Submit(High());
  EXPECT_TRUE(MakesRoom(c, low));
}

TEST(Preempt, RespectsReservations) {
  Cluster c(Tiers(1, 1));
  const JobId low = Start(c, Spec().Minutes(30));
  EXPECT_EQ(c.Reserve("maint", absl::Minutes(40), absl::Hours(1), {{"nodes", "n1"}}), "maint");
  const JobId high = c.Submit(High());  // an hour
  EXPECT_TRUE(c.Running(low));
  c.Cancel(high);
  c.Submit(High().Minutes(30));
  EXPECT_TRUE(MakesRoom(c, low));
}

TEST(Preempt, LetsAJobEndThatEndsAsSoon) {
  Cluster c(Tiers(1, 1));
  const JobId low = Start(c, Spec().Minutes(10));
  c.Advance(absl::Minutes(10) - kKillWait);
  const JobId high = c.Submit(High());
  EXPECT_TRUE(c.Running(low));
  c.Advance(kKillWait);
  EXPECT_EQ(c.Get(low).state, JobState::kTimeout);
  c.Gone(low);
  EXPECT_TRUE(c.Running(high));
}

TEST(Preempt, AJobBeyondItsLimitIsNoRoomToCome) {
  Settings settings = Tiers(1, 1);
  settings.over_time_limit = absl::InfiniteDuration();
  Cluster c(settings);
  const JobId low = Start(c, Spec().Minutes(10));
  c.Advance(absl::Minutes(20));
  EXPECT_TRUE(c.Running(low));
  c.Submit(High());
  EXPECT_TRUE(MakesRoom(c, low));
}

TEST(Preempt, TakesWhatIsLostLeast) {
  Cluster c(Tiers(3, 2));
  const JobId old = Start(c, Low().Tasks(2).On("n1"));
  c.Advance(absl::Minutes(10));
  const JobId young = Start(c, Low().Tasks(2).On("n2"));
  const JobId two = Start(c, Low().On("n3"));
  const JobId three = Start(c, Low().On("n3"));
  c.Advance(absl::Minutes(1));
  c.Submit(High().Tasks(2));
  EXPECT_FALSE(MakesRoom(c, old));
  // As many CPU seconds on n2 and n3, of one job and of two.
  EXPECT_TRUE(MakesRoom(c, young));
  EXPECT_FALSE(MakesRoom(c, two) || MakesRoom(c, three));
}

TEST(Preempt, WhatIsFreedGoesToTheJobItIsFreedFor) {
  Cluster c(Tiers(2, 1));
  const JobId first = Start(c, Low().On("n1"));
  const JobId second = Start(c, Low().On("n2"));
  const JobId high = c.Submit(High().Nodes(2));
  ASSERT_TRUE(MakesRoom(c, first) && MakesRoom(c, second));
  c.Gone(first);
  // One of the same tier and one below come at that moment.
  const JobId equal = c.Submit(High());
  const JobId low = c.Submit(Spec().Minutes(10));
  EXPECT_FALSE(c.Running(equal) || c.Running(low));
  c.Gone(second);
  EXPECT_TRUE(c.Running(high));
  EXPECT_FALSE(c.Running(equal) || c.Running(low));
}

TEST(Preempt, NobodyElseMakesRoomMeanwhile) {
  Cluster c(WithGrace(Tiers(3, 1), absl::Minutes(5)));
  std::vector<JobId> low;
  for (int i = 0; i < 3; ++i) low.push_back(Start(c, Low()));
  c.Submit(High());
  const auto leaving = [&] {
    return std::count_if(low.begin(), low.end(), [&](JobId id) { return MakesRoom(c, id); });
  };
  EXPECT_EQ(leaving(), 1);
  for (int i = 0; i < 5; ++i) {
    c.Advance(absl::Seconds(50));
    EXPECT_EQ(leaving(), 1);
  }
  // A new controller knows it as well.
  c.Restart();
  for (size_t i = 0; i < low.size(); ++i) {
    c.Register(c.NodesOf(low[i])[0], {{low[i], kBatchStep, 0}});
  }
  c.Advance(absl::Seconds(20));
  EXPECT_EQ(leaving(), 1);
  c.Advance(absl::Seconds(40));
  EXPECT_EQ(std::count_if(low.begin(), low.end(),
                          [&](JobId id) { return c.Get(id).state == JobState::kPreempted; }),
            1);
  EXPECT_EQ(leaving(), 1);
}

TEST(Preempt, EachOfSeveralJobsOfAShapeHasRoomMade) {
  Cluster c(WithGrace(Tiers(3, 1), absl::Minutes(1)));
  std::vector<JobId> low;
  for (int i = 0; i < 3; ++i) low.push_back(Start(c, Low()));
  const JobId one = c.Submit(High());
  const JobId two = c.Submit(High());
  EXPECT_EQ(std::count_if(low.begin(), low.end(), [&](JobId id) { return MakesRoom(c, id); }), 2);
  c.Advance(absl::Minutes(1));
  for (JobId id : low) {
    if (MakesRoom(c, id)) c.Gone(id);
  }
  EXPECT_TRUE(c.Running(one) && c.Running(two));
}

TEST(Preempt, TasksOfAnArrayHaveRoomMadeOneAfterAnother) {
  Cluster c(Tiers(2, 1));
  const JobId first = Start(c, Low());
  const JobId second = Start(c, Low());
  const JobId array = c.Submit(High().Array("1-2"));
  EXPECT_NE(MakesRoom(c, first), MakesRoom(c, second));
  c.Gone(MakesRoom(c, first) ? first : second);
  EXPECT_TRUE(MakesRoom(c, first) && MakesRoom(c, second));
  for (JobId id : {first, second}) c.Gone(id);
  EXPECT_EQ(c.controller->ArrayMembers(array).size(), 2u);
  for (JobId id : c.controller->ArrayMembers(array)) EXPECT_TRUE(c.Running(id));
}

TEST(Preempt, WorksWithEveryPolicy) {
  for (const bool backfill : {true, false}) {
    Settings settings = Tiers(2, 1);
    settings.backfill = backfill;
    settings.plan_depth = 1;
    Cluster c(settings);
    const JobId first = Start(c, Low().On("n1"));
    const JobId second = Start(c, Low().On("n2"));
    const JobId high = c.Submit(High().Nodes(2));
    EXPECT_TRUE(MakesRoom(c, first) && MakesRoom(c, second));
    const JobId waiting = c.Submit(Low());
    c.Gone(first);
    EXPECT_FALSE(c.Running(waiting));
    c.Gone(second);
    EXPECT_TRUE(c.Running(high));
  }
}

TEST(Preempt, FirstComeFirstServedLooksAtTheFirstOnly) {
  Settings settings = Tiers(2, 1);
  settings.backfill = false;
  Cluster c(settings);
  Start(c, Low().On("n1").Partition("safe"));
  const JobId low = Start(c, Low().On("n2"));
  c.Submit(High().On("n1"));
  c.Submit(High().On("n2").Minutes(5));
  EXPECT_FALSE(MakesRoom(c, low));
}

TEST(Preempt, ExplainsBoth) {
  Cluster c(WithGrace(Tiers(1, 1), absl::Minutes(2)));
  const JobId low = Start(c, Low());
  const JobId high = c.Submit(High());
  const Explanation why = Explain(c.controller->state(), c.Get(high), {}, c.now);
  ASSERT_EQ(why.busy.size(), 1u);
  EXPECT_TRUE(why.busy[0].preempted);
  EXPECT_EQ(why.busy[0].job, low);
  EXPECT_EQ(why.busy[0].until, c.now + absl::Minutes(2));
  const Explanation victim = Explain(c.controller->state(), c.Get(low), {}, c.now);
  EXPECT_EQ(victim.preempt_time, c.now);
  EXPECT_EQ(victim.end_time, c.now + absl::Minutes(2));
  EXPECT_EQ(victim.preempted_for, std::to_string(high.value));
  Sight stranger;
  stranger.jobs_of = 4711;
  EXPECT_EQ(Explain(c.controller->state(), c.Get(low), stranger, c.now).preempted_for, "");
}

TEST(Preempt, IsSetForAPartitionAtRunTime) {
  Settings settings = Tiers(1, 1, PreemptMode::kCancel);
  Cluster c(settings);
  const auto update = [&](std::string key, std::string value) {
    UpdatePartition event{c.NextCall(), Root(), "debug", {{std::move(key), std::move(value)}}};
    c.Do(event);
    const absl::StatusOr<Answer> answer = c.AnswerTo(event.call);
    return answer.ok() ? "" : std::string(answer.status().message());
  };
  EXPECT_EQ(update("PreemptMode", "off"), "");
  const JobId low = Start(c, Low());
  c.Submit(High());
  EXPECT_FALSE(MakesRoom(c, low));
  EXPECT_THAT(update("PreemptMode", "GANG"), ::testing::HasSubstr("GANG is not supported"));
  EXPECT_EQ(update("GraceTime", "x"), "Invalid partition update value");
  EXPECT_EQ(update("GraceTime", "90"), "");
  EXPECT_EQ(update("PreemptMode", "REQUEUE"), "");
  EXPECT_TRUE(MakesRoom(c, low));
  EXPECT_EQ(c.Get(low).end_time, c.now + absl::Seconds(90));
  settings.preempt.by_tier = false;
  c.Do(Reconfigured{settings});
  EXPECT_EQ(update("PreemptMode", "REQUEUE"),
            "PreemptMode needs PreemptType=preempt/partition_prio");
}

}  // namespace
}  // namespace reeve::ctld
