// Tiny clusters against brute force: every job's planned start is the earliest at which it fits
// beside all that rank higher, found by trying each instant and each set of nodes.
#include <random>

#include "tests/ctld/core/small_world.h"

namespace reeve::ctld {
namespace {

// The jobs come one after another; each gets the place that brute force finds for it, in the world
// as it is with the places of those before it.
void ExpectEarliestPlaces(uint32_t nodes, uint32_t cpus, const std::vector<Ask>& asks) {
  Cluster c(nodes, cpus);
  const absl::Time begin = c.now;
  SmallWorld world(nodes, cpus);
  std::vector<JobId> ids;
  for (const Ask& ask : asks) ids.push_back(c.Submit(SpecOf(ask)));
  for (size_t i = 0; i < asks.size(); ++i) {
    const Job& job = c.Get(ids[i]);
    const absl::Time start = job.Running() ? job.start_time : job.planned_start;
    ASSERT_TRUE(IsSet(start)) << "job " << i << " has no place";
    const int minute = MinutesFrom(begin, start);
    ASSERT_EQ(minute, world.FirstStart(asks[i], 0)) << "job " << i;
    ASSERT_EQ(job.Running(), minute == 0);
    const std::vector<uint32_t> places = NodesOf(c, job);
    ASSERT_EQ(places.size(), asks[i].nodes);
    for (uint32_t node : places) {
      ASSERT_TRUE(world.FreeThroughout(node, asks[i], minute)) << "node " << node << " twice";
    }
    world.Take({minute, minute + asks[i].minutes, places, asks[i].cpus});
  }
}

TEST(Backfill, EveryTinyClusterPlansAsBruteForceDoes) {
  // Up to 3 nodes of 2 CPUs, 4 jobs: each of all widths, sizes and lengths of 1 or 2.
  for (uint32_t nodes = 1; nodes <= 3; ++nodes) {
    std::vector<Ask> kinds;
    for (uint32_t n = 1; n <= nodes; ++n) {
      for (uint32_t cpus = 1; cpus <= 2; ++cpus) {
        for (int minutes : {1, 2}) kinds.push_back({n, cpus, minutes});
      }
    }
    const size_t count = kinds.size();
    // Every set of four for two nodes and fewer; for three nodes every third of them.
    const size_t all = count * count * count * count;
    const size_t step = nodes == 3 ? 7 : nodes == 2 ? 3 : 1;
    for (size_t i = 0; i < all; i += step) {
      const std::vector<Ask> asks = {kinds[i % count], kinds[i / count % count],
                                     kinds[i / count / count % count],
                                     kinds[i / count / count / count]};
      SCOPED_TRACE(i);
      ExpectEarliestPlaces(nodes, 2, asks);
      if (::testing::Test::HasFailure()) return;
    }
  }
}

TEST(Backfill, RandomClustersPlanAsBruteForceDoes) {
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    const uint32_t nodes = 1 + random() % 6;
    std::vector<Ask> asks;
    for (int i = 0; i < 12; ++i) {
      asks.push_back({static_cast<uint32_t>(1 + random() % nodes),
                      static_cast<uint32_t>(1 + random() % 4), static_cast<int>(1 + random() % 9)});
    }
    SCOPED_TRACE(round);
    ExpectEarliestPlaces(nodes, 4, asks);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(Backfill, PlannedStartsStayWhileNothingChanges) {
  Cluster c(3, 2);
  std::vector<JobId> ids;
  for (int i = 0; i < 12; ++i) {
    ids.push_back(c.Submit(SpecOf({1u + i % 3, 1u + i % 2, 10 + 7 * i % 20})));
  }
  std::vector<absl::Time> planned;
  for (JobId id : ids) planned.push_back(c.Get(id).planned_start);
  for (int i = 0; i < 5; ++i) {
    c.Advance(absl::Seconds(30));
    c.Heartbeats();
    c.Submit(Spec().Hold());
  }
  for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(c.Get(ids[i]).planned_start, planned[i]);
}

// As long as everything runs to its limit and nothing of higher rank comes, a job never starts
// later than it was told.
TEST(Backfill, PromisesAreKept) {
  std::mt19937 random(9);
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(round);
    Settings settings = MakeTestSettings(3, 4);
    settings.slurmd_timeout = absl::ZeroDuration();
    settings.min_job_age = absl::ZeroDuration();
    Cluster c(settings);
    std::map<JobId, absl::Time> promised;
    std::vector<JobId> ids;
    for (int i = 0; i < 20; ++i) {
      ids.push_back(c.Submit(
          SpecOf({static_cast<uint32_t>(1 + random() % 3), static_cast<uint32_t>(1 + random() % 4),
                  static_cast<int>(1 + random() % 9)})));
      for (JobId id : ids) {
        const Job& job = c.Get(id);
        if (!job.Pending()) continue;
        const auto [known, is_new] = promised.emplace(id, job.planned_start);
        EXPECT_LE(job.planned_start, known->second) << "job " << id.value << " was put off";
        known->second = std::min<absl::Time>(known->second, job.planned_start);
      }
      absl::Time until = c.now + absl::Seconds(random() % 120);
      for (JobId id : ids) {
        if (c.Running(id)) until = std::min<absl::Time>(until, c.Get(id).end_time);
      }
      c.now = until;
      std::vector<JobId> due;
      for (JobId id : ids) {
        if (c.Running(id) && c.Get(id).end_time == until) due.push_back(id);
      }
      // All of them at once, and just before their limits: whoever overran would put the plan off.
      for (JobId id : due) {
        (void)c.controller->Handle(StepReported{.node = c.Get(id).shares[0].node,
                                                .report_id = 1,
                                                .job = id,
                                                .step = kBatchStep,
                                                .kind = StepReportKind::kExited,
                                                .tasks = {{0, 0}}},
                                   until - absl::Nanoseconds(1));
      }
      if (!due.empty()) (void)c.controller->Schedule(c.now);
      for (JobId id : ids) {
        if (!c.Running(id)) continue;
        EXPECT_LE(c.Get(id).start_time, promised.emplace(id, until).first->second);
      }
    }
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(Backfill, AHigherJobTakesTheRoomThatALowerOneWasPromised) {
  Cluster c(2, 2);
  c.Submit(Spec().Nodes(2).Exclusive().Minutes(10));
  const JobId low = c.Submit(Spec().Nodes(2).Exclusive().Minutes(10));
  EXPECT_EQ(c.Get(low).planned_start, c.now + absl::Minutes(10));
  const JobId high = c.Submit(Spec().Nodes(1).Exclusive().Minutes(30));
  EXPECT_EQ(c.Get(high).planned_start, c.now + absl::Minutes(20));
  EXPECT_EQ(c.Update(high, "priority", "4294901760", Root()), "");
  EXPECT_EQ(c.Get(high).planned_start, c.now + absl::Minutes(10));
  EXPECT_EQ(c.Get(low).planned_start, c.now + absl::Minutes(40));
  EXPECT_EQ(c.Why(high), "Resources");
  EXPECT_EQ(c.Why(low), "Priority");
}

TEST(Backfill, AJobThatOverrunsPutsThePlanOff) {
  Settings settings = MakeTestSettings(1, 2);
  settings.over_time_limit = absl::Hours(1);
  settings.slurmd_timeout = absl::ZeroDuration();
  Cluster c(settings);
  const JobId long_one = c.Submit(Spec().Exclusive().Minutes(10));
  const JobId next = c.Submit(Spec().Exclusive().Minutes(10));
  EXPECT_EQ(c.Get(next).planned_start, c.now + absl::Minutes(10));
  const Effects effects = c.Advance(absl::Minutes(10));
  EXPECT_TRUE(c.Running(long_one));
  EXPECT_GT(c.Get(next).planned_start, c.now);
  // Somebody looks again when that time has come.
  EXPECT_LE(*effects.next_wakeup, c.Get(next).planned_start);
}

// Others wait before them, on other nodes.
TEST(Backfill, NodesThatBecomeFreeOneAfterAnotherAreTheFirstJobs) {
  Cluster c(3, 2);
  c.Submit(Spec().On("n3").Exclusive().Minutes(600));
  c.Submit(Spec().On("n3").Exclusive().Minutes(600));
  const JobId running = c.Submit(Spec().Nodes(2).Exclusive().Minutes(60).Interactive());
  const JobId wide = c.Submit(Spec().Nodes(2).NotOn("n3").Exclusive().Minutes(60));
  const JobId narrow = c.Submit(Spec().NotOn("n3").Minutes(10));
  EXPECT_EQ(c.Get(wide).planned_start, c.now + absl::Minutes(60));
  CreateStep step;
  step.min_nodes = 2;
  step.num_tasks = 2;
  ASSERT_TRUE(c.StepIn(running, step).ok());
  c.Started(running, StepId{0});
  CancelJobs cancel;
  cancel.caller = Root();
  cancel.jobs = {{running, "", std::nullopt}};
  (void)c.controller->Handle(cancel, c.now);
  // In the same moment the first node is clear, and the other soon will be: not in an hour.
  c.Do(JobGone{"n1", ++c.reports, running, 0});
  EXPECT_FALSE(c.Running(narrow));
  c.Do(JobGone{"n2", ++c.reports, running, 0});
  EXPECT_TRUE(c.Running(wide));
  EXPECT_FALSE(c.Running(narrow));
}

// Of four that share two nodes in pairs two end at once. Behind the first of all waits one for both
// nodes, and before its place a smaller one for one of them.
struct Moved {
  absl::Duration large;
  absl::Duration small;
};
Moved WhenTwoEndEarly(Settings settings) {
  Cluster c(std::move(settings));
  c.Submit(Spec().On("n3").Exclusive().Minutes(200));
  std::vector<JobId> pair;
  for (const auto& [node, minutes] : {std::pair("n1", 100), std::pair("n2", 150)}) {
    c.Submit(Spec().On(node).Minutes(20).Mem(10));
    pair.push_back(c.Submit(Spec().On(node).Minutes(minutes).Mem(10).Interactive()));
  }
  c.Submit(Spec().On("n3").Exclusive().Minutes(10));
  const JobId large = c.Submit(Spec().On("n1,n2").Nodes(2).Exclusive().Minutes(60));
  const JobId small = c.Submit(Spec().On("n1").Exclusive().Minutes(30));
  EXPECT_EQ(c.Get(large).planned_start, c.now + absl::Minutes(150));
  EXPECT_EQ(c.Get(small).planned_start, c.now + absl::Minutes(100));
  CancelJobs cancel;
  cancel.caller = Root();
  for (JobId job : pair) cancel.jobs.push_back({job, "", std::nullopt});
  c.Do(cancel);
  return {c.Get(large).planned_start - c.now, c.Get(small).planned_start - c.now};
}

TEST(Backfill, ThePlanMovesUpInItsOwnOrder) {
  const Moved moved = WhenTwoEndEarly(MakeTestSettings(3, 2));
  EXPECT_EQ(moved.small, absl::Minutes(20));
  EXPECT_EQ(moved.large, absl::Minutes(50));
}

TEST(Backfill, ThePlanMovesUpByPriorityWhereThatIsNotArrival) {
  Settings settings = MakeTestSettings(3, 2);
  settings.priority.multifactor = true;
  settings.priority.weight_age = 1000;
  const Moved moved = WhenTwoEndEarly(std::move(settings));
  EXPECT_EQ(moved.large, absl::Minutes(20));
  EXPECT_EQ(moved.small, absl::Minutes(80));
}

// Though the second one could be where the first has only its old place.
TEST(Backfill, OthersStartBesideWhereTheFirstCanBeNow) {
  Cluster c(2, 2);
  c.Submit(Spec().On("n1").Exclusive().Minutes(30));
  const JobId long_one = c.Submit(Spec().On("n2").Exclusive().Minutes(120).Interactive());
  const JobId wide = c.Submit(Spec().Nodes(2).Exclusive().Minutes(60));
  const JobId narrow = c.Submit(Spec().On("n2").Exclusive().Minutes(60));
  EXPECT_EQ(c.Get(wide).planned_start, c.now + absl::Minutes(120));
  EXPECT_EQ(c.Get(narrow).planned_start, c.now + absl::Minutes(180));
  CancelJobs cancel;
  cancel.caller = Root();
  cancel.jobs = {{long_one, "", std::nullopt}};
  c.Do(cancel);
  EXPECT_FALSE(c.Running(narrow));
  EXPECT_EQ(c.Get(wide).planned_start, c.now + absl::Minutes(30));
}

TEST(Backfill, ATimeLimitMadeShorterBringsTheNextForward) {
  Cluster c(1, 2);
  const JobId running = c.Submit(Spec().Exclusive().Minutes(60));
  const JobId other = c.Submit(Spec().Exclusive().Minutes(10));
  EXPECT_EQ(c.Get(other).planned_start, c.now + absl::Minutes(60));
  EXPECT_EQ(c.Update(running, "timelimit", "20"), "");
  EXPECT_TRUE(c.Get(other).Pending());
}

}  // namespace
}  // namespace reeve::ctld
