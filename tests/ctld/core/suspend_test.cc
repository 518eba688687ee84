// scontrol suspend and resume: what a suspended job keeps and gives up, and what time means to it.
#include "common/base/text.h"
#include "tests/ctld/core/harness.h"

namespace reeve::ctld {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kPending[] = "Job is pending execution";
constexpr char kDenied[] = "Access/permission denied";

Settings WithMemory(uint32_t nodes, uint32_t cpus) {
  Settings settings = MakeTestSettings(nodes, cpus);
  settings.select.memory = true;
  return settings;
}

struct SuspendCluster : Cluster {
  using Cluster::Cluster;
  SuspendCluster(uint32_t nodes, uint32_t cpus) : Cluster(WithMemory(nodes, cpus)) {}
  std::string Suspend(JobId id, Caller caller = Root(), std::string tasks = "") {
    return Control(JobAction::kSuspend, id, caller, std::move(tasks));
  }
  std::string Resume(JobId id, Caller caller = Root(), std::string tasks = "") {
    return Control(JobAction::kResume, id, caller, std::move(tasks));
  }
  // Commands since then, as "n1 12 off".
  std::vector<std::string> Told(size_t from) const {
    std::vector<std::string> told;
    for (const auto& [node, command] : Commands<SuspendJob>(from)) {
      told.push_back(StrCat(node, " ", command.job.value, command.suspended ? " off" : " on"));
    }
    return told;
  }
  absl::Time End(JobId id) const { return Get(id).end_time; }
  void Pass(absl::Duration time) {
    for (; time > absl::Minutes(1); time -= absl::Minutes(1)) {
      Advance(absl::Minutes(1));
      Heartbeats();
    }
    Advance(time);
    Heartbeats();
  }
};

TEST(Suspend, StopsTheJobOnAllItsNodesAndLetsItGoOn) {
  SuspendCluster c(2, 4);
  const JobId id = c.Submit(Spec().Nodes(2).Mem(100));
  size_t before = c.commands.size();
  EXPECT_EQ(c.Suspend(id), "");
  EXPECT_EQ(c.State(id), "SUSPENDED");
  EXPECT_THAT(c.Told(before), ::testing::ElementsAre(StrCat("n1 ", id.value, " off"),
                                                     StrCat("n2 ", id.value, " off")));
  before = c.commands.size();
  EXPECT_EQ(c.Suspend(id), "") << "once more changes nothing";
  EXPECT_THAT(c.Told(before), IsEmpty());
  EXPECT_EQ(c.Resume(id), "");
  EXPECT_EQ(c.State(id), "RUNNING");
  EXPECT_THAT(c.Told(before), SizeIs(2));
  EXPECT_EQ(c.Resume(id), "Job is not suspended");
}

TEST(Suspend, IsForOperatorsAndForJobsThatRun) {
  SuspendCluster c(1, 1);
  const JobId runs = c.Submit(Spec());
  const JobId waits = c.Submit(Spec());
  EXPECT_EQ(c.Suspend(runs, User(1000)), kDenied) << "not even its owner";
  EXPECT_EQ(c.State(runs), "RUNNING");
  EXPECT_EQ(c.Suspend(waits), kPending);
  EXPECT_EQ(c.Resume(waits), kPending);
  EXPECT_EQ(c.Suspend(runs), "");
  EXPECT_EQ(c.Resume(runs, User(1000)), kDenied);
  EXPECT_EQ(c.Suspend(JobId{9999}), "Invalid job id specified");
  EXPECT_EQ(c.Cancel(runs), "");
  EXPECT_EQ(c.Suspend(runs), "Job/step already completing or completed");
  EXPECT_EQ(c.Resume(runs), "Job/step already completing or completed");
}

TEST(Suspend, GivesItsCpusUpAndKeepsItsMemory) {
  SuspendCluster c(1, 4);
  const JobId id = c.Submit(Spec().Tasks(4).Mem(600));
  const JobId light = c.Submit(Spec().Tasks(4).Mem(300));
  const JobId heavy = c.Submit(Spec().Tasks(1).Mem(500));
  c.Suspend(id);
  EXPECT_EQ(c.GetNode("n1").alloc_mem_mb, 900u);
  EXPECT_TRUE(c.Running(light)) << "it may have the CPUs";
  c.Exit(light);
  EXPECT_EQ(c.GetNode("n1").FreeCpus(), 4u);
  EXPECT_FALSE(c.Running(heavy)) << "the memory is the suspended job's";
  EXPECT_EQ(c.GetNode("n1").State(), NodeState::kMixed);
  c.Cancel(id);
  c.Gone(id);
  EXPECT_TRUE(c.Running(heavy));
}

TEST(Suspend, ResumesOnlyOnItsOwnFreeCpus) {
  SuspendCluster c(1, 4);
  const JobId id = c.Submit(Spec().Tasks(3).Mem(100));
  c.Suspend(id);
  const JobId other = c.Submit(Spec().Tasks(2).Mem(100));
  ASSERT_TRUE(c.Running(other));
  const std::string refused = c.Resume(id);
  EXPECT_THAT(refused, HasSubstr("Requested nodes are busy"));
  EXPECT_THAT(refused, HasSubstr(StrCat("job ", other.value, " has CPUs of n1")));
  EXPECT_EQ(c.State(id), "SUSPENDED");
  c.Exit(other);
  EXPECT_EQ(c.Resume(id), "");
  EXPECT_EQ(c.GetNode("n1").FreeCpus(), 1u);
  EXPECT_EQ(c.GetNode("n1").busy, c.Get(id).shares[0].cores);
}

TEST(Suspend, APlannedJobMakesWayForOneThatIsResumed) {
  SuspendCluster c(1, 4);
  const JobId id = c.Submit(Spec().Tasks(2).Mem(100).Minutes(60));
  const JobId other = c.Submit(Spec().Tasks(2).Mem(100).Minutes(10));
  c.Suspend(id);
  const JobId wide = c.Submit(Spec().Tasks(4).Mem(100).Minutes(10));
  EXPECT_EQ(c.Get(wide).planned_start, c.now + absl::Minutes(10)) << "when the other ends";
  EXPECT_EQ(c.Resume(id), "");
  EXPECT_EQ(c.Get(wide).planned_start, c.now + absl::Minutes(60));
  c.Suspend(id);
  c.Exit(other);
  EXPECT_TRUE(c.Running(wide));
}

TEST(Suspend, TheTimeLimitStandsStill) {
  SuspendCluster c(1, 4);
  const JobId id = c.Submit(Spec().Minutes(10));
  const absl::Time end = c.End(id);
  c.Pass(absl::Minutes(4));
  c.Suspend(id);
  c.Pass(absl::Minutes(30));
  EXPECT_EQ(c.State(id), "SUSPENDED") << "long after its limit";
  EXPECT_EQ(c.Resume(id), "");
  EXPECT_EQ(c.End(id), end + absl::Minutes(30));
  EXPECT_EQ(c.Get(id).suspension->total, absl::Minutes(30));
  c.Pass(absl::Minutes(5));
  c.Suspend(id);
  c.Pass(absl::Minutes(5));
  c.Resume(id);
  EXPECT_EQ(c.End(id), c.now + absl::Minutes(1));
  c.Pass(absl::Seconds(59));
  EXPECT_TRUE(c.Running(id));
  c.Pass(absl::Seconds(1));
  EXPECT_EQ(c.Get(id).state, JobState::kTimeout);
}

TEST(Suspend, ANewTimeLimitCountsWhatItHasRun) {
  SuspendCluster c(1, 4);
  const JobId id = c.Submit(Spec().Minutes(10));
  c.Pass(absl::Minutes(2));
  c.Suspend(id);
  c.Pass(absl::Minutes(20));
  EXPECT_EQ(c.Update(id, "TimeLimit", "5", Root()), "");
  c.Pass(absl::Minutes(20));
  EXPECT_EQ(c.State(id), "SUSPENDED");
  c.Resume(id);
  EXPECT_EQ(c.End(id), c.now + absl::Minutes(3));
  EXPECT_EQ(c.Update(id, "TimeLimit", "8", Root()), "");
  EXPECT_EQ(c.End(id), c.now + absl::Minutes(6));
}

TEST(Suspend, ThePlanPutsItsEndOff) {
  SuspendCluster c(1, 4);
  const JobId id = c.Submit(Spec().Mem(800).Minutes(10));
  c.Pass(absl::Minutes(4));
  c.Suspend(id);
  const JobId heavy = c.Submit(Spec().Mem(500).Minutes(10));
  EXPECT_EQ(c.Get(heavy).planned_start, c.now + absl::Minutes(6));
  for (int i = 0; i < 20; ++i) {
    c.Pass(absl::Minutes(1));
    ASSERT_FALSE(c.Running(heavy));
    ASSERT_GT(absl::Time(c.Get(heavy).planned_start), c.now);
  }
  c.Resume(id);
  EXPECT_EQ(c.Get(heavy).planned_start, c.now + absl::Minutes(6));
}

TEST(Suspend, StepsWaitAndTheirLimitsStandStill) {
  SuspendCluster c(1, 4);
  const JobId id = c.Submit(Spec().Tasks(2));
  CreateStep limited;
  limited.time_limit = absl::Minutes(5);
  limited.num_tasks = 1;
  limited.exact = true;
  ASSERT_TRUE(c.StepIn(id, limited).ok());
  c.Started(id, StepId{0});
  c.Suspend(id);
  CreateStep hasty;
  hasty.immediate = true;
  EXPECT_EQ(c.StepIn(id, hasty).status().message(), "Requested operation is presently disabled");
  CreateStep patient = limited;
  patient.deadline = c.now + absl::Hours(2);
  EXPECT_TRUE(absl::IsUnavailable(c.StepIn(id, patient).status())) << "it waits";
  const CallToken waits = c.last_call;
  CreateStep brief = limited;
  brief.deadline = c.now + absl::Minutes(3);
  (void)c.StepIn(id, brief);
  const CallToken gives_up = c.last_call;
  c.Pass(absl::Minutes(60));
  EXPECT_EQ(c.AnswerTo(gives_up).status().message(), "Requested operation is presently disabled");
  EXPECT_FALSE(c.Get(id).FindStep(StepId{0})->kill_uid.has_value()) << "its limit is not over";
  c.Resume(id);
  EXPECT_TRUE(c.AnswerTo(waits).ok());
  EXPECT_EQ(c.Get(id).FindStep(StepId{0})->suspended, absl::Minutes(60));
  EXPECT_EQ(c.Get(id).FindStep(StepId{1})->suspended, absl::ZeroDuration());
  const size_t before = c.commands.size();
  c.Pass(absl::Minutes(4) + absl::Seconds(59));
  EXPECT_THAT(c.Commands<KillStep>(before), IsEmpty());
  c.Pass(absl::Seconds(2));
  EXPECT_THAT(c.Commands<KillStep>(before), ::testing::Not(IsEmpty()));
}

TEST(Suspend, SignalsOtherThanKillAreRefused) {
  SuspendCluster c(1, 4);
  const JobId id = c.Submit(Spec());
  ASSERT_TRUE(c.StepIn(id).ok());
  c.Suspend(id);
  EXPECT_EQ(c.Cancel(id, User(1000), "", 18), "Job can not be altered now, try again later");
  CancelJobs step{.call = c.NextCall(), .caller = User(1000)};
  step.jobs = {{id, "", StepId{0}}};
  step.signal = 18;
  c.Do(step);
  EXPECT_EQ(c.FirstResult(step.call), "Job can not be altered now, try again later");
  step.call = c.NextCall();
  step.signal = 0;
  const size_t before = c.commands.size();
  c.Do(step);
  EXPECT_EQ(c.FirstResult(step.call), "");
  EXPECT_THAT(c.Commands<KillStep>(before), SizeIs(1));
  EXPECT_EQ(c.Cancel(id, User(1000), "", 9), "");
  EXPECT_EQ(c.Get(id).state, JobState::kCancelled);
}

// What ends without its CPUs does not get them again to be cleared away.
TEST(Suspend, CancelledItLeavesBesideWhoHasItsCpus) {
  SuspendCluster c(1, 4);
  const JobId id = c.Submit(Spec().Tasks(4).Mem(100));
  ASSERT_TRUE(c.StepIn(id).ok());
  c.Pass(absl::Minutes(1));
  c.Suspend(id);
  const JobId other = c.Submit(Spec().Tasks(4).Mem(100));
  ASSERT_TRUE(c.Running(other));
  c.Pass(absl::Minutes(2));
  EXPECT_EQ(c.Cancel(id), "");
  EXPECT_EQ(c.State(id), "COMPLETING");
  EXPECT_EQ(c.GetNode("n1").alloc_cpus, 4u);
  EXPECT_EQ(c.GetNode("n1").alloc_mem_mb, 200u);
  EXPECT_EQ(c.Get(id).suspension->total, absl::Minutes(2));
  EXPECT_THAT(c.Commands<TerminateJob>(), SizeIs(1));
  c.Restart();
  c.Register("n1", {{id, StepId{0}, 0}, {id, kBatchStep, 0}, {other, kBatchStep, 0}});
  EXPECT_EQ(c.State(id), "COMPLETING");
  EXPECT_EQ(c.GetNode("n1").alloc_cpus, 4u);
  c.Gone(id);
  EXPECT_EQ(c.State(id), "CANCELLED");
  EXPECT_TRUE(c.Running(other));
}

TEST(Suspend, ByItselfItMayEndToo) {
  SuspendCluster c(1, 4);
  const JobId id = c.Submit(Spec());
  c.Suspend(id);
  c.Exit(id, 9);
  EXPECT_EQ(c.State(id), "FAILED");
  EXPECT_TRUE(c.GetNode("n1").Idle());
}

TEST(Suspend, RequeuedItIsHeld) {
  SuspendCluster c(1, 4);
  const JobId id = c.Submit(Spec());
  c.Suspend(id);
  EXPECT_EQ(c.Control(JobAction::kRequeue, id), "");
  c.Gone(id);
  EXPECT_TRUE(c.Get(id).Pending());
  EXPECT_EQ(c.Why(id), "JobHeldAdmin");
  EXPECT_EQ(c.Control(JobAction::kRelease, id), kDenied);
  EXPECT_EQ(c.Control(JobAction::kRelease, id, Root()), "");
  EXPECT_TRUE(c.Running(id));
  EXPECT_FALSE(c.Get(id).suspension.IsThere()) << "the new run was never suspended";
}

TEST(Suspend, ADeadNodeEndsIt) {
  SuspendCluster c(1, 4);
  const JobId stays = c.Submit(Spec().NoRequeue().Mem(100));
  const JobId again = c.Submit(Spec().Mem(100));
  c.Suspend(stays);
  c.Suspend(again);
  c.Register("n1", {}, "boot2");
  EXPECT_EQ(c.State(stays), "NODE_FAIL");
  EXPECT_TRUE(c.Get(again).Pending());
  EXPECT_EQ(c.Why(again), "JobHeldAdmin");
}

TEST(Suspend, ARestartKeepsItAndTheNodeIsToldAgain) {
  SuspendCluster c(1, 4);
  const JobId id = c.Submit(Spec().Minutes(10).Tasks(4).Mem(100));
  const JobId never = c.Submit(Spec().Minutes(10).Tasks(4).Mem(100));
  c.Started(id);
  c.Pass(absl::Minutes(3));
  c.Suspend(id);
  ASSERT_TRUE(c.Running(never));
  c.now += absl::Minutes(7);
  size_t before = c.commands.size();
  c.Restart();
  EXPECT_EQ(c.State(id), "SUSPENDED");
  EXPECT_EQ(c.GetNode("n1").alloc_cpus, 4u);
  c.Register("n1", {{id, kBatchStep, 0}, {never, kBatchStep, 0}});
  EXPECT_THAT(c.Told(before), ::testing::ElementsAre(StrCat("n1 ", id.value, " off")));
  c.Exit(never);
  EXPECT_EQ(c.Resume(id), "");
  EXPECT_EQ(c.End(id), c.now + absl::Minutes(7));
  before = c.commands.size();
  c.Restart();
  c.Register("n1", {{id, kBatchStep, 0}});
  EXPECT_THAT(c.Told(before), ::testing::ElementsAre(StrCat("n1 ", id.value, " on")));
  EXPECT_EQ(c.End(id), c.now + absl::Minutes(7));
}

// A launch that was on its way when the job was suspended.
TEST(Suspend, WhatIsLaunchedMeanwhileBeginsStopped) {
  SuspendCluster c(1, 4);
  const JobId id = c.Submit(Spec());
  EXPECT_FALSE(c.Commands<StepLaunch>().back().second.suspended);
  c.Suspend(id);
  const size_t before = c.commands.size();
  c.Register("n1");  // it never heard of the job
  const auto launches = c.Commands<StepLaunch>(before);
  ASSERT_THAT(launches, SizeIs(1));
  EXPECT_TRUE(launches[0].second.suspended);
  EXPECT_EQ(c.State(id), "SUSPENDED");
}

TEST(Suspend, LicencesAndGenericResourcesStay) {
  Settings settings = MakeTestSettings(1, 4);
  settings.licenses = {{"foo", 2}};
  settings.nodes[0].gres = "gpu:2";
  settings.gres_types = {"gpu"};
  SuspendCluster c(settings);
  Spec spec = Spec().Licenses("foo:2").Mem(100);
  spec.raw().gres = std::make_shared<const GresSpec>(GresSpec{.per_node = "gpu:2"});
  const JobId id = c.Submit(spec);
  ASSERT_TRUE(c.Running(id));
  c.Suspend(id);
  const JobId licensed = c.Submit(Spec().Licenses("foo").Mem(100));
  Spec with_gpu = Spec().Mem(100);
  with_gpu.raw().gres = std::make_shared<const GresSpec>(GresSpec{.per_node = "gpu:1"});
  const JobId gpu = c.Submit(with_gpu);
  EXPECT_EQ(c.Why(licensed), "Licenses");
  EXPECT_EQ(c.State(gpu), "PENDING");
  c.Exit(id, 9);
  EXPECT_TRUE(c.Running(licensed));
  EXPECT_TRUE(c.Running(gpu));
}

TEST(Suspend, AWholeNodeIsNotHadBesideItsMemory) {
  SuspendCluster c(1, 4);
  const JobId id = c.Submit(Spec().Tasks(4).Mem(200).Minutes(10));
  c.Suspend(id);
  const JobId whole = c.Submit(Spec().Exclusive().Mem(300).Minutes(10));
  EXPECT_FALSE(c.Running(whole));
  EXPECT_EQ(c.Get(whole).planned_start, c.now + absl::Minutes(10));
  c.Exit(id);
  EXPECT_TRUE(c.Running(whole));
}

TEST(Suspend, AWholeNodeIsTakenBackWhenNobodyElseRunsThere) {
  SuspendCluster c(1, 4);
  const JobId whole = c.Submit(Spec().Exclusive().Mem(300));
  c.Suspend(whole);
  const JobId other = c.Submit(Spec().Tasks(1).Mem(100));
  ASSERT_TRUE(c.Running(other));
  EXPECT_THAT(c.Resume(whole), HasSubstr("Requested nodes are busy"));
  c.Suspend(other);
  EXPECT_EQ(c.Resume(whole), "") << "memory alone is in nobody's way";
  EXPECT_THAT(c.Resume(other), HasSubstr(StrCat("job ", whole.value)));
  EXPECT_EQ(c.GetNode("n1").State(), NodeState::kAllocated);
}

TEST(Suspend, OfAnArrayWhatRuns) {
  SuspendCluster c(1, 2);
  const JobId array = c.Submit(Spec().Array("0-3").Mem(100));
  const auto in = [&](JobState state) {
    size_t count = 0;
    for (JobId id : c.controller->ArrayMembers(array)) count += c.Get(id).state == state;
    return count;
  };
  EXPECT_EQ(c.Suspend(array), "");
  EXPECT_EQ(in(JobState::kSuspended), 2u);
  EXPECT_EQ(in(JobState::kRunning), 2u) << "the others have the CPUs";
  EXPECT_EQ(c.Suspend(array, Root(), "2-3"), "");
  EXPECT_EQ(in(JobState::kSuspended), 4u);
  EXPECT_EQ(c.Resume(array, Root(), "1"), "");
  EXPECT_EQ(in(JobState::kRunning), 1u);
  EXPECT_THAT(c.Suspend(array, User(1000)), kDenied);
  const JobId held = c.Submit(Spec().Array("0-3").Hold());
  EXPECT_EQ(c.Suspend(held), kPending);
  EXPECT_EQ(c.Suspend(held, Root(), "2"), kPending);
}

TEST(Suspend, FairShareCountsWhatRuns) {
  Settings settings = MakeTestSettings(1, 4);
  settings.priority.multifactor = true;
  settings.priority.weight_fair_share = 1000;
  settings.priority.decay_half_life = absl::ZeroDuration();
  SuspendCluster c(settings);
  const JobId id = c.Submit(Spec().Tasks(4).Mem(100));
  c.Pass(absl::Minutes(10));
  c.Suspend(id);
  c.Pass(absl::Minutes(60));
  c.Restart();
  c.Register("n1", {{id, kBatchStep, 0}});
  c.Resume(id);
  c.Pass(absl::Minutes(5));
  c.Restart();
  c.Register("n1", {{id, kBatchStep, 0}});
  c.Cancel(id);
  EXPECT_NEAR(c.controller->UsageOf(1000)->cpu_seconds, 4.0 * 15 * 60, 5);
}

TEST(Suspend, AClockThatJumpsChangesNothingOfIt) {
  SuspendCluster c(1, 4);
  const JobId id = c.Submit(Spec().Minutes(10));
  c.Pass(absl::Minutes(2));
  c.Suspend(id);
  c.now += absl::Hours(5);
  c.Do(ClockJumped{absl::Hours(5)});
  c.Pass(absl::Minutes(3));
  c.Resume(id);
  EXPECT_EQ(c.End(id), c.now + absl::Minutes(8));
  EXPECT_EQ(c.Get(id).suspension->total, absl::Minutes(3));
}

TEST(Suspend, AccountingHearsOfIt) {
  SuspendCluster c(1, 4);
  const JobId id = c.Submit(Spec());
  const auto last = [&] { return std::get<std::shared_ptr<const Job>>(c.accounting.back()); };
  c.Suspend(id);
  EXPECT_EQ(last()->state, JobState::kSuspended);
  EXPECT_EQ(last()->suspension->time, c.now);
  c.Pass(absl::Minutes(1));
  c.Resume(id);
  EXPECT_EQ(last()->state, JobState::kRunning);
  EXPECT_EQ(last()->suspension->total, absl::Minutes(1));
}

TEST(Suspend, ExplainSaysWhoIsInTheWay) {
  SuspendCluster c(1, 4);
  const JobId id = c.Submit(Spec().Tasks(1).Mem(900).Minutes(10));
  c.Suspend(id);
  const JobId waits = c.Submit(Spec().Mem(500).Minutes(10));
  ExplainJobs ask{c.NextCall(), {{waits, "", std::nullopt}, {id, "", std::nullopt}}, {}};
  c.Do(ask);
  const auto answer = std::get<ExplainAnswer>(*c.AnswerTo(ask.call));
  ASSERT_THAT(answer.jobs, SizeIs(2));
  ASSERT_THAT(answer.jobs[0].busy, SizeIs(1));
  EXPECT_EQ(answer.jobs[0].busy[0].job, id);
  EXPECT_EQ(answer.jobs[0].busy[0].until, absl::InfiniteFuture()) << "nobody knows";
  EXPECT_TRUE(answer.jobs[0].busy[0].suspended);
  EXPECT_EQ(answer.jobs[1].state, JobState::kSuspended);
}

}  // namespace
}  // namespace reeve::ctld
