// What sacct prints, against files that hold what Slurm 26.05 printed for the same jobs.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "cli/sacct_fields.h"
#include "cli/sacct_rows.h"
#include "job_builder.h"

namespace reeve::cli {
namespace {

constexpr int kBatch = -5;

std::string Golden(const std::string& name) {
  std::ifstream file(std::string(GOLDEN_DIR) + "/" + name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class SacctOutputTest : public testing::Test {
 protected:
  SacctOutputTest() {
    for (const char* name : {"n1", "n2", "n3", "n4"}) {
      config_.nodes.push_back({.name = name, .real_memory_mb = 20000});
    }
    config_.partitions.push_back({.name = "debug", .nodes = {"n1", "n2", "n3", "n4"}});
    options_.format = "jobid,jobname,partition,account,alloccpus,state,exitcode";
  }

  std::string Print(const std::vector<v1::Job>& jobs) {
    const absl::StatusOr<SacctColumns> columns = ResolveSacctFormat(options_.format);
    if (!columns.ok()) return std::string(columns.status().message());
    v1::QueryAccountingResponse response;
    for (const v1::Job& job : jobs) *response.add_jobs() = job;
    const SacctContext context{.config = &config_,
                               .now = now_,
                               .units = options_.units,
                               .expand_patterns = options_.expand_patterns};
    Table table(columns->columns);
    AddSacctRows(response, options_, context, columns->fields, &table);
    return RenderSacct(table, options_);
  }

  // A line for one job with the given fields, cells between '|'.
  std::string Line(const std::string& format, const v1::Job& job) {
    options_.format = format;
    options_.style = SacctOptions::Style::kParsable2;
    options_.header = false;
    std::string text = Print({job});
    return text.substr(0, text.size() - 1);
  }

  Config config_;
  SacctOptions options_;
  absl::Time now_ = absl::FromUnixSeconds(2000);
};

JobBuilder Runner() {
  return JobBuilder(1, "runner")
      .Asked(3, 6, 2, 500)
      .On("n1", 4)
      .On("n2", 4)
      .On("n3", 4)
      .Started(1001);
}

std::vector<v1::Job> ManyJobs() {
  using enum v1::JobState;
  JobBuilder signalled =
      JobBuilder(23, "sig").On("n1", 1).Started(1000).Ended(1001, JOB_STATE_FAILED, kSignal(9));
  signalled.Step(kBatch, "batch", 1, 1, JOB_STATE_FAILED, kSignal(9));
  JobBuilder interactive =
      JobBuilder(13, "bash").On("n1", 1).Started(1000).Ended(1000, JOB_STATE_FAILED, kExit(7));
  interactive.Step(0, "bash", 1, 1, JOB_STATE_FAILED, kExit(7));
  JobBuilder steps = JobBuilder(24, "steps").On("n1", 3).On("n2", 1).Started(1000);
  steps.Ended(1001, JOB_STATE_COMPLETED);
  steps.Step(0, "true", 2, 4, JOB_STATE_COMPLETED);
  steps.Step(1, "false", 2, 4, JOB_STATE_FAILED, kExit(1));
  steps.Step(kBatch, "batch", 1, 3, JOB_STATE_COMPLETED);
  return {
      JobBuilder(5, "wrap")
          .Task(4, 1)
          .On("n1", 1)
          .Started(1000)
          .Ended(1000, JOB_STATE_COMPLETED)
          .Step(kBatch, "batch", 1, 1, JOB_STATE_COMPLETED),
      JobBuilder(12, "nosuchcommand")
          .On("n1", 1)
          .Started(1000)
          .Ended(1000, JOB_STATE_FAILED, kExit(2)),
      interactive,
      JobBuilder(18, "hostname").Ended(1005, JOB_STATE_CANCELLED).KilledBy(0),
      signalled,
      steps,
      JobBuilder(30, "runner"),
      JobBuilder(32, "parr").Array("1-10", 2),
      JobBuilder(33, "parr").Array("1-6,10", 2).Ended(1005, JOB_STATE_CANCELLED).KilledBy(0),
  };
}

TEST_F(SacctOutputTest, ARunningJob) {
  JobBuilder job = Runner();
  job.Step(kBatch, "batch", 1, 4, v1::JOB_STATE_RUNNING);
  job.Step(0, "sleep", 3, 12, v1::JOB_STATE_RUNNING);
  EXPECT_EQ(Print({job}), Golden("running.txt"));
  options_.style = SacctOptions::Style::kParsable;
  EXPECT_EQ(Print({job}), Golden("running-p.txt"));
}

TEST_F(SacctOutputTest, ACancelledJob) {
  JobBuilder job = Runner();
  job.Ended(1060, v1::JOB_STATE_CANCELLED).KilledBy(0);
  job.Step(kBatch, "batch", 1, 4, v1::JOB_STATE_CANCELLED, kSignal(9));
  job.Step(0, "sleep", 3, 12, v1::JOB_STATE_CANCELLED, kSignal(9));
  EXPECT_EQ(Print({job}), Golden("after-cancel.txt"));
}

TEST_F(SacctOutputTest, JobsOfManyKinds) {
  EXPECT_EQ(Print(ManyJobs()), Golden("many.txt"));
  options_.style = SacctOptions::Style::kParsable2;
  EXPECT_EQ(Print(ManyJobs()), Golden("many-P.txt"));
}

TEST_F(SacctOutputTest, WidthsTimesAndTresWithoutSteps) {
  setenv("TZ", "UTC", 1);
  options_.allocations = true;
  options_.format =
      "JobID,JobName%10,State,ExitCode,Elapsed,Start,End,NodeList,AllocTRES%40,ReqTRES%40";
  const int64_t start = 1795387203;  // 2026-11-22T22:40:03
  JobBuilder envjob = JobBuilder(1, "envjob").Asked(2, 4, 2, 100).On("n1", 6).On("n2", 2);
  envjob.Started(start).Ended(start, v1::JOB_STATE_COMPLETED);
  JobBuilder mpi = JobBuilder(11, "mpi").Asked(3, 6, 1, 0).On("n1", 2).On("n2", 2).On("n3", 2);
  mpi.Started(start + 27).Ended(start + 32, v1::JOB_STATE_COMPLETED);
  JobBuilder never = JobBuilder(18, "hostname").Asked(9, 9, 1, 0);
  never.Ended(start + 41, v1::JOB_STATE_CANCELLED).KilledBy(0);
  EXPECT_EQ(Print({envjob, mpi, never, JobBuilder(30, "runner").Asked(3, 6, 2, 500)}),
            Golden("allocations.txt"));
}

TEST_F(SacctOutputTest, NoJobIsAHeaderAlone) {
  EXPECT_EQ(Print({}), Golden("none.txt"));
  options_.header = false;
  EXPECT_EQ(Print({}), "");
}

TEST_F(SacctOutputTest, TheListOfFields) {
  EXPECT_EQ(SacctFieldList(), Golden("fields.txt"));
}

TEST_F(SacctOutputTest, EveryFieldPrintsForJobsAndSteps) {
  options_.format = "ALL";
  options_.style = SacctOptions::Style::kParsable2;
  const std::string text = Print(ManyJobs());
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 16);  // a header too
}

TEST_F(SacctOutputTest, UnknownFieldsAreNamed) {
  options_.format = "jobid,nope";
  EXPECT_EQ(Print({}), "Invalid field requested: \"nope\"");
}

TEST_F(SacctOutputTest, FieldsMayBeAbbreviatedAndWidened) {
  EXPECT_EQ(FindSacctField("alloc")->name, "AllocCPUS");
  EXPECT_EQ(FindSacctField("reservation")->name, "Reservation");
  EXPECT_EQ(FindSacctField("TRESUSAGEINMAXN")->name, "TRESUsageInMaxNode");
  options_.format = "jobid%-5,state%20";
  EXPECT_EQ(Print({JobBuilder(18, "x").Ended(1005, v1::JOB_STATE_CANCELLED).KilledBy(0)}),
            "JobID                State \n"
            "----- -------------------- \n"
            "18          CANCELLED by 0 \n");
}

TEST_F(SacctOutputTest, WhatAStepUsed) {
  JobBuilder job = Runner();
  job.Ended(1011, v1::JOB_STATE_COMPLETED);
  job.Step(0, "sleep", 3, 12, v1::JOB_STATE_COMPLETED);
  job->mutable_steps(0)->set_num_tasks(6);
  v1::Usage* usage = job->mutable_steps(0)->mutable_usage();
  usage->set_user_usec(5451);
  usage->set_system_usec(1728);
  usage->set_max_rss_kb(1676);
  usage->set_max_rss_node("n3");
  usage->set_max_rss_task(4);
  EXPECT_EQ(
      Line("jobid,maxrss,maxrssnode,maxrsstask,totalcpu,usercpu,systemcpu,ntasks,alloctres", job),
      "1||||00:00.007|00:00.005|00:00.001||billing=12,cpu=12,node=3\n"
      "1.0|1676K|n3|4|00:00.007|00:00.005|00:00.001|6|cpu=12,mem=0,node=3");
}

TEST_F(SacctOutputTest, TimesOfAJobThatRuns) {
  setenv("TZ", "UTC", 1);
  JobBuilder job = Runner();
  job->set_end_time(0);
  EXPECT_EQ(Line("elapsed,elapsedraw,cputimeraw,start,end,planned,timelimit,timelimitraw", job),
            "00:16:39|999|11988|1970-01-01T00:16:41|Unknown|00:00:01|00:30:00|30");
  job->set_time_limit(-1);
  EXPECT_EQ(Line("timelimit,timelimitraw,reqmem,nnodes", job), "UNLIMITED|UNLIMITED|1500M|3");
}

TEST_F(SacctOutputTest, TruncateMovesTimesToTheWindow) {
  setenv("TZ", "UTC", 1);
  options_.truncate = true;
  options_.window_start = 1100;
  options_.window_end = 1200;
  JobBuilder over = Runner();
  over.Ended(1150, v1::JOB_STATE_COMPLETED);
  EXPECT_EQ(Line("start,end,elapsedraw,state", over),
            "1970-01-01T00:18:20|1970-01-01T00:19:10|50|COMPLETED");
  EXPECT_EQ(Line("start,end,elapsedraw,state", Runner()),
            "1970-01-01T00:18:20|1970-01-01T00:20:00|100|RUNNING");
}

TEST_F(SacctOutputTest, ASuspendedJob) {
  JobBuilder job = Runner();
  job.Step(0, "sleep", 3, 12, v1::JOB_STATE_RUNNING);
  job->set_state(v1::JOB_STATE_SUSPENDED);
  job->set_suspend_time(1101);
  const char* const fields = "jobid,state,elapsed,suspended,cputimeraw,end";
  EXPECT_EQ(Line(fields, job),
            "1|SUSPENDED|00:01:40|00:14:59|1200|Unknown\n"
            "1.0|SUSPENDED|00:01:40|00:14:59|1200|Unknown");
  // Resumed after 200 seconds, and over after 100 more.
  job->set_suspend_time(1301);
  job->set_suspended_usec(200'000'000);
  job->mutable_steps(0)->set_suspended_usec(200'000'000);
  job->mutable_steps(0)->set_state(v1::JOB_STATE_COMPLETED);
  job->mutable_steps(0)->set_end_time(1391);
  job.Ended(1401, v1::JOB_STATE_COMPLETED);
  EXPECT_EQ(Line("jobid,state,elapsed,suspended", job),
            "1|COMPLETED|00:03:20|00:03:20\n1.0|COMPLETED|00:03:10|00:03:20");
}

TEST_F(SacctOutputTest, OneStepAlone) {
  JobBuilder job = Runner();
  job.Step(kBatch, "batch", 1, 4, v1::JOB_STATE_RUNNING);
  job.Step(0, "sleep", 3, 12, v1::JOB_STATE_RUNNING);
  v1::JobSelectorText* selector = options_.request.add_jobs();
  selector->set_job_id(1);
  selector->set_step_id(kBatch);
  EXPECT_EQ(Line("jobid,jobidraw", job), "1.batch|1.batch");
}

TEST_F(SacctOutputTest, PendingTasksOneByOne) {
  options_.expand_arrays = true;
  EXPECT_EQ(Line("jobid,jobidraw", JobBuilder(32, "parr").Array("1-2,9", 2)),
            "32_1|32\n32_2|32\n32_9|32");
}

TEST_F(SacctOutputTest, FiltersThatTheDaemonLeavesToUs) {
  options_.nodes = NumberRange{2, 3};
  EXPECT_EQ(Line("jobid", Runner()), "1");
  options_.cpus = NumberRange{13, 20};
  options_.format = "jobid";
  EXPECT_EQ(Print({Runner()}), "");
}

TEST_F(SacctOutputTest, NamesOfItsFiles) {
  JobBuilder job = Runner();
  job->mutable_spec()->set_batch(true);
  job->mutable_spec()->set_work_dir("/home/a");
  EXPECT_EQ(Line("stdout,stdin,stderr", job), "/home/a/slurm-%j.out|/dev/null|");
  options_.expand_patterns = true;
  EXPECT_EQ(Line("stdout", job), "/home/a/slurm-1.out");
}

}  // namespace
}  // namespace reeve::cli
