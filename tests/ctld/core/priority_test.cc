// priority/multifactor: what priorities are made of, and that the queue is in their order whatever
// has happened and however long jobs have waited.
#include "ctld/core/priority.h"

#include <cmath>

#include "tests/ctld/core/harness.h"
#include "tests/ctld/core/random.h"

namespace reeve::ctld {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;

constexpr absl::Duration kDay = absl::Hours(24);

PriorityBook BookOf(PriorityConfig config) {
  PriorityBook book;
  book.config = config;
  book.nodes = 4;
  book.cpus = 256;
  book.highest_job_factor = 10;
  PriorityBook::Partition partition;
  partition.name = "debug";
  partition.job_factor = 5;
  partition.nodes = 2;
  partition.cpus = 128;
  partition.mem_mb = 2000;
  book.partitions.push_back(partition);
  return book;
}

PriorityAsk Asking(uint32_t nodes, uint32_t cpus) {
  PriorityAsk ask;
  ask.uid = 1000;
  ask.nodes = nodes;
  ask.cpus = cpus;
  return ask;
}

double SumOf(const PriorityBook& book, const PriorityAsk& ask,
             absl::Time now = absl::FromUnixSeconds(1795387200)) {
  return FactorsOf(book, ask, book.partitions[0], now).Sum(book.config);
}

// outputs-26.05/sprio.txt: four nodes of 64 CPUs, weights of 1000.
TEST(PriorityFactors, AsSlurmGivesThem) {
  const PriorityBook book = BookOf({.weight_fair_share = 1000, .weight_job_size = 1000});
  EXPECT_EQ(ShownPriority(SumOf(book, Asking(3, 12))), 1398u);
  EXPECT_EQ(ShownPriority(SumOf(book, Asking(2, 2))), 1253u);
  EXPECT_EQ(ShownPriority(SumOf(book, Asking(1, 1))), 1126u);
  EXPECT_EQ(ShownPriority(SumOf(book, Asking(4, 4))), 1507u);
}

TEST(PriorityFactors, AgeGrowsUntilMaxAge) {
  const PriorityBook book = BookOf({.weight_age = 1000, .max_age = absl::Hours(10)});
  PriorityAsk ask = Asking(1, 1);
  const absl::Time now = absl::FromUnixSeconds(1795387200);
  EXPECT_EQ(SumOf(book, ask, now), 0);  // not eligible yet
  ask.accrue_time = absl::ToUnixSeconds(now);
  EXPECT_EQ(SumOf(book, ask, now), 0);
  EXPECT_EQ(SumOf(book, ask, now + absl::Hours(3)), 300);
  EXPECT_EQ(SumOf(book, ask, now + absl::Hours(30)), 1000);
  PriorityBook always = book;
  always.config.accrue_always = true;
  ask.accrue_time = 0;
  ask.submit_time = absl::ToUnixSeconds(now);
  EXPECT_EQ(SumOf(always, ask, now + absl::Hours(3)), 300);
}

TEST(PriorityFactors, SizePartitionTresAndNice) {
  EXPECT_EQ(SumOf(BookOf({.weight_job_size = 100, .favor_small = true}), Asking(2, 64)), 62.5);
  PriorityAsk hour = Asking(1, 64);
  hour.time_limit = absl::Hours(1);
  const PriorityBook timed = BookOf({.weight_job_size = 2400, .small_relative_to_time = true});
  EXPECT_THAT(SumOf(timed, hour), DoubleNear(10, 1e-9));  // 64 of 256 CPUs, by 60 minutes
  EXPECT_EQ(SumOf(BookOf({.weight_partition = 100}), Asking(1, 1)), 50);
  EXPECT_EQ(SumOf(BookOf({.weight_partition = 100, .no_normal_partition = true}), Asking(1, 1)),
            500);
  PriorityAsk memory = Asking(1, 32);
  memory.mem_per_cpu_mb = 10;
  EXPECT_EQ(SumOf(BookOf({.weight_cpu = 100, .weight_mem = -1000}), memory), 25 - 160);
  EXPECT_EQ(SumOf(BookOf({.weight_cpu = 100, .weight_mem = 1, .no_normal_tres = true}), memory),
            3520);
  // Without a word about memory a job gets what its partition gives.
  EXPECT_EQ(SumOf(BookOf({.weight_mem = 100}), Asking(1, 1)), 50);
  PriorityAsk nice = Asking(1, 1);
  nice.nice = 30;
  EXPECT_EQ(SumOf(BookOf({.weight_partition = 100}), nice), 20);
  EXPECT_EQ(ShownPriority(-5), 1u);
  EXPECT_EQ(ShownPriority(1e20), 4294967294u);
}

TEST(PriorityFactors, ScoresAreInTheOrderOfPriorities) {
  const PriorityBook book = BookOf({.weight_age = 1000, .weight_job_size = 500, .max_age = kDay});
  const absl::Time start = absl::FromUnixSeconds(1795387200);
  Random random(7);
  for (int i = 0; i < 2000; ++i) {
    const absl::Time now = start + absl::Seconds(random(200'000));
    PriorityAsk asks[2] = {Asking(1 + random(4), 1 + random(256)),
                           Asking(1 + random(4), 1 + random(256))};
    for (PriorityAsk& ask : asks) {
      ask.accrue_time = absl::ToUnixSeconds(start) + random(100'000);
      ask.accrue_time = std::min(ask.accrue_time, absl::ToUnixSeconds(now));
    }
    if (random(8) == 0) asks[0].fixed = random(1500);
    double sums[2], scores[2];
    for (int k = 0; k < 2; ++k) {
      sums[k] = asks[k].fixed ? *asks[k].fixed : SumOf(book, asks[k], now);
      scores[k] = ScoreOf(book, asks[k], book.partitions[0], now);
    }
    EXPECT_THAT(scores[0] - scores[1], DoubleNear(sums[0] - sums[1], 1e-5));
    // While a job grows older its score stays what it was, to the last bit.
    const absl::Time later = now + absl::Minutes(random(600));
    if (SinksFrom(book, asks[1]) > later) {
      EXPECT_EQ(scores[1], ScoreOf(book, asks[1], book.partitions[0], later));
    }
  }
}

// ---- fair share -------------------------------------------------------------------------------

TEST(FairShare, UsageFadesAndGrows) {
  const absl::Time start = absl::FromUnixSeconds(1795387200);
  FairShare shares;
  shares.Configure({.decay_half_life = absl::Hours(1)}, start);
  shares.Began(1, 10, start, start);
  // Against small steps.
  double expected = 0;
  absl::Time now = start;
  for (; now < start + absl::Hours(2); now += absl::Seconds(1)) {
    expected = expected * std::exp2(-1 / 3600.0) + 10;
  }
  EXPECT_THAT(shares.UsageOf(1, now), DoubleNear(expected, expected * 1e-3));
  shares.Ended(1, 10, now);
  const double then = shares.UsageOf(1, now);
  EXPECT_THAT(shares.UsageOf(1, now + absl::Hours(1)), DoubleNear(then / 2, 1e-6));
  EXPECT_EQ(shares.RecordOf(1)->at, now);
  // What a job that still runs has used while the controller was away.
  FairShare again;
  again.Configure({.decay_half_life = absl::Hours(1)}, now);
  again.Began(1, 10, start, now);
  EXPECT_THAT(again.UsageOf(1, now), DoubleNear(then, 1e-6));
  now += absl::Hours(100);
  EXPECT_THAT(again.Forget(now), ElementsAre());  // its job still runs
  again.Ended(1, 10, now);
  EXPECT_THAT(again.Forget(now + absl::Hours(100)), ElementsAre(1));
}

TEST(FairShare, ResetsAtTheTurnOfAPeriod) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  const absl::Time now = absl::FromCivil(absl::CivilSecond(2026, 8, 19, 15, 0, 0), utc);
  const auto last = [&](UsageReset reset) {
    return absl::FormatTime("%F %T", LastReset(reset, now, utc), utc);
  };
  EXPECT_EQ(last(UsageReset::kDaily), "2026-08-19 00:00:00");
  EXPECT_EQ(last(UsageReset::kWeekly), "2026-08-16 00:00:00");  // a Sunday
  EXPECT_EQ(last(UsageReset::kMonthly), "2026-08-01 00:00:00");
  EXPECT_EQ(last(UsageReset::kQuarterly), "2026-07-01 00:00:00");
  EXPECT_EQ(last(UsageReset::kYearly), "2026-01-01 00:00:00");
  EXPECT_EQ(LastReset(UsageReset::kNone, now, utc), absl::InfinitePast());

  FairShare shares;
  shares.Configure({.decay_half_life = absl::ZeroDuration(), .usage_reset = UsageReset::kDaily},
                   now);
  shares.Began(1, 2, now, now);
  EXPECT_EQ(shares.UsageOf(1, now + absl::Seconds(10)), 20);
  const absl::Time tomorrow = LastReset(UsageReset::kDaily, now + kDay, absl::LocalTimeZone());
  EXPECT_EQ(shares.UsageOf(1, tomorrow + absl::Seconds(7)), 14);
}

TEST(FairShare, Factors) {
  const absl::Time now = absl::FromUnixSeconds(1795387200);
  FairShare shares;
  shares.Configure({}, now);
  shares.Restore({1, 3000, now});
  shares.Restore({2, 1000, now});
  shares.Restore({3, 1000, now});
  // Ranks in a tree of equal shares: the fourth user has used nothing.
  auto factors = shares.Factors({1, 2, 4}, now);
  EXPECT_EQ(factors.size(), 3u);
  EXPECT_EQ(factors[1], 0.25);
  EXPECT_EQ(factors[2], 0.75);
  EXPECT_EQ(factors[3], 0.75);
  shares.Configure({.no_fair_tree = true}, now);
  factors = shares.Factors({1, 2, 4}, now);
  EXPECT_THAT(factors[1], DoubleNear(std::exp2(-0.6 / 0.25), 1e-9));
  EXPECT_THAT(factors[2], DoubleNear(std::exp2(-0.2 / 0.25), 1e-9));
}

// ---- the queue --------------------------------------------------------------------------------

Settings Weighted(PriorityConfig config, uint32_t nodes = 1, uint32_t cpus = 4) {
  Settings settings = MakeTestSettings(nodes, cpus);
  settings.priority = config;
  settings.slurmd_timeout = absl::ZeroDuration();
  return settings;
}

std::vector<JobId> InOrder(const Cluster& c) {
  std::vector<JobId> jobs;
  for (const ReadyKey& key : c.controller->state().backlog.by_rank()) jobs.push_back(key.job);
  return jobs;
}

uint32_t Priority(const Cluster& c, JobId id) {
  return PriorityOf(c.controller->state(), c.Get(id), c.now);
}

TEST(Multifactor, IsFirstComeFirstServedWithoutWeights) {
  Cluster c(Weighted({}));
  c.Submit(Spec().Tasks(4).Minutes(60));
  const JobId a = c.Submit(Spec().Tasks(4));
  const JobId b = c.Submit(Spec().Tasks(2), User(1001));
  const JobId nice = c.Submit(Spec().Tasks(4).Nice(10));
  const JobId d = c.Submit(Spec().Tasks(1));
  EXPECT_THAT(InOrder(c), ElementsAre(a, b, d, nice));
  EXPECT_EQ(Priority(c, a), 1u);
}

TEST(Multifactor, OldJobsAreOvertakenWhenTheyStopGrowingOlder) {
  Cluster c(Weighted({.weight_age = 1000, .weight_job_size = 100, .max_age = absl::Hours(10)}));
  c.Submit(Spec().Tasks(4).Minutes(60 * 24 * 10));
  const JobId small = c.Submit(Spec().Tasks(1).Minutes(60 * 24 * 10));  // 62.5 points
  c.Advance(absl::Minutes(30));                                         // 50 points
  const JobId large = c.Submit(Spec().Tasks(4).Minutes(60 * 24 * 10));  // 100 points
  EXPECT_THAT(InOrder(c), ElementsAre(small, large));
  EXPECT_EQ(Priority(c, small), 112u);
  EXPECT_EQ(Priority(c, large), 100u);
  for (int i = 0; i < 9; ++i) c.Advance(absl::Hours(1));
  EXPECT_THAT(InOrder(c), ElementsAre(small, large));
  // The first has 1000 points for its age by now, the second comes closer.
  for (int i = 0; i < 12; ++i) c.Advance(absl::Minutes(5));
  c.Advance(absl::Seconds(1));
  EXPECT_THAT(InOrder(c), ElementsAre(large, small));
  EXPECT_EQ(Priority(c, small), 1062u);
  EXPECT_EQ(Priority(c, large), 1100u);
}

TEST(Multifactor, WhoUsesMuchComesLater) {
  Cluster c(Weighted({.weight_fair_share = 1000}, 2, 2));
  const JobId running = c.Submit(Spec().Tasks(4).Nodes(2).Minutes(600), User(1));
  const JobId mine = c.Submit(Spec().Tasks(4).Nodes(2).Minutes(10), User(1));
  const JobId other = c.Submit(Spec().Tasks(4).Nodes(2).Minutes(10), User(2));
  EXPECT_TRUE(c.Running(running));
  EXPECT_THAT(InOrder(c), ElementsAre(mine, other));
  EXPECT_EQ(Priority(c, mine), 1000u);
  c.Advance(absl::Minutes(6));
  c.Advance(absl::Seconds(1));
  EXPECT_THAT(InOrder(c), ElementsAre(other, mine));
  EXPECT_EQ(Priority(c, mine), 500u);
  EXPECT_EQ(Priority(c, other), 1000u);
  // It is remembered when the job is over and the controller a new one.
  c.Exit(running);
  EXPECT_TRUE(c.Running(other));
  c.Restart();
  for (const Node& node : c.settings.nodes) {
    std::vector<KnownStep> steps;
    if (c.Get(other).batch_host() == node.name) steps.push_back({other, kBatchStep, 0});
    c.Register(node.name, steps);
  }
  EXPECT_EQ(Priority(c, mine), 500u);
  EXPECT_EQ(c.Get(other).priority, 1000u);  // that it started with
}

TEST(Multifactor, ANumberSetByAnOperatorStays) {
  Cluster c(Weighted({.weight_age = 1000, .weight_partition = 100, .max_age = absl::Hours(1)}));
  c.Submit(Spec().Tasks(4).Minutes(6000));
  const JobId a = c.Submit(Spec().Tasks(4).Minutes(60));
  const JobId b = c.Submit(Spec().Tasks(4).Minutes(60));
  EXPECT_EQ(c.Update(b, "priority", "500", Root()), "");
  EXPECT_THAT(InOrder(c), ElementsAre(b, a));
  EXPECT_EQ(c.Update(b, "nice", "10"), "");
  EXPECT_EQ(Priority(c, b), 490u);
  for (int i = 0; i < 12; ++i) c.Advance(absl::Minutes(5));
  c.Advance(absl::Seconds(1));
  EXPECT_THAT(InOrder(c), ElementsAre(a, b));
  EXPECT_EQ(Priority(c, a), 1100u);
  EXPECT_EQ(Priority(c, b), 490u);
  // A hold and a release give it back to the rules.
  EXPECT_EQ(c.Control(JobAction::kHold, b), "");
  EXPECT_EQ(Priority(c, b), 0u);
  EXPECT_EQ(c.Control(JobAction::kRelease, b), "");
  EXPECT_EQ(Priority(c, b), 1090u);
}

TEST(Multifactor, AnEventAloneDoesNotMoveAnOldJob) {
  Cluster c(Weighted({.weight_age = 1000, .max_age = absl::Hours(1)}));
  c.Submit(Spec().Tasks(4).Minutes(6000));
  const JobId job = c.Submit(Spec().Tasks(4).Minutes(60));
  c.Advance(absl::Minutes(70));
  const auto key = [&] { return c.controller->state().backlog.KeysOf(job).front(); };
  const ReadyKey before = key();
  c.Advance(absl::Seconds(1));  // a quarter of a point
  EXPECT_EQ(c.Update(job, "comment", "x"), "");
  EXPECT_EQ(key(), before);
  c.Advance(absl::Minutes(1));
  EXPECT_EQ(c.Update(job, "comment", "y"), "");
  EXPECT_LT(key().score, before.score - 10);
}

TEST(Multifactor, TopCostsTheUserNoLessThanItGives) {
  Cluster c(Weighted({.weight_job_size = 1000}));
  c.Submit(Spec().Tasks(4).Minutes(60));
  const JobId large = c.Submit(Spec().Tasks(4).Minutes(60));
  const JobId middle = c.Submit(Spec().Tasks(3).Minutes(60));
  const JobId small = c.Submit(Spec().Tasks(1).Minutes(60));
  const JobId other = c.Submit(Spec().Tasks(3).Minutes(60), User(2));
  EXPECT_THAT(InOrder(c), ElementsAre(large, middle, other, small));
  const auto sum = [&] { return Priority(c, large) + Priority(c, middle) + Priority(c, small); };
  const uint32_t before = sum();
  EXPECT_EQ(c.Control(JobAction::kTop, small), "");
  EXPECT_EQ(Priority(c, small), 1000u);
  EXPECT_THAT(InOrder(c), ElementsAre(small, large, other, middle));
  EXPECT_LE(sum(), before);
  EXPECT_EQ(c.Control(JobAction::kTop, small), "");
  EXPECT_EQ(Priority(c, small), 1000u);
}

TEST(Multifactor, APartitionsFactorCanBeChanged) {
  Settings settings = Weighted({.weight_partition = 1000});
  Partition other = settings.partitions[0];
  other.name = "other";
  other.is_default = false;
  settings.partitions.push_back(other);
  Cluster c(settings);
  c.Submit(Spec().Tasks(4).Minutes(60));
  const JobId a = c.Submit(Spec().Tasks(4));
  const JobId b = c.Submit(Spec().Tasks(4).Partition("other"));
  const JobId both = c.Submit(Spec().Tasks(4).Partition("debug,other"));
  EXPECT_THAT(InOrder(c), ElementsAre(a, b, both, both));
  UpdatePartition event{c.NextCall(), Root(), "other", {{"PriorityJobFactor", "4"}}};
  c.Do(event);
  EXPECT_THAT(InOrder(c), ElementsAre(b, both, a, both));
  EXPECT_EQ(Priority(c, a), 250u);
  EXPECT_EQ(Priority(c, both), 1000u);
}

// ---- against working everything out anew ------------------------------------------------------

class Storm {
 public:
  explicit Storm(uint32_t seed) : random_(seed), c_(MakeSettings()) {}

  void Run() {
    for (int step = 0; step < 120; ++step) {
      Move();
      if (random_(10) == 0) Check();
    }
    Check();
  }

 private:
  Settings MakeSettings() {
    PriorityConfig config;
    const auto weight = [&] { return random_(3) == 0 ? 0 : 1 + random_(2000); };
    config.weight_age = weight();
    config.weight_fair_share = weight();
    config.weight_job_size = weight();
    config.weight_partition = weight();
    config.weight_cpu = random_(2) * 300.0;
    config.max_age = absl::Minutes(10 + random_(300));
    config.decay_half_life = absl::Minutes(30 + random_(300));
    config.calc_period = absl::Minutes(1 + random_(5));
    config.favor_small = random_(2) == 0;
    config.small_relative_to_time = random_(3) == 0;
    config.no_fair_tree = random_(2) == 0;
    config.accrue_always = random_(4) == 0;
    Settings settings = Weighted(config, 3, 4);
    Partition second = settings.partitions[0];
    second.name = "second";
    second.is_default = false;
    second.priority_job_factor = 3;
    second.priority_tier = 1 + random_(2);
    settings.partitions.push_back(second);
    return settings;
  }

  void Move() {
    const JobId pick =
        jobs_.empty() ? JobId{} : jobs_[random_(static_cast<uint32_t>(jobs_.size()))];
    switch (random_(10)) {
      case 0:
      case 1:
      case 2: {
        Spec spec;
        spec.Tasks(1 + random_(6)).Minutes(static_cast<int>(5 + random_(200)));
        if (random_(3) == 0) spec.Partition(random_(2) == 0 ? "second" : "debug,second");
        if (random_(5) == 0) spec.Nice(static_cast<int>(random_(200)));
        if (random_(6) == 0) spec.Array("1-3");
        if (random_(9) == 0) spec.Begin(c_.now + absl::Minutes(random_(60)));
        return jobs_.push_back(c_.Submit(spec, User(1 + random_(5))));
      }
      case 3:
        if (pick && c_.controller->FindJob(pick) != nullptr && c_.Running(pick)) {
          c_.Started(pick);
          c_.Exit(pick);
        }
        return;
      case 4:
        if (pick) c_.Update(pick, "priority", std::to_string(1 + random_(3000)), Root());
        return;
      case 5:
        if (pick)
          c_.Control(random_(2) == 0 ? JobAction::kHold : JobAction::kRelease, pick, Root());
        return;
      case 6:
        if (pick) c_.Control(JobAction::kTop, pick, Root());
        return;
      default:
        c_.Advance(absl::Seconds(random_(900)));
        return;
    }
  }

  // After a round has gone through, neighbours in the queue are in the order of their priorities:
  // no further off than what is not noticed, or what a period changes.
  void Check() {
    c_.Advance(c_.settings.priority.calc_period);
    for (int i = 0; i < 5; ++i) c_.Advance(absl::Milliseconds(50));
    const State& state = c_.controller->state();
    const PriorityConfig& config = c_.settings.priority;
    const double drift = config.weight_age / absl::ToDoubleSeconds(config.max_age);
    const double most = 2 * 0.5 + drift;
    std::optional<std::pair<ReadyKey, double>> before;
    for (const ReadyKey& key : state.backlog.by_rank()) {
      const Job& job = *state.FindJob(key.job);
      const double priority =
          job.priority_fixed
              ? job.priority
              : FactorsOf(*state.book, AskOf(job), state.book->partitions[key.partition], c_.now)
                    .Sum(state.book->config);
      if (before.has_value() && before->first.tier == key.tier) {
        EXPECT_GE(before->second + most, priority)
            << "job " << before->first.job.value << " before " << key.job.value;
      }
      before = {key, priority};
    }
    CheckShares(state);
  }

  // Nobody's factor is further from the true one than what counts as no change.
  void CheckShares(const State& state) {
    if (c_.settings.priority.weight_fair_share == 0) return;
    std::vector<uint32_t> users;
    for (const auto& [uid, jobs] : state.jobs_of_user) users.push_back(uid);
    for (const auto& [uid, factor] : state.fair_share.Factors(users, c_.now)) {
      EXPECT_NEAR(state.book->FairShareOf(uid), factor, 0.002) << "user " << uid;
    }
  }

  Random random_;
  Cluster c_;
  std::vector<JobId> jobs_;
};

TEST(Multifactor, TheQueueIsInTheOrderOfPriorities) {
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Storm(seed).Run();
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace reeve::ctld
