// Nodes set aside: who waits for whom, what begins and ends when, and what is refused.
#include "ctld/core/reservation.h"

#include <set>

#include "tests/ctld/core/harness.h"
#include "tests/ctld/core/random.h"

namespace reeve::ctld {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr ReservationAction kCreate = ReservationAction::kCreate;
constexpr ReservationAction kUpdate = ReservationAction::kUpdate;
constexpr ReservationAction kDelete = ReservationAction::kDelete;

// Nodes that say nothing and are believed to live.
Settings Silent(uint32_t nodes) {
  Settings settings = MakeTestSettings(nodes, 4);
  settings.slurmd_timeout = absl::ZeroDuration();
  return settings;
}

TEST(ReservationTest, OthersDoNotRunIntoIt) {
  Cluster c(Silent(2));
  EXPECT_EQ(c.Reserve("maint", absl::Hours(1), absl::Hours(1), {{"nodes", "n1"}}), "maint");
  const JobId fits = c.Submit(Spec().On("n1").Minutes(60));
  EXPECT_TRUE(c.Running(fits));
  const JobId too_long = c.Submit(Spec().On("n1").Minutes(61));
  EXPECT_FALSE(c.Running(too_long));
  EXPECT_EQ(c.Get(too_long).planned_start, c.now + absl::Hours(2));
  EXPECT_TRUE(c.Running(c.Submit(Spec().On("n2").Minutes(600))));
  c.Advance(absl::Hours(2));
  EXPECT_TRUE(c.Running(too_long));
  EXPECT_TRUE(c.controller->Reservations().empty());
}

TEST(ReservationTest, ExplainNamesIt) {
  Cluster c(Silent(2));
  c.Reserve("maint", absl::Hours(1), absl::Hours(1), {{"nodes", "n1"}});
  const JobId job = c.Submit(Spec().On("n1").Minutes(61));
  ExplainJobs event{c.NextCall(), {{job, "", std::nullopt}}, {}};
  c.Do(event);
  const auto answer = std::get<ExplainAnswer>(*c.AnswerTo(event.call));
  ASSERT_EQ(answer.jobs.size(), 1u);
  ASSERT_EQ(answer.jobs[0].busy.size(), 1u);
  EXPECT_EQ(answer.jobs[0].busy[0].label, "reservation maint");
  EXPECT_EQ(answer.jobs[0].busy[0].nodes, "n1");
  EXPECT_EQ(answer.jobs[0].busy[0].from, c.now + absl::Hours(1));
  EXPECT_EQ(answer.jobs[0].busy[0].until, c.now + absl::Hours(2));
}

TEST(ReservationTest, ItsJobsRunInItsTimeOnItsNodes) {
  Cluster c(Silent(3));
  c.Reserve("mine", absl::Hours(1), absl::Hours(2), {{"nodes", "n[2-3]"}});
  const JobId job = c.Submit(Spec().Nodes(2).Minutes(120).In("mine"));
  EXPECT_EQ(c.Why(job), "Reservation");
  EXPECT_EQ(c.Get(job).planned_start, c.now + absl::Hours(1));
  c.Advance(absl::Hours(1));
  ASSERT_TRUE(c.Running(job));
  EXPECT_THAT(c.NodesOf(job), ElementsAre("n2", "n3"));
  // What does not end with it never starts.
  const JobId late = c.Submit(Spec().Minutes(121).In("mine"));
  c.Exit(job);
  c.Gone(job);
  EXPECT_FALSE(c.Running(late));
  EXPECT_EQ(c.Get(late).planned_start, absl::UnixEpoch());
  EXPECT_TRUE(c.Running(c.Submit(Spec().Minutes(110).In("mine"))));
}

TEST(ReservationTest, WhoMayUseIt) {
  Cluster c(Silent(2));
  c.Reserve("mine", absl::Hours(1), absl::Hours(2),
            {{"nodes", "n1"}, {"users", "user1000,user1002"}});
  EXPECT_EQ(c.Refusal(Spec().In("none")), "Requested reservation is invalid");
  EXPECT_EQ(c.Refusal(Spec().In("mine"), User(1001)), "Access denied to requested reservation");
  EXPECT_EQ(c.Refusal(Spec().In("mine"), User(1002)), "accepted");
  EXPECT_EQ(c.SetReservation(kUpdate, "mine", {{"users", "-user1002"}}), "mine");
  EXPECT_EQ(c.Refusal(Spec().In("mine"), User(1002)), "Access denied to requested reservation");
  c.Reserve("theirs", absl::Hours(1), absl::Hours(2),
            {{"nodes", "n2"}, {"users", ""}, {"accounts", "physics"}});
  EXPECT_EQ(c.Refusal(Spec().In("theirs")), "Access denied to requested reservation");
  EXPECT_EQ(c.Refusal(Spec().In("theirs").Account("physics")), "accepted");
}

TEST(ReservationTest, NodesAreChosenThatAreFreeThen) {
  Cluster c(Silent(4));
  const JobId job = c.Submit(Spec().On("n2").Minutes(90));
  EXPECT_EQ(c.Reserve("", absl::Hours(1), absl::Hours(1), {{"nodecnt", "2"}}), "user1000_1");
  EXPECT_THAT(c.controller->FindReservation("user1000_1")->nodes, ElementsAre("n1", "n3"));
  EXPECT_EQ(c.Reserve("", absl::Hours(1), absl::Hours(1), {{"nodecnt", "2"}}),
            "Requested nodes are busy");
  EXPECT_EQ(c.Reserve("", absl::Hours(1), absl::Hours(1), {{"nodes", "n2"}}),
            "Requested nodes are busy");
  EXPECT_EQ(
      c.Reserve("now", absl::Hours(1), absl::Hours(1), {{"nodes", "n2"}, {"flags", "ignore_jobs"}}),
      "now");
  EXPECT_EQ(c.Reserve("", absl::Minutes(90), absl::Hours(1), {{"nodes", "n[3-4]"}}),
            "Requested reservation overlaps with another reservation");
  EXPECT_EQ(c.Reserve("over", absl::Minutes(90), absl::Hours(1),
                      {{"nodes", "n[3-4]"}, {"flags", "maint"}}),
            "over");
  EXPECT_TRUE(c.Running(job));
  EXPECT_EQ(c.Reserve("all", absl::Hours(9), absl::Hours(1), {{"nodes", "ALL"}}), "all");
  EXPECT_EQ(c.controller->FindReservation("all")->nodes.size(), 4u);
}

TEST(ReservationTest, WhatIsWrongIsRefused) {
  Cluster c(Silent(2));
  c.Reserve("r", absl::Hours(1), absl::Hours(1), {{"nodes", "n1"}});
  EXPECT_EQ(c.Reserve("r", absl::Hours(1), absl::Hours(1), {{"nodes", "n2"}}),
            "Duplicate reservation name");
  EXPECT_EQ(c.Reserve("s", absl::Hours(-1), absl::Hours(3), {{"nodes", "n2"}}),
            "Invalid time specified");
  EXPECT_EQ(c.Reserve("s", absl::Hours(1), absl::Hours(25), {{"nodes", "n2"}, {"flags", "daily"}}),
            "Invalid time specified");
  EXPECT_EQ(c.Reserve("s", absl::Hours(1), absl::Hours(1), {{"nodes", "n7"}}),
            "Invalid node name specified");
  EXPECT_EQ(c.Reserve("s", absl::Hours(1), absl::Hours(1)), "Node count specification invalid");
  EXPECT_EQ(c.Reserve("s", absl::Hours(1), absl::Hours(1), {{"nodecnt", "3"}}),
            "Requested node configuration is not available");
  EXPECT_THAT(
      c.Reserve("s", absl::Hours(1), absl::Hours(1), {{"nodes", "n2"}, {"flags", "hourly"}}),
      HasSubstr("reservation flag hourly is not supported"));
  EXPECT_THAT(c.Reserve("s", absl::Hours(1), absl::Hours(1), {{"nodes", "n2"}, {"corecnt", "2"}}),
              HasSubstr("corecnt is not supported"));
  EXPECT_THAT(c.Reserve("s", absl::Hours(1), absl::Hours(1), {{"nodes", "n2"}, {"users", ""}}),
              HasSubstr("lacks users"));
  EXPECT_EQ(c.SetReservation(kUpdate, "s", {}), "Requested reservation is invalid");
  EXPECT_EQ(c.SetReservation(kDelete, "s"), "Requested reservation is invalid");
  EXPECT_EQ(c.controller->Reservations().size(), 1u);
}

TEST(ReservationTest, DeletedWhileJobsWait) {
  Cluster c(Silent(2));
  c.Reserve("r", absl::ZeroDuration(), absl::Hours(1), {{"nodes", "n1"}});
  const JobId runs = c.Submit(Spec().Tasks(4).Minutes(30).In("r"));
  const JobId waits = c.Submit(Spec().Tasks(4).Minutes(20).In("r"));
  EXPECT_TRUE(c.Running(runs));
  EXPECT_EQ(c.Why(waits), "Resources");
  EXPECT_EQ(c.SetReservation(kDelete, "r"), "Requested reservation is in use");
  c.Exit(runs);
  c.Gone(runs);
  ASSERT_TRUE(c.Running(waits));
  c.Exit(waits);
  c.Gone(waits);
  const JobId last = c.Submit(Spec().Tasks(4).Minutes(59).In("r"));
  c.Advance(absl::Minutes(2));
  const JobId never = c.Submit(Spec().Tasks(4).Minutes(59).In("r"));
  c.Exit(last);
  c.Gone(last);
  EXPECT_EQ(c.SetReservation(kDelete, "r"), "r");
  EXPECT_EQ(c.Why(never), "ReservationDeleted");
  EXPECT_EQ(c.Update(never, "reservation", ""), "");
  EXPECT_TRUE(c.Running(never));
}

TEST(ReservationTest, ItComesBackEveryDay) {
  Cluster c(Silent(1));
  c.Reserve("night", absl::Hours(1), absl::Hours(1), {{"nodes", "n1"}, {"flags", "daily"}});
  const JobId job = c.Submit(Spec().Minutes(23 * 60));
  EXPECT_EQ(c.Get(job).planned_start, c.now + absl::Hours(2));
  const JobId never = c.Submit(Spec().Minutes(23 * 60 + 1));
  EXPECT_EQ(c.Get(never).planned_start, absl::UnixEpoch());
  const absl::Time start = c.controller->FindReservation("night")->start;
  c.Advance(absl::Hours(2));
  EXPECT_TRUE(c.Running(job));
  EXPECT_EQ(c.controller->FindReservation("night")->start, start + absl::Hours(24));
}

TEST(ReservationTest, NodesShowIt) {
  Cluster c(Silent(2));
  c.Reserve("work", absl::Hours(1), absl::Hours(1), {{"nodes", "n1"}});
  c.Reserve("maint", absl::Hours(1), absl::Hours(1), {{"nodes", "n2"}, {"flags", "maint"}});
  EXPECT_EQ(NodeStateText(c.GetNode("n1")), "IDLE");
  c.Advance(absl::Hours(1));
  EXPECT_EQ(NodeStateText(c.GetNode("n1")), "IDLE+RESERVED");
  EXPECT_EQ(NodeStateText(c.GetNode("n2")), "IDLE+MAINTENANCE");
  c.Advance(absl::Hours(1));
  EXPECT_EQ(NodeStateText(c.GetNode("n1")), "IDLE");
  EXPECT_EQ(NodeStateText(c.GetNode("n2")), "IDLE");
}

TEST(ReservationTest, ItSurvivesARestart) {
  Cluster c(Silent(2));
  c.Reserve("r", absl::Hours(1), absl::Hours(1), {{"nodes", "n1"}, {"flags", "weekly"}});
  c.Restart();
  c.Register("n1");
  c.Register("n2");
  const JobId job = c.Submit(Spec().On("n1").Minutes(61));
  EXPECT_EQ(c.Get(job).planned_start, c.now + absl::Hours(2));
  c.Advance(absl::Hours(2));
  EXPECT_EQ(c.controller->FindReservation("r")->start, c.now - absl::Hours(1) + absl::Hours(168));
}

// In random lives of clusters with reservations that come and go nothing is started where it may
// not be; that plans keep to them too is checked after every pass (CheckPlan).
TEST(ReservationTest, NobodyRunsInAnothersTime) {
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Cluster c(Silent(4));
    std::vector<JobId> jobs;
    std::set<JobId> started;
    for (int step = 0; step < 40; ++step) {
      const uint32_t what = random(10);
      if (what < 5) {
        Spec spec;
        spec.Nodes(1 + random(2)).Minutes(1 + random(90));
        const auto reservations = c.controller->Reservations();
        if (!reservations.empty() && random(2) == 0) {
          spec.In(reservations[random(reservations.size())]->name);
        }
        jobs.push_back(c.Submit(spec));
      } else if (what < 7) {
        KeyValues changes = {{"nodecnt", std::to_string(1 + random(3))}};
        const char* flags[] = {"", "overlap", "maint", "ignore_jobs", "daily"};
        changes.emplace_back("flags", flags[random(5)]);
        c.Reserve("", absl::Minutes(random(120)), absl::Minutes(1 + random(120)), changes);
      } else if (what < 8) {
        const auto reservations = c.controller->Reservations();
        if (!reservations.empty()) {
          c.SetReservation(kDelete, reservations[random(reservations.size())]->name);
        }
      } else {
        c.Advance(absl::Minutes(1 + random(40)));
      }
      for (JobId id : jobs) {
        const Job* job = c.controller->FindJob(id);
        if (job == nullptr || !job->Running() || !started.insert(id).second) continue;
        for (const Reservation* reservation : c.controller->Reservations()) {
          const bool own = job->spec->reservation == reservation->name;
          bool shares = false;
          for (const std::string& node : c.NodesOf(id)) shares |= reservation->Covers(node);
          const Reservation* mine = c.controller->FindReservation(job->spec->reservation);
          const bool takes = mine != nullptr && mine->TakesFromOthers();
          if (own) {
            EXPECT_TRUE(reservation->ActiveAt(job->start_time)) << JobLabel(*job);
            EXPECT_LE(job->end_time, reservation->end) << JobLabel(*job);
          } else if (shares && !takes) {
            EXPECT_TRUE(job->end_time <= reservation->start || job->start_time >= reservation->end)
                << JobLabel(*job) << " in " << reservation->name;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace reeve::ctld
