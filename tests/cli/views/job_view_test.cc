#include "cli/job_view.h"

#include <gtest/gtest.h>

#include "tests/cli/views/builders.h"

namespace reeve::cli {
namespace {

const ViewContext kContext = SampleContext();
JobRow Row(const pb::Job& job, std::optional<uint32_t> task = std::nullopt) {
  return JobRow{&job, task, &kContext};
}

TEST(JobView, NamesArraysAndTheirTasks) {
  const pb::Job plain = JobBuilder(5, "a");
  const pb::Job array = JobBuilder(32, "a").Array(32, "1-10", 2);
  const pb::Job task = JobBuilder(40, "a").Task(32, 7);
  EXPECT_EQ(JobIdText(Row(plain)), "5");
  EXPECT_EQ(JobIdText(Row(array)), "32_[1-10%2]");
  EXPECT_EQ(JobIdText(Row(array, 4)), "32_4");
  EXPECT_EQ(JobIdText(Row(task)), "32_7");
  EXPECT_EQ(ArrayTaskText(Row(plain)), "N/A");
  EXPECT_EQ(ArrayTaskText(Row(array)), "1-10%2");
  EXPECT_EQ(ArrayTaskText(Row(task)), "7");
}

TEST(JobView, NamesComponentsOfHeterogeneousJobs) {
  JobBuilder component(13, "a");
  component->set_het_job_id(12);
  component->set_het_job_offset(1);
  component->set_het_job_size(3);
  EXPECT_EQ(JobIdText(Row(component)), "12+1");
  EXPECT_EQ(HetJobIdSet(component), "12-14");
  EXPECT_TRUE(IsComponentOf(component, *ParseJobSelector("12")));
  EXPECT_TRUE(IsComponentOf(component, *ParseJobSelector("12+1")));
  EXPECT_FALSE(IsComponentOf(component, *ParseJobSelector("12+0")));
  EXPECT_FALSE(IsComponentOf(component, *ParseJobSelector("13")));
  const pb::Job plain = JobBuilder(5, "a");
  EXPECT_EQ(HetJobIdSet(plain), "N/A");
  EXPECT_FALSE(IsComponentOf(plain, *ParseJobSelector("5")));
}

TEST(JobView, SaysWhyAJobFailedOrWhereItRan) {
  EXPECT_EQ(NodesOrReason(JobBuilder(1, "a").Waits("Resources")), "(Resources)");
  JobBuilder ran = JobBuilder(1, "a").Runs(kSubmitted, {"n1", "n2"}, 1);
  EXPECT_EQ(NodesOrReason(ran), "n[1-2]");
  EXPECT_EQ(NodesOrReason(ran.Ended(pb::JOB_STATE_COMPLETED, kNow)), "n[1-2]");
  EXPECT_EQ(NodesOrReason(ran.Ended(pb::JOB_STATE_FAILED, kNow, "RaisedSignal:9(Killed)")),
            "(RaisedSignal:9(Killed))");
  EXPECT_EQ(NodesOrReason(JobBuilder(1, "a").Ended(pb::JOB_STATE_CANCELLED, kNow)), "");
}

TEST(JobView, ALaunchFailureIsTheReasonOfTheHold) {
  JobBuilder job = JobBuilder(1, "a").Waits("JobHeldUser");
  job->set_reason_detail("something else");
  EXPECT_EQ(ReasonText(job), "JobHeldUser");
  job->set_reason_detail("launch failed requeued held");
  EXPECT_EQ(ReasonText(job), "launch failed requeued held");
  EXPECT_EQ(NodesOrReason(job), "(launch failed requeued held)");
}

TEST(JobView, ACompletingJobShowsTheNodesItStillHas) {
  JobBuilder job = JobBuilder(1, "a").Runs(kSubmitted, {"n1", "n2"}, 1);
  job.Ended(pb::JOB_STATE_COMPLETED, kNow);
  job->set_flags(pb::JOB_FLAG_COMPLETING);
  job->add_pending_nodes("n2");
  EXPECT_EQ(NodesText(job), "n2");
  EXPECT_EQ(CompactStateText(job), "CG");
}

TEST(JobView, CountsTimes) {
  const pb::Job running = JobBuilder(1, "a").Limit(30).Runs(kSubmitted, {"n1"}, 1);
  EXPECT_EQ(SecondsUsed(running, kNow), 6);
  EXPECT_EQ(EndTime(running, kNow), kSubmitted + 1800);
  EXPECT_EQ(TimeLeftText(running, kNow), "29:54");
  const pb::Job unlimited = JobBuilder(1, "a").Limit(-1).Runs(kSubmitted, {"n1"}, 1);
  EXPECT_EQ(EndTime(unlimited, kNow), 0);
  EXPECT_EQ(TimeLimitText(unlimited), "UNLIMITED");
  const pb::Job over =
      JobBuilder(1, "a").Runs(kSubmitted, {"n1"}, 1).Ended(pb::JOB_STATE_COMPLETED, kSubmitted + 2);
  EXPECT_EQ(SecondsUsed(over, kNow + 100), 2);
  EXPECT_EQ(SecondsUsed(JobBuilder(1, "a"), kNow), 0);
}

TEST(JobView, CountsNoTimeOfASuspension) {
  JobBuilder job = JobBuilder(1, "a").Limit(30).Runs(kNow - 100, {"n1"}, 1);
  job.Step(0, "s", {"n1"}, 1);
  job->set_state(pb::JOB_STATE_SUSPENDED);
  job->set_suspend_time(kNow - 60);
  EXPECT_EQ(SecondsUsed(job, kNow), 40);
  EXPECT_EQ(SecondsUsed(job, job->steps(0), kNow), 40);
  EXPECT_EQ(SecondsSuspended(job, kNow), 60);
  EXPECT_EQ(SecondsSuspended(job, job->steps(0), kNow), 60);
  EXPECT_EQ(SecondsBeforeSuspension(job), 40);
  EXPECT_EQ(StateOf(job, job->steps(0)), JobState::kSuspended);
  EXPECT_EQ(TimeLeftText(job, kNow), "29:20");
  // Resumed 50 seconds later.
  job->set_state(pb::JOB_STATE_RUNNING);
  job->set_suspend_time(kNow - 10);
  job->set_suspended_usec(50'000'000);
  job->mutable_steps(0)->set_suspended_usec(50'000'000);
  EXPECT_EQ(SecondsUsed(job, kNow), 50);
  EXPECT_EQ(SecondsUsed(job, job->steps(0), kNow), 50);
  EXPECT_EQ(SecondsSuspended(job, kNow), 50);
  EXPECT_EQ(SecondsBeforeSuspension(job), 40);
  EXPECT_EQ(EndTime(job, kNow), kNow - 100 + 1800 + 50);
  EXPECT_EQ(StateOf(job, job->steps(0)), JobState::kRunning);
  job.Ended(pb::JOB_STATE_COMPLETED, kNow);
  EXPECT_EQ(SecondsUsed(job, kNow + 1000), 50);
}

TEST(JobView, AsksForTheMemoryOfANodeByDefault) {
  EXPECT_EQ(RequestedTres(JobBuilder(1, "a"), kContext), "cpu=1,mem=20000M,node=1,billing=1");
  JobBuilder per_cpu = JobBuilder(1, "a").Nodes(2, 4);
  per_cpu.spec()->set_mem_per_cpu_mb(1024);
  EXPECT_EQ(RequestedTres(per_cpu, kContext), "cpu=4,mem=4G,node=2,billing=4");
}

TEST(JobView, ExpandsFileNames) {
  JobBuilder job = JobBuilder(40, "sim").Task(32, 7);
  job.spec()->clear_std_out();
  job.spec()->set_std_err("err-%x.%A_%a");
  EXPECT_EQ(StreamText(Row(job), JobStream::kOutput, true), "/cluster/run/slurm-32_7.out");
  EXPECT_EQ(StreamText(Row(job), JobStream::kError, true), "/cluster/run/err-sim.32_7");
  EXPECT_EQ(StreamText(Row(job), JobStream::kError, false), "err-%x.%A_%a");
  EXPECT_EQ(StreamText(Row(job), JobStream::kInput, true), "/dev/null");
}

TEST(JobView, PrintsExitCodes) {
  EXPECT_EQ(ExitCodeText(3 << 8), "3:0");
  EXPECT_EQ(ExitCodeText(9), "0:9");
}

}  // namespace
}  // namespace reeve::cli
