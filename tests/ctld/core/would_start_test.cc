// --test-only: what is told of a job comes true when it is submitted, and nothing else comes of it.
#include "ctld/core/would_start.h"

#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "ctld/core/cluster_state.h"
#include "tests/ctld/core/jobs_in.h"
#include "tests/ctld/core/random.h"
#include "tests/ctld/core/small_world.h"
#include "tests/ctld/core/tree.h"

namespace reeve::ctld {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

SubmitJob Question(Cluster& c, const Spec& spec, const Caller& caller = User(1000)) {
  SubmitJob event;
  event.call = c.NextCall();
  event.key = {caller.uid, "again"};
  event.caller = caller;
  event.groups = {"users"};
  event.spec = spec.Make();
  event.test_only = true;
  return event;
}

absl::StatusOr<SubmitAnswer> AnswerOf(const Cluster& c, CallToken call) {
  const absl::StatusOr<Answer> answer = c.AnswerTo(call);
  if (!answer.ok()) return answer.status();
  return std::get<SubmitAnswer>(*answer);
}

absl::StatusOr<SubmitAnswer> Foretell(Cluster& c, const Spec& spec,
                                      const Caller& caller = User(1000)) {
  const SubmitJob event = Question(c, spec, caller);
  c.Do(event);
  return AnswerOf(c, event.call);
}

std::string Text(const Cluster& c, const absl::StatusOr<SubmitAnswer>& answer) {
  if (!answer.ok()) return std::string(answer.status().message());
  if (!answer->expected.has_value()) return "submitted";
  const ExpectedStart& start = *answer->expected;
  return StrCat(answer->job.value, " in ", MinutesFrom(c.now, start.time), " min: ", start.cpus,
                " CPUs on ", start.nodes, " of ", start.partition);
}

// "7 in 30 min: 2 CPUs on n1 of debug", or the words of the refusal.
std::string Told(Cluster& c, const Spec& spec, const Caller& caller = User(1000)) {
  return Text(c, Foretell(c, spec, caller));
}

Settings Silent(uint32_t nodes, uint32_t cpus) {
  Settings settings = MakeTestSettings(nodes, cpus);
  settings.slurmd_timeout = absl::ZeroDuration();
  return settings;
}

// ---- when and where -----------------------------------------------------------------------------

TEST(WouldStart, AtOnceWhereThereIsRoom) {
  Cluster c(2, 4);
  EXPECT_EQ(Told(c, Spec().Nodes(2).Tasks(6)), "1 in 0 min: 6 CPUs on n[1-2] of debug");
  EXPECT_EQ(Told(c, Spec().Exclusive()), "1 in 0 min: 4 CPUs on n1 of debug");
  EXPECT_EQ(Told(c, Spec().Tasks(3).On("n2")), "1 in 0 min: 3 CPUs on n2 of debug");
  EXPECT_EQ(Told(c, Spec().Tasks(2).Array("1-100")), "1 in 0 min: 2 CPUs on n1 of debug")
      << "an array is one of its tasks";
}

TEST(WouldStart, WhenARunningJobEnds) {
  Cluster c(Silent(1, 4));
  c.Submit(Spec().Tasks(4).Minutes(30));
  EXPECT_EQ(Told(c, Spec().Tasks(2).Minutes(5)), "2 in 30 min: 2 CPUs on n1 of debug");
  c.Advance(absl::Minutes(10));
  EXPECT_EQ(Told(c, Spec().Tasks(2).Minutes(5)), "2 in 20 min: 2 CPUs on n1 of debug");
}

TEST(WouldStart, BesideAndBehindWhatRanksHigher) {
  Cluster c(1, 4);
  c.Submit(Spec().Tasks(2).Minutes(30));
  const JobId wide = c.Submit(Spec().Tasks(4).Minutes(20));
  ASSERT_EQ(c.Get(wide).planned_start, c.now + absl::Minutes(30));
  EXPECT_EQ(Told(c, Spec().Tasks(2).Minutes(30)), "3 in 0 min: 2 CPUs on n1 of debug");
  EXPECT_EQ(Told(c, Spec().Tasks(2).Minutes(31)), "3 in 50 min: 2 CPUs on n1 of debug");
  // Whoever ranks lower gives way.
  EXPECT_EQ(Told(c, Spec().Tasks(2).Minutes(31).Nice(-1000), Root()),
            "3 in 0 min: 2 CPUs on n1 of debug");
  EXPECT_EQ(Told(c, Spec().Tasks(4).Minutes(10).Nice(-1000), Root()),
            "3 in 30 min: 4 CPUs on n1 of debug");
  EXPECT_EQ(c.Get(wide).planned_start, c.now + absl::Minutes(30));
}

TEST(WouldStart, InThePartitionThatIsTheFirstToHaveRoom) {
  Settings settings = MakeTestSettings(2, 4);
  settings.partitions[0].nodes = {"n1"};
  reeve::ctld::Partition other = settings.partitions[0];
  other.name = "other";
  other.is_default = false;
  other.nodes = {"n2"};
  settings.partitions.push_back(other);
  Cluster c(settings);
  c.Submit(Spec().Tasks(4).Minutes(60));
  EXPECT_EQ(Told(c, Spec().Partition("debug,other")), "2 in 0 min: 1 CPUs on n2 of other");
  c.Submit(Spec().Tasks(4).Minutes(20).Partition("other"));
  EXPECT_EQ(Told(c, Spec().Partition("debug,other")), "3 in 20 min: 1 CPUs on n2 of other");
  EXPECT_EQ(Told(c, Spec().Partition("other,debug").On("n1")),
            "3 in 60 min: 1 CPUs on n1 of debug");
}

TEST(WouldStart, WhenLicencesAreThere) {
  Settings settings = MakeTestSettings(2, 4);
  settings.licenses = {{"foo", 2}};
  Cluster c(settings);
  c.Submit(Spec().Licenses("foo:2").Minutes(30));
  EXPECT_EQ(Told(c, Spec().Licenses("foo").Minutes(5)), "2 in 30 min: 1 CPUs on n1 of debug");
}

TEST(WouldStart, InsideOfAMagneticReservation) {
  Cluster c(Silent(2, 4));
  c.Reserve("m", absl::ZeroDuration(), absl::Hours(2), {{"nodes", "n1"}, {"flags", "magnetic"}});
  EXPECT_EQ(Told(c, Spec().Tasks(4).Minutes(60)), "1 in 0 min: 4 CPUs on n1 of debug");
  EXPECT_EQ(Told(c, Spec().Tasks(4).Minutes(60), User(1001)), "1 in 0 min: 4 CPUs on n2 of debug");
}

// n1 and n2 are on one leaf, n3 and n4 on another; one node of each is taken.
TEST(WouldStart, AnywhereAfterAWaitForSwitches) {
  Settings settings = Silent(4, 1);
  settings.max_switch_wait = absl::Hours(1);
  AddTree(settings,
          "SwitchName=s0 Nodes=n[1-2]\nSwitchName=s1 Nodes=n[3-4]\n"
          "SwitchName=top Switches=s[0-1]\n");
  Cluster c(settings);
  for (const char* node : {"n1", "n3"}) c.Submit(Spec().On(node).Minutes(60));
  const Spec spec = Spec().Nodes(2).Minutes(10).Switches(1, absl::Minutes(5));
  EXPECT_EQ(Told(c, spec), "3 in 5 min: 2 CPUs on n[2,4] of debug");
  EXPECT_EQ(Told(c, Spec(spec).Begin(c.now + absl::Minutes(10))),
            "3 in 15 min: 2 CPUs on n[2,4] of debug");
  EXPECT_EQ(c.controller->state().switch_waits.Next(), kNever) << "nobody waits yet";
  const JobId job = c.Submit(spec);
  EXPECT_EQ(c.Get(job).planned_start, c.now + absl::Minutes(5));
}

TEST(WouldStart, CountsWhatCameJustBefore) {
  Cluster c(1, 4);
  SubmitJob wide = Question(c, Spec().Tasks(4).Minutes(30));
  wide.test_only = false;
  const SubmitJob question = Question(c, Spec().Minutes(5));
  const std::vector<Event> events = {wide, question};
  const Effects effects = c.controller->Handle(events, c.now);
  ASSERT_EQ(effects.replies.size(), 2u);
  const absl::StatusOr<Answer>& answer = effects.replies[1].answer;
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(Text(c, std::get<SubmitAnswer>(*answer)), "2 in 30 min: 1 CPUs on n1 of debug");
}

// Where only the first of the queue is planned the others are not counted with.
TEST(WouldStart, SaysThatOthersHaveNoPlannedStart) {
  Settings settings = MakeTestSettings(1, 4);
  settings.plan_depth = 1;
  Cluster c(settings);
  c.Submit(Spec().Tasks(4).Minutes(30));
  c.Submit(Spec().Tasks(4).Minutes(20));
  absl::StatusOr<SubmitAnswer> answer = Foretell(c, Spec().Tasks(4).Minutes(5));
  EXPECT_EQ(Text(c, answer), "3 in 50 min: 4 CPUs on n1 of debug");
  EXPECT_THAT(answer->notes, IsEmpty());
  c.Submit(Spec().Tasks(4).Minutes(20));
  answer = Foretell(c, Spec().Tasks(4).Minutes(5));
  EXPECT_EQ(Text(c, answer), "4 in 50 min: 4 CPUs on n1 of debug");
  EXPECT_THAT(answer->notes, ElementsAre(HasSubstr("it may start later")));
}

TEST(WouldStart, NotBeforeOthersWhereTheFirstToComeIsTheFirstServed) {
  Settings settings = MakeTestSettings(1, 4);
  settings.backfill = false;
  Cluster c(settings);
  c.Submit(Spec().Tasks(2).Minutes(30));
  EXPECT_EQ(Told(c, Spec().Tasks(2)), "2 in 0 min: 2 CPUs on n1 of debug");
  c.Submit(Spec().Tasks(4).Minutes(20));
  const absl::StatusOr<SubmitAnswer> answer = Foretell(c, Spec().Tasks(2));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_GT(answer->expected->time, c.now);
  EXPECT_THAT(answer->notes, ElementsAre(HasSubstr("it may start later")));
}

// ---- no time can be told ------------------------------------------------------------------------

TEST(WouldStart, RefusesWhatCannotRun) {
  Cluster c(2, 4);
  EXPECT_EQ(Told(c, Spec().Nodes(3)),
            "job 1 can never run as the cluster stands: partition debug has 2 nodes, 3 needed\n"
            "Requested node configuration is not available");
  EXPECT_EQ(Told(c, Spec().Partition("nope")),
            "invalid partition specified: nope\nInvalid partition name specified");
  EXPECT_EQ(Told(c, Spec().Nice(-1)), "Access/permission denied");
  c.SetNode("n2", "DRAIN", "test");
  EXPECT_EQ(Told(c, Spec().Nodes(2)),
            "needs nodes that are down or drained\n"
            "Required node not available (down, drained or reserved)");
  c.Submit(Spec().Exclusive().Minutes(30));
  EXPECT_EQ(Told(c, Spec().Minutes(10).Deadline(c.now + absl::Minutes(20))),
            "it would not end by its deadline\n"
            "Requested time limit is invalid (missing or exceeds some limit)");
  SubmitJob together = Question(c, Spec());
  together.components = {Spec().Make()};
  c.Do(together);
  EXPECT_EQ(Text(c, AnswerOf(c, together.call)),
            "--test-only of a heterogeneous job is not supported yet\n"
            "Requested feature is not supported");
}

TEST(WouldStart, RefusesWhatIsBeyondLimits) {
  Settings settings = MakeTestSettings(1, 4);
  settings.partitions[0].max_time = absl::Minutes(10);
  settings.max_job_count = 1;
  Cluster c(settings);
  EXPECT_EQ(Told(c, Spec().Minutes(11)),
            "job 1 can never run as the cluster stands: asks for 00:11:00, partition debug allows "
            "00:10:00 (MaxTime)\nRequested partition configuration not available now");
  c.Submit(Spec());
  EXPECT_EQ(Told(c, Spec()), "Job count limit (MaxJobCount) reached");
}

TEST(WouldStart, WaitsForMoreThanRoom) {
  Cluster c(1, 4);
  const JobId first = c.Submit(Spec().Minutes(30));
  EXPECT_EQ(Told(c, Spec().Hold()),
            "it would be held: no time is known before its release\n"
            "Job is in held state, pending scheduler release");
  EXPECT_EQ(Told(c, Spec().After("afterok:1")),
            "it waits for its dependency, which has no time yet\nJob dependency problem");
  EXPECT_EQ(Told(c, Spec().After("singleton")),
            "it waits for its dependency, which has no time yet\nJob dependency problem");
  EXPECT_EQ(Told(c, Spec().After("after:1")), "2 in 0 min: 1 CPUs on n1 of debug");
  EXPECT_EQ(Told(c, Spec().After("after:1+10")), "2 in 10 min: 1 CPUs on n1 of debug");
  EXPECT_EQ(Told(c, Spec().After("afterok:1?after:1+10")), "2 in 10 min: 1 CPUs on n1 of debug");
  EXPECT_EQ(Told(c, Spec().After("afterok:1,after:1+10")),
            "it waits for its dependency, which has no time yet\nJob dependency problem");
  EXPECT_EQ(Told(c, Spec().Begin(c.now + absl::Hours(1))), "2 in 60 min: 1 CPUs on n1 of debug");
  EXPECT_EQ(Told(c, Spec().Tasks(4).Begin(c.now + absl::Minutes(20))),
            "2 in 30 min: 4 CPUs on n1 of debug");
  c.Exit(first, 256);
  c.Gone(first);
  EXPECT_EQ(Told(c, Spec().After("afterok:1")),
            "its dependency can never be satisfied\nJob dependency problem");
  EXPECT_EQ(Told(c, Spec().After("afterany:1")), "2 in 0 min: 1 CPUs on n1 of debug");
}

// ---- nothing comes of it ------------------------------------------------------------------------

// What a question could have changed.
std::string Picture(const Cluster& c) {
  const State& state = c.controller->state();
  std::string text = StrCat(state.counters.next_job_id, " ", state.counters.next_priority, " ",
                            state.jobs.size(), " ", state.backlog.size(), " ",
                            state.backlog.queues().size(), " ", state.backlog.unplanned.size(), " ",
                            state.backlog.candidates.size(), " ", state.plan.planned_jobs());
  StrAppend(&text, " ", state.plan.grown_epoch(), " ", state.plan.room_epoch(), " ",
            state.requests.size(), " ", state.dependents.size(), " ", state.namesakes.size(), " ",
            state.jobs_of_user.size(), " ", state.blob_uses.size());
  for (const ReadyKey& key : state.backlog.by_rank()) {
    const Plan::PlannedJob* planned = state.plan.Find(key.job);
    StrAppend(&text, "\n", key.job.value, ": ", key.score, " at ",
              planned == nullptr ? 0 : planned->places.front().at);
  }
  return text;
}

TEST(WouldStart, ChangesNothing) {
  Cluster c(2, 4);
  c.Submit(Spec().Nodes(2).Tasks(8).Minutes(30));
  c.Submit(Spec().Nodes(2).Tasks(8).Minutes(20));
  c.Submit(Spec().Tasks(3).Minutes(10));
  c.Submit(Spec().Tasks(4).Minutes(50));
  const std::optional<absl::Time> wakeup = c.Do(Tick{}).next_wakeup;
  const std::string before = Picture(c);
  const std::vector<std::pair<Spec, Caller>> questions = {
      {Spec().Minutes(5), User(1000)},
      {Spec().Nodes(2).Tasks(8).Minutes(20), User(1000)},
      {Spec().Name("other").Tasks(7).Nodes(2).Minutes(20), User(1001)},
      {Spec().Tasks(4).Minutes(500).Nice(-1000), Root()},
      {Spec().Array("1-1000"), User(1000)},
      {Spec().Begin(c.now + absl::Minutes(7)), User(1000)},
      {Spec().After("after:1+10"), User(1000)},
      {Spec().After("afterok:1"), User(1000)},
      {Spec().Hold(), User(1000)},
      {Spec().Nodes(3), User(1000)},
      {Spec().Minutes(10).Deadline(c.now + absl::Minutes(12)), User(1000)}};
  for (size_t i = 0; i < questions.size(); ++i) {
    SCOPED_TRACE(i);
    const SubmitJob event = Question(c, questions[i].first, questions[i].second);
    const Effects effects = c.Do(event);
    EXPECT_FALSE(effects.NeedsCommit());
    EXPECT_FALSE(effects.schedule);
    EXPECT_THAT(effects.jobs_changed, IsEmpty());
    EXPECT_THAT(effects.log, IsEmpty());
    EXPECT_EQ(effects.replies.size(), 1u);
    EXPECT_EQ(effects.next_wakeup, wakeup);
    EXPECT_EQ(Picture(c), before);
  }
  // Nor does the request's id say anything about a later request.
  const absl::StatusOr<JobId> job = c.TrySubmit(Spec(), User(1000), "again");
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(*job, JobId{5});
  EXPECT_EQ(Told(c, Spec().Minutes(5)).substr(0, 5), "6 in ")
      << "one that is known is not repeated";
}

// ---- it comes true ------------------------------------------------------------------------------

Settings RandomSettings(Random& random) {
  Settings settings = Silent(4, 4);
  settings.select.memory = random(2) == 0;
  settings.select.core = random(3) == 0;
  for (Node& node : settings.nodes) {
    node.threads_per_core = settings.select.core ? 2 : 1;
    node.sockets = node.cpus / node.threads_per_core;
  }
  if (random(4) == 0) settings.plan_depth = 1;
  if (random(8) == 0) settings.backfill = false;
  if (random(3) == 0) {
    settings.priority.multifactor = true;
    settings.priority.weight_age = settings.priority.weight_job_size = 1000;
  }
  reeve::ctld::Partition small = settings.partitions[0];
  small.name = "small";
  small.is_default = false;
  small.nodes = {"n3", "n4"};
  small.priority_tier = 1 + random(2);
  if (random(2)) small.max_time = absl::Minutes(30);
  settings.partitions.push_back(small);
  return settings;
}

Spec RandomSpec(Random& random, uint32_t known) {
  Spec spec;
  spec.Minutes(1 + random(40));
  if (random(2)) spec.Nodes(1 + random(3));
  if (random(4) == 0) spec.Nodes(1, 2 + random(3));
  if (random(2)) spec.Tasks(1 + random(8));
  if (random(4) == 0) spec.CpusPerTask(1 + random(3));
  if (random(4) == 0) spec.Mem(100 * (1 + random(12)));
  if (random(6) == 0) spec.Exclusive();
  if (random(6) == 0) spec.On("n" + std::to_string(1 + random(4)));
  if (random(4) == 0) spec.Partition("small");
  if (random(6) == 0) spec.TimeMin(absl::Minutes(1));
  if (random(12) == 0) spec.Hold();
  if (random(8) == 0) spec.After("afterany:" + std::to_string(1 + random(known + 1)));
  return spec;
}

// What was told of a job that has been submitted since.
void ExpectTrue(const Cluster& c, const absl::StatusOr<SubmitAnswer>& told, JobId id) {
  const Job& job = c.Get(id);
  if (!told.ok()) {
    EXPECT_TRUE(job.Pending()) << told.status();
    EXPECT_FALSE(IsSet(job.planned_start)) << told.status();
    return;
  }
  EXPECT_EQ(told->job, id);
  const ExpectedStart& start = *told->expected;
  EXPECT_EQ(job.Running(), start.time == c.now);
  std::vector<std::string> nodes;
  for (uint32_t node : NodesOf(c, job)) nodes.push_back(c.settings.nodes[node].name);
  if (job.Running()) {
    EXPECT_EQ(job.num_cpus, start.cpus);
  } else if (c.settings.PlansAll()) {
    EXPECT_EQ(job.planned_start, start.time);
  } else {
    return;
  }
  EXPECT_EQ(CompressHostlist(nodes), start.nodes);
  EXPECT_EQ(job.partition.view(), start.partition);
}

// Nobody's place is about to become an earlier one.
bool IsAtRest(const Cluster& c) {
  const State& state = c.controller->state();
  return !c.settings.PlansAll() || (state.backlog.to_improve.empty() &&
                                    state.backlog.improved_epoch == state.plan.room_epoch());
}

TEST(WouldStart, WhatIsToldComesTrue) {
  int now = 0, later = 0, refused = 0;
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    Cluster c(RandomSettings(random));
    for (int i = 0; i < 30; ++i) {
      SCOPED_TRACE(::testing::Message() << "seed " << seed << ", job " << i);
      const Spec spec = RandomSpec(random, c.controller->counters().next_job_id - 1);
      const absl::StatusOr<SubmitAnswer> told = Foretell(c, spec);
      const bool at_rest = IsAtRest(c);
      const absl::StatusOr<JobId> id = c.TrySubmit(spec);
      if (!id.ok()) {
        EXPECT_EQ(told.status(), id.status());
      } else if (at_rest) {
        ExpectTrue(c, told, *id);
        (!told.ok() ? refused : c.Running(*id) ? now : later)++;
      }
      if (::testing::Test::HasFailure()) return;
      if (random(3) == 0) c.Advance(absl::Seconds(random(600)));
      const std::vector<JobId> running = JobsIn(c, [](const Job& job) { return job.Running(); });
      if (random(4) == 0 && !running.empty()) {
        c.Exit(running[random(static_cast<uint32_t>(running.size()))]);
      }
      for (JobId job : JobsIn(c, [](const Job& one) { return one.Completing(); })) {
        if (random(2)) c.Gone(job);
      }
    }
  }
  EXPECT_GT(now, 300);
  EXPECT_GT(later, 300);
  EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace reeve::ctld
