// Licences that reservations keep for their jobs: who may have how many of them when.
#include "tests/ctld/core/explain_harness.h"
#include "tests/ctld/core/jobs_in.h"
#include "tests/ctld/core/random.h"
#include "tests/ctld/core/small_world.h"

namespace reeve::ctld {
namespace {

using ::testing::HasSubstr;

constexpr ReservationAction kUpdate = ReservationAction::kUpdate;
constexpr ReservationAction kDelete = ReservationAction::kDelete;

Settings Licensed(uint32_t nodes, uint32_t count) {
  Settings settings = MakeTestSettings(nodes, 4);
  settings.slurmd_timeout = absl::ZeroDuration();
  settings.licenses = {{"foo", count}};
  return settings;
}

KeyValues Keeps(std::string licenses, std::string flags = "license_only") {
  return {{"licenses", std::move(licenses)}, {"flags", std::move(flags)}};
}

TEST(ReservedLicenses, AreKeptFromOthersInItsTime) {
  Cluster c(Licensed(2, 4));
  ASSERT_EQ(c.Reserve("l", absl::Hours(1), absl::Hours(1), Keeps("foo:3")), "l");
  EXPECT_TRUE(c.controller->FindReservation("l")->nodes.empty());
  EXPECT_TRUE(c.Running(c.Submit(Spec().Licenses("foo:3").Minutes(60))));
  EXPECT_TRUE(c.Running(c.Submit(Spec().Licenses("foo:1").Minutes(90))));
  const JobId waits = c.Submit(Spec().Licenses("foo:2").Minutes(30));
  EXPECT_EQ(c.Why(waits), "Licenses");
  EXPECT_EQ(c.Get(waits).planned_start, c.now + absl::Hours(2));
  const JobId inside = c.Submit(Spec().Licenses("foo:3").Minutes(60).In("l"));
  EXPECT_EQ(c.Why(inside), "Reservation");
  EXPECT_EQ(c.Get(inside).planned_start, c.now + absl::Hours(1));
}

TEST(ReservedLicenses, ItsJobsMayHaveOthersBesideThem) {
  Cluster c(Licensed(2, 4));
  c.Reserve("l", absl::ZeroDuration(), absl::Hours(1), Keeps("foo:2"));
  const JobId inside = c.Submit(Spec().Licenses("foo:3").Minutes(60).In("l"));
  ASSERT_TRUE(c.Running(inside));
  EXPECT_TRUE(c.Running(c.Submit(Spec().Licenses("foo:1").Minutes(60))));
  c.Exit(inside);
  c.Gone(inside);
  EXPECT_TRUE(c.Running(c.Submit(Spec().Licenses("foo:1").Minutes(60))));
  EXPECT_FALSE(c.Running(c.Submit(Spec().Licenses("foo:1").Minutes(60)))) << "two are kept";
  EXPECT_TRUE(c.Running(c.Submit(Spec().Licenses("foo:2").Minutes(60).In("l"))));
}

TEST(ReservedLicenses, AreEverybodysWhenItIsGone) {
  Cluster c(Licensed(2, 4));
  c.Reserve("l", absl::ZeroDuration(), absl::Hours(1), Keeps("foo:4"));
  const JobId waits = c.Submit(Spec().Licenses("foo:4").Minutes(600));
  EXPECT_EQ(c.Get(waits).planned_start, c.now + absl::Hours(1));
  EXPECT_EQ(c.SetReservation(kUpdate, "l", {{"licenses", "foo:1"}}), "l");
  EXPECT_TRUE(c.Running(c.Submit(Spec().Licenses("foo:3").Minutes(59))));
  EXPECT_EQ(c.SetReservation(kDelete, "l"), "l");
  EXPECT_TRUE(c.Running(c.Submit(Spec().Licenses("foo:1").Minutes(59))));
}

TEST(ReservedLicenses, SurviveARestartWithTheirJobs) {
  Cluster c(Licensed(1, 4));
  c.Reserve("l", absl::ZeroDuration(), absl::Hours(1), Keeps("foo:3"));
  const JobId inside = c.Submit(Spec().Licenses("foo:2").Minutes(60).In("l"));
  ASSERT_TRUE(c.Running(inside));
  c.Restart();
  c.Register("n1", {{inside, kBatchStep, 0}});
  EXPECT_TRUE(c.Running(c.Submit(Spec().Licenses("foo:1").Minutes(60))));
  EXPECT_FALSE(c.Running(c.Submit(Spec().Licenses("foo:1").Minutes(60))));
  EXPECT_TRUE(c.Running(c.Submit(Spec().Licenses("foo:1").Minutes(60).In("l"))));
}

TEST(ReservedLicenses, GoWithNodes) {
  Cluster c(Licensed(2, 2));
  c.Reserve("l", absl::ZeroDuration(), absl::Hours(1), {{"tres", "node=1,license/foo=2"}});
  EXPECT_EQ(c.controller->FindReservation("l")->nodes.size(), 1u);
  EXPECT_FALSE(c.Running(c.Submit(Spec().Licenses("foo").Minutes(60))));
  EXPECT_TRUE(c.Running(c.Submit(Spec().Licenses("foo").Minutes(60).In("l"))));
}

TEST(ReservedLicenses, ExplainNamesTheReservation) {
  Cluster c(Licensed(1, 2));
  c.Reserve("l", absl::ZeroDuration(), absl::Hours(1), Keeps("foo:2"));
  const Explanation told = ExplainOne(c, c.Submit(Spec().Licenses("foo").Minutes(60)));
  ASSERT_EQ(told.busy.size(), 1u);
  EXPECT_EQ(told.busy[0].label, "reservation l");
  EXPECT_EQ(told.busy[0].license, "foo:2");
  EXPECT_EQ(told.busy[0].until, c.now + absl::Hours(1));
  ASSERT_EQ(told.prospects[0].licenses.size(), 1u);
  EXPECT_EQ(told.prospects[0].licenses[0].free_throughout, 0u);
}

TEST(ReservedLicenses, WhatIsWrongIsRefused) {
  Cluster c(Licensed(1, 4));
  EXPECT_THAT(c.Reserve("l", absl::Hours(1), absl::Hours(1), {{"licenses", "foo:1"}}),
              HasSubstr("licences without nodes need Flags=LICENSE_ONLY"));
  EXPECT_THAT(c.Reserve("l", absl::Hours(1), absl::Hours(1), Keeps("foo:5")),
              HasSubstr("the cluster has 4"));
  EXPECT_THAT(c.Reserve("l", absl::Hours(1), absl::Hours(1), Keeps("bar")),
              HasSubstr("no licence bar"));
  EXPECT_EQ(c.Reserve("l", absl::Hours(1), absl::Hours(1), Keeps("foo:3")), "l");
  EXPECT_THAT(c.Reserve("m", absl::Minutes(90), absl::Hours(1), Keeps("foo:2")),
              HasSubstr("5 of licence foo would be reserved at a time"));
  EXPECT_EQ(c.Reserve("m", absl::Hours(2), absl::Hours(1), Keeps("foo:2")), "m");
  EXPECT_THAT(c.Reserve("n", absl::Hours(5), absl::Hours(1), {{"tres", "node=1,cpu=2"}}),
              HasSubstr("TRES=cpu of a reservation is not supported"));
}

// ---- against brute force ------------------------------------------------------------------------

// By the minute: what is kept, and what is everybody's.
class KeptWorld {
 public:
  KeptWorld(int count, int kept, int from, int until) : from_(from), until_(until) {
    for (int minute = 0; minute < kEnd; ++minute) {
      const bool in = from <= minute && minute < until;
      kept_[minute] = in ? kept : 0;
      everybodys_[minute] = count - kept_[minute];
    }
  }
  // kEnd: never.
  int FirstStart(bool inside, int count, int minutes, int flex) const {
    for (int start = 0; start + minutes < kEnd; ++start) {
      if (inside && !flex && (start < from_ || start + minutes > until_)) continue;
      const int own = inside ? std::min(count, Least(kept_, start, minutes)) : 0;
      if (count - own <= Least(everybodys_, start, minutes)) return start;
    }
    return kEnd;
  }
  void Take(bool inside, int count, int start, int minutes) {
    const int own = inside ? std::min(count, Least(kept_, start, minutes)) : 0;
    for (int minute = start; minute < start + minutes; ++minute) {
      kept_[minute] -= own;
      everybodys_[minute] -= count - own;
    }
  }
  static constexpr int kEnd = 300;

 private:
  static int Least(const int (&there)[kEnd], int start, int minutes) {
    return *std::min_element(there + start, there + start + minutes);
  }
  int from_, until_;
  int kept_[kEnd], everybodys_[kEnd];
};

TEST(ReservedLicenses, ArePlannedAsBruteForceDoes) {
  for (uint32_t seed = 1; seed <= 400; ++seed) {
    Random random(seed);
    const int all = 1 + static_cast<int>(random(5));
    const int kept = 1 + static_cast<int>(random(static_cast<uint32_t>(all)));
    const int from = static_cast<int>(random(8));
    const int until = from + 1 + static_cast<int>(random(12));
    const bool flex = random(2) == 0;
    Cluster c(Licensed(20, static_cast<uint32_t>(all)));
    c.Reserve("l", absl::Minutes(from), absl::Minutes(until - from),
              Keeps("foo:" + std::to_string(kept), flex ? "license_only,flex" : "license_only"));
    const absl::Time begin = c.now;
    KeptWorld world(all, kept, from, until);
    for (int i = 0; i < 14; ++i) {
      SCOPED_TRACE(::testing::Message() << "seed " << seed << " job " << i);
      const bool inside = random(2) == 0;
      const int count = 1 + static_cast<int>(random(static_cast<uint32_t>(all)));
      const int minutes = 1 + static_cast<int>(random(6));
      Spec spec = SpecOf({1, 1, minutes});
      spec.Licenses("foo:" + std::to_string(count));
      if (inside) spec.In("l");
      const Job& job = c.Get(c.Submit(spec));
      const int wanted = world.FirstStart(inside, count, minutes, flex);
      const absl::Time start = job.Running() ? job.start_time : job.planned_start;
      if (wanted == KeptWorld::kEnd) {
        ASSERT_FALSE(IsSet(start));
        continue;
      }
      ASSERT_TRUE(IsSet(start));
      ASSERT_EQ(MinutesFrom(begin, start), wanted);
      ASSERT_EQ(job.Running(), wanted == 0);
      world.Take(inside, count, wanted, minutes);
    }
  }
}

// Jobs that end early, are cancelled and requeued, reservations that come, change and go. The
// harness checks the invariants of pool and plan after every event.
TEST(ReservedLicenses, ARandomLifeKeepsTheBooks) {
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Cluster c(Licensed(3, 4));
    static const char* kFlags[] = {"license_only",          "license_only,flex",
                                   "license_only,magnetic", "license_only,daily",
                                   "flex,magnetic",         "any_nodes"};
    for (int i = 0; i < 100; ++i) {
      const std::vector<JobId> jobs = JobsIn(c, [](const Job& job) { return !job.Finished(); });
      const JobId any = jobs.empty() ? JobId{} : jobs[random(static_cast<uint32_t>(jobs.size()))];
      const auto reservations = c.controller->Reservations();
      const std::string name =
          reservations.empty() ? "" : reservations[random(reservations.size())]->name;
      switch (random(9)) {
        case 0:
          if (any && c.Running(any)) c.Exit(any);
          break;
        case 1:
          if (any) c.Control(JobAction::kRequeue, any);
          break;
        case 2:
          if (any && random(2) == 0) c.Cancel(any);
          break;
        case 3:
          c.Advance(absl::Minutes(random(20)));
          break;
        case 4: {
          KeyValues changes = Keeps("foo:" + std::to_string(1 + random(4)), kFlags[random(6)]);
          if (random(2) == 0) changes.emplace_back("nodecnt", "1");
          c.Reserve("", absl::Minutes(random(40)), absl::Minutes(1 + random(60)), changes);
          break;
        }
        case 5:
          if (name.empty()) break;
          if (random(2) == 0) {
            c.SetReservation(kDelete, name);
          } else {
            c.SetReservation(kUpdate, name, {{"licenses", "foo:" + std::to_string(1 + random(3))}});
          }
          break;
        case 6:
          if (random(6) > 0) break;
          c.Restart();
          for (const char* node : {"n1", "n2", "n3"}) {
            std::vector<KnownStep> steps;
            for (JobId id : jobs) {
              const Job& job = c.Get(id);
              if (job.Running() && job.batch_host() == node) {
                steps.push_back({id, kBatchStep, job.restarts});
              }
            }
            c.Register(node, steps);
          }
          break;
        default: {
          Spec spec = SpecOf({1 + random(2), 1 + random(4), static_cast<int>(1 + random(30))});
          if (random(3) > 0) spec.Licenses("foo:" + std::to_string(1 + random(4)));
          if (!name.empty() && random(3) == 0) spec.In(name);
          (void)c.TrySubmit(spec, User(1000 + random(2)));
        }
      }
      if (::testing::Test::HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace reeve::ctld
