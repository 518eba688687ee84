#include "cli/sacct_values.h"

#include <gtest/gtest.h>

#include "job_builder.h"

namespace reeve::cli {
namespace {

TEST(FormatSizeTest, ChoosesTheLargestUnitThatIsExact) {
  EXPECT_EQ(FormatSize(0, 'K', {}), "0");
  EXPECT_EQ(FormatSize(1676, 'K', {}), "1676K");
  EXPECT_EQ(FormatSize(2048, 'M', {}), "2G");
  EXPECT_EQ(FormatSize(1500, 'M', {}), "1500M");
  EXPECT_EQ(FormatSize(20000, 'M', {}), "20000M");
  EXPECT_EQ(FormatSize(1680725, 'B', {}), "1680725");
}

TEST(FormatSizeTest, KeepsOrForcesTheUnit) {
  EXPECT_EQ(FormatSize(2048, 'M', {.convert = false}), "2048M");
  EXPECT_EQ(FormatSize(1500, 'M', {.unit = 'G'}), "1.46G");
  EXPECT_EQ(FormatSize(2048, 'M', {.unit = 'G'}), "2G");
  EXPECT_EQ(FormatSize(2, 'G', {.unit = 'K'}), "2097152K");
  EXPECT_EQ(FormatSize(uint64_t{1} << 63, 'M', {.unit = 'K'}), "9444732965739290427392K");
  EXPECT_EQ(FormatSize(1500, 'M', {.unit = 'G', .convert = false}), "1.46G");
}

TEST(FormatCpuTimeTest, ShowsPartsOfASecondBelowAnHour) {
  EXPECT_EQ(FormatCpuTime(0), "00:00:00");
  EXPECT_EQ(FormatCpuTime(12345), "00:00.012");
  EXPECT_EQ(FormatCpuTime(61'500'000), "01:01.500");
  EXPECT_EQ(FormatCpuTime(5'000'000), "00:00:05");
  EXPECT_EQ(FormatCpuTime(int64_t{3661} * 1000000 + 500000), "01:01:01");
  EXPECT_EQ(FormatCpuTime(int64_t{90061} * 1000000), "1-01:01:01");
}

TEST(StateTextTest, NamesWhoCancelled) {
  v1::Job job = JobBuilder(1, "a").Ended(1100, v1::JOB_STATE_CANCELLED).KilledBy(1001);
  EXPECT_EQ(JobStateText(job), "CANCELLED by 1001");
  job.clear_kill_uid();
  EXPECT_EQ(JobStateText(job), "CANCELLED");
}

TEST(StateTextTest, ARunThatWasCutShortIsRequeued) {
  v1::Job job = JobBuilder(1, "a").On("n1", 1).Started(1000);
  job.set_flags(v1::JOB_FLAG_REQUEUED);
  EXPECT_EQ(JobStateText(job), "RUNNING");  // a later run, still going
  job.set_end_time(1100);
  EXPECT_EQ(JobStateText(job), "REQUEUED");
  job.set_state(v1::JOB_STATE_NODE_FAIL);
  EXPECT_EQ(JobStateText(job), "NODE_FAIL");
}

TEST(StateTextTest, AStepThatDiedOfASignalIsCancelled) {
  v1::Step step;
  step.set_state(v1::JOB_STATE_FAILED);
  step.set_exit_status(kExit(1));
  EXPECT_EQ(StepStateText(step), "FAILED");
  step.set_exit_status(kSignal(9));
  EXPECT_EQ(StepStateText(step), "CANCELLED");
  step.set_state(v1::JOB_STATE_OUT_OF_MEMORY);
  EXPECT_EQ(StepStateText(step), "OUT_OF_MEMORY");
}

TEST(JobIdTextTest, NamesArraysAndTheirTasks) {
  EXPECT_EQ(JobIdText(JobBuilder(7, "a"), 64), "7");
  EXPECT_EQ(JobIdText(JobBuilder(7, "a").Task(4, 1), 64), "4_1");
  EXPECT_EQ(JobIdText(JobBuilder(32, "a").Array("1-10", 2), 64), "32_[1-10%2]");
  EXPECT_EQ(JobIdText(JobBuilder(32, "a").Array("1-6,10", 0), 64), "32_[1-6,10]");
}

TEST(RequestedTresTest, SpeaksOfWhatWasAskedForNotOfWhatWasGiven) {
  Config config;
  // All CPUs of a node were given to a job that asked for one.
  const v1::Job job = JobBuilder(10, "a").Asked(1, 1, 1, 500).On("n1", 64).Started(1000);
  EXPECT_EQ(RequestedTres(job, config, {}), "billing=1,cpu=1,mem=500M,node=1");
  EXPECT_EQ(AllocatedTres(job, {}), "billing=64,cpu=64,node=1");
}

TEST(RequestedTresTest, WithoutMemTakesTheDefaultsInTurn) {
  Config config;
  config.nodes.push_back({.name = "n1", .real_memory_mb = 20000});
  config.partitions.push_back({.name = "debug", .nodes = {"n1"}});
  v1::Job job = JobBuilder(2, "a").Asked(2, 4, 1, 0);
  EXPECT_EQ(RequestedTres(job, config, {}), "billing=4,cpu=4,mem=40000M,node=2");
  config.def_mem_per_cpu_mb = 100;
  EXPECT_EQ(RequestedMemoryMb(job, config), 400u);
  config.partitions[0].def_mem_per_node_mb = 50;
  EXPECT_EQ(RequestedMemoryMb(job, config), 100u);
  job.mutable_spec()->set_mem_per_cpu_mb(7);
  EXPECT_EQ(RequestedMemoryMb(job, config), 28u);
}

TEST(RequestedTresTest, LeavesOutMemoryThatNobodyKnows) {
  EXPECT_EQ(RequestedTres(JobBuilder(2, "a"), Config(), {}), "billing=1,cpu=1,node=1");
}

TEST(AllocatedTresTest, CountsNothingBeforeTheStart) {
  EXPECT_EQ(AllocatedTres(JobBuilder(2, "a"), {}), "");
}

}  // namespace
}  // namespace reeve::cli
