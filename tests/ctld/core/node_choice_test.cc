// What jobs ask of their nodes together (neighbours, counts of features, one of several racks) and
// of their neighbours' users: on tiny clusters every planned start is the earliest that brute force
// finds, and in lives of small clusters nothing of it is ever broken.
#include <bit>
#include <functional>

#include "tests/ctld/core/explain_harness.h"
#include "tests/ctld/core/jobs_in.h"
#include "tests/ctld/core/random.h"
#include "tests/ctld/core/small_world.h"

namespace reeve::ctld {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint32_t kNodes = 4;
constexpr uint32_t kCpus = 2;

// n1 and n2 are of rack a, n3 and n4 of rack b; n1 and n4 have x.
Settings Racks() {
  Settings settings = MakeTestSettings(kNodes, kCpus);
  settings.slurmd_timeout = absl::ZeroDuration();
  for (uint32_t i = 0; i < kNodes; ++i) {
    settings.nodes[i].features.push_back(i < 2 ? "a" : "b");
    if (i % 3 == 0) settings.nodes[i].features.push_back("x");
  }
  return settings;
}

// ---- against brute force ------------------------------------------------------------------------

uint32_t CountIn(uint32_t set, uint32_t of) {
  return std::popcount(set & of);
}
constexpr uint32_t kA = 0b0011, kB = 0b1100, kX = 0b1001;

struct Wish {
  const char* features;
  bool contiguous;
  std::function<bool(uint32_t set)> holds;  // of the nodes, as bits
};
const std::vector<Wish>& Wishes() {
  static const auto kAny = [](uint32_t) { return true; };
  static const std::vector<Wish> kWishes = {
      {"", false, kAny},
      {"", true, kAny},
      {"a*1", false, [](uint32_t set) { return CountIn(set, kA) >= 1; }},
      {"[a*1&b*1]", false, [](uint32_t s) { return CountIn(s, kA) >= 1 && CountIn(s, kB) >= 1; }},
      {"[a|b]", false, [](uint32_t set) { return (set & kA) == set || (set & kB) == set; }},
      {"[a|x]", true, [](uint32_t set) { return (set & kA) == set || (set & kX) == set; }},
      {"x*1", true, [](uint32_t set) { return CountIn(set, kX) >= 1; }},
  };
  return kWishes;
}

bool InARow(uint32_t set) {
  return std::has_single_bit((set >> std::countr_zero(set)) + 1);
}

struct Wanted {
  Ask ask;
  size_t wish = 0;
  uint32_t user = 0;  // 0: shares with everybody
};

// Taken by whom, for the rule about users.
struct Placed {
  int from, until;
  uint32_t set;
  uint32_t user;
};

class Brute {
 public:
  bool Fits(const Wanted& wanted, uint32_t set, int start) const {
    if (std::popcount(set) != static_cast<int>(wanted.ask.nodes)) return false;
    const Wish& wish = Wishes()[wanted.wish];
    if (!wish.holds(set) || (wish.contiguous && !InARow(set))) return false;
    for (uint32_t node = 0; node < kNodes; ++node) {
      if ((set >> node & 1) == 0) continue;
      if (!world_.FreeThroughout(node, wanted.ask, start)) return false;
      for (const Placed& other : placed_) {
        const bool meets = other.from < start + wanted.ask.minutes && start < other.until;
        if (meets && (other.set >> node & 1) != 0 && other.user != wanted.user) return false;
      }
    }
    return true;
  }
  // -1: no set would do on an empty cluster either.
  int FirstStart(const Wanted& wanted) const {
    for (int start = 0; start < 1000; ++start) {
      for (uint32_t set = 1; set < 1u << kNodes; ++set) {
        if (Fits(wanted, set, start)) return start;
      }
    }
    return -1;
  }
  void Take(const Wanted& wanted, uint32_t set, int start) {
    const int until = start + wanted.ask.minutes;
    placed_.push_back({start, until, set, wanted.user});
    std::vector<uint32_t> nodes;
    for (uint32_t node = 0; node < kNodes; ++node) {
      if ((set >> node & 1) != 0) nodes.push_back(node);
    }
    world_.Take({start, until, nodes, wanted.ask.cpus});
  }

 private:
  SmallWorld world_{kNodes, kCpus};
  std::vector<Placed> placed_;
};

Spec SpecOf(const Wanted& wanted) {
  Spec spec = SpecOf(wanted.ask);
  const Wish& wish = Wishes()[wanted.wish];
  spec.Features(wish.features);
  spec.raw().contiguous = wish.contiguous;
  if (wanted.user != 0) spec.ExclusiveUser();
  return spec;
}

void ExpectEarliest(const std::vector<Wanted>& all) {
  Cluster c(Racks());
  const absl::Time begin = c.now;
  Brute brute;
  for (size_t i = 0; i < all.size(); ++i) {
    SCOPED_TRACE(::testing::Message() << "job " << i << ", wish " << all[i].wish << ", "
                                      << all[i].ask.nodes << " nodes");
    const int expected = brute.FirstStart(all[i]);
    const absl::StatusOr<JobId> id = c.TrySubmit(SpecOf(all[i]), User(1000 + all[i].user));
    ASSERT_TRUE(id.ok()) << id.status();
    const Job& job = c.Get(*id);
    if (expected < 0) {
      EXPECT_EQ(c.Why(*id), "BadConstraints");
      continue;
    }
    const absl::Time start = job.Running() ? job.start_time : job.planned_start;
    ASSERT_TRUE(IsSet(start)) << "no place, brute force has minute " << expected;
    ASSERT_EQ(MinutesFrom(begin, start), expected);
    uint32_t set = 0;
    for (uint32_t node : NodesOf(c, job)) set |= 1u << node;
    ASSERT_TRUE(brute.Fits(all[i], set, expected)) << "on " << set;
    brute.Take(all[i], set, expected);
  }
}

Wanted Draw(Random& random, bool users) {
  Wanted wanted{{1 + random(kNodes - 1), 1 + random(kCpus), static_cast<int>(1 + random(5))}};
  wanted.wish = random(3) == 0 ? 0 : random(static_cast<uint32_t>(Wishes().size()));
  const FeatureExpr features = *ParseFeatures(Wishes()[wanted.wish].features);
  wanted.ask.nodes = std::max(wanted.ask.nodes, features.LeastNodes());
  if (users) wanted.user = random(3);
  return wanted;
}

TEST(NodeChoice, EveryPlannedStartIsTheEarliest) {
  for (uint32_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::vector<Wanted> all;
    for (int i = 0; i < 9; ++i) all.push_back(Draw(random, false));
    ExpectEarliest(all);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(NodeChoice, EveryPlannedStartIsTheEarliestAmongUsersWhoDoNotShare) {
  for (uint32_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed + 50'000);
    std::vector<Wanted> all;
    for (int i = 0; i < 9; ++i) all.push_back(Draw(random, true));
    ExpectEarliest(all);
    if (::testing::Test::HasFailure()) return;
  }
}

// ---- lives --------------------------------------------------------------------------------------

void CheckRunning(const Cluster& c) {
  std::map<std::string, std::vector<const Job*>> on;
  c.controller->ForEachJob([&](const Job& job) {
    if (!job.HoldsResources()) return;
    uint32_t set = 0;
    for (const NodeShare& share : job.shares) {
      set |= 1u << c.controller->state().node_index.at(share.node);
      if (!job.ClearOf(share.node)) on[share.node].push_back(&job);
    }
    if (!job.Running()) return;
    for (const Wish& wish : Wishes()) {
      if (wish.features != job.spec->features || wish.contiguous != job.spec->contiguous) continue;
      EXPECT_TRUE(wish.holds(set) && (!wish.contiguous || InARow(set)))
          << "job " << job.id.value << " on " << set;
    }
  });
  for (const auto& [node, jobs] : on) {
    for (const Job* job : jobs) {
      for (const Job* other : jobs) {
        const bool sole = job->spec->wishes().exclusive_user || other->partition == "own";
        EXPECT_TRUE(!sole || job->owner->uid == other->owner->uid)
            << node << ": jobs " << job->id.value << " and " << other->id.value;
      }
    }
  }
}

TEST(NodeChoice, NothingIsBrokenInLivesWithPreemptionAndBackfill) {
  size_t ran = 0;
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed + 9000);
    Settings settings = Racks();
    settings.preempt.by_tier = seed % 2 == 0;
    settings.partitions[0].preempt_mode = PreemptMode::kRequeue;
    settings.partitions[0].least_loaded = seed % 3 == 0;
    reeve::ctld::Partition own = settings.partitions[0];
    own.name = "own";
    own.is_default = false;
    own.exclusive_user = true;
    own.priority_tier = 1 + seed % 3;
    settings.partitions.push_back(own);
    settings.backfill = seed % 7 != 0;
    if (seed % 5 == 0) settings.plan_depth = 1;
    Cluster c(settings);
    for (int i = 0; i < 120; ++i) {
      const std::vector<JobId> running = JobsIn(c, [](const Job& job) { return job.Running(); });
      const std::vector<JobId> gone = JobsIn(c, [](const Job& job) { return job.Completing(); });
      const auto any = [&](const std::vector<JobId>& jobs) {
        return jobs[random(static_cast<uint32_t>(jobs.size()))];
      };
      switch (random(8)) {
        case 0:
        case 1:
        case 2:
        case 3: {
          const Wanted wanted = Draw(random, true);
          Spec spec = SpecOf(wanted).Minutes(static_cast<int>(5 + random(30)));
          if (random(3) == 0) spec.Partition("own");
          (void)c.TrySubmit(spec, User(1000 + (wanted.user == 0 ? random(3) : wanted.user)));
          break;
        }
        case 4:
          if (!running.empty()) c.Exit(any(running));
          break;
        case 5:
          for (JobId id : gone) c.Gone(id);
          break;
        case 6:
          c.Advance(absl::Seconds(random(200)));
          break;
        case 7: {
          const std::string node = "n" + std::to_string(1 + random(kNodes));
          if (!c.GetNode(node).Usable()) {
            c.Register(node, {}, "again");
            c.ClearStrangers(node);
          } else if (random(8) == 0) {
            c.Do(NodeLost{node});
          }
          break;
        }
      }
      if (random(40) == 0) c.Restart();
      CheckRunning(c);
      ran += running.size();
      if (::testing::Test::HasFailure()) return;
    }
  }
  EXPECT_GT(ran, 4000u);
}

// ---- one by one ---------------------------------------------------------------------------------

TEST(Contiguous, NodesAreNeighboursInTheOrderOfTheConfiguration) {
  Cluster c(Racks());
  const JobId middle = c.Submit(Spec().On("n2").Minutes(10).Exclusive());
  Spec spec = Spec().Nodes(3).Minutes(5);
  spec.raw().contiguous = true;
  const JobId wide = c.Submit(spec);
  EXPECT_TRUE(c.Get(wide).Pending());
  EXPECT_EQ(c.Get(wide).planned_start, c.Get(middle).end_time);
  const JobId narrow = c.Submit(Spec(spec).Nodes(2));
  EXPECT_THAT(c.NodesOf(narrow), ElementsAre("n3", "n4"));
}

TEST(Contiguous, NodesThatAreNotInThePartitionAreGaps) {
  Settings settings = Racks();
  settings.partitions[0].nodes = {"n1", "n3", "n4"};
  Cluster c(settings);
  Spec spec = Spec().Nodes(3);
  spec.raw().contiguous = true;
  const JobId job = c.Submit(spec);
  EXPECT_EQ(c.Why(job), "BadConstraints");
  EXPECT_THAT(std::get<SubmitAnswer>(*c.AnswerTo({c.calls})).notes,
              ElementsAre(HasSubstr("at most 2 of the nodes of debug that will do are next to each "
                                    "other, 3 needed")));
  EXPECT_EQ(c.Update(job, "contiguous", "no"), "");
  EXPECT_TRUE(c.Running(job));
}

TEST(Contiguous, RowsAreCounted) {
  Cluster c(Racks());
  c.Submit(Spec().On("n2").Minutes(10).Exclusive());
  Spec spec = Spec().Nodes(3).Minutes(5);
  spec.raw().contiguous = true;
  const Explanation why = ExplainOne(c, c.Submit(spec));
  const Requirement& row = why.prospects[0].requirements.back();
  EXPECT_EQ(row.need, Need::kContiguous);
  EXPECT_EQ(row.asked, "3");
  EXPECT_EQ(row.passing, 4u);
  EXPECT_EQ(row.remaining, 0u) << "n3 and n4 are two";
}

TEST(FeatureCounts, AreCountedAndTheRestMayBeAny) {
  Cluster c(Racks());
  EXPECT_THAT(c.NodesOf(c.Submit(Spec().Nodes(3).Features("b*2").Exclusive())),
              ElementsAre("n1", "n3", "n4"));
  // The nodes follow from the counts.
  const JobId all = c.Submit(Spec().Features("[a*2&b*1]"));
  EXPECT_EQ(c.Get(all).shape->min_nodes, 3u);
  const Explanation why = ExplainOne(c, all);
  ASSERT_EQ(why.prospects[0].requirements.size(), 8u);
  const Requirement& a = why.prospects[0].requirements[6];
  const Requirement& b = why.prospects[0].requirements[7];
  EXPECT_EQ(std::tuple(a.need, a.asked, a.passing), std::tuple(Need::kFeatureGroup, "a*2", 2u));
  EXPECT_EQ(std::tuple(b.need, b.asked, b.passing), std::tuple(Need::kFeatureGroup, "b*1", 2u));
  EXPECT_EQ(c.Refusal(Spec().Nodes(2).Features("[a*2&b*1]")), "Node count specification invalid");
}

TEST(FeatureCounts, WhatCanNeverBeIsSaid) {
  Cluster c(Racks());
  const auto note = [&](const Spec& spec) {
    const JobId job = c.Submit(spec);
    EXPECT_EQ(c.Why(job), "BadConstraints");
    const auto notes = std::get<SubmitAnswer>(*c.AnswerTo({c.calls})).notes;
    return notes.empty() ? std::string() : notes[0];
  };
  EXPECT_THAT(note(Spec().Features("[a*1&b*3]")),
              HasSubstr("only 2 of the nodes of debug that will do are of b*3"));
  EXPECT_THAT(note(Spec().Features("x&b*1&a*2")),
              HasSubstr("only 2 of the nodes of debug have the features x&b*1&a*2, 3 needed"));
  EXPECT_THAT(note(Spec().Nodes(3).Features("[a|b]")),
              HasSubstr("at most 2 of the nodes of debug that will do are of one of the features "
                        "in brackets, 3 needed"));
  EXPECT_EQ(c.Refusal(Spec().Features("[a*1&nope*1]")), "Invalid feature specification");
}

TEST(ExclusiveUser, OnlyOneUsersJobsAreOnANode) {
  Cluster c(1, 4);
  const Spec own = Spec().ExclusiveUser().Minutes(10);
  const JobId first = *c.TrySubmit(own, User(1000));
  const JobId second = *c.TrySubmit(own, User(1000));
  const JobId other = *c.TrySubmit(own, User(1001));
  const JobId plain = *c.TrySubmit(Spec().Minutes(10), User(1001));
  EXPECT_TRUE(c.Running(first) && c.Running(second));
  EXPECT_TRUE(c.Get(other).Pending() && c.Get(plain).Pending());
  EXPECT_EQ(c.Get(other).planned_start, c.Get(second).end_time);
  const Explanation why = ExplainOne(c, plain);
  const auto& requirements = why.prospects[0].requirements;
  const auto sole = std::find_if(requirements.begin(), requirements.end(),
                                 [](const Requirement& r) { return r.need == Need::kSoleUser; });
  ASSERT_NE(sole, requirements.end());
  EXPECT_EQ(sole->remaining, 0u);
  for (JobId id : {first, second}) {
    c.Exit(id);
    c.Gone(id);
  }
  EXPECT_TRUE(c.Running(other));
  EXPECT_TRUE(c.Get(plain).Pending());
}

TEST(ExclusiveUser, JobsOfOneShapeWaitForTheirOwnUsersNodes) {
  Cluster c(2, 2);
  const Spec own = Spec().ExclusiveUser().Minutes(10);
  EXPECT_TRUE(c.Running(*c.TrySubmit(own, User(1))));
  EXPECT_TRUE(c.Running(*c.TrySubmit(own, User(2))));
  EXPECT_TRUE(c.Get(*c.TrySubmit(own, User(3))).Pending());
  EXPECT_TRUE(c.Running(*c.TrySubmit(own, User(2)))) << "beside its user's, behind another's job";
  EXPECT_TRUE(c.Running(*c.TrySubmit(own, User(1))));
}

TEST(ExclusiveUser, APartitionMayAskItOfAllItsJobs) {
  Settings settings = MakeTestSettings(1, 4);
  settings.partitions[0].exclusive_user = true;
  Cluster c(settings);
  EXPECT_TRUE(c.Running(*c.TrySubmit(Spec(), User(1))));
  EXPECT_TRUE(c.Running(*c.TrySubmit(Spec(), User(1))));
  EXPECT_TRUE(c.Get(*c.TrySubmit(Spec(), User(2))).Pending());
  c.Restart();
  c.Register("n1", {{JobId{1}, kBatchStep, 0}, {JobId{2}, kBatchStep, 0}});
  EXPECT_TRUE(c.Get(JobId{3}).Pending());
}

// ---- making room --------------------------------------------------------------------------------

Settings Tiers() {
  Settings settings = Racks();
  settings.preempt.by_tier = true;
  settings.partitions[0].preempt_mode = PreemptMode::kCancel;
  reeve::ctld::Partition high = settings.partitions[0];
  high.name = "high";
  high.is_default = false;
  high.priority_tier = 2;
  settings.partitions.push_back(high);
  return settings;
}

std::vector<JobId> Leaving(const Cluster& c) {
  return JobsIn(c, [](const Job& job) { return IsSet(job.rare->preempt_time); });
}

TEST(Contiguous, RoomIsMadeOnNeighbours) {
  Cluster c(Tiers());
  const auto fill = [&](const std::string& node) {
    return c.Submit(Spec().On(node).Exclusive().Minutes(600));
  };
  fill("n2");
  c.Advance(absl::Minutes(30));  // what it has used is lost when it ends
  fill("n1");
  const JobId third = fill("n3"), fourth = fill("n4");
  Spec wide = Spec().Nodes(2).Partition("high").Minutes(10);
  wide.raw().contiguous = true;
  const JobId high = c.Submit(wide);
  EXPECT_THAT(Leaving(c), ElementsAre(third, fourth));
  for (JobId id : {third, fourth}) c.Gone(id);
  EXPECT_THAT(c.NodesOf(high), ElementsAre("n3", "n4"));
}

TEST(FeatureCounts, RoomIsMadeWhereTheyAre) {
  Cluster c(Tiers());
  const JobId first = c.Submit(Spec().On("n1").Exclusive().Minutes(600));
  const JobId second = c.Submit(Spec().On("n2").Exclusive().Minutes(600));
  c.Advance(absl::Minutes(30));
  const JobId third = c.Submit(Spec().On("n3").Exclusive().Minutes(600));
  // n4 is free; a rack of two nodes is not.
  const JobId high = c.Submit(Spec().Nodes(2).Features("[a|b]").Partition("high").Minutes(10));
  EXPECT_THAT(Leaving(c), ElementsAre(third));
  c.Gone(third);
  EXPECT_THAT(c.NodesOf(high), ElementsAre("n3", "n4"));
  EXPECT_TRUE(c.Running(first) && c.Running(second));
}

TEST(ExclusiveUser, RoomIsMadeByAllWhoDoNotShare) {
  Settings settings = Tiers();
  settings.nodes.resize(1);
  for (reeve::ctld::Partition& partition : settings.partitions) partition.nodes = {"n1"};
  Cluster c(settings);
  const JobId one = *c.TrySubmit(Spec().Minutes(600), User(1));
  const JobId two = *c.TrySubmit(Spec().Minutes(600), User(2));
  const JobId high = *c.TrySubmit(Spec().ExclusiveUser().Partition("high").Minutes(10), User(2));
  EXPECT_THAT(Leaving(c), ElementsAre(one, two));
  c.Gone(one);
  EXPECT_TRUE(c.Get(high).Pending());
  c.Gone(two);
  EXPECT_TRUE(c.Running(high));
}

}  // namespace
}  // namespace reeve::ctld
