// --switches: a job starts on few leaf switches, or anywhere once it has waited for them.
#include "ctld/core/switch_wait.h"

#include <bit>
#include <set>

#include "common/base/text.h"
#include "tests/ctld/core/explain_harness.h"
#include "tests/ctld/core/jobs_in.h"
#include "tests/ctld/core/random.h"
#include "tests/ctld/core/small_world.h"
#include "tests/ctld/core/tree.h"

namespace reeve::ctld {
namespace {

using ::testing::ElementsAre;

constexpr uint32_t kNodes = 4;
constexpr char kTree[] =
    "SwitchName=s0 Nodes=n[1-2]\nSwitchName=s1 Nodes=n[3-4]\nSwitchName=top Switches=s[0-1]\n";

// n1 and n2 are on one leaf, n3 and n4 on another.
Settings TwoLeaves(uint32_t cpus = 1) {
  Settings settings = MakeTestSettings(kNodes, cpus);
  settings.slurmd_timeout = absl::ZeroDuration();
  settings.max_switch_wait = absl::Hours(1);
  AddTree(settings, kTree);
  return settings;
}

size_t LeavesOf(const Cluster& c, JobId id) {
  const Topology& tree = *c.controller->settings().topology;
  std::set<LeafIndex> leaves;
  for (uint32_t node : NodesOf(c, c.Get(id))) leaves.insert(tree.LeafOf(node));
  return leaves.size();
}

// ---- against brute force ------------------------------------------------------------------------

struct Wanted {
  Ask ask;
  uint32_t switches = 0;
  int wait = 0;  // minutes
};

class Brute {
 public:
  bool Fits(const Wanted& wanted, uint32_t set, int start, bool few) const {
    if (std::popcount(set) != static_cast<int>(wanted.ask.nodes)) return false;
    const uint32_t leaves = ((set & 0b0011) != 0) + ((set & 0b1100) != 0);
    if (few && leaves > wanted.switches) return false;
    for (uint32_t node = 0; node < kNodes; ++node) {
      if ((set >> node & 1) != 0 && !world_.FreeThroughout(node, wanted.ask, start)) return false;
    }
    return true;
  }
  // From then on; 1000: never.
  int FirstStart(const Wanted& wanted, int from, bool few) const {
    for (int start = from; start < 1000; ++start) {
      for (uint32_t set = 1; set < 1u << kNodes; ++set) {
        if (Fits(wanted, set, start, few)) return start;
      }
    }
    return 1000;
  }
  // On few switches, or anywhere after the wait, which begins when it could start anywhere.
  int FirstStart(const Wanted& wanted) const {
    const int anywhere = FirstStart(wanted, 0, false);
    if (wanted.switches == 0) return anywhere;
    const int late = FirstStart(wanted, anywhere + wanted.wait, false);
    return std::min(FirstStart(wanted, 0, true), late);
  }
  void Take(const Wanted& wanted, const std::vector<uint32_t>& nodes, int start) {
    world_.Take({start, start + wanted.ask.minutes, nodes, wanted.ask.cpus});
  }

 private:
  SmallWorld world_{kNodes, 2};
};

TEST(SwitchWait, EveryPlannedStartIsTheEarliest) {
  int few = 0, waited = 0;
  for (uint32_t seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Cluster c(TwoLeaves(2));
    const absl::Time begin = c.now;
    Brute brute;
    for (int i = 0; i < 9; ++i) {
      Wanted wanted{{1 + random(kNodes), 1 + random(2), static_cast<int>(1 + random(6))}};
      wanted.switches = random(3) == 0 ? 0 : 1;
      wanted.wait = static_cast<int>(random(5));
      SCOPED_TRACE(::testing::Message()
                   << "job " << i << ", " << wanted.ask.nodes << " nodes, " << wanted.switches
                   << " switches, " << wanted.wait << " minutes");
      Spec spec = SpecOf(wanted.ask);
      if (wanted.switches > 0) spec.Switches(wanted.switches, absl::Minutes(wanted.wait));
      const JobId id = c.Submit(spec);
      const Job& job = c.Get(id);
      const absl::Time start = job.Running() ? job.start_time : job.planned_start;
      ASSERT_TRUE(IsSet(start));
      const int expected = brute.FirstStart(wanted);
      ASSERT_EQ(MinutesFrom(begin, start), expected);
      (LeavesOf(c, id) == 1 ? few : waited) += wanted.switches > 0;
      brute.Take(wanted, NodesOf(c, job), expected);
    }
  }
  EXPECT_GT(few, 500);
  EXPECT_GT(waited, 300);
}

// Whatever happens: nobody starts on more leaves than he asks for before his wait can be over. (The
// harness checks the plan after every event.)
TEST(SwitchWait, ARandomLifeStartsNobodyTooSoon) {
  int many = 0;
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Settings settings = TwoLeaves(2);
    settings.backfill = seed % 5 != 0;
    if (seed % 7 == 0) settings.plan_depth = 1;
    Cluster c(settings);
    std::set<JobId> seen;
    for (int i = 0; i < 150; ++i) {
      const std::vector<JobId> jobs = JobsIn(c, [](const Job& job) { return !job.Finished(); });
      const JobId any = jobs.empty() ? JobId{} : jobs[random(static_cast<uint32_t>(jobs.size()))];
      switch (random(9)) {
        case 0:
          if (any && c.Running(any)) c.Exit(any);
          break;
        case 1:
          if (any) (void)c.Update(any, "Switches", random(2) ? "1@3" : "0");
          break;
        case 2:
          if (any) c.Control(JobAction::kRequeue, any);
          seen.erase(any);
          break;
        case 3:
        case 4:
          c.Advance(absl::Minutes(random(4)));
          break;
        case 5:
          c.SetNode("n" + std::to_string(1 + random(kNodes)), random(2) ? "drain" : "resume", "x");
          break;
        default: {
          Spec spec = SpecOf({1 + random(3), 1 + random(2), static_cast<int>(1 + random(9)), 0});
          if (random(6) == 0) spec.Array("1-3");
          if (random(3) > 0) spec.Switches(1, absl::Minutes(random(5)));
          spec.Nice(static_cast<int>(random(3)) * 50);
          (void)c.TrySubmit(spec);
        }
      }
      for (JobId id : JobsIn(c, [](const Job& job) { return job.Completing(); })) c.Gone(id);
      for (JobId id : JobsIn(c, [](const Job& job) { return job.Running(); })) {
        if (!seen.insert(id).second) continue;
        const Job& job = c.Get(id);
        const RareWishes& wishes = job.spec->wishes();
        if (wishes.switches == 0 || LeavesOf(c, id) <= wishes.switches) continue;
        many++;
        EXPECT_GE(job.start_time, job.submit_time + *wishes.switches_wait);
      }
      if (::testing::Test::HasFailure()) return;
    }
  }
  EXPECT_GT(many, 30);
}

// ---- one by one ---------------------------------------------------------------------------------

// One node of each leaf is taken, for an hour.
struct OneOfEachLeaf {
  explicit OneOfEachLeaf(Settings settings = TwoLeaves()) : c(std::move(settings)) {
    n1 = c.Submit(Spec().On("n1").Minutes(60));
    n3 = c.Submit(Spec().On("n3").Minutes(60));
  }
  Cluster c;
  JobId n1, n3;
};

TEST(SwitchWait, StartsAnywhereWhenItHasWaited) {
  OneOfEachLeaf world;
  Cluster& c = world.c;
  const JobId job = c.Submit(Spec().Nodes(2).Minutes(30).Switches(1, absl::Minutes(10)));
  EXPECT_FALSE(c.Running(job));
  EXPECT_EQ(c.Get(job).rare->switches_since, c.now);
  EXPECT_EQ(c.Get(job).planned_start, c.now + absl::Minutes(10));
  const Effects effects = c.Advance(absl::Minutes(10) - absl::Seconds(1));
  EXPECT_FALSE(c.Running(job));
  EXPECT_EQ(effects.next_wakeup, c.now + absl::Seconds(1)) << "somebody has to look then";
  c.Advance(absl::Seconds(1));
  EXPECT_TRUE(c.Running(job));
  EXPECT_THAT(c.NodesOf(job), ElementsAre("n2", "n4"));
}

TEST(SwitchWait, StartsOnFewAsSoonAsItCan) {
  OneOfEachLeaf world;
  Cluster& c = world.c;
  const JobId job = c.Submit(Spec().Nodes(2).Minutes(30).Switches(1, absl::Minutes(10)));
  c.Advance(absl::Minutes(4));
  c.Exit(world.n3);
  c.Gone(world.n3);
  EXPECT_TRUE(c.Running(job));
  EXPECT_THAT(c.NodesOf(job), ElementsAre("n3", "n4"));
}

TEST(SwitchWait, BeginsWhenItCouldStartElsewhere) {
  Cluster c(TwoLeaves());
  const absl::Time begin = c.now;
  c.Submit(Spec().On("n1").Minutes(60));
  c.Submit(Spec().On("n[2-3]").Minutes(20));
  c.Submit(Spec().On("n4").Minutes(60));
  const JobId job = c.Submit(Spec().Nodes(2).Minutes(30).Switches(1, absl::Minutes(10)));
  EXPECT_FALSE(IsSet(c.Get(job).rare->switches_since));
  EXPECT_EQ(c.Get(job).planned_start, begin + absl::Minutes(30)) << "20 until it could, 10 to wait";
  // They end early: so does the wait.
  c.Advance(absl::Minutes(5));
  c.Exit(JobId{2});
  c.Gone(JobId{2});
  EXPECT_EQ(c.Get(job).rare->switches_since, begin + absl::Minutes(5));
  EXPECT_EQ(c.Get(job).planned_start, begin + absl::Minutes(15));
  c.Advance(absl::Minutes(10));
  EXPECT_TRUE(c.Running(job));
}

TEST(SwitchWait, NobodyOfLowerRankDelaysItsStart) {
  OneOfEachLeaf world;
  Cluster& c = world.c;
  const JobId job = c.Submit(Spec().Nodes(2).Minutes(30).Switches(1, absl::Minutes(10)));
  const JobId longer = c.Submit(Spec().Minutes(11));
  EXPECT_FALSE(c.Running(longer)) << "it would be in the way when the wait is over";
  const JobId brief = c.Submit(Spec().Minutes(10));
  EXPECT_TRUE(c.Running(brief));
  c.Advance(absl::Minutes(10) - absl::Seconds(1));
  c.Exit(brief);
  c.Gone(brief);
  EXPECT_FALSE(c.Running(job));
  c.Advance(absl::Seconds(1));
  EXPECT_TRUE(c.Running(job));
}

TEST(SwitchWait, EachOfOneShapeHasItsOwnTime) {
  OneOfEachLeaf world;
  Cluster& c = world.c;
  const Spec spec = Spec().Nodes(2).Minutes(4).Switches(1, absl::Minutes(10));
  const JobId first = c.Submit(spec);
  c.Advance(absl::Minutes(4));
  const JobId before = c.Submit(Spec(spec).Nice(-100), Root());
  EXPECT_EQ(c.Get(first).rare->switches_since, c.now - absl::Minutes(4));
  c.Advance(absl::Minutes(6));
  EXPECT_TRUE(c.Running(first)) << "it has waited, though another one ranks higher";
  EXPECT_FALSE(c.Running(before));
  EXPECT_EQ(c.Get(before).planned_start, c.now + absl::Minutes(4));
}

TEST(SwitchWait, OnAFlatNetworkEverythingIsOneSwitch) {
  Settings settings = TwoLeaves();
  settings.topology = nullptr;
  OneOfEachLeaf world(settings);
  const JobId job = world.c.Submit(Spec().Nodes(2).Switches(1));
  EXPECT_TRUE(world.c.Running(job));
}

TEST(SwitchWait, LastsNoLongerThanTheClusterLetsIt) {
  Settings settings = TwoLeaves();
  settings.max_switch_wait = absl::Minutes(2);
  OneOfEachLeaf world(settings);
  Cluster& c = world.c;
  const JobId job = c.Submit(Spec().Nodes(2).Switches(1, absl::Hours(5)));
  EXPECT_EQ(c.Get(job).spec->wishes().switches_wait, absl::Minutes(2));
  EXPECT_EQ(c.Get(job).planned_start, c.now + absl::Minutes(2));
  Spec unlimited = Spec().Nodes(2).Switches(1);
  RareWishes wishes = unlimited.raw().wishes();
  wishes.switches_wait.reset();
  unlimited.raw().rare = std::make_shared<const RareWishes>(wishes);
  EXPECT_EQ(c.Get(c.Submit(unlimited)).spec->wishes().switches_wait, absl::Minutes(2));
}

TEST(SwitchWait, CanBeChangedAndTakenBack) {
  OneOfEachLeaf world;
  Cluster& c = world.c;
  const JobId job = c.Submit(Spec().Nodes(2).Minutes(30).Switches(1, absl::Minutes(5)));
  c.Advance(absl::Minutes(1));
  EXPECT_EQ(c.Update(job, "wait-for-switch", "120"), "");
  EXPECT_EQ(c.Get(job).planned_start, c.now + absl::Minutes(1)) << "it has waited since it came";
  EXPECT_EQ(c.Update(job, "Switches", "1@3"), "");
  EXPECT_EQ(c.Get(job).planned_start, c.now + absl::Minutes(2));
  EXPECT_NE(c.Update(job, "Switches", "some"), "");
  EXPECT_EQ(c.Update(job, "ReqSwitch", "0"), "");
  EXPECT_TRUE(c.Running(job));
  EXPECT_NE(c.Update(job, "Switches", "1"), "") << "it runs";
}

TEST(SwitchWait, BeginsAnewWithTheNextRun) {
  OneOfEachLeaf world;
  Cluster& c = world.c;
  const JobId job = c.Submit(Spec().Nodes(2).Minutes(30).Switches(1, absl::Minutes(10)));
  c.Advance(absl::Minutes(10));
  ASSERT_TRUE(c.Running(job));
  EXPECT_EQ(c.Control(JobAction::kRequeue, job), "");
  c.Gone(job);
  EXPECT_FALSE(c.Running(job));
  EXPECT_EQ(c.Get(job).planned_start, c.now + absl::Minutes(10));
}

TEST(SwitchWait, GoesOnAfterARestart) {
  OneOfEachLeaf world;
  Cluster& c = world.c;
  const JobId job = c.Submit(Spec().Nodes(2).Minutes(30).Switches(1, absl::Minutes(10)));
  const absl::Time begin = c.now;
  c.Advance(absl::Minutes(4));
  const auto restart = [&] {
    c.Restart();
    for (const char* free : {"n2", "n4"}) c.Register(free);
  };
  restart();
  EXPECT_EQ(c.Get(job).rare->switches_since, begin);
  EXPECT_EQ(c.Get(job).planned_start, begin + absl::Minutes(10));
  c.now = begin + absl::Minutes(11);
  restart();
  EXPECT_TRUE(c.Running(job)) << "the time was over meanwhile";
}

TEST(SwitchWait, EndsInTheLifeAfterARestart) {
  OneOfEachLeaf world;
  Cluster& c = world.c;
  const JobId job = c.Submit(Spec().Nodes(2).Minutes(30).Switches(1, absl::Minutes(10)));
  c.Restart();
  for (const char* free : {"n2", "n4"}) c.Register(free);
  c.Advance(absl::Minutes(10));
  EXPECT_TRUE(c.Running(job));
}

TEST(SwitchWait, EndsWhenItsNewTimeIsOver) {
  for (const int minutes : {4, 20}) {
    OneOfEachLeaf world;
    Cluster& c = world.c;
    const JobId job = c.Submit(Spec().Nodes(2).Minutes(30).Switches(1, absl::Minutes(10)));
    c.Advance(absl::Minutes(1));
    ASSERT_EQ(c.Update(job, "wait-for-switch", StrCat(60 * minutes)), "");
    for (int i = 2; i < minutes; ++i) c.Advance(absl::Minutes(1));
    EXPECT_FALSE(c.Running(job));
    c.Advance(absl::Minutes(1));
    EXPECT_TRUE(c.Running(job)) << minutes;
  }
}

TEST(SwitchWait, AnOtherTreeIsAnotherWish) {
  OneOfEachLeaf world;
  Cluster& c = world.c;
  const JobId job = c.Submit(Spec().Nodes(2).Minutes(30).Switches(1, absl::Minutes(10)));
  EXPECT_FALSE(c.Running(job));
  AddTree(c.settings, "SwitchName=s0 Nodes=n[1,3]\nSwitchName=s1 Nodes=n[2,4]\n");
  c.Do(Reconfigured{c.settings});
  EXPECT_TRUE(c.Running(job)) << "what is free is on one leaf now";
}

TEST(SwitchWait, NoJobIsOnTwoTrees) {
  Settings settings = TwoLeaves();
  AddTree(settings, "SwitchName=s0 Nodes=n[1-2]\nSwitchName=s1 Nodes=n[3-4]\n");
  OneOfEachLeaf world(settings);
  Cluster& c = world.c;
  const JobId job = c.Submit(Spec().Nodes(2).Minutes(30));
  EXPECT_EQ(c.Get(job).planned_start, c.now + absl::Minutes(60)) << "no switch is above n2 and n4";
  EXPECT_EQ(LeavesOf(c, job), 1u);
  const JobId never = c.Submit(Spec().Nodes(3));
  EXPECT_EQ(c.Why(never), "PartitionConfig");
  const Explanation why = ExplainOne(c, never);
  EXPECT_EQ(why.prospects[0].obstacle_text,
            "at most 2 of the nodes of debug that will do are below one switch, 3 needed");
}

TEST(SwitchWait, IsExplained) {
  OneOfEachLeaf world;
  Cluster& c = world.c;
  const JobId job = c.Submit(Spec().Nodes(2).Minutes(30).Switches(1, absl::Minutes(10)));
  const absl::Time begin = c.now;
  c.Advance(absl::Minutes(1));
  const Explanation why = ExplainOne(c, job);
  EXPECT_EQ(why.switches, 1u);
  EXPECT_EQ(why.switches_wait, absl::Minutes(10));
  EXPECT_EQ(why.switches_since, begin);
  EXPECT_FALSE(why.switches_waited);
  const Requirement& last = why.prospects[0].requirements.back();
  EXPECT_EQ(last.need, Need::kSwitches);
  EXPECT_EQ(last.asked, "1");
  EXPECT_EQ(last.passing, 4u);
  EXPECT_EQ(last.remaining, 0u) << "one node is free on each leaf, two are needed";
  ASSERT_FALSE(why.suggestions.empty());
  EXPECT_EQ(why.suggestions[0].option, "without --switches");
  EXPECT_EQ(why.suggestions[0].instead_of, "1@00:10:00");
  EXPECT_EQ(why.suggestions[0].change, (std::pair<std::string, std::string>{"Switches", "0"}));
  EXPECT_EQ(c.Update(job, "Switches", "0"), "");
  EXPECT_TRUE(c.Running(job));
}

TEST(SwitchWait, NobodyEndsForOneThatCouldStartElsewhere) {
  Settings settings = TwoLeaves();
  settings.preempt.by_tier = true;
  settings.partitions[0].preempt_mode = PreemptMode::kCancel;
  reeve::ctld::Partition high = settings.partitions[0];
  high.name = "high";
  high.is_default = false;
  high.priority_tier = 2;
  settings.partitions.push_back(high);
  OneOfEachLeaf world(settings);
  Cluster& c = world.c;
  const JobId job =
      c.Submit(Spec().Partition("high").Nodes(2).Minutes(30).Switches(1, absl::Minutes(10)));
  EXPECT_FALSE(c.Running(job));
  EXPECT_FALSE(IsSet(c.Get(world.n1).rare->preempt_time));
  EXPECT_FALSE(IsSet(c.Get(world.n3).rare->preempt_time));
}

TEST(SwitchWait, IsNoLongerWhenTheClockIsSet) {
  OneOfEachLeaf world;
  Cluster& c = world.c;
  const JobId job = c.Submit(Spec().Nodes(2).Minutes(30).Switches(1, absl::Minutes(10)));
  c.now += absl::Hours(3);
  c.Do(ClockJumped{absl::Hours(3)});
  EXPECT_FALSE(c.Running(job));
  EXPECT_EQ(c.Get(job).planned_start, c.now + absl::Minutes(10));
}

}  // namespace
}  // namespace reeve::ctld
