// Why a job waits, in each of the ways in which it may, and that what would help it does.
#include "ctld/core/explain.h"

#include <functional>

#include "ctld/core/cluster_state.h"
#include "tests/ctld/core/explain_harness.h"

namespace reeve::ctld {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::vector<std::string> Options(const Explanation& why) {
  std::vector<std::string> options;
  for (const Suggestion& suggestion : why.suggestions) options.push_back(suggestion.option);
  return options;
}

// "passing/remaining" of that requirement; "" when the job does not have it.
std::string Counts(const Explanation& why, Need need) {
  for (const Requirement& requirement : why.prospects.at(0).requirements) {
    if (requirement.need != need) continue;
    return std::to_string(requirement.passing) + "/" + std::to_string(requirement.remaining);
  }
  return "";
}
const Requirement& Find(const Explanation& why, Need need) {
  for (const Requirement& requirement : why.prospects.at(0).requirements) {
    if (requirement.need == need) return requirement;
  }
  static const Requirement none;
  ADD_FAILURE() << "no such requirement";
  return none;
}

Settings TwoPartitions() {
  Settings settings = MakeTestSettings(4, 4);
  settings.select.memory = false;
  reeve::ctld::Partition other = settings.partitions[0];
  settings.partitions[0].nodes = {"n1", "n2"};
  other.name = "other";
  other.is_default = false;
  other.nodes = {"n3", "n4"};
  settings.partitions.push_back(other);
  return settings;
}

// ---- jobs that wait for others
// --------------------------------------------------------------------

TEST(Explain, WaitsForNodesThatAreBusy) {
  Cluster c(2, 4);
  const JobId first = c.Submit(Spec().Nodes(2).PerNode(1).CpusPerTask(4).Minutes(60));
  const JobId second = c.Submit(Spec().Nodes(2).PerNode(1).CpusPerTask(3).Minutes(60));
  const JobId third = c.Submit(Spec().Tasks(2).CpusPerTask(2).Minutes(10), User(2000));
  const Explanation why = ExplainOne(c, third);
  EXPECT_EQ(why.reason, "Priority");
  EXPECT_TRUE(why.settled);
  EXPECT_FALSE(why.starts_now);
  EXPECT_EQ(why.planned_start, c.now + absl::Minutes(120));
  EXPECT_EQ(why.planned_nodes, "n1");
  EXPECT_EQ(why.prospects[0].ahead.jobs, 1u);
  EXPECT_EQ(why.prospects[0].ahead.first, second);
  EXPECT_EQ(why.prospects[0].ahead.cpus, 6u);
  EXPECT_EQ(Counts(why, Need::kPartition), "2/2");
  EXPECT_EQ(Counts(why, Need::kCpus), "2/2");
  EXPECT_EQ(Counts(why, Need::kUp), "2/2");
  EXPECT_EQ(Counts(why, Need::kFreeNow), "0/0");
  ASSERT_EQ(why.busy.size(), 2u);
  EXPECT_EQ(why.busy[0].job, first);
  EXPECT_EQ(why.busy[0].until, c.now + absl::Minutes(60));
  EXPECT_FALSE(IsSet(why.busy[0].from));
  EXPECT_EQ(why.busy[1].job, second);
  EXPECT_EQ(why.busy[1].from, c.now + absl::Minutes(60));
  EXPECT_THAT(why.suggestions, IsEmpty()) << "nothing is free";
}

// Nothing is planned while the array is at its limit: what it waits for are the nodes it named.
TEST(Explain, NodesAskedForByNameAreTheOnesThatAreBusy) {
  Cluster c(2, 4);
  const JobId soon = c.Submit(Spec().On("n1").Tasks(1).Minutes(10));
  const JobId array = c.Submit(Spec().Array("1-2%1").On("n2").Tasks(1).Minutes(60));
  const Explanation why = ExplainOne(c, array);
  ASSERT_EQ(why.busy.size(), 1u);
  EXPECT_EQ(why.busy[0].nodes, "n2");
  EXPECT_NE(why.busy[0].job, soon);
}

TEST(Explain, AShorterTimeFitsBeforeWhatIsPlanned) {
  Cluster c(2, 4);
  c.Submit(Spec().Nodes(1).PerNode(1).CpusPerTask(4).Minutes(60));
  c.Submit(Spec().Nodes(2).PerNode(1).CpusPerTask(4).Minutes(60));  // planned in an hour
  const JobId job = c.Submit(Spec().Tasks(1).CpusPerTask(4).Minutes(240));
  const Explanation why = ExplainOne(c, job);
  EXPECT_EQ(Counts(why, Need::kFreeNow), "1/1");
  EXPECT_EQ(Counts(why, Need::kFreeThroughout), "0/0");
  EXPECT_THAT(Options(why), ElementsAre("--time=01:00:00"));
  EXPECT_EQ(why.suggestions[0].instead_of, "04:00:00");
  EXPECT_EQ(c.Update(job, why.suggestions[0].change.first, why.suggestions[0].change.second), "");
  EXPECT_TRUE(c.Running(job));
}

TEST(Explain, FewerNodesFitWhatIsFree) {
  Cluster c(4, 4);
  c.Submit(Spec().On("n2").Tasks(1).CpusPerTask(3).Minutes(60));
  const JobId job = c.Submit(Spec().Nodes(4).PerNode(2).Minutes(30));
  const Explanation why = ExplainOne(c, job);
  EXPECT_EQ(why.reason, "Resources");
  EXPECT_EQ(Counts(why, Need::kFreeNow), "3/3");
  EXPECT_THAT(Options(why), ElementsAre("--nodes=3"));
  EXPECT_EQ(why.suggestions[0].instead_of, "4");
}

TEST(Explain, FewerTasksOrCpusOrLessMemory) {
  Settings settings = MakeTestSettings(1, 8);
  settings.select.memory = true;
  Cluster c(settings);
  c.Submit(Spec().Tasks(2).Mem(300).Minutes(60));
  const JobId job = c.Submit(Spec().Tasks(4).CpusPerTask(2).Mem(700).Minutes(60));
  EXPECT_THAT(Options(ExplainOne(c, job)), ElementsAre("--ntasks=3", "--cpus-per-task=1"));
  const JobId large = c.Submit(Spec().Tasks(1).Mem(800).Minutes(60));
  c.Control(JobAction::kHold, job);
  EXPECT_THAT(Options(ExplainOne(c, large)), ElementsAre("--mem=700M"));
}

TEST(Explain, AnotherPartitionIsFree) {
  Cluster c(TwoPartitions());
  c.Submit(Spec().Nodes(2).PerNode(4).Minutes(60));
  const JobId job = c.Submit(Spec().Nodes(2).PerNode(4).Minutes(60));
  EXPECT_THAT(Options(ExplainOne(c, job)), ElementsAre("--partition=other"));
  Sight sight;
  sight.partitions = false;
  EXPECT_THAT(Options(ExplainOne(c, job, sight)), IsEmpty());
  // Both asked for: it is explained in both.
  const JobId both = c.Submit(Spec().Nodes(3).PerNode(1).Partition("debug,other"));
  const Explanation why = ExplainOne(c, both);
  ASSERT_EQ(why.prospects.size(), 2u);
  EXPECT_EQ(why.prospects[1].partition, "other");
}

TEST(Explain, PartitionsThatAreNotForTheUserAreNotSuggested) {
  for (const auto& change : std::vector<std::function<void(reeve::ctld::Partition&)>>{
           [](auto& p) { p.root_only = true; }, [](auto& p) { p.hidden = true; },
           [](auto& p) { p.allow_groups = {"users"}; },  // nobody knows here who is in it
           [](auto& p) { p.allow_accounts = {"physics"}; },
           [](auto& p) { p.state = PartitionState::kDown; },
           [](auto& p) { p.max_time = absl::Minutes(59); }}) {
    Settings settings = TwoPartitions();
    change(settings.partitions[1]);
    Cluster c(settings);
    c.Submit(Spec().Nodes(2).PerNode(4).Minutes(60));
    const JobId job = c.Submit(Spec().Nodes(2).PerNode(4).Minutes(60));
    EXPECT_THAT(Options(ExplainOne(c, job)), IsEmpty());
  }
}

TEST(Explain, FirstComeFirstServedHasNoShortCut) {
  Settings settings = MakeTestSettings(2, 4);
  settings.backfill = false;
  Cluster c(settings);
  c.Submit(Spec().Tasks(1).CpusPerTask(4).Minutes(60));
  const JobId wide = c.Submit(Spec().Nodes(2).PerNode(4).Minutes(60));
  const JobId job = c.Submit(Spec().Tasks(1).CpusPerTask(2).Minutes(60));
  EXPECT_THAT(Options(ExplainOne(c, wide)), ElementsAre("--nodes=1"));
  const Explanation why = ExplainOne(c, job);
  EXPECT_FALSE(why.starts_now);
  EXPECT_THAT(Options(why), IsEmpty());
  EXPECT_EQ(why.prospects[0].ahead.jobs, 1u);
}

// ---- limits and what nodes have
// ------------------------------------------------------------------

TEST(Explain, LimitsWithTheirNumbers) {
  Settings settings = MakeTestSettings(4, 4);
  settings.partitions[0].max_time = absl::Hours(2);
  settings.partitions[0].max_nodes = 3;
  settings.partitions[0].min_nodes = 2;
  Cluster c(settings);
  const auto obstacle = [&](const Spec& spec) {
    return ExplainOne(c, c.Submit(spec)).prospects[0].obstacle_text;
  };
  EXPECT_EQ(obstacle(Spec().Minutes(180)),
            "asks for 03:00:00, partition debug allows 02:00:00 (MaxTime)");
  EXPECT_EQ(obstacle(Spec().Nodes(4).Minutes(60)),
            "asks for 4 nodes, partition debug allows 3 (MaxNodes)");
  EXPECT_EQ(obstacle(Spec().Nodes(1).Minutes(60)),
            "asks for at most 1 node, partition debug takes jobs of 2 or more (MinNodes)");
  const Explanation why = ExplainOne(c, c.Submit(Spec().Minutes(180)));
  EXPECT_EQ(why.prospects[0].obstacle, Reason::kPartitionTimeLimit);
  EXPECT_FALSE(why.prospects[0].never);
  EXPECT_THAT(Options(why), Contains("--time=02:00:00"));
  EXPECT_THAT(Options(ExplainOne(c, c.Submit(Spec().Nodes(4).Minutes(60)))), Contains("--nodes=3"));
  UpdatePartition event{c.NextCall(), Root(), "debug", {{"state", "down"}}};
  c.Do(event);
  EXPECT_EQ(obstacle(Spec().Minutes(1)), "partition debug is DOWN");
}

TEST(Explain, NodesThatAreDownAreNamed) {
  Cluster c(3, 4);
  c.SetNode("n2", "DRAIN", "disk");
  c.SetNode("n3", "DRAIN", "disk");
  const JobId job = c.Submit(Spec().Nodes(2).Minutes(60));
  const Explanation why = ExplainOne(c, job);
  EXPECT_EQ(why.reason, "ReqNodeNotAvail");
  EXPECT_EQ(why.prospects[0].obstacle_text, "needs nodes that are down or drained: n[2-3]");
  EXPECT_FALSE(why.prospects[0].never);
  EXPECT_EQ(Counts(why, Need::kUp), "1/1");
  EXPECT_EQ(Find(why, Need::kUp).lacking, "n[2-3]");
  EXPECT_THAT(Options(why), Contains("--nodes=1"));
  Sight sight;
  sight.nodes = false;
  const Explanation blind = ExplainOne(c, job, sight);
  EXPECT_EQ(blind.prospects[0].obstacle_text, "needs nodes that are down or drained");
  EXPECT_EQ(Find(blind, Need::kUp).lacking, "");
}

TEST(Explain, WhatCanNeverRunSaysWhatIsLacking) {
  Settings settings = MakeTestSettings(4, 4);
  settings.nodes[0].features = settings.nodes[1].features = {"gpu"};
  settings.nodes[2].features = {"ib"};
  settings.nodes[3].tmp_disk_mb = 10240;
  settings.select.memory = true;
  Cluster c(settings);
  const auto never = [&](Spec spec) {
    const Explanation why = ExplainOne(c, c.Submit(spec.Mem(1)));
    EXPECT_TRUE(why.prospects[0].never);
    return why.prospects[0].obstacle_text;
  };
  EXPECT_EQ(never(Spec().Features("gpu&ib")),
            "none of the nodes of debug have the features gpu&ib, 1 needed");
  EXPECT_EQ(never(Spec().Nodes(5)), "partition debug has 4 nodes, 5 needed");
  EXPECT_EQ(never(Spec().Features("gpu").Nodes(3)),
            "only 2 of the nodes of debug have the features gpu, 3 needed");
  Spec disk = Spec().Features("gpu");
  disk.raw().tmp_disk_mb = 1024;
  EXPECT_EQ(never(disk), "none of the remaining nodes of debug have 1G of disk, 1 needed");
  EXPECT_EQ(never(Spec().Nodes(2).Tasks(9)),
            "the nodes of debug cannot take 9 tasks together on 2 of them");
  EXPECT_EQ(never(Spec().Tasks(17)), "the nodes of debug cannot take 17 tasks together");
  EXPECT_EQ(never(Spec().On("n3").Features("gpu")),
            "n3 of --nodelist will not do: the job needs nodes that have the features gpu");
  EXPECT_EQ(never(Spec().Nodes(4).NotOn("n1")),
            "only 3 of the nodes of debug are left beside those excluded, 4 needed");
}

TEST(Explain, EachRequirementIsCountedAloneAndInItsPlace) {
  Settings settings = MakeTestSettings(5, 4, 1000);
  settings.select.memory = true;
  for (int i : {0, 1, 2, 3}) settings.nodes[i].features = {"gpu"};
  settings.nodes[1].real_memory_mb = 500;
  settings.nodes[4].cpus = settings.nodes[4].sockets = 16;
  Cluster c(settings);
  c.SetNode("n4", "DRAIN", "disk");
  c.Submit(Spec().On("n3").Mem(100).Tasks(3).Minutes(60));
  c.Submit(Spec().Hold());
  Spec spec = Spec().NotOn("n1").Features("gpu").Mem(600).Nodes(2).PerNode(2).Minutes(60);
  const Explanation why = ExplainOne(c, c.Submit(spec));
  EXPECT_EQ(Counts(why, Need::kPartition), "5/5");
  EXPECT_EQ(Counts(why, Need::kNotExcluded), "4/4");
  EXPECT_EQ(Counts(why, Need::kInNodeList), "");
  EXPECT_EQ(Counts(why, Need::kFeatures), "4/3");
  EXPECT_EQ(Counts(why, Need::kDisk), "");
  EXPECT_EQ(Counts(why, Need::kCpus), "5/3");
  EXPECT_EQ(Find(why, Need::kCpus).asked, "2 CPUs");
  EXPECT_EQ(Counts(why, Need::kMemory), "4/2");
  EXPECT_EQ(Find(why, Need::kMemory).asked, "600M");
  EXPECT_EQ(Find(why, Need::kMemory).tasks, 4u);
  EXPECT_EQ(Counts(why, Need::kUp), "4/1");
  EXPECT_EQ(Find(why, Need::kUp).lacking, "n4");
  EXPECT_EQ(Counts(why, Need::kFreeNow), "3/0");
}

// ---- jobs that are not considered
// ----------------------------------------------------------------

TEST(Explain, WhatKeepsAJobFromBeingConsidered) {
  Cluster c(1, 2);
  const auto waits = [&](JobId job) {
    std::vector<std::string> texts;
    for (const Wait& wait : ExplainOne(c, job).waits) texts.push_back(wait.text);
    return texts;
  };
  const JobId held = c.Submit(Spec().Hold().Begin(c.now + absl::Hours(1)));
  EXPECT_THAT(waits(held),
              ElementsAre("held: scontrol release lets it go", "is not to begin before that time"));
  EXPECT_EQ(ExplainOne(c, held).waits[1].until, c.now + absl::Hours(1));
  EXPECT_THAT(ExplainOne(c, held).suggestions, IsEmpty());
  c.Control(JobAction::kRelease, held);
  c.Control(JobAction::kHold, held, Root());
  EXPECT_THAT(waits(held), Contains("held by an operator, who alone can release it"));
  const JobId next = c.Submit(Spec().After("afterok:" + std::to_string(held.value)));
  EXPECT_THAT(waits(next),
              ElementsAre("depends on afterok:" + std::to_string(held.value) + "(unfulfilled)"));
  c.Cancel(held, Root());
  EXPECT_THAT(waits(next), ElementsAre("can never run, its dependency has failed: afterok:" +
                                       std::to_string(held.value) + "(failed)"));
}

TEST(Explain, AnArraysLimitAndItsTasks) {
  Cluster c(1, 4);
  const JobId array = c.Submit(Spec().Array("1-6%2").Minutes(60));
  std::vector<Explanation> all = AskAbout(c, {{array, "", std::nullopt}}).jobs;
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].label, std::to_string(array.value) + "_[3-6%2]") << "what waits comes first";
  ASSERT_EQ(all[0].waits.size(), 1u);
  EXPECT_EQ(all[0].waits[0].reason, Reason::kJobArrayTaskLimit);
  EXPECT_EQ(all[0].waits[0].text, "the limit of its array (%2) is reached, running: 2");
  EXPECT_EQ(all[1].state, JobState::kRunning);
  EXPECT_EQ(all[1].nodes, "n1");
  // A task that is still in the record, and one that is not.
  const size_t jobs = c.controller->job_count();
  EXPECT_EQ(AskAbout(c, {{array, "5", std::nullopt}}).jobs.at(0).label, all[0].label);
  EXPECT_EQ(AskAbout(c, {{array, "1", std::nullopt}}).jobs.at(0).state, JobState::kRunning);
  EXPECT_EQ(c.controller->job_count(), jobs) << "asking splits nothing off";
}

TEST(Explain, JobsThatRunOrHaveEndedSayWhere) {
  Cluster c(2, 2);
  const JobId job = c.Submit(Spec().Nodes(2).Minutes(30));
  Explanation why = ExplainOne(c, job);
  EXPECT_EQ(why.state, JobState::kRunning);
  EXPECT_EQ(why.nodes, "n[1-2]");
  EXPECT_EQ(why.end_time, c.now + absl::Minutes(30));
  EXPECT_THAT(why.prospects, IsEmpty());
  c.Exit(job);
  why = ExplainOne(c, job);
  EXPECT_EQ(why.state, JobState::kCompleted);
  EXPECT_EQ(why.end_time, c.now);
}

// ---- what is answered
// ----------------------------------------------------------------------------

TEST(Explain, OtherUsersJobsAreNotNamedWherePrivate) {
  Cluster c(1, 4);
  const JobId running = c.Submit(Spec().Tasks(4).Minutes(60), User(2000));
  const JobId ahead = c.Submit(Spec().Tasks(3).Minutes(60), User(2000));
  const JobId mine = c.Submit(Spec().Tasks(2).Minutes(60), User(1000));
  Sight sight;
  sight.jobs_of = 1000;
  const Explanation why = ExplainOne(c, mine, sight);
  ASSERT_EQ(why.busy.size(), 2u);
  for (const Busy& busy : why.busy) {
    EXPECT_FALSE(busy.job);
    EXPECT_EQ(busy.label, "");
    EXPECT_EQ(busy.nodes, "n1");
  }
  EXPECT_EQ(why.prospects[0].ahead.jobs, 1u);
  EXPECT_FALSE(why.prospects[0].ahead.first);
  EXPECT_EQ(why.prospects[0].ahead.first_label, "");
  // Theirs do not exist.
  for (JobId job : {running, ahead}) {
    ExplainJobs event{c.NextCall(), {{job, "", std::nullopt}}, sight};
    c.Do(event);
    EXPECT_THAT(std::string(c.AnswerTo(event.call).status().message()),
                HasSubstr("Invalid job id"));
  }
  EXPECT_EQ(ExplainOne(c, mine).busy[0].job, running);
}

TEST(Explain, WhatPutsTheFirstAhead) {
  Settings settings = MakeTestSettings(2, 4);
  settings.priority = {.weight_job_size = 1000};
  Cluster c(settings);
  c.Submit(Spec().Nodes(2).Tasks(8).Minutes(60));
  const JobId job = c.Submit(Spec().Tasks(4).Minutes(60).Nice(10));
  const JobId first = c.Submit(Spec().Nodes(2).Tasks(8).Minutes(60), User(2000));
  Ahead ahead = ExplainOne(c, job).prospects[0].ahead;
  EXPECT_EQ(ahead.first, first);
  EXPECT_EQ(ahead.first_priority, 1000u);
  EXPECT_EQ(ahead.own_priority, 490u);
  ASSERT_TRUE(ahead.own.has_value() && ahead.of_first.has_value());
  EXPECT_EQ(ahead.of_first->job_size, 1000);
  EXPECT_EQ(ahead.own->job_size, 500);
  EXPECT_EQ(ahead.own->nice, 10);
  // A number that an operator has set has no parts.
  EXPECT_EQ(c.Update(first, "priority", "2000", Root()), "");
  ahead = ExplainOne(c, job).prospects[0].ahead;
  EXPECT_EQ(ahead.first_priority, 2000u);
  EXPECT_EQ(ahead.own_priority, 490u);
  EXPECT_EQ(ahead.of_first->job_size, 0);
}

TEST(Explain, WhatIsNoJobIsRefused) {
  Cluster c(1, 1);
  const JobId job = c.Submit(Spec());
  for (const JobPick& pick : std::vector<JobPick>{
           {JobId{999}, "", {}}, {job, "1", {}}, {job, "", StepId{0}}, {JobId{}, "", {}}}) {
    ExplainJobs event{c.NextCall(), {pick}, {}};
    c.Do(event);
    EXPECT_THAT(std::string(c.AnswerTo(event.call).status().message()),
                HasSubstr("Invalid job id"));
  }
}

TEST(Explain, NoMoreThanSomeJobsAreExplainedInOneAnswer) {
  Cluster c(1, 1);
  std::vector<JobPick> picks;
  for (int i = 0; i < 25; ++i) picks.push_back({c.Submit(Spec().Minutes(5)), "", {}});
  picks.push_back(picks[0]);  // asked twice is answered once
  const ExplainAnswer answer = AskAbout(c, picks);
  EXPECT_EQ(answer.jobs.size(), kMostExplained);
  EXPECT_EQ(answer.omitted, 25 - kMostExplained);
}

// The plan may be behind by a whole reconfiguration when somebody asks.
TEST(Explain, ThePlanCatchesUpFirst) {
  Cluster c(1, 4);
  c.Submit(Spec().Tasks(4).Minutes(60));
  const JobId job = c.Submit(Spec().Tasks(4).Minutes(60));
  Settings settings = MakeTestSettings(3, 4);
  settings.nodes[0].cpus = settings.nodes[0].sockets = 4;
  c.settings = settings;
  (void)c.controller->Handle(Reconfigured{settings}, c.now);
  const Explanation why = ExplainOne(c, job);
  EXPECT_TRUE(why.settled);
  EXPECT_EQ(Counts(why, Need::kPartition), "3/3");
  EXPECT_EQ(why.planned_start, c.now + absl::Minutes(60));
}

}  // namespace
}  // namespace reeve::ctld
