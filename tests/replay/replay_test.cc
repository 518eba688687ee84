#include "replay/replay.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/replay/traces.h"

namespace reeve::replay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// Four CPUs:  1 1 1 1 1 1 1 1 1 1 .          a job of 3 for 10 s
//             . . . . . . . . . . 2 2 2      one of 4 must wait for it
//             3 3 3 3 3                      one of 1 for 5 s fits beside the first
//             . . . 4 4 4 4 4 4 4 4 4        one of 1 for 9 s would delay the second
const std::vector<Asked> kFour = {{0, 10, 3}, {0, 3, 4}, {0, 5, 1}, {3, 9, 1}};

TEST(ReplayTest, FifoLetsNobodyPass) {
  const Result result = Replay(MakeTrace(kFour), OneNode(4, Policy::kFifo));
  EXPECT_THAT(StartsOf(result), ElementsAre(0, 10, 13, 13));
}

TEST(ReplayTest, EasyFillsGapsThatDelayNotTheFirst) {
  const Result result = Replay(MakeTrace(kFour), OneNode(4, Policy::kEasy));
  EXPECT_THAT(StartsOf(result), ElementsAre(0, 10, 0, 13));
}

TEST(ReplayTest, EasyProtectsTheFirstAlone) {
  // At 0 the second and the third wait. The fourth, long and of 1 CPU, fits beside the second's
  // four of five CPUs; it delays the third, which needs all.
  const std::vector<Asked> jobs = {{0, 10, 4}, {0, 10, 4}, {0, 10, 5}, {0, 100, 1}};
  EXPECT_THAT(StartsOf(Replay(MakeTrace(jobs), OneNode(5, Policy::kEasy))),
              ElementsAre(0, 10, 100, 0));
  EXPECT_THAT(StartsOf(Replay(MakeTrace(jobs), OneNode(5, Policy::kReeve))),
              ElementsAre(0, 10, 20, 30));
}

TEST(ReplayTest, EarlyEndsAreUsedAtOnce) {
  // It asked for 100 s and took 10.
  const std::vector<Asked> jobs = {{0, 10, 4, 100}, {1, 5, 4}};
  EXPECT_THAT(StartsOf(Replay(MakeTrace(jobs), OneNode(4, Policy::kReeve))), ElementsAre(0, 10));
}

TEST(ReplayTest, LimitsEndJobs) {
  const Result result = Replay(MakeTrace({{0, 100, 4, 60}, {0, 1, 4}}), OneNode(4, Policy::kReeve));
  EXPECT_THAT(StartsOf(result), ElementsAre(0, 60));
  EXPECT_TRUE(result.outcomes[0].cut);
  EXPECT_EQ(result.outcomes[0].end - result.outcomes[0].start, absl::Seconds(60));
  EXPECT_FALSE(result.outcomes[1].cut);
}

TEST(ReplayTest, TheLimitIsLongerWithOverTimeLimit) {
  Cluster cluster = OneNode(4, Policy::kReeve);
  cluster.settings.over_time_limit = absl::Seconds(30);
  const Result result = Replay(MakeTrace({{0, 100, 4, 60}, {0, 80, 4, 60}}), cluster);
  EXPECT_TRUE(result.outcomes[0].cut);
  EXPECT_EQ(result.outcomes[0].end - result.outcomes[0].start, absl::Seconds(90));
  EXPECT_FALSE(result.outcomes[1].cut);
}

TEST(ReplayTest, NothingIsRunForNoTimeAtAll) {
  const Result result =
      Replay(MakeTrace({{0, 0, 4}, {0, 0, 4}, {0, 7, 4}}), OneNode(4, Policy::kFifo));
  EXPECT_THAT(StartsOf(result), ElementsAre(0, 0, 0));
  EXPECT_EQ(result.outcomes[2].end, kBegin + absl::Seconds(7));
}

TEST(ReplayTest, WhatCannotRunIsRefusedByName) {
  const Result result =
      Replay(MakeTrace({{0, 10, 5}, {0, 10, 4}, {5, 1, 9}}), OneNode(4, Policy::kFifo));
  EXPECT_THAT(StartsOf(result), ElementsAre(-1, 0, -1));
  ASSERT_THAT(result.refusals, SizeIs(1));
  EXPECT_THAT(result.refusals[0], HasSubstr("PartitionConfig"));
}

TEST(ReplayTest, RefusalsAreTheControllersWords) {
  Cluster cluster = OneNode(4, Policy::kReeve);
  cluster.settings.partitions[0].state = PartitionState::kDrain;
  const Result result = Replay(MakeTrace({{0, 10, 1}}), cluster);
  EXPECT_THAT(StartsOf(result), ElementsAre(-1));
  EXPECT_THAT(result.refusals, ElementsAre(HasSubstr("partition")));
}

TEST(ReplayTest, NodesThatAreDownAreNotCounted) {
  Cluster cluster = UniformCluster(3, 2);
  cluster.settings.nodes[1].drain = true;
  const Result result = Replay(MakeTrace({{0, 10, 4}, {0, 10, 6}}), cluster);
  EXPECT_EQ(result.nodes, 2u);
  EXPECT_EQ(result.cpus, 4u);
  EXPECT_THAT(StartsOf(result), ElementsAre(0, -1));
  EXPECT_THAT(result.refusals, ElementsAre(HasSubstr("ReqNodeNotAvail")));
}

TEST(ReplayTest, JobsLieOnSeveralNodesAndShareThem) {
  Trace trace = MakeTrace({{0, 10, 3}, {0, 10, 5}});
  const Result result = Replay(trace, UniformCluster(4, 2), {.keep_places = true});
  EXPECT_THAT(StartsOf(result), ElementsAre(0, 0));
  // With -N a job gets as many nodes as it names.
  trace.jobs[0].nodes = 3;
  EXPECT_THAT(StartsOf(Replay(trace, UniformCluster(4, 2))), ElementsAre(0, 0));
  trace.jobs[0].nodes = 4;
  EXPECT_THAT(Replay(trace, UniformCluster(4, 2)).refusals, SizeIs(0));
}

TEST(ReplayTest, PlacesAreRunsOfCpus) {
  const Result result =
      Replay(MakeTrace({{0, 10, 2}, {0, 10, 4}}), UniformCluster(3, 2), {.keep_places = true});
  ASSERT_THAT(result.runs, SizeIs(2));
  EXPECT_EQ(result.runs[0].first, 0u);
  EXPECT_EQ(result.runs[0].count, 2u);
  EXPECT_EQ(result.runs[1].first, 2u);
  EXPECT_EQ(result.runs[1].count, 4u);
}

TEST(ReplayTest, TheQueueIsCountedByTheInstant) {
  const Result result =
      Replay(MakeTrace({{0, 10, 4}, {2, 5, 4}, {2, 5, 4}}), OneNode(4, Policy::kFifo));
  std::vector<std::pair<int64_t, uint32_t>> queue;
  for (const QueuePoint& point : result.queue) {
    queue.emplace_back(absl::ToInt64Seconds(point.time - kBegin), point.waiting);
  }
  EXPECT_THAT(
      queue, ElementsAre(std::pair(0, 0u), std::pair(2, 2u), std::pair(10, 1u), std::pair(15, 0u)));
}

TEST(ReplayTest, MemoryCountsWhereTheClusterGivesItOut) {
  absl::StatusOr<Config> config = ParseConfig(
      "ClusterName=c\nSlurmctldHost=h\nSelectType=select/cons_tres\n"
      "SelectTypeParameters=CR_CPU_Memory\n"
      "NodeName=n[1-2] CPUs=4 RealMemory=1000\n"
      "PartitionName=p Nodes=ALL Default=YES AllowGroups=nobody\n",
      "slurm.conf");
  ASSERT_TRUE(config.ok()) << config.status();
  Trace trace = MakeTrace({{0, 10, 1}, {0, 10, 1}, {0, 10, 1}});
  const Cluster cluster = ConfiguredCluster(*config, "slurm.conf");
  // Without a word about memory a job takes all of a node's.
  EXPECT_THAT(StartsOf(Replay(trace, cluster)), ElementsAre(0, 0, 10));
  for (TraceJob& job : trace.jobs) job.mem_per_cpu_mb = 500;
  EXPECT_THAT(StartsOf(Replay(trace, cluster)), ElementsAre(0, 0, 0));
}

TEST(ReplayTest, PartitionsAreThoseOfTheConfiguration) {
  absl::StatusOr<Config> config = ParseConfig(
      "ClusterName=c\nSlurmctldHost=h\nSelectTypeParameters=CR_CPU\n"
      "NodeName=n[1-2] CPUs=4\n"
      "PartitionName=a Nodes=n1 Default=YES\nPartitionName=b Nodes=n2 MaxTime=1\n",
      "slurm.conf");
  ASSERT_TRUE(config.ok()) << config.status();
  Trace trace = MakeTrace({{0, 10, 4}, {0, 10, 4}, {0, 10, 4}, {0, 70, 1}});
  trace.names_partitions = true;
  trace.jobs[0].partition = trace.jobs[1].partition = trace.jobs[3].partition =
      trace.partitions.IdOf("b");
  trace.jobs[2].partition = trace.partitions.IdOf("c");
  const Result result = Replay(trace, ConfiguredCluster(*config, "slurm.conf"));
  EXPECT_THAT(StartsOf(result), ElementsAre(0, 10, -1, -1));
  EXPECT_THAT(result.refusals, ElementsAre(HasSubstr("invalid partition specified: c"),
                                           HasSubstr("PartitionTimeLimit")));
  // Numbers of a log's queues mean nothing here.
  trace.names_partitions = false;
  EXPECT_THAT(StartsOf(Replay(trace, ConfiguredCluster(*config, "slurm.conf"))),
              ElementsAre(0, 10, 20, 30));
}

TEST(ReplayTest, TheSameTraceGivesTheSameReplay) {
  std::vector<Asked> jobs;
  for (int i = 0; i < 80; ++i) {
    jobs.push_back({i * 7 % 150, 20 + i * 13 % 90, 1u + i * 5 % 12, 50 + i * 13 % 90});
  }
  Trace trace = MakeTrace(jobs);
  std::stable_sort(trace.jobs.begin(), trace.jobs.end(),
                   [](const TraceJob& a, const TraceJob& b) { return a.submit < b.submit; });
  const Result once = Replay(trace, UniformCluster(8, 4), {.keep_places = true});
  const Result again = Replay(trace, UniformCluster(8, 4), {.keep_places = true});
  EXPECT_EQ(StartsOf(once), StartsOf(again));
  EXPECT_EQ(once.passes, again.passes);
  ASSERT_EQ(once.runs.size(), again.runs.size());
  for (size_t i = 0; i < once.runs.size(); ++i) EXPECT_EQ(once.runs[i].first, again.runs[i].first);
}

}  // namespace
}  // namespace reeve::replay
