// Magnetic and open reservations: who is tried inside of them, what their jobs may use beside them,
// and whom they keep out, against brute force too.
#include "tests/ctld/core/explain_harness.h"
#include "tests/ctld/core/random.h"
#include "tests/ctld/core/small_world.h"

namespace reeve::ctld {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr ReservationAction kUpdate = ReservationAction::kUpdate;
constexpr ReservationAction kDelete = ReservationAction::kDelete;

// Nodes that say nothing and are believed to live.
Settings Silent(uint32_t nodes, uint32_t cpus = 4) {
  Settings settings = MakeTestSettings(nodes, cpus);
  settings.slurmd_timeout = absl::ZeroDuration();
  return settings;
}

// ---- magnetic ---------------------------------------------------------------------------------

TEST(Magnetic, DrawsInWhoMayUseIt) {
  Cluster c(Silent(2));
  c.Reserve("m", absl::ZeroDuration(), absl::Hours(2), {{"nodes", "n1"}, {"flags", "magnetic"}});
  const JobId job = c.Submit(Spec().Tasks(4).Minutes(60));
  ASSERT_TRUE(c.Running(job));
  EXPECT_THAT(c.NodesOf(job), ElementsAre("n1"));
  EXPECT_EQ(c.Get(job).spec->reservation, "m");
  EXPECT_EQ(c.SetReservation(kDelete, "m"), "Requested reservation is in use");
  // Outside when there is no room inside, or when it would not end in time.
  const JobId next = c.Submit(Spec().Minutes(60));
  EXPECT_THAT(c.NodesOf(next), ElementsAre("n2"));
  EXPECT_EQ(c.Get(next).spec->reservation, "");
  c.Exit(job);
  c.Gone(job);
  EXPECT_THAT(c.NodesOf(c.Submit(Spec().Minutes(121))), ElementsAre("n2"));
  // Others do not get in.
  EXPECT_THAT(c.NodesOf(c.Submit(Spec().Minutes(5), User(1001))), ElementsAre("n2"));
}

TEST(Magnetic, ItsAccountsJobsAreDrawnInAsWell) {
  Cluster c(Silent(2));
  c.Reserve("m", absl::ZeroDuration(), absl::Hours(2),
            {{"nodes", "n1"}, {"flags", "magnetic"}, {"users", ""}, {"accounts", "physics"}});
  EXPECT_THAT(c.NodesOf(c.Submit(Spec().Minutes(5))), ElementsAre("n2"));
  EXPECT_THAT(c.NodesOf(c.Submit(Spec().Minutes(5).Account("physics"))), ElementsAre("n1"));
}

TEST(Magnetic, WaitingJobsFollowItsUsers) {
  Cluster c(Silent(2));
  c.Submit(Spec().On("n2").Tasks(4).Minutes(600));
  const JobId job = c.Submit(Spec().On("n1").Minutes(30));
  EXPECT_TRUE(c.Running(job));
  c.Reserve("m", absl::ZeroDuration(), absl::Hours(5),
            {{"nodes", "n1"}, {"flags", "magnetic,ignore_jobs"}, {"users", "user1001"}});
  const JobId waits = c.Submit(Spec().Minutes(30));
  EXPECT_EQ(c.Get(waits).planned_start, c.now + absl::Hours(5));
  EXPECT_EQ(c.SetReservation(kUpdate, "m", {{"users", "+user1000"}}), "m");
  EXPECT_TRUE(c.Running(waits));
  EXPECT_EQ(c.Get(waits).spec->reservation, "m");
}

TEST(Magnetic, RequeuedItIsForgotten) {
  Cluster c(Silent(2));
  c.Reserve("m", absl::ZeroDuration(), absl::Hours(2), {{"nodes", "n1"}, {"flags", "magnetic"}});
  const JobId job = c.Submit(Spec().Minutes(90));
  EXPECT_EQ(c.Get(job).spec->reservation, "m");
  c.Advance(absl::Hours(1));
  EXPECT_EQ(c.Control(JobAction::kRequeue, job), "");
  c.Gone(job);
  ASSERT_TRUE(c.Running(job));
  EXPECT_THAT(c.NodesOf(job), ElementsAre("n2")) << "it would not end in time inside";
  EXPECT_EQ(c.Get(job).spec->reservation, "");
  EXPECT_FALSE(c.Get(job).spec->wishes().drawn_in);
}

TEST(Magnetic, SurvivesARestart) {
  Cluster c(Silent(2));
  c.Reserve("m", absl::ZeroDuration(), absl::Hours(2), {{"nodes", "n1"}, {"flags", "magnetic"}});
  const JobId runs = c.Submit(Spec().Tasks(4).Minutes(60));
  c.Submit(Spec().On("n2").Tasks(4).Minutes(600));
  const JobId waits = c.Submit(Spec().Tasks(4).Minutes(30));
  EXPECT_EQ(c.Get(waits).planned_start, c.now + absl::Hours(1));
  c.Restart();
  c.Register("n1", {{runs, kBatchStep, 0}});
  c.Register("n2");
  EXPECT_EQ(c.Get(runs).spec->reservation, "m");
  EXPECT_EQ(c.Get(waits).planned_start, c.now + absl::Hours(1));
  EXPECT_EQ(c.SetReservation(kDelete, "m"), "Requested reservation is in use");
}

TEST(Magnetic, ArraysAreDrawnInTaskByTask) {
  Cluster c(Silent(2));
  c.Reserve("m", absl::ZeroDuration(), absl::Hours(1), {{"nodes", "n1"}, {"flags", "magnetic"}});
  const JobId array = c.Submit(Spec().Tasks(3).Minutes(40).Array("0-3"));
  int inside = 0, outside = 0;
  c.controller->ForEachJob([&](const Job& job) {
    if (!job.Running()) return;
    (job.spec->reservation == "m" ? inside : outside)++;
  });
  EXPECT_EQ(inside, 1);
  EXPECT_EQ(outside, 1);
  EXPECT_EQ(c.Get(array).spec->reservation, "");
}

TEST(Magnetic, ExplainTellsOfIt) {
  Cluster c(Silent(2));
  c.Reserve("m", absl::Minutes(30), absl::Hours(2), {{"nodes", "n1"}, {"flags", "magnetic"}});
  c.Submit(Spec().Nodes(2).Tasks(8).Minutes(30));
  c.Submit(Spec().On("n2").Tasks(4).Minutes(600), User(1001));
  const JobId job = c.Submit(Spec().Minutes(60));
  const Explanation told = ExplainOne(c, job);
  EXPECT_THAT(told.magnets, ElementsAre("m"));
  EXPECT_EQ(told.planned_reservation, "m");
  EXPECT_EQ(told.planned_start, c.now + absl::Minutes(30));
  EXPECT_EQ(told.planned_nodes, "n1");
  EXPECT_THAT(ExplainOne(c, c.Submit(Spec(), User(1001))).magnets, IsEmpty());
}

// ---- open -------------------------------------------------------------------------------------

TEST(Flex, ItsJobsUseWhatTheyLike) {
  Cluster c(Silent(2));
  c.Reserve("f", absl::Hours(1), absl::Hours(1), {{"nodes", "n1"}, {"flags", "flex"}});
  const JobId before = c.Submit(Spec().On("n1").Minutes(300).In("f"));
  EXPECT_TRUE(c.Running(before)) << "it begins before and ends after";
  const JobId beside = c.Submit(Spec().Nodes(2).Minutes(300).In("f"));
  EXPECT_TRUE(c.Running(beside));
  EXPECT_TRUE(c.Running(c.Submit(Spec().On("n1").Minutes(60))));
  const JobId other = c.Submit(Spec().On("n1").Minutes(61));
  EXPECT_EQ(c.Get(other).planned_start, c.now + absl::Hours(2));
  EXPECT_EQ(c.Why(other), "Resources");
  c.Advance(absl::Hours(2));
  EXPECT_TRUE(c.controller->Reservations().empty());
  EXPECT_TRUE(c.Running(before));
  EXPECT_TRUE(c.Running(other));
}

TEST(Flex, AJobThatWaitsForRoomDoesNotWaitForTheReservation) {
  Cluster c(Silent(1));
  c.Reserve("f", absl::Hours(1), absl::Hours(1), {{"nodes", "n1"}, {"flags", "flex"}});
  c.Submit(Spec().Tasks(4).Minutes(30));
  const JobId waits = c.Submit(Spec().Tasks(2).Minutes(300).In("f"));
  EXPECT_EQ(c.Why(waits), "Resources");
  EXPECT_EQ(c.Get(waits).planned_start, c.now + absl::Minutes(30));
}

TEST(Flex, KeepsOffTheReservationsOfOthers) {
  Cluster c(Silent(2));
  c.Reserve("theirs", absl::Hours(1), absl::Hours(1), {{"nodes", "n2"}, {"users", "user1001"}});
  c.Reserve("f", absl::Hours(3), absl::Hours(1), {{"nodes", "n[1-2]"}, {"flags", "flex"}});
  EXPECT_EQ(c.Get(c.Submit(Spec().On("n2").Minutes(61).In("f"))).planned_start,
            c.now + absl::Hours(2));
  c.Reserve("over", absl::Hours(1), absl::Hours(1), {{"nodes", "n2"}, {"flags", "flex,overlap"}});
  EXPECT_TRUE(c.Running(c.Submit(Spec().On("n2").Minutes(61).In("over"))));
}

TEST(Flex, AndMagnetic) {
  Cluster c(Silent(2));
  c.Reserve("f", absl::Hours(1), absl::Hours(9), {{"nodes", "n1"}, {"flags", "flex,magnetic"}});
  const JobId job = c.Submit(Spec().Nodes(2).Minutes(61));
  ASSERT_TRUE(c.Running(job));
  EXPECT_EQ(c.Get(job).spec->reservation, "f");
  EXPECT_EQ(c.Get(c.Submit(Spec().Nodes(2).Minutes(61), User(1001))).planned_start,
            c.now + absl::Hours(10));
}

TEST(AnyNodes, ItsJobsUseOtherNodesInItsTime) {
  Cluster c(Silent(2));
  c.Reserve("a", absl::Hours(1), absl::Hours(1), {{"nodes", "n1"}, {"flags", "any_nodes"}});
  const JobId job = c.Submit(Spec().Nodes(2).Minutes(60).In("a"));
  EXPECT_EQ(c.Why(job), "Reservation");
  EXPECT_EQ(c.Get(job).planned_start, c.now + absl::Hours(1));
  const JobId late = c.Submit(Spec().Minutes(61).In("a"));
  EXPECT_EQ(c.Get(late).planned_start, absl::UnixEpoch());
  c.Advance(absl::Hours(1));
  EXPECT_TRUE(c.Running(job));
}

// ---- against brute force ------------------------------------------------------------------------

// Nodes from the first on, in that time.
struct Reserved {
  uint32_t nodes;
  int from, until;
};

constexpr int kLate = 400;  // later than all of them

// What jobs see that may not be in it, and what those see that are.
class ReservedWorld {
 public:
  ReservedWorld(uint32_t nodes, uint32_t cpus, Reserved reserved, bool flex)
      : outside_(nodes, cpus), inside_(nodes, cpus), limit_(flex ? kLate : reserved.until) {
    std::vector<uint32_t> own, others;
    for (uint32_t i = 0; i < nodes; ++i) (i < reserved.nodes ? own : others).push_back(i);
    outside_.Take({reserved.from, reserved.until, own, cpus});
    if (flex) return;
    inside_.Take({0, kLate, others, cpus});
    inside_.Take({0, reserved.from, own, cpus});
    inside_.Take({reserved.until, kLate, own, cpus});
  }
  int Outside(const Ask& ask) const { return outside_.FirstStart(ask, 0); }
  int Inside(const Ask& ask) const {  // INT_MAX: never
    const int start = inside_.FirstStart(ask, 0);
    return start + ask.minutes > limit_ ? INT_MAX : start;
  }
  void Take(const Taken& taken) {
    outside_.Take(taken);
    inside_.Take(taken);
  }

 private:
  SmallWorld outside_, inside_;
  int limit_;
};

enum class Kind { kMagnetic, kFlex, kFlexMagnetic };

void ExpectEarliest(Kind kind, uint32_t seed) {
  Random random(seed);
  const uint32_t nodes = 1 + random(4);
  const int from = static_cast<int>(random(8));
  const Reserved reserved{1 + random(nodes), from, from + 1 + static_cast<int>(random(8))};
  Cluster c(Silent(nodes));
  const char* flags = kind == Kind::kMagnetic ? "magnetic"
                      : kind == Kind::kFlex   ? "flex"
                                              : "flex,magnetic";
  std::string names = "n[1-" + std::to_string(reserved.nodes) + "]";
  ASSERT_EQ(
      c.Reserve("r", absl::Minutes(reserved.from), absl::Minutes(reserved.until - reserved.from),
                {{"nodes", names}, {"flags", flags}}),
      "r");
  const absl::Time begin = c.now;
  ReservedWorld world(nodes, 4, reserved, kind != Kind::kMagnetic);
  for (int i = 0; i < 12; ++i) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed << " job " << i);
    const Ask ask{1 + random(nodes), 1 + random(4), static_cast<int>(1 + random(6))};
    const bool its = random(2) == 0;
    Spec spec = SpecOf(ask);
    if (its && kind == Kind::kFlex) spec.In("r");
    const JobId id = c.Submit(spec, User(its ? 1000 : 1001));
    const Job& job = c.Get(id);
    const int wanted = !its                      ? world.Outside(ask)
                       : kind == Kind::kMagnetic ? std::min(world.Outside(ask), world.Inside(ask))
                                                 : world.Inside(ask);
    const absl::Time start = job.Running() ? job.start_time : job.planned_start;
    ASSERT_TRUE(IsSet(start));
    const int minute = MinutesFrom(begin, start);
    ASSERT_EQ(minute, wanted);
    ASSERT_EQ(job.Running(), minute == 0);
    world.Take({minute, minute + ask.minutes, NodesOf(c, job), ask.cpus});
  }
}

TEST(Magnetic, PlansAsBruteForceDoes) {
  for (uint32_t seed = 1; seed <= 300 && !::testing::Test::HasFailure(); ++seed) {
    ExpectEarliest(Kind::kMagnetic, seed);
  }
}

TEST(Flex, PlansAsBruteForceDoes) {
  for (uint32_t seed = 1; seed <= 300 && !::testing::Test::HasFailure(); ++seed) {
    ExpectEarliest(seed % 2 == 0 ? Kind::kFlex : Kind::kFlexMagnetic, seed);
  }
}

// ---- who may ------------------------------------------------------------------------------------

TEST(ReservationGroups, AreThoseOfWhoSubmits) {
  Cluster c(Silent(1));
  c.Reserve("g", absl::ZeroDuration(), absl::Hours(1),
            {{"nodes", "n1"}, {"users", ""}, {"groups", "bio,chem"}});
  const auto refusal = [&](std::vector<std::string> groups) {
    SubmitJob event;
    event.call = c.NextCall();
    event.caller = User(1000);
    event.spec = Spec().In("g").Minutes(5).Make();
    event.groups = std::move(groups);
    c.Do(event);
    return std::string(c.AnswerTo(event.call).status().message());
  };
  EXPECT_EQ(refusal({"users", "chem"}), "");
  EXPECT_EQ(refusal({"users"}), "Access denied to requested reservation");
  EXPECT_THAT(c.Reserve("h", absl::Hours(2), absl::Hours(1), {{"nodes", "n1"}, {"groups", "bio"}}),
              HasSubstr("for users or for groups"));
  EXPECT_THAT(c.Reserve("h", absl::Hours(2), absl::Hours(1),
                        {{"nodes", "n1"}, {"users", ""}, {"groups", "bio"}, {"flags", "magnetic"}}),
              HasSubstr("Groups= of a MAGNETIC reservation is not supported"));
}

}  // namespace
}  // namespace reeve::ctld
