// Licences of the cluster: who has them, who waits for them, and who must not take them.
#include "tests/ctld/core/explain_harness.h"
#include "tests/ctld/core/jobs_in.h"
#include "tests/ctld/core/random.h"
#include "tests/ctld/core/small_world.h"

namespace reeve::ctld {
namespace {

using ::testing::HasSubstr;

Settings Licensed(uint32_t nodes, uint32_t cpus, std::vector<License> licenses) {
  Settings settings = MakeTestSettings(nodes, cpus);
  settings.licenses = std::move(licenses);
  return settings;
}

// ---- against brute force ------------------------------------------------------------------------

struct LicensedAsk {
  Ask ask;
  uint32_t licenses = 0;
};

class LicensedWorld : public SmallWorld {
 public:
  LicensedWorld(uint32_t nodes, uint32_t cpus, uint32_t licenses)
      : SmallWorld(nodes, cpus), licenses_(licenses) {}

  int FirstStart(const LicensedAsk& asked) const {
    for (int start = 0;; ++start) {
      start = SmallWorld::FirstStart(asked.ask, start);
      if (LicensesFree(asked, start)) return start;
    }
  }
  bool LicensesFree(const LicensedAsk& asked, int start) const {
    for (int minute = start; minute < start + asked.ask.minutes; ++minute) {
      uint32_t used = 0;
      for (const auto& [from, until, count] : held_) {
        if (from <= minute && minute < until) used += count;
      }
      if (used + asked.licenses > licenses_) return false;
    }
    return true;
  }
  void Hold(int from, int until, uint32_t count) { held_.push_back({from, until, count}); }

 private:
  struct Held {
    int from, until;
    uint32_t count;
  };
  uint32_t licenses_;
  std::vector<Held> held_;
};

void ExpectEarliest(uint32_t nodes, uint32_t cpus, uint32_t licenses,
                    const std::vector<LicensedAsk>& asks) {
  Cluster c(Licensed(nodes, cpus, {{"foo", licenses}}));
  const absl::Time begin = c.now;
  LicensedWorld world(nodes, cpus, licenses);
  std::vector<JobId> ids;
  for (const LicensedAsk& asked : asks) {
    Spec spec = SpecOf(asked.ask);
    if (asked.licenses > 0) spec.Licenses("foo:" + std::to_string(asked.licenses));
    ids.push_back(c.Submit(spec));
  }
  for (size_t i = 0; i < asks.size(); ++i) {
    SCOPED_TRACE(::testing::Message() << "job " << i);
    const Job& job = c.Get(ids[i]);
    const absl::Time start = job.Running() ? job.start_time : job.planned_start;
    ASSERT_TRUE(IsSet(start));
    const int minute = MinutesFrom(begin, start);
    ASSERT_EQ(minute, world.FirstStart(asks[i]));
    ASSERT_EQ(job.Running(), minute == 0);
    world.Take({minute, minute + asks[i].ask.minutes, NodesOf(c, job), asks[i].ask.cpus});
    world.Hold(minute, minute + asks[i].ask.minutes, asks[i].licenses);
  }
}

TEST(License, EveryTinyClusterPlansAsBruteForceDoes) {
  for (uint32_t nodes = 1; nodes <= 2; ++nodes) {
    std::vector<LicensedAsk> kinds;
    for (uint32_t n = 1; n <= nodes; ++n) {
      for (uint32_t licenses : {0u, 1u, 2u}) {
        for (int minutes : {1, 2}) kinds.push_back({{n, 1, minutes}, licenses});
      }
    }
    const size_t count = kinds.size();
    const size_t all = count * count * count * count;
    for (size_t i = 0; i < all; i += nodes == 2 ? 13 : 1) {
      SCOPED_TRACE(i);
      ExpectEarliest(nodes, 2, 2,
                     {kinds[i % count], kinds[i / count % count], kinds[i / count / count % count],
                      kinds[i / count / count / count]});
      if (::testing::Test::HasFailure()) return;
    }
  }
}

TEST(License, RandomClustersPlanAsBruteForceDoes) {
  Random random(11);
  for (int round = 0; round < 200; ++round) {
    const uint32_t nodes = 1 + random(4);
    std::vector<LicensedAsk> asks;
    for (int i = 0; i < 12; ++i) {
      const Ask ask{1 + random(nodes), 1 + random(4), static_cast<int>(1 + random(9))};
      asks.push_back({ask, random(4)});
    }
    SCOPED_TRACE(round);
    ExpectEarliest(nodes, 4, 4, asks);
    if (::testing::Test::HasFailure()) return;
  }
}

// Beside the brute force above: jobs that end early or are cancelled, wishes that change, and other
// numbers of licences. The harness checks the invariants of pool and plan after every event.
TEST(License, ARandomLifeNeverGivesMoreThanThereAre) {
  for (uint32_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Cluster c(Licensed(2, 4, {{"bar", 1}, {"foo", 3}}));
    static const std::vector<std::string> kTexts = {"", "foo", "foo:2", "bar", "bar,foo:2"};
    for (int i = 0; i < 120; ++i) {
      const std::vector<JobId> jobs = JobsIn(c, [](const Job& job) { return !job.Finished(); });
      const JobId any = jobs.empty() ? JobId{} : jobs[random(static_cast<uint32_t>(jobs.size()))];
      switch (random(8)) {
        case 0:
          if (any && c.Running(any)) c.Exit(any);
          break;
        case 1:
          if (any) (void)c.Update(any, "Licenses", kTexts[random(5)]);
          break;
        case 2:
          if (any && random(2) == 0) c.Cancel(any);
          if (any) c.Control(JobAction::kRequeue, any);
          break;
        case 3:
          c.Advance(absl::Minutes(random(8)));
          break;
        case 4:
          if (random(4) > 0) break;
          c.settings.licenses[1].count = random(4);
          c.Do(Reconfigured{c.settings});
          break;
        default: {
          const uint32_t nodes = 1 + random(2);
          Spec spec = SpecOf(
              {nodes, 1 + random(4), static_cast<int>(1 + random(9)), static_cast<int>(random(2))});
          if (random(4) == 0) spec.Array("1-3");
          spec.Nice(static_cast<int>(random(3)) * 50);
          (void)c.TrySubmit(spec.Licenses(kTexts[random(5)]));
        }
      }
      for (JobId id : JobsIn(c, [](const Job& job) { return job.Completing(); })) c.Gone(id);
      if (::testing::Test::HasFailure()) return;
    }
  }
}

// ---- one by one ---------------------------------------------------------------------------------

TEST(License, ALowerJobDoesNotTakeOneThatDelaysAHigherJob) {
  Cluster c(Licensed(2, 2, {{"foo", 2}}));
  const JobId first = c.Submit(Spec().Minutes(10).Licenses("foo"));
  const JobId both = c.Submit(Spec().Minutes(10).Licenses("foo:2"));
  EXPECT_EQ(c.Get(both).planned_start, c.now + absl::Minutes(10));
  EXPECT_EQ(c.Why(both), "Licenses");
  const JobId too_long = c.Submit(Spec().Minutes(11).Licenses("foo"));
  EXPECT_FALSE(c.Running(too_long)) << "it would delay the one before it";
  const JobId without = c.Submit(Spec().Minutes(60));
  EXPECT_TRUE(c.Running(without));
  const JobId brief = c.Submit(Spec().Minutes(10).Licenses("foo:1"));
  EXPECT_TRUE(c.Running(brief)) << "it is over by then";
  c.Exit(first);
  EXPECT_FALSE(c.Running(both));
  c.Exit(brief);
  EXPECT_TRUE(c.Running(both));
}

TEST(License, OnesThatBecomeFreeElsewhereStartAJob) {
  Settings settings = Licensed(2, 2, {{"foo", 1}});
  reeve::ctld::Partition other = settings.partitions[0];
  settings.partitions[0].nodes = {"n1"};
  other.name = "other";
  other.is_default = false;
  other.nodes = {"n2"};
  settings.partitions.push_back(other);
  Cluster c(settings);
  const JobId holder = c.Submit(Spec().Partition("other").Licenses("foo"));
  const JobId waits = c.Submit(Spec().Licenses("foo"));
  EXPECT_EQ(c.Why(waits), "Licenses");
  c.Exit(holder);
  EXPECT_TRUE(c.Running(waits));
}

TEST(License, AJobThatIsClearedAwayKeepsItsOwnAMomentLonger) {
  Cluster c(Licensed(2, 2, {{"foo", 1}}));
  const JobId leaves = c.Submit(Spec().Minutes(600).Licenses("foo"));
  const JobId waits = c.Submit(Spec().Licenses("foo"));
  EXPECT_EQ(c.Get(waits).planned_start, c.now + absl::Minutes(600));
  c.Cancel(leaves);
  ASSERT_TRUE(c.Get(leaves).Completing());
  EXPECT_FALSE(c.Running(waits));
  EXPECT_LE(c.Get(waits).planned_start, c.now + absl::Minutes(1));
  c.Gone(leaves);
  EXPECT_TRUE(c.Running(waits));
}

TEST(License, UnknownOnesAndMoreThanThereAreAreRefused) {
  Cluster c(Licensed(1, 2, {{"bar", 1}, {"foo", 2}}));
  EXPECT_EQ(c.Refusal(Spec().Licenses("nope")),
            "the cluster has no licence nope\nInvalid license specification");
  EXPECT_THAT(c.Refusal(Spec().Licenses("nope:0")), HasSubstr("Invalid license specification"));
  EXPECT_EQ(c.Refusal(Spec().Licenses("foo:3")),
            "asks for 3 of licence foo, the cluster has 2\nInvalid license specification");
  EXPECT_THAT(c.Refusal(Spec().Licenses("foo:2,foo")), HasSubstr("Invalid license specification"));
  EXPECT_THAT(c.Refusal(Spec().Licenses("foo|bar")), HasSubstr("Invalid license specification"));
  EXPECT_TRUE(c.Running(c.Submit(Spec().Licenses("foo:0"))));
  const JobId job = c.Submit(Spec().Licenses("foo,bar"));
  EXPECT_TRUE(c.Running(job));
  EXPECT_EQ(c.controller->licenses().entries()[1].used, 1u);
  c.Exit(job);
  EXPECT_EQ(c.controller->licenses().entries()[1].used, 0u);
}

TEST(License, HoldOverARestartAndFollowTheConfiguration) {
  Cluster c(Licensed(1, 4, {{"foo", 2}}));
  const JobId job = c.Submit(Spec().Minutes(30).Licenses("foo:2"));
  const JobId next = c.Submit(Spec().Minutes(30).Licenses("foo"));
  ASSERT_TRUE(c.Running(job));
  c.Restart();
  c.Register("n1", {{job, kBatchStep, 0}});
  EXPECT_EQ(c.controller->licenses().entries()[0].used, 2u);
  EXPECT_FALSE(c.Running(next));
  c.settings.licenses = {{"foo", 1}};
  c.Do(Reconfigured{c.settings});
  EXPECT_TRUE(c.Running(job)) << "what has started keeps them";
  EXPECT_FALSE(c.Running(next));
  c.settings.licenses = {};
  c.Do(Reconfigured{c.settings});
  EXPECT_EQ(c.Why(next), "Licenses");
  EXPECT_THAT(ExplainOne(c, next).prospects[0].obstacle_text,
              HasSubstr("the cluster has no licence foo"));
  c.settings.licenses = {{"foo", 3}};
  c.Do(Reconfigured{c.settings});
  EXPECT_TRUE(c.Running(next));
}

TEST(License, AreUpdatedWhileTheJobWaits) {
  Cluster c(Licensed(1, 4, {{"foo", 2}}));
  c.Submit(Spec().Licenses("foo:2"));
  const JobId job = c.Submit(Spec().Licenses("foo:2"));
  EXPECT_THAT(c.Update(job, "Licenses", "foo:9"), HasSubstr("Invalid license specification"));
  EXPECT_FALSE(c.Running(job));
  EXPECT_EQ(c.Update(job, "Licenses", ""), "");
  EXPECT_TRUE(c.Running(job));
}

TEST(License, AreExplainedWithTheirCounts) {
  Cluster c(Licensed(1, 4, {{"foo", 4}}));
  const JobId holder = c.Submit(Spec().Minutes(30).Licenses("foo:3"));
  const JobId job = c.Submit(Spec().Minutes(10).Licenses("foo:2"));
  const Explanation why = ExplainOne(c, job);
  ASSERT_EQ(why.prospects[0].licenses.size(), 1u);
  const LicenseCount& count = why.prospects[0].licenses[0];
  EXPECT_EQ(count.name, "foo");
  EXPECT_EQ(count.asked, 2u);
  EXPECT_EQ(count.total, 4u);
  EXPECT_EQ(count.free_now, 1u);
  EXPECT_EQ(count.free_throughout, 1u);
  ASSERT_FALSE(why.busy.empty());
  EXPECT_EQ(why.busy[0].job, holder);
  EXPECT_EQ(why.busy[0].license, "foo:3");
  EXPECT_EQ(why.busy[0].until, c.now + absl::Minutes(30));
  EXPECT_TRUE(why.suggestions.empty()) << "no other wish would start it";
}

// ---- what a long queue costs --------------------------------------------------------------------

// A controller without the harness, which counts everything over after each event.
class LongQueue {
 public:
  // Of three jobs two want a licence, one all of a node's CPUs.
  explicit LongQueue(uint32_t jobs) : controller_(Licensed(4, 16, {{"bar", 7}, {"foo", 10}})) {
    (void)controller_.Restore({}, now_);
    for (const Node* node : controller_.Nodes()) {
      NodeRegistered event;
      event.node = node->name;
      event.boot_id = "boot";
      event.hardware.cpus = node->cpus;
      event.hardware.real_memory_mb = node->real_memory_mb;
      (void)controller_.Handle(event, now_);
    }
    Random random(5);
    for (uint32_t i = 0; i < jobs; ++i) {
      SubmitJob event;
      event.caller = User(1000);
      Spec spec;
      spec.Minutes(static_cast<int>(1 + random(60))).CpusPerTask(i % 3 == 0 ? 16 : 1);
      if (i % 3 == 1) spec.Licenses("foo");
      if (i % 3 == 2) spec.Licenses(random(2) == 0 ? "bar,foo:2" : "foo:3");
      event.spec = spec.Make();
      event.script_hash = event.env_hash = "hash";
      (void)controller_.Handle(event, now_);
    }
  }
  // Until there is nothing to look at. Returns the looks it took.
  uint64_t Plan() {
    const uint64_t before = plan().work();
    while (controller_.Schedule(now_).schedule) {
    }
    return plan().work() - before;
  }
  const reeve::ctld::Plan& plan() const { return controller_.state().plan; }

 private:
  absl::Time now_ = absl::FromUnixSeconds(1795387200);
  Controller controller_;
};

TEST(License, APlanCostsAsMuchAJobInALongQueue) {
  LongQueue brief(500);
  LongQueue lengthy(4000);
  const uint64_t brief_work = brief.Plan();
  const uint64_t lengthy_work = lengthy.Plan();
  EXPECT_GT(brief.plan().planned_jobs(), 400u);
  EXPECT_GT(lengthy.plan().planned_jobs(), 3900u);
  EXPECT_LT(lengthy_work, 8 * brief_work * 3 / 2) << brief_work << " looks for 500 jobs";
}

TEST(License, RoomThatIsOfNoUseIsNoReasonToSearch) {
  Cluster c(Licensed(60, 4, {{"foo", 100}}));
  ASSERT_TRUE(c.Running(c.Submit(Spec().Minutes(600).Nodes(59).PerNode(1).CpusPerTask(4))));
  ASSERT_TRUE(c.Running(c.Submit(Spec().Minutes(600).CpusPerTask(2))));
  const JobId ends = c.Submit(Spec().Minutes(300).CpusPerTask(2));
  for (int i = 0; i < 40; ++i) c.Submit(Spec().Minutes(10).CpusPerTask(4).Licenses("foo"));
  const uint64_t before = c.controller->state().plan.work();
  c.Exit(ends);
  EXPECT_LT(c.controller->state().plan.work() - before, 400u);
}

}  // namespace
}  // namespace reeve::ctld
