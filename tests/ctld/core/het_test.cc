// Heterogeneous jobs: components that start together or not at all.
#include "ctld/core/explain.h"
#include "ctld/core/het_job.h"
#include "ctld/core/het_select.h"
#include "tests/ctld/core/harness.h"
#include "tests/ctld/core/random.h"
#include "tests/ctld/core/small_world.h"

namespace reeve::ctld {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

SubmitJob Submission(Cluster& c, const std::vector<Spec>& specs, std::string request_id = "") {
  SubmitJob event;
  event.call = c.NextCall();
  event.key = {1000, std::move(request_id)};
  event.caller = User(1000);
  event.groups = {"users"};
  event.script_hash = "script";
  event.env_hash = "env";
  event.spec = specs.front().Make();
  for (size_t i = 1; i < specs.size(); ++i) event.components.push_back(specs[i].Make());
  return event;
}

absl::StatusOr<JobId> TrySubmit(Cluster& c, const std::vector<Spec>& specs,
                                std::string request_id = "", bool immediate = false) {
  SubmitJob event = Submission(c, specs, std::move(request_id));
  event.immediate = immediate;
  c.Do(event);
  const absl::StatusOr<Answer> answer = c.AnswerTo(event.call);
  if (!answer.ok()) return answer.status();
  return std::get<SubmitAnswer>(*answer).job;
}

JobId Submit(Cluster& c, const std::vector<Spec>& specs) {
  const absl::StatusOr<JobId> id = TrySubmit(c, specs);
  EXPECT_TRUE(id.ok()) << id.status();
  return id.value_or(JobId{});
}

JobId Component(JobId leader, uint32_t offset) {
  return JobId{leader.value + offset};
}

Spec Whole(int minutes = 10) {
  return Spec().Tasks(4).Minutes(minutes);
}

std::string CancelPick(Cluster& c, JobId id, std::optional<uint32_t> offset = std::nullopt) {
  CancelJobs event;
  event.call = c.NextCall();
  event.caller = User(1000);
  event.jobs = {{id, "", std::nullopt, offset}};
  c.Do(event);
  return c.FirstResult(event.call);
}

TEST(Het, StartsAllAtOnceOnNodesOfTheirOwn) {
  Cluster c(3, 4);
  const JobId id = Submit(c, {Spec().Tasks(1), Spec().Tasks(2), Spec().Tasks(1)});
  for (uint32_t i = 0; i < 3; ++i) {
    const Job& job = c.Get(Component(id, i));
    EXPECT_TRUE(job.Running());
    EXPECT_EQ(JobLabel(job), std::to_string(id.value) + "+" + std::to_string(i));
    EXPECT_EQ(job.start_time, c.Get(id).start_time);
    // The script runs for the leader alone.
    EXPECT_EQ(job.steps.size(), i == 0 ? 1u : 0u);
  }
  std::vector<std::string> nodes;
  for (uint32_t i = 0; i < 3; ++i) {
    for (const std::string& node : c.NodesOf(Component(id, i))) nodes.push_back(node);
  }
  EXPECT_THAT(nodes, ::testing::UnorderedElementsAre("n1", "n2", "n3"));
}

TEST(Het, WaitsForAllAndHasOnePlannedStart) {
  Cluster c(2, 4);
  const JobId first = c.Submit(Whole(10).On("n1"));
  const JobId id = Submit(c, {Whole(), Whole()});
  const JobId short_one = c.Submit(Whole(10));
  const JobId long_one = c.Submit(Whole(20));
  const absl::Time at = c.now + absl::Minutes(10);
  EXPECT_EQ(c.State(id), "PENDING");
  EXPECT_EQ(c.Get(id).planned_start, at);
  EXPECT_EQ(c.Get(Component(id, 1)).planned_start, at);
  // What ends in time goes ahead of it, what does not waits.
  EXPECT_TRUE(c.Running(short_one));
  EXPECT_FALSE(c.Running(long_one));
  c.Exit(first);
  EXPECT_FALSE(c.Running(id));
  EXPECT_EQ(c.Why(Component(id, 1)), "Resources");
  c.Exit(short_one);
  EXPECT_TRUE(c.Running(id));
  EXPECT_TRUE(c.Running(Component(id, 1)));
  EXPECT_FALSE(c.Running(long_one));
}

TEST(Het, IsAcceptedAsAWholeOrNotAtAll) {
  Cluster c(2, 4);
  EXPECT_EQ(TrySubmit(c, {Spec(), Spec().Partition("none")}).status().message(),
            "invalid partition specified: none\nInvalid partition name specified");
  EXPECT_EQ(TrySubmit(c, {Spec(), Spec().Array("1-2")}).status().message(),
            "a heterogeneous job cannot be an array\nInvalid job array specification");
  for (const Spec& bad : {Spec().TimeMin(absl::Minutes(1)).Minutes(5), Spec().Switches(1),
                          Spec().Licenses("foo"), Spec().Partition("debug,debug"),
                          Spec().Signal(10, absl::Minutes(1), /*batch_only=*/true)}) {
    EXPECT_THAT(std::string(TrySubmit(c, {Spec(), bad}).status().message()),
                HasSubstr("not supported in a heterogeneous job: "));
  }
  EXPECT_EQ(c.controller->job_count(), 0u);

  const absl::StatusOr<JobId> id = TrySubmit(c, {Spec(), Spec()}, "r1");
  ASSERT_TRUE(id.ok());
  EXPECT_EQ(TrySubmit(c, {Spec(), Spec()}, "r1"), id);
  EXPECT_EQ(c.controller->job_count(), 2u);
  c.Restart();
  EXPECT_EQ(TrySubmit(c, {Spec(), Spec()}, "r1"), id);
  EXPECT_EQ(c.controller->job_count(), 2u);

  EXPECT_EQ(TrySubmit(c, {Whole(), Whole()}, "r2", /*immediate=*/true).status().message(),
            "Immediate execution impossible, insufficient priority");
  EXPECT_EQ(c.controller->job_count(), 2u);
}

TEST(Het, TakesIdsInARow) {
  Settings settings = MakeTestSettings(2, 4);
  settings.first_job_id = 1;
  settings.max_job_id = 4;
  Cluster c(settings);
  EXPECT_EQ(c.Submit(Spec().Hold()).value, 1u);
  const Spec held = Spec().Hold();
  // 2 to 4 are three; of four in a row there are none.
  EXPECT_EQ(WordsOf(TrySubmit(c, {held, held, held, held}).status()), kTooManyJobs);
  EXPECT_EQ(Submit(c, {held, held, held}).value, 2u);
  EXPECT_EQ(c.Get(JobId{4}).het->offset, 2u);
}

TEST(Het, EndsWithItsLeader) {
  Cluster c(2, 4);
  JobId id = Submit(c, {Whole(), Whole()});
  c.Exit(id);
  EXPECT_EQ(c.State(id), "COMPLETED");
  EXPECT_EQ(c.State(Component(id, 1)), "COMPLETED");
  id = Submit(c, {Whole(), Whole()});
  c.Exit(id, 3 << 8);
  for (uint32_t i : {0u, 1u}) {
    EXPECT_EQ(c.State(Component(id, i)), "FAILED");
    EXPECT_EQ(c.Get(Component(id, i)).exit_status, 3 << 8);
    EXPECT_EQ(c.Why(Component(id, i)), "NonZeroExitCode");
  }
  // Not with a component whose own time is over.
  id = Submit(c, {Whole(10), Whole(2)});
  c.Advance(absl::Minutes(3));
  EXPECT_TRUE(c.Running(id));
  EXPECT_EQ(c.State(Component(id, 1)), "TIMEOUT");
  c.Heartbeats();
  c.Advance(absl::Minutes(4));
  c.Heartbeats();
  c.Advance(absl::Minutes(4));
  EXPECT_EQ(c.Get(id).state, JobState::kTimeout);
}

TEST(Het, IsCancelledAsAWholeWhileItWaits) {
  Cluster c(1, 4);
  const JobId id = Submit(c, {Whole(), Whole()});
  EXPECT_EQ(CancelPick(c, id, 1), kNotWholeHetJob);
  EXPECT_EQ(CancelPick(c, Component(id, 1)), kNotWholeHetJob);
  EXPECT_EQ(CancelPick(c, id, 2), kInvalidJobId);
  EXPECT_EQ(CancelPick(c, Component(id, 1), 0), kInvalidJobId);
  EXPECT_EQ(CancelPick(c, id), "");
  EXPECT_EQ(c.State(id), "CANCELLED");
  EXPECT_EQ(c.State(Component(id, 1)), "CANCELLED");
}

Settings Forgetful() {
  Settings settings = MakeTestSettings(2, 4);
  settings.min_job_age = absl::Seconds(10);
  return settings;
}

TEST(Het, LosesAComponentWhileItRuns) {
  Cluster c(Forgetful());
  const JobId id = Submit(c, {Whole(), Whole()});
  EXPECT_EQ(CancelPick(c, id, 1), "");
  EXPECT_TRUE(c.Running(id));
  EXPECT_EQ(c.State(Component(id, 1)), "CANCELLED");
  EXPECT_EQ(CancelPick(c, id), "");
  c.Gone(id);
  EXPECT_EQ(c.State(id), "CANCELLED");
  // It is known as long as the others are.
  c.Advance(c.settings.min_job_age + absl::Seconds(1));
  EXPECT_EQ(c.controller->job_count(), 0u);
}

TEST(Het, IsRequeuedAsAWhole) {
  Cluster c(Forgetful());
  const JobId id = Submit(c, {Whole(), Whole()});
  EXPECT_EQ(CancelPick(c, id, 1), "");
  const JobId between = c.Submit(Whole(1));
  EXPECT_TRUE(c.Running(between));
  c.Advance(c.settings.min_job_age + absl::Seconds(1));
  EXPECT_EQ(c.Control(JobAction::kRequeue, Component(id, 1)), kNotWholeHetJob);
  EXPECT_EQ(c.Control(JobAction::kRequeue, id), "");
  EXPECT_EQ(c.State(Component(id, 1)), "PENDING");
  c.Gone(id);
  EXPECT_EQ(c.State(id), "PENDING");
  EXPECT_EQ(c.Get(id).restarts, 1u);
  EXPECT_EQ(c.Get(Component(id, 1)).restarts, 1u);
  if (c.Get(between).Running()) c.Exit(between);
  c.Gone(between);
  EXPECT_TRUE(c.Running(id));
  EXPECT_TRUE(c.Running(Component(id, 1)));
}

TEST(Het, IsCancelledAsAWholeOnItsWayBackIntoTheQueue) {
  Cluster c(2, 4);
  const JobId id = Submit(c, {Whole(), Whole()});
  c.Started(id);
  EXPECT_EQ(c.Control(JobAction::kRequeue, id), "");
  EXPECT_EQ(c.State(Component(id, 1)), "PENDING");  // it had no step
  EXPECT_EQ(CancelPick(c, id, 1), kNotWholeHetJob);
  EXPECT_EQ(CancelPick(c, id), "");
  EXPECT_EQ(c.State(Component(id, 1)), "CANCELLED");
  c.Gone(id);
  EXPECT_EQ(c.State(id), "CANCELLED");
}

TEST(Het, RunsAgainAsAWholeAfterItsEnd) {
  Cluster c(2, 4);
  const JobId id = Submit(c, {Whole(), Whole()});
  c.Exit(id);
  EXPECT_EQ(c.Control(JobAction::kRequeue, id), "");
  for (uint32_t i : {0u, 1u}) {
    EXPECT_TRUE(c.Running(Component(id, i)));
    EXPECT_EQ(c.Get(Component(id, i)).restarts, 1u);
  }
}

TEST(Het, RunsAgainWhenANodeOfAnyComponentFails) {
  Cluster c(3, 4);
  const JobId id = Submit(c, {Whole(), Whole()});
  c.Started(id);
  const std::string node = c.NodesOf(Component(id, 1)).front();
  EXPECT_EQ(c.SetNode(node, "DOWN", "broken"), "");
  c.Gone(id);
  EXPECT_EQ(c.Get(id).restarts, 1u);
  EXPECT_EQ(c.Get(Component(id, 1)).restarts, 1u);
  EXPECT_TRUE(c.Running(id));
  EXPECT_TRUE(c.Running(Component(id, 1)));
  EXPECT_THAT(c.NodesOf(Component(id, 1)), Not(Contains(node)));
}

TEST(Het, WaitsForTheOneThatIsHeld) {
  Cluster c(2, 4);
  const JobId id = Submit(c, {Whole(), Whole().Hold()});
  EXPECT_EQ(c.Why(id), "None");
  EXPECT_EQ(c.Why(Component(id, 1)), "JobHeldUser");
  EXPECT_EQ(c.Control(JobAction::kHold, id), "");
  EXPECT_EQ(c.Control(JobAction::kRelease, Component(id, 1)), "");
  EXPECT_EQ(c.State(id), "PENDING");
  EXPECT_EQ(c.Control(JobAction::kRelease, id), "");
  EXPECT_TRUE(c.Running(id));
  EXPECT_TRUE(c.Running(Component(id, 1)));
}

TEST(Het, WaitsForWhatAnyComponentDependsOn) {
  Cluster c(3, 4);
  const JobId first = c.Submit(Whole());
  const JobId id = Submit(c, {Whole(), Whole().After("afterok:1").KillOnInvalidDep()});
  ASSERT_EQ(first.value, 1u);
  EXPECT_EQ(c.Why(Component(id, 1)), "Dependency");
  EXPECT_FALSE(c.Running(id));
  c.Exit(first, 1 << 8);
  EXPECT_EQ(c.State(id), "CANCELLED");
  EXPECT_EQ(c.State(Component(id, 1)), "CANCELLED");
  // They bear one name, and do not wait for each other.
  const JobId alone = Submit(c, {Whole().After("singleton"), Whole().After("singleton")});
  EXPECT_TRUE(c.Running(alone));
}

TEST(Het, NeverStartsOnFewerNodesThanComponents) {
  Cluster c(2, 4);
  const JobId id = Submit(c, {Spec().Tasks(1), Spec().Tasks(1), Spec().Tasks(1)});
  EXPECT_EQ(c.Why(id), "PartitionConfig");
  EXPECT_FALSE(absl::Time(c.Get(id).planned_start) > c.now);
  Cluster three(3, 4);
  EXPECT_EQ(three.SetNode("n3", "DRAIN", "x"), "");
  const JobId waits = Submit(three, {Spec().Tasks(1), Spec().Tasks(1), Spec().Tasks(1)});
  EXPECT_EQ(three.Why(waits), "ReqNodeNotAvail");
  EXPECT_EQ(three.SetNode("n3", "RESUME"), "");
  EXPECT_TRUE(three.Running(waits));
}

TEST(Het, LeavesAComponentTheNodeItNames) {
  Cluster c(2, 4);
  const JobId id = Submit(c, {Spec().Tasks(1), Spec().Tasks(1).On("n1")});
  EXPECT_THAT(c.NodesOf(id), ElementsAre("n2"));
  EXPECT_THAT(c.NodesOf(Component(id, 1)), ElementsAre("n1"));
}

TEST(Het, TellsEachOfAll) {
  Cluster c(2, 4);
  const JobId id = Submit(c, {Spec().Tasks(1), Spec().Tasks(2)});
  const auto launches = c.Commands<StepLaunch>();
  ASSERT_EQ(launches.size(), 1u);
  const std::vector<std::string>& script = launches[0].second.environment;
  EXPECT_THAT(script, Contains("SLURM_HET_SIZE=2"));
  EXPECT_THAT(script, Contains("SLURM_JOB_ID_HET_GROUP_0=" + std::to_string(id.value)));
  EXPECT_THAT(script, Contains("SLURM_JOB_ID_HET_GROUP_1=" + std::to_string(id.value + 1)));
  EXPECT_THAT(script, Contains("SLURM_NTASKS_HET_GROUP_1=2"));
  EXPECT_THAT(script, Contains("SLURM_JOB_NODELIST_HET_GROUP_1=" + c.NodesOf(Component(id, 1))[0]));
  EXPECT_THAT(script, Not(Contains(HasSubstr("SUBMIT_DIR_HET"))));
  ASSERT_TRUE(c.StepIn(Component(id, 1)).ok());
  // The job of a step is called what its script calls it.
  const std::vector<std::string>& step = c.Commands<StepLaunch>()[1].second.environment;
  EXPECT_EQ(*std::find_if(step.rbegin(), step.rend(),
                          [](const std::string& v) { return v.starts_with("SLURM_JOB_ID="); }),
            "SLURM_JOB_ID=" + std::to_string(id.value));
}

TEST(Het, IsTheSameAfterARestart) {
  Cluster c(2, 4);
  const JobId first = c.Submit(Whole(10).On("n1"));
  const JobId id = Submit(c, {Whole(), Whole()});
  c.Started(first);
  c.Restart();
  for (const char* node : {"n1", "n2"}) {
    c.Register(node, node == std::string("n1") ? std::vector<KnownStep>{{first, kBatchStep, 0}}
                                               : std::vector<KnownStep>{});
  }
  EXPECT_FALSE(c.Running(id));
  EXPECT_EQ(c.Get(Component(id, 1)).planned_start, c.now + absl::Minutes(10));
  c.Exit(first);
  EXPECT_TRUE(c.Running(id));
  c.Started(id);
  c.Restart();
  c.Exit(id);
  EXPECT_EQ(c.State(Component(id, 1)), "COMPLETED");
}

TEST(Het, IsChangedAsAWholeOrByComponent) {
  Cluster c(1, 4);
  const JobId id = Submit(c, {Spec().Minutes(5), Spec().Minutes(5)});
  EXPECT_EQ(c.Update(id, "TimeLimit", "20"), "");
  EXPECT_EQ(c.Get(Component(id, 1)).time_limit, absl::Minutes(20));
  EXPECT_EQ(c.Update(Component(id, 1), "TimeLimit", "3"), "");
  EXPECT_EQ(c.Get(id).time_limit, absl::Minutes(20));
  EXPECT_EQ(c.Get(Component(id, 1)).time_limit, absl::Minutes(3));
  EXPECT_THAT(c.Update(Component(id, 1), "Switches", "1"), HasSubstr(std::string(kUnsupported)));
}

TEST(Het, StartsEarlierWhenAComponentAsksForLess) {
  Cluster c(2, 4);
  const JobId first = c.Submit(Spec().Tasks(2).Minutes(10).On("n1"));
  const JobId id = Submit(c, {Whole(), Whole()});
  EXPECT_FALSE(c.Running(id));
  EXPECT_EQ(c.Update(Component(id, 1), "NumTasks", "2"), "");
  EXPECT_TRUE(c.Running(id));
  EXPECT_THAT(c.NodesOf(Component(id, 1)), ElementsAre("n1"));
  EXPECT_TRUE(c.Running(first));
}

TEST(Het, ExplainsWhichComponentWaitsForWhat) {
  Cluster c(2, 4);
  (void)c.Submit(Whole(10).On("n1"));
  const JobId id = Submit(c, {Whole(), Whole().On("n1"), Spec().Tasks(1).Hold()});
  const auto others = [&](JobId job) {
    return Explain(c.controller->state(), c.Get(job), Sight(), c.now).others;
  };
  const std::string label = std::to_string(id.value);
  EXPECT_THAT(others(id), ElementsAre(label + "+0 is ready, and waits for the others",
                                      label + "+1 is ready, and waits for the others",
                                      label + "+2 waits: JobHeldUser"));
  const JobId two = Submit(c, {Whole(), Whole().On("n1")});
  const std::string other = std::to_string(two.value);
  EXPECT_THAT(others(Component(two, 1)),
              ElementsAre(other + "+0 has room now, as far as it alone is concerned",
                          other + "+1 waits for room"));
  EXPECT_EQ(Explain(c.controller->state(), c.Get(Component(two, 1)), Sight(), c.now).planned_start,
            c.now + absl::Minutes(10));
}

TEST(Het, IsForgottenAsAWhole) {
  Settings settings = MakeTestSettings(2, 4);
  settings.min_job_age = absl::Minutes(5);
  settings.slurmd_timeout = absl::ZeroDuration();
  Cluster c(settings);
  const JobId id = Submit(c, {Whole(600), Whole(600)});
  c.Started(id);
  EXPECT_EQ(CancelPick(c, id, 1), "");
  c.Gone(Component(id, 1));
  c.Advance(absl::Minutes(59));
  EXPECT_NE(c.controller->FindJob(Component(id, 1)), nullptr);
  c.Exit(id);
  c.Gone(id);
  c.Advance(absl::Minutes(4));
  EXPECT_NE(c.controller->FindJob(id), nullptr);
  EXPECT_NE(c.controller->FindJob(Component(id, 1)), nullptr) << "it could run again";
  c.Advance(absl::Minutes(4));
  c.Advance(absl::Minutes(6));
  EXPECT_EQ(c.controller->FindJob(id), nullptr);
  EXPECT_EQ(c.controller->FindJob(Component(id, 1)), nullptr);
}

TEST(Het, CancelledBetweenTwoRunsNobodyComesBack) {
  Settings settings = MakeTestSettings(2, 4);
  settings.has_epilog = true;  // there is something to wait for on both nodes
  Cluster c(settings);
  const JobId id = Submit(c, {Whole(), Whole()});
  c.Started(id);
  EXPECT_EQ(c.Control(JobAction::kRequeue, id), "");
  c.Exit(id);
  c.Gone(id);
  ASSERT_EQ(c.State(id), "PENDING");
  ASSERT_TRUE(c.Get(Component(id, 1)).Completing());
  EXPECT_EQ(CancelPick(c, id), "");
  c.Gone(Component(id, 1));
  EXPECT_EQ(c.State(id), "CANCELLED");
  EXPECT_EQ(c.State(Component(id, 1)), "CANCELLED");
}

TEST(Het, RequeuedTwiceItCountsOnce) {
  Cluster c(2, 4);
  const JobId id = Submit(c, {Whole(), Whole()});
  c.Started(id);
  EXPECT_EQ(c.Control(JobAction::kRequeue, id), "");
  c.Gone(Component(id, 1));
  ASSERT_EQ(c.State(Component(id, 1)), "PENDING");
  (void)c.Control(JobAction::kRequeue, id);
  EXPECT_EQ(c.Get(Component(id, 1)).restarts, 1u);
}

TEST(Het, EndsAsAWholeWhenAComponentCanNeverStart) {
  Cluster c(3, 4);
  const JobId failed = c.Submit(Whole());
  c.Started(failed);
  const JobId blocker = c.Submit(Whole());
  c.Exit(failed, 256);
  c.Gone(failed);
  Spec depends = Whole();
  depends.raw().dependency = "afterok:" + std::to_string(failed.value);
  depends.raw().kill_on_invalid_dep = true;
  for (const std::vector<Spec>& specs :
       {std::vector<Spec>{depends, Whole(), Whole()}, {Whole(), depends, Whole()}}) {
    const JobId id = Submit(c, specs);
    for (uint32_t i = 0; i < 3; ++i) EXPECT_EQ(c.State(Component(id, i)), "CANCELLED") << i;
  }
  (void)blocker;
}

TEST(Het, AllOfItsSingletonsWakeTogether) {
  Cluster c(3, 4);
  Spec named = Whole();
  named.raw().name = "one";
  named.raw().dependency = "singleton";
  const JobId first = c.Submit(named);
  c.Started(first);
  const JobId id = Submit(c, {named, named});
  EXPECT_FALSE(c.Running(id));
  c.Exit(first);
  c.Gone(first);
  EXPECT_TRUE(c.Running(id));
  EXPECT_TRUE(c.Running(Component(id, 1)));
}

TEST(Het, HasADeadlineOnlyWithALimit) {
  Cluster c(2, 4);
  Spec spec = Spec().Tasks(1).Deadline(c.now + absl::Hours(1));
  EXPECT_THAT(TrySubmit(c, {spec, Whole()}).status().message(),
              HasSubstr("--deadline without a time limit"));
}

TEST(Het, LeavesOthersTheNodesThatOnlyTheyCanUse) {
  Settings settings = MakeTestSettings(4, 4);
  settings.nodes[0].features = settings.nodes[1].features = {"x", "y"};
  settings.nodes[2].features = {"x"};
  settings.nodes[3].features = {"y"};
  Cluster c(settings);
  Spec x = Spec().Nodes(2), y = Spec().Nodes(2);
  x.raw().features = "x";
  y.raw().features = "y";
  EXPECT_TRUE(c.Running(Submit(c, {x, y})));
}

TEST(Het, ItsLeaderHasThePlaceInTheQueue) {
  Cluster c(2, 4);
  c.Submit(Whole(60));
  const JobId id = Submit(c, {Whole(), Whole()});
  UpdateJob event{c.NextCall(), Root(), {id, "", std::nullopt, 1}, {{"priority", "7"}}};
  c.Do(event);
  EXPECT_THAT(c.FirstResult(event.call), HasSubstr("het"));
  EXPECT_EQ(c.Control(JobAction::kTop, id, Root()), "");
}

TEST(Het, IsNoPartOfMakingRoom) {
  Settings settings = MakeTestSettings(2, 4);
  settings.preempt.by_tier = true;
  settings.partitions.push_back(settings.partitions[0]);
  settings.partitions[1].name = "high";
  settings.partitions[1].is_default = false;
  settings.partitions[1].priority_tier = settings.partitions[0].priority_tier + 1;
  for (Partition& partition : settings.partitions) {
    partition.preempt_mode = PreemptMode::kRequeue;
  }
  Cluster c(settings);
  const JobId id = Submit(c, {Whole(), Whole()});
  const JobId higher = c.Submit(Whole().Partition("high"));
  EXPECT_TRUE(c.Running(id));
  EXPECT_FALSE(c.Running(higher));
}

// ---- brute force --------------------------------------------------------------------------------

struct WholeAsk {
  std::vector<Ask> components;
};

// The first minute at which all of them have nodes of their own.
int FirstTogether(const SmallWorld& world, uint32_t nodes, const WholeAsk& ask, int from) {
  const size_t count = ask.components.size();
  for (int start = from;; ++start) {
    // Each node goes to one of the components or to none.
    std::vector<size_t> owner(nodes, 0);
    while (true) {
      std::vector<uint32_t> given(count, 0);
      bool fits = true;
      for (uint32_t node = 0; node < nodes; ++node) {
        if (owner[node] == count) continue;
        fits = fits && world.FreeThroughout(node, ask.components[owner[node]], start);
        given[owner[node]]++;
      }
      for (size_t i = 0; i < count; ++i) fits = fits && given[i] == ask.components[i].nodes;
      if (fits) return start;
      uint32_t node = 0;
      while (node < nodes && ++owner[node] > count) owner[node++] = 0;
      if (node == nodes) break;
    }
  }
}

TEST(Het, StartsWhenBruteForceSays) {
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const uint32_t nodes = 2 + random(2), cpus = 1 + random(3);
    Cluster c(nodes, cpus);
    SmallWorld world(nodes, cpus);
    const absl::Time begin = c.now;
    for (int i = 0; i < 5; ++i) {
      WholeAsk ask;
      const uint32_t count = random(2) == 0 ? 1 : 2 + random(nodes - 1);
      uint32_t left = nodes;
      for (uint32_t k = 0; k < count; ++k) {
        const uint32_t most = left - (count - k - 1);
        const uint32_t wanted = 1 + random(most);
        left -= wanted;
        ask.components.push_back({wanted, 1 + random(cpus), 1 + static_cast<int>(random(6))});
      }
      std::vector<Spec> specs;
      for (const Ask& component : ask.components) specs.push_back(SpecOf(component));
      const JobId id = count == 1 ? c.Submit(specs[0]) : Submit(c, specs);
      const Job& job = c.Get(id);
      const absl::Time starts = job.Running() ? job.start_time : job.planned_start;
      const int at = MinutesFrom(begin, starts);
      ASSERT_EQ(at, FirstTogether(world, nodes, ask, 0)) << "job " << id.value;
      const std::vector<uint32_t> planned = NodesOf(c, job);
      size_t next = 0;
      for (uint32_t k = 0; k < count; ++k) {
        const Job& component = c.Get(Component(id, k));
        EXPECT_EQ(component.Running() ? component.start_time : component.planned_start, starts);
        std::vector<uint32_t> own;
        if (job.Running()) {
          own = NodesOf(c, component);
        } else {
          for (uint32_t n = 0; n < ask.components[k].nodes; ++n) own.push_back(planned[next++]);
        }
        ASSERT_EQ(own.size(), ask.components[k].nodes);
        world.Take({at, at + ask.components[k].minutes, own, ask.components[k].cpus});
      }
    }
  }
}

}  // namespace
}  // namespace reeve::ctld
