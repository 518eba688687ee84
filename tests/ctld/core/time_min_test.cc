// --time-min and --deadline.
#include <random>

#include "tests/ctld/core/explain_harness.h"
#include "tests/ctld/core/small_world.h"

namespace reeve::ctld {
namespace {

using ::testing::HasSubstr;

// ---- against brute force ------------------------------------------------------------------------

// How long the job's nodes are its own.
int MinutesGiven(const Cluster& c, const Job& job) {
  if (job.Running()) return MinutesFrom(job.start_time, job.end_time);
  const State& state = c.controller->state();
  const Plan::PlannedJob& planned = *state.plan.Find(job.id);
  for (const Track::Hold& hold : state.plan.track(planned.places[0].nodes[0], 0).holds()) {
    if (hold.rank.job == job.id) return MinutesFrom(ToTime(hold.from), ToTime(hold.until));
  }
  return 0;
}

// A job starts now with the longest limit with which it can; else its planned start is the
// earliest with the shortest one, for as long as those nodes are free.
void ExpectAsBruteForce(uint32_t nodes, uint32_t cpus, const std::vector<Ask>& asks) {
  Cluster c(nodes, cpus);
  const absl::Time begin = c.now;
  SmallWorld world(nodes, cpus);
  std::vector<JobId> ids;
  for (const Ask& ask : asks) ids.push_back(c.Submit(SpecOf(ask)));
  for (size_t i = 0; i < asks.size(); ++i) {
    SCOPED_TRACE(::testing::Message() << "job " << i);
    const Ask& ask = asks[i];
    const Job& job = c.Get(ids[i]);
    Ask shortest = ask;
    if (ask.least > 0) shortest.minutes = ask.least;
    const absl::Time start = job.Running() ? job.start_time : job.planned_start;
    ASSERT_TRUE(IsSet(start));
    const int minute = MinutesFrom(begin, start);
    ASSERT_EQ(minute, world.FirstStart(shortest, 0));
    ASSERT_EQ(job.Running(), minute == 0);
    const std::vector<uint32_t> places = NodesOf(c, job);
    ASSERT_EQ(places.size(), ask.nodes);
    const auto free = [&](int minutes) {
      Ask longer = ask;
      longer.minutes = minutes;
      if (job.Running()) return world.FirstStart(longer, 0) == 0;
      return std::all_of(places.begin(), places.end(),
                         [&](uint32_t node) { return world.FreeThroughout(node, longer, minute); });
    };
    int longest = shortest.minutes;
    while (longest < ask.minutes && free(longest + 1)) longest++;
    ASSERT_EQ(MinutesGiven(c, job), longest);
    ASSERT_TRUE(!job.Running() || job.time_limit == absl::Minutes(longest));
    for (uint32_t node : places) {
      Ask given = ask;
      given.minutes = longest;
      ASSERT_TRUE(world.FreeThroughout(node, given, minute)) << "node " << node << " twice";
    }
    world.Take({minute, minute + longest, places, ask.cpus});
  }
}

TEST(TimeMin, EveryTinyClusterPlansAsBruteForceDoes) {
  for (uint32_t nodes = 1; nodes <= 3; ++nodes) {
    std::vector<Ask> kinds;
    for (uint32_t n = 1; n <= nodes; ++n) {
      for (uint32_t cpus = 1; cpus <= 2; ++cpus) {
        kinds.push_back({n, cpus, 2});
        kinds.push_back({n, cpus, 3, 1});
        kinds.push_back({n, cpus, 4, 2});
      }
    }
    const size_t count = kinds.size();
    const size_t all = count * count * count * count;
    const size_t step = nodes == 3 ? 53 : nodes == 2 ? 11 : 1;
    for (size_t i = 0; i < all; i += step) {
      SCOPED_TRACE(i);
      ExpectAsBruteForce(nodes, 2,
                         {kinds[i % count], kinds[i / count % count],
                          kinds[i / count / count % count], kinds[i / count / count / count]});
      if (::testing::Test::HasFailure()) return;
    }
  }
}

TEST(TimeMin, RandomClustersPlanAsBruteForceDoes) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    const uint32_t nodes = 1 + random() % 5;
    std::vector<Ask> asks;
    for (int i = 0; i < 12; ++i) {
      const int minutes = static_cast<int>(1 + random() % 12);
      const int least = random() % 2 == 0 ? 0 : static_cast<int>(1 + random() % minutes);
      asks.push_back({static_cast<uint32_t>(1 + random() % nodes),
                      static_cast<uint32_t>(1 + random() % 4), minutes, least});
    }
    SCOPED_TRACE(round);
    ExpectAsBruteForce(nodes, 4, asks);
    if (::testing::Test::HasFailure()) return;
  }
}

// ---- one by one ---------------------------------------------------------------------------------

TEST(TimeMin, ALowerJobStartsWithAShorterLimitBeforeAHigherOne) {
  Cluster c(2, 2);
  c.Submit(Spec().On("n1").Exclusive().Minutes(30));
  const JobId wide = c.Submit(Spec().Nodes(2).Exclusive().Minutes(60));
  ASSERT_EQ(c.Get(wide).planned_start, c.now + absl::Minutes(30));
  const JobId long_one = c.Submit(Spec().Minutes(60));
  const JobId flexible = c.Submit(Spec().Minutes(60).TimeMin(absl::Minutes(10)));
  EXPECT_FALSE(c.Running(long_one));
  EXPECT_TRUE(c.Running(flexible));
  EXPECT_EQ(c.Get(flexible).time_limit, absl::Minutes(30));
  EXPECT_EQ(c.Get(flexible).end_time, c.now + absl::Minutes(30));
  EXPECT_EQ(c.Get(wide).planned_start, c.now + absl::Minutes(30)) << "put off";
  const JobId last = c.Submit(Spec().Minutes(60).TimeMin(absl::Minutes(31)));
  EXPECT_FALSE(c.Running(last));
  const Explanation why = ExplainOne(c, last);
  ASSERT_FALSE(why.suggestions.empty());
  EXPECT_EQ(why.suggestions[0].option, "--time-min=00:30:00");
}

TEST(TimeMin, ARequeuedJobAsksForItsWholeLimitAgain) {
  Cluster c(2, 2);
  c.Submit(Spec().On("n1").Exclusive().Minutes(30));
  const JobId wide = c.Submit(Spec().Nodes(2).Exclusive().Minutes(60));
  const JobId flexible = c.Submit(Spec().Minutes(60).TimeMin(absl::Minutes(10)));
  ASSERT_EQ(c.Get(flexible).time_limit, absl::Minutes(30));
  c.Restart();
  EXPECT_EQ(c.Get(flexible).time_limit, absl::Minutes(30));
  EXPECT_EQ(c.Cancel(wide), "");
  c.Register("n2", {{flexible, kBatchStep, 0}});
  EXPECT_EQ(c.Control(JobAction::kRequeue, flexible), "");
  c.Gone(flexible);
  c.Advance(absl::Seconds(1));
  ASSERT_TRUE(c.Running(flexible));
  EXPECT_EQ(c.Get(flexible).time_limit, absl::Minutes(60));
}

TEST(TimeMin, ALimitBeyondThePartitionsIsLoweredToIt) {
  Settings settings = MakeTestSettings(1, 2);
  settings.partitions[0].max_time = absl::Minutes(45);
  Cluster c(settings);
  const JobId job = c.Submit(Spec().Minutes(90).TimeMin(absl::Minutes(20)));
  EXPECT_TRUE(c.Running(job));
  EXPECT_EQ(c.Get(job).time_limit, absl::Minutes(45));
  const JobId stiff = c.Submit(Spec().Minutes(90).TimeMin(absl::Minutes(46)));
  EXPECT_EQ(c.Why(stiff), "PartitionTimeLimit");
}

TEST(TimeMin, IsCheckedAndUpdated) {
  Cluster c(1, 2);
  EXPECT_THAT(c.Refusal(Spec().Minutes(10).TimeMin(absl::Minutes(11))),
              HasSubstr("time limit is invalid"));
  c.Submit(Spec().Exclusive().Minutes(10));
  const JobId job = c.Submit(Spec().Exclusive().Minutes(10));
  EXPECT_THAT(c.Update(job, "TimeMin", "11"), HasSubstr("time limit is invalid"));
  EXPECT_EQ(c.Update(job, "TimeMin", "5"), "");
  EXPECT_EQ(c.Get(job).spec->wishes().time_min, absl::Minutes(5));
  EXPECT_THAT(c.Update(job, "TimeLimit", "4"), HasSubstr("time limit is invalid"));
  EXPECT_EQ(c.Update(job, "TimeMin", "0"), "");
  EXPECT_EQ(c.Get(job).spec->rare, nullptr);
}

// Time goes by without a word from the node.
Settings Patient() {
  Settings settings = MakeTestSettings(1, 2);
  settings.slurmd_timeout = absl::ZeroDuration();
  return settings;
}

TEST(Deadline, WhatCannotEndInTimeIsRefused) {
  Cluster c(Patient());
  const auto by = [&](int minutes) { return c.now + absl::Minutes(minutes); };
  EXPECT_THAT(c.Refusal(Spec().Minutes(10).Deadline(by(9))), HasSubstr("time limit is invalid"));
  EXPECT_THAT(c.Refusal(Spec().Minutes(10).Deadline(by(-1))), HasSubstr("time limit is invalid"));
  EXPECT_THAT(c.Refusal(Spec().Minutes(10).Deadline(by(15)).Begin(by(6))),
              HasSubstr("time limit is invalid"));
  EXPECT_TRUE(c.Running(c.Submit(Spec().Minutes(10).Deadline(by(10)))));
}

TEST(Deadline, EndsAJobThatHasMissedItsLastStart) {
  Cluster c(Patient());
  c.Submit(Spec().Exclusive().Minutes(60));
  const JobId job = c.Submit(Spec().Exclusive().Minutes(10).Deadline(c.now + absl::Minutes(30)));
  const JobId held = c.Submit(Spec().Hold().Minutes(25).Deadline(c.now + absl::Minutes(30)));
  const JobId after = c.Submit(Spec().After("afternotok:" + std::to_string(job.value)).Hold());
  EXPECT_FALSE(IsSet(c.Get(job).planned_start)) << "there is none before the deadline";
  c.Advance(absl::Minutes(6));
  EXPECT_EQ(c.Get(held).state, JobState::kDeadline) << "held jobs are no exception";
  c.Advance(absl::Minutes(14));
  EXPECT_TRUE(c.Get(job).Pending()) << "it could still start in this moment";
  c.Advance(absl::Microseconds(1));
  EXPECT_EQ(c.State(job), "DEADLINE");
  EXPECT_EQ(c.Why(job), "DeadLine");
  EXPECT_EQ(c.Get(job).exit_status, 1);
  EXPECT_EQ(c.Get(job).end_time, c.now);
  EXPECT_EQ(c.Control(JobAction::kRelease, after), "");
  EXPECT_NE(c.Why(after), "Dependency") << "who waits for its failure is told";
}

TEST(Deadline, LowersTheLimitAsFarAsItMay) {
  Cluster c(Patient());
  const absl::Time deadline = c.now + absl::Minutes(40);
  const JobId first = c.Submit(Spec().Exclusive().Minutes(20));
  const JobId job =
      c.Submit(Spec().Exclusive().Minutes(60).TimeMin(absl::Minutes(15)).Deadline(deadline));
  EXPECT_EQ(c.Get(job).planned_start, c.now + absl::Minutes(20));
  c.Advance(absl::Minutes(10));
  c.Exit(first);
  ASSERT_TRUE(c.Running(job));
  EXPECT_EQ(c.Get(job).end_time, deadline);
}

TEST(Deadline, AnUnlimitedJobEndsByIt) {
  Cluster c(Patient());
  const absl::Time deadline = c.now + absl::Minutes(40);
  const JobId job = c.Submit(Spec().Deadline(deadline));
  ASSERT_TRUE(c.Running(job));
  EXPECT_EQ(c.Get(job).end_time, deadline);
}

TEST(Deadline, AFreedPlaceInTimeIsPlanned) {
  Cluster c(Patient());
  const JobId running = c.Submit(Spec().Exclusive().Minutes(60));
  const JobId job = c.Submit(Spec().Exclusive().Minutes(10).Deadline(c.now + absl::Minutes(30)));
  ASSERT_FALSE(IsSet(c.Get(job).planned_start));
  EXPECT_EQ(c.Update(running, "TimeLimit", "15"), "");
  EXPECT_EQ(c.Get(job).planned_start, c.now + absl::Minutes(15));
}

TEST(Deadline, IsMovedByAnOperator) {
  Cluster c(Patient());
  c.Submit(Spec().Exclusive().Minutes(60));
  const JobId job = c.Submit(Spec().Exclusive().Minutes(10).Deadline(c.now + absl::Minutes(30)));
  const std::string later = std::to_string(absl::ToUnixSeconds(c.now + absl::Minutes(90)));
  EXPECT_THAT(c.Update(job, "Deadline", "now+2hours"), HasSubstr("permission denied"));
  EXPECT_EQ(c.Update(job, "Deadline", "now+2hours", Root()), "");
  EXPECT_EQ(c.Get(job).planned_start, c.now + absl::Minutes(60));
  EXPECT_THAT(c.Update(job, "Deadline", "now+5minutes", Root()),
              HasSubstr("time limit is invalid"));
  c.Advance(absl::Minutes(25));
  EXPECT_TRUE(c.Get(job).Pending()) << "the old deadline does not count";
}

TEST(Deadline, HoldsOverARestartAndARequeue) {
  Cluster c(Patient());
  const JobId job = c.Submit(Spec().Minutes(10).Deadline(c.now + absl::Minutes(30)));
  ASSERT_TRUE(c.Running(job));
  c.Advance(absl::Minutes(5));
  EXPECT_EQ(c.SetNode("n1", "DRAIN", "test"), "");
  EXPECT_EQ(c.Control(JobAction::kRequeue, job), "");
  c.Gone(job);
  ASSERT_TRUE(c.Get(job).Pending());
  c.Restart();
  c.Advance(absl::Minutes(15));
  EXPECT_TRUE(c.Get(job).Pending());
  c.Advance(absl::Seconds(1));
  EXPECT_EQ(c.Get(job).state, JobState::kDeadline);
}

TEST(Deadline, OfAnArrayEndsTheTasksThatHaveNotStarted) {
  Cluster c(Patient());
  const JobId array =
      c.Submit(Spec().Exclusive().Minutes(10).Array("1-4").Deadline(c.now + absl::Minutes(25)));
  c.Advance(absl::Minutes(15) + absl::Seconds(1));
  int over = 0;
  c.controller->ForEachJob([&](const Job& job) {
    over += job.array_job_id == array && job.state == JobState::kDeadline;
  });
  EXPECT_EQ(over, 1) << "one record of all that were left";
}

}  // namespace
}  // namespace reeve::ctld
