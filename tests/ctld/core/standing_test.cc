// PreemptMode=SUSPEND: jobs of lower tiers stand still while those of higher ones have their CPUs.
#include "common/base/text.h"
#include "ctld/core/cluster_state.h"
#include "tests/ctld/core/harness.h"
#include "tests/ctld/core/jobs_in.h"
#include "tests/ctld/core/random.h"

namespace reeve::ctld {
namespace {

using ::testing::HasSubstr;

// Partitions over all nodes: debug of tier 1, middle of tier 2, high of tier 3, whose jobs stand
// still for higher ones.
Settings Tiers(uint32_t nodes, uint32_t cpus, PreemptMode mode = PreemptMode::kSuspend) {
  Settings settings = MakeTestSettings(nodes, cpus);
  settings.slurmd_timeout = absl::ZeroDuration();
  settings.select.memory = true;
  settings.preempt.by_tier = true;
  settings.preempt.mode = mode;
  settings.partitions[0].preempt_mode = mode;
  for (const auto& [name, tier] : {std::pair("middle", 2), std::pair("high", 3)}) {
    settings.partitions.push_back(settings.partitions[0]);
    settings.partitions.back().name = name;
    settings.partitions.back().is_default = false;
    settings.partitions.back().priority_tier = static_cast<uint32_t>(tier);
  }
  return settings;
}
Spec Low(uint32_t cpus = 1) {
  return Spec().Tasks(cpus).Mem(100).Minutes(600);
}
Spec High(uint32_t cpus = 1) {
  return Spec().Tasks(cpus).Mem(100).Minutes(60).Partition("high");
}
void End(Cluster& c, JobId id) {
  c.Exit(id);
  c.Gone(id);
}
std::string Resume(Cluster& c, JobId id) {
  return c.Control(JobAction::kResume, id, Root());
}

TEST(StandStill, ForAJobOfAHigherTierAndGoesOnAfterIt) {
  Cluster c(Tiers(1, 2));
  const JobId low = c.Submit(Low(2));
  const absl::Time end = c.Get(low).end_time;
  c.Advance(absl::Minutes(5));
  const size_t before = c.commands.size();
  const JobId high = c.Submit(High(2));
  EXPECT_EQ(c.State(low), "SUSPENDED");
  EXPECT_TRUE(c.Running(high)) << "at once";
  EXPECT_FALSE(IsSet(c.Get(low).rare->preempt_time)) << "it does not end";
  ASSERT_EQ(c.Commands<SuspendJob>(before).size(), 1u);
  EXPECT_TRUE(c.Commands<SuspendJob>(before)[0].second.suspended);
  EXPECT_EQ(c.GetNode("n1").alloc_mem_mb, 200u) << "it keeps its memory";
  c.Advance(absl::Minutes(20));
  EXPECT_EQ(c.State(low), "SUSPENDED");
  End(c, high);
  EXPECT_EQ(c.State(low), "RUNNING");
  EXPECT_FALSE(c.Commands<SuspendJob>(before).back().second.suspended);
  EXPECT_EQ(c.Get(low).end_time, end + absl::Minutes(20)) << "its time stood still";
}

TEST(StandStill, OnlyWhoseCpusAreNeeded) {
  Cluster c(Tiers(2, 2));
  const JobId a = c.Submit(Low(2));
  const JobId b = c.Submit(Low(1));
  EXPECT_TRUE(c.Running(c.Submit(High(1)))) << "there was one";
  EXPECT_TRUE(c.Running(a) && c.Running(b));
  EXPECT_TRUE(c.Running(c.Submit(High(1))));
  EXPECT_TRUE(c.Running(a));
  EXPECT_EQ(c.State(b), "SUSPENDED");
}

TEST(StandStill, NotForMemoryThatItKeeps) {
  Cluster c(Tiers(1, 2));
  const JobId low = c.Submit(Low(2).Mem(600));
  const JobId high = c.Submit(High(1).Mem(500));
  EXPECT_TRUE(c.Running(low));
  EXPECT_FALSE(c.Running(high));
  EXPECT_TRUE(c.Running(c.Submit(High(1).Mem(400))));
  EXPECT_EQ(c.State(low), "SUSPENDED");
}

TEST(StandStill, NotForWholeNodesWhereMemoryIsCounted) {
  Cluster c(Tiers(1, 2));
  const JobId low = c.Submit(Low(1));
  EXPECT_FALSE(c.Running(c.Submit(High(1).Exclusive())));
  EXPECT_TRUE(c.Running(low));
}

TEST(StandStill, NotForLicences) {
  Settings settings = Tiers(1, 2);
  settings.licenses = {{"foo", 1}};
  Cluster c(settings);
  const JobId low = c.Submit(Low(1).Licenses("foo"));
  EXPECT_FALSE(c.Running(c.Submit(High(1).Licenses("foo"))));
  EXPECT_TRUE(c.Running(low));
}

TEST(StandStill, GoesOnBeforeAnybodyElseGetsItsCpus) {
  Cluster c(Tiers(1, 2));
  const JobId low = c.Submit(Low(2));
  const JobId high = c.Submit(High(2));
  const JobId other = c.Submit(Low(2));
  const JobId brief = c.Submit(Spec().Tasks(1).Mem(10).Minutes(1));
  ASSERT_EQ(c.State(low), "SUSPENDED");
  EXPECT_GE(c.Get(other).planned_start, c.now + absl::Minutes(660))
      << "when the high one and the rest of the low one are over";
  End(c, high);
  EXPECT_EQ(c.State(low), "RUNNING");
  EXPECT_FALSE(c.Running(other) || c.Running(brief));
}

TEST(StandStill, WhatIsLeftOfItsCpusIsForThoseThatEndInTime) {
  Cluster c(Tiers(1, 2));
  const JobId low = c.Submit(Low(2));
  const JobId high = c.Submit(High(1));
  ASSERT_EQ(c.State(low), "SUSPENDED");
  const JobId longer = c.Submit(Low(1).Minutes(61));
  EXPECT_FALSE(c.Running(longer));
  c.Cancel(longer);
  const JobId brief = c.Submit(Low(1).Minutes(59));
  EXPECT_TRUE(c.Running(brief));
  const JobId second = c.Submit(High(1).Minutes(120));
  EXPECT_TRUE(c.Running(second)) << "that one comes before all of them";
  EXPECT_EQ(c.State(brief), "SUSPENDED");
  End(c, high);
  EXPECT_EQ(c.State(low), "SUSPENDED") << "the second has one of its CPUs";
  End(c, second);
  EXPECT_EQ(c.State(low), "RUNNING") << "the first of them that started";
  EXPECT_EQ(c.State(brief), "SUSPENDED");
  End(c, low);
  EXPECT_EQ(c.State(brief), "RUNNING");
}

TEST(StandStill, TiersGoOnFromTheHighestDown) {
  Cluster c(Tiers(1, 1));
  const JobId low = c.Submit(Low());
  const JobId middle = c.Submit(High().Partition("middle"));
  const JobId high = c.Submit(High());
  EXPECT_EQ(c.State(low), "SUSPENDED");
  EXPECT_EQ(c.State(middle), "SUSPENDED");
  ASSERT_TRUE(c.Running(high));
  End(c, high);
  EXPECT_EQ(c.State(low), "SUSPENDED");
  ASSERT_EQ(c.State(middle), "RUNNING");
  End(c, middle);
  EXPECT_EQ(c.State(low), "RUNNING");
}

TEST(StandStill, NobodyResumesItByHandMeanwhile) {
  Cluster c(Tiers(1, 1));
  const JobId low = c.Submit(Low());
  const JobId high = c.Submit(High());
  EXPECT_THAT(Resume(c, low), HasSubstr("Requested nodes are busy"));
  EXPECT_EQ(c.State(low), "SUSPENDED");
  End(c, high);
  EXPECT_EQ(Resume(c, low), "Job is not suspended") << "it has gone on by itself";
}

TEST(StandStill, WhomAnOperatorSuspendedWaitsForHim) {
  Cluster c(Tiers(1, 1));
  const JobId low = c.Submit(Low());
  c.Control(JobAction::kSuspend, low, Root());
  const JobId high = c.Submit(High());
  End(c, high);
  EXPECT_EQ(c.State(low), "SUSPENDED");
  EXPECT_EQ(Resume(c, low), "");
}

TEST(StandStill, SuspendedByHandAsWellItStaysSo) {
  Cluster c(Tiers(1, 2));
  const JobId low = c.Submit(Low(2));
  const JobId high = c.Submit(High(2));
  EXPECT_EQ(c.State(low), "SUSPENDED");
  EXPECT_EQ(c.Control(JobAction::kSuspend, low, Root()), "");
  End(c, high);
  EXPECT_EQ(c.State(low), "SUSPENDED");
  EXPECT_EQ(Resume(c, low), "");
  EXPECT_EQ(c.State(low), "RUNNING");
}

TEST(StandStill, SurvivesARestart) {
  Cluster c(Tiers(1, 1));
  const JobId low = c.Submit(Low());
  const JobId high = c.Submit(High());
  c.Started(low);
  c.Started(high);
  c.Restart();
  c.Register("n1", {{low, kBatchStep, 0}, {high, kBatchStep, 0}});
  EXPECT_EQ(c.State(low), "SUSPENDED");
  const JobId other = c.Submit(Low());
  EXPECT_GE(c.Get(other).planned_start, c.now + absl::Minutes(650));
  End(c, high);
  EXPECT_EQ(c.State(low), "RUNNING");
  EXPECT_FALSE(c.Running(other));
}

TEST(StandStill, EndsLikeAnyOther) {
  Cluster c(Tiers(1, 1));
  const JobId low = c.Submit(Low());
  const JobId high = c.Submit(High());
  c.Cancel(low);
  c.Gone(low);
  EXPECT_EQ(c.State(low), "CANCELLED");
  const JobId other = c.Submit(Low());
  End(c, high);
  EXPECT_TRUE(c.Running(other));
}

TEST(StandStill, RequeuedItIsNotHeld) {
  Cluster c(Tiers(1, 1));
  const JobId low = c.Submit(Low());
  const JobId high = c.Submit(High());
  EXPECT_EQ(c.Control(JobAction::kRequeue, low, Root()), "");
  c.Gone(low);
  EXPECT_EQ(c.State(low), "PENDING");
  End(c, high);
  c.Advance(absl::Minutes(5));
  EXPECT_TRUE(c.Running(low)) << c.Why(low);
}

TEST(StandStill, GraceTimeIsForThoseThatEnd) {
  Settings settings = Tiers(1, 1);
  for (reeve::ctld::Partition& partition : settings.partitions) {
    partition.grace_time = absl::Minutes(5);
  }
  Cluster c(settings);
  const JobId low = c.Submit(Low());
  EXPECT_TRUE(c.Running(c.Submit(High())));
  EXPECT_EQ(c.State(low), "SUSPENDED");
}

TEST(StandStill, NotBeforeItsExemptTime) {
  Settings settings = Tiers(1, 1);
  settings.preempt.exempt_time = absl::Minutes(10);
  Cluster c(settings);
  const JobId low = c.Submit(Low());
  const JobId high = c.Submit(High());
  c.Advance(absl::Minutes(9));
  EXPECT_FALSE(c.Running(high));
  c.Advance(absl::Minutes(1));
  EXPECT_TRUE(c.Running(high));
  EXPECT_EQ(c.State(low), "SUSPENDED");
}

// Partition by partition: who can stand still does so rather than that others end.
TEST(StandStill, BeforeOthersEnd) {
  Settings settings = Tiers(2, 1);
  settings.partitions[1].preempt_mode = PreemptMode::kCancel;
  Cluster c(settings);
  const JobId low = c.Submit(Low());
  const JobId middle = c.Submit(High().Partition("middle"));
  ASSERT_TRUE(c.Running(low) && c.Running(middle));
  EXPECT_TRUE(c.Running(c.Submit(High())));
  EXPECT_EQ(c.State(low), "SUSPENDED");
  EXPECT_TRUE(c.Running(middle));
  c.Submit(High());
  EXPECT_EQ(c.Get(middle).state, JobState::kPreempted);
}

TEST(StandStill, WithPoliciesThatBeginAnewEachTime) {
  for (const bool backfill : {true, false}) {
    Settings settings = Tiers(1, 1);
    settings.backfill = backfill;
    settings.plan_depth = 1;
    Cluster c(settings);
    const JobId low = c.Submit(Low());
    const JobId high = c.Submit(High());
    const JobId other = c.Submit(Low());
    EXPECT_TRUE(c.Running(high));
    EXPECT_EQ(c.State(low), "SUSPENDED");
    End(c, high);
    EXPECT_EQ(c.State(low), "RUNNING");
    EXPECT_FALSE(c.Running(other));
  }
}

TEST(StandStill, WhoSharesCpusStandsStillWithTheOthers) {
  Settings settings = Tiers(1, 1);
  SetOverSubscribe(settings.partitions[0], {OverSubscribe::kForce, 2});
  Cluster c(settings);
  const JobId a = c.Submit(Low());
  const JobId b = c.Submit(Low());
  ASSERT_TRUE(c.Running(a) && c.Running(b));
  const JobId high = c.Submit(High());
  EXPECT_TRUE(c.Running(high));
  EXPECT_EQ(c.State(a) + c.State(b), "SUSPENDEDSUSPENDED");
  End(c, high);
  EXPECT_TRUE(c.Running(a) && c.Running(b));
}

// ---- whole lives --------------------------------------------------------------------------------

// Whoever stands still for others does so because they have its CPUs, or because they have been
// given back to one that does so too and goes first.
void CheckNotForNothing(const Cluster& c) {
  for (JobId id : JobsIn(c, [](const Job& job) { return job.Suspended(); })) {
    const Job& job = c.Get(id);
    if (!job.suspension->for_others) continue;
    bool in_the_way = false;
    c.controller->ForEachJob([&](const Job& other) {
      if (other.id == id || !other.HoldsResources()) return;
      for (const NodeShare& mine : job.shares) {
        for (const NodeShare& its : other.shares) {
          const bool whole = job.spec->exclusive || other.spec->exclusive;
          const bool meet = mine.node == its.node && (whole || mine.cores.Intersects(its.cores));
          in_the_way = in_the_way || meet;
        }
      }
    });
    EXPECT_TRUE(in_the_way) << "job " << id.value << " stands still for nobody";
  }
}

TEST(StandStill, InvariantsHoldInRandomLives) {
  size_t stood = 0, went_on = 0;
  for (uint32_t seed = 1; seed <= 80; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Settings settings = Tiers(2, 4);
    settings.select.memory = seed % 2 == 0;
    settings.backfill = seed % 7 != 0;
    if (seed % 5 == 0) settings.plan_depth = 1;
    settings.preempt.exempt_time = absl::Seconds(seed % 4 * 40);
    if (seed % 3 == 0) SetOverSubscribe(settings.partitions[0], {OverSubscribe::kForce, 2});
    if (seed % 6 == 1) settings.partitions[1].preempt_mode = PreemptMode::kRequeue;
    Cluster c(settings);
    for (int i = 0; i < 120; ++i) {
      const std::vector<JobId> running = JobsIn(c, [](const Job& job) { return job.Running(); });
      const std::vector<JobId> gone = JobsIn(c, [](const Job& job) { return job.Completing(); });
      const std::vector<JobId> still = JobsIn(c, [](const Job& job) { return job.Suspended(); });
      const auto any = [&](const std::vector<JobId>& ids) {
        return ids[random(static_cast<uint32_t>(ids.size()))];
      };
      const uint32_t what = random(10);
      if (what < 4) {
        Spec spec;
        spec.Minutes(1 + random(30)).Tasks(1 + random(5));
        if (random(3) == 0) spec.Mem(100 * (1 + random(4)));
        if (random(6) == 0) spec.Nodes(1 + random(2));
        if (random(8) == 0) spec.Exclusive();
        if (random(2)) spec.Partition(random(2) ? "high" : "middle");
        (void)c.TrySubmit(spec);
      }
      if (what == 4 && !running.empty()) c.Exit(any(running));
      if (what == 5 && !running.empty()) c.Cancel(any(running));
      if ((what == 6 || what == 5) && !gone.empty()) c.Gone(any(gone));
      if (what == 7) c.Advance(absl::Seconds(random(500)));
      if (what == 8 && !still.empty()) (void)Resume(c, any(still));
      if (what == 9 && random(6) == 0) {
        c.Restart();
        for (const Node& node : settings.nodes) c.Register(node.name, {}, "boot1");
      }
      stood += JobsIn(c, [](const Job& job) {
                 return job.Suspended() && job.suspension->for_others;
               }).size();
      for (JobId id : still) went_on += c.controller->FindJob(id) != nullptr && c.Running(id);
      CheckNotForNothing(c);
      if (::testing::Test::HasFailure()) return;
    }
  }
  EXPECT_GT(stood, 500u);
  EXPECT_GT(went_on, 100u);
}

}  // namespace
}  // namespace reeve::ctld
