// squeue's listings as text.
#include <gtest/gtest.h>

#include "cli/job_fields.h"
#include "cli/squeue_options.h"
#include "cli/squeue_rows.h"
#include "tests/cli/views/builders.h"
#include "tests/cli/views/golden.h"

namespace reeve::cli {
namespace {

// Environment of the options and of local time, before anything reads it.
const int kEnvironment = [] {
  setenv("TZ", "UTC", 1);
  for (const char* name : {"SLURM_TIME_FORMAT", "SQUEUE_FORMAT", "SQUEUE_SORT"}) unsetenv(name);
  return 0;
}();

SqueueOptions Options(std::vector<std::string> words) {
  words.insert(words.begin(), "squeue");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  SqueueOptions options;
  EXPECT_FALSE(
      ReadSqueueOptions(static_cast<int>(words.size()), argv.data(), &options).has_value());
  return options;
}

std::string List(const std::vector<pb::Job>& jobs, const std::vector<std::string>& words,
                 int64_t now = kNow) {
  const SqueueOptions options = Options(words);
  ViewContext context = SampleContext(now);
  context.convert_units = options.convert_units;
  Table::TextOptions text;
  text.header = options.header;
  const std::vector<std::string> hidden = {"hidden"};
  auto listing = SqueueListing::Create(options, hidden);
  if (!listing.ok()) return std::string(Message(listing.status()));
  for (const pb::Job& job : jobs) (*listing)->Add(job, context);
  return (*listing)->Finish().Text(text);
}

// An array of which two tasks run, beside a job with a step.
std::vector<pb::Job> RunningJobs() {
  JobBuilder runner =
      JobBuilder(1, "runner").Priority(1398).Limit(30).Runs(kNow - 8, {"n1", "n2", "n3"}, 4);
  runner.Step(-5, "batch", {"n1"}, 4).Step(0, "sleep", {"n1", "n2", "n3"}, 4);
  JobBuilder first = JobBuilder(3, "arr").Limit(10).Task(2, 1, 2).Runs(kNow - 8, {"n1"}, 1);
  JobBuilder second = JobBuilder(4, "arr").Limit(10).Task(2, 2, 2).Runs(kNow - 8, {"n1"}, 1);
  first.Step(-5, "batch", {"n1"}, 1);
  second.Step(-5, "batch", {"n1"}, 1);
  return {runner, JobBuilder(2, "arr").Limit(10).Array(2, "3-6", 2).Waits("JobArrayTaskLimit"),
          first, second};
}

// As Slurm 26.05 shows it, and its steps.
TEST(Squeue, ASuspendedJob) {
  pb::Job job = RunningJobs()[0];
  job.set_state(pb::JOB_STATE_SUSPENDED);
  job.set_suspend_time(kNow);
  const std::vector<pb::Job> jobs = {job, RunningJobs()[2]};
  ExpectGolden("squeue-suspended.txt", List(jobs, {}, kNow + 600));
  ExpectGolden("squeue-suspended-s.txt", List(jobs, {"-s"}, kNow + 600));
  EXPECT_EQ(List(jobs, {"-h", "-t", "S", "-o", "%i %t %T %M %L"}, kNow + 600),
            "1 S SUSPENDED 0:08 29:52\n");
}

TEST(Squeue, Default) {
  ExpectGolden("squeue.txt", List(SampleQueue(), {}));
}
TEST(Squeue, Long) {
  ExpectGolden("squeue-l.txt", List(SampleQueue(), {"-l"}));
}
TEST(Squeue, OneLinePerTask) {
  ExpectGolden("squeue-r.txt", List(SampleQueue(), {"-r"}));
}
TEST(Squeue, Start) {
  ExpectGolden("squeue-start.txt", List(SampleQueue(), {"--start"}));
}
TEST(Squeue, Steps) {
  ExpectGolden("squeue-s.txt", List(SampleQueue(), {"-s"}));
}
TEST(Squeue, ManyFields) {
  ExpectGolden("squeue-o.txt",
               List(SampleQueue(), {"-o",
                                    "%i|%F|%K|%j|%u|%a|%T|%t|%M|%l|%L|%D|%C|%m|%R|%r|%N|%Q|%p|%S|"
                                    "%e|%V|%Z|%o|%q"}));
}
TEST(Squeue, RunningArray) {
  ExpectGolden("squeue-running.txt", List(RunningJobs(), {}));
}
TEST(Squeue, RunningSteps) {
  ExpectGolden("squeue-running-s.txt", List(RunningJobs(), {"-s"}));
}
TEST(Squeue, AllFields) {
  ExpectGolden("squeue-all.txt", List(SampleQueue(), {"-o", "%all"}));
}
TEST(Squeue, AllStepFields) {
  ExpectGolden("squeue-s-all.txt", List(RunningJobs(), {"-s", "-o", "%all"}));
}

// What the controller leaves in for QueryJobsRequest.brief.
pb::Job Brief(pb::Job job) {
  const pb::JobSpec whole = job.spec();
  pb::JobSpec* spec = job.mutable_spec();
  spec->Clear();
  spec->set_name(whole.name());
  spec->set_partition(whole.partition());
  spec->set_nice(whole.nice());
  spec->set_begin_time(whole.begin_time());
  if (whole.has_mem_per_node_mb()) spec->set_mem_per_node_mb(whole.mem_per_node_mb());
  if (whole.has_mem_per_cpu_mb()) spec->set_mem_per_cpu_mb(whole.mem_per_cpu_mb());
  return job;
}

TEST(Squeue, BriefFieldsNeedNoMoreOfTheSpec) {
  std::string format;
  for (const ViewField<JobRow>& field : JobFields()) {
    if (NeedsBriefSpecOnly(field)) StrAppend(&format, "%", std::string(1, field.letter), "|");
  }
  for (std::vector<pb::Job> jobs : {SampleQueue(), RunningJobs()}) {
    for (pb::Job& job : jobs) {
      // Whatever else it asked for.
      job.mutable_spec()->set_num_tasks(7);
      job.mutable_spec()->set_cpus_per_task(3);
      job.mutable_spec()->set_min_nodes(2);
      job.mutable_spec()->set_batch(true);
      job.mutable_spec()->set_account("spec's");
      job.mutable_spec()->set_exclusive(true);
      job.mutable_spec()->set_time_limit(77);
      job.mutable_spec()->set_std_out("file");
      job.mutable_spec()->set_begin_time(kNow + 600);
    }
    std::vector<pb::Job> brief;
    for (const pb::Job& job : jobs) brief.push_back(Brief(job));
    EXPECT_EQ(List(brief, {"-a", "-o", format}), List(jobs, {"-a", "-o", format}));
  }
}

TEST(Squeue, AsksForNoMoreThanItShows) {
  auto brief = [](std::vector<std::string> words) {
    const SqueueOptions options = Options(std::move(words));
    const std::vector<std::string> hidden;
    return (*SqueueListing::Create(options, hidden))->brief();
  };
  EXPECT_TRUE(brief({}));
  EXPECT_TRUE(brief({"-l"}));
  EXPECT_TRUE(brief({"--start"}));
  EXPECT_FALSE(brief({"-o", "%i %Z"}));
  EXPECT_FALSE(brief({"-o", "%i", "-S", "w,m"}));
  EXPECT_FALSE(brief({"-O", "jobid,workdir"}));
  EXPECT_FALSE(brief({"-s"}));
}

TEST(Squeue, EveryLongFieldHasATitleAndACell) {
  std::string text;
  for (const ViewField<JobRow>& field : JobFields()) {
    for (std::string_view name : SplitSkipEmpty(field.long_names, " ")) {
      StrAppend(&text, name, " => ",
                ReplaceAll(List(RunningJobs(), {"-O", StrCat(name, ":|")}), "\n", " "), "\n");
    }
  }
  ExpectGolden("squeue-long-fields.txt", text);
}

TEST(Squeue, PrefixWidthsAndUnknownLetters) {
  EXPECT_EQ(List(RunningJobs(), {"-j", "1", "-o", "pre%.5ifoo"}), "preJOBIDfoo\npre    1foo\n");
  EXPECT_EQ(List(RunningJobs(), {"-j1", "-o", "%2i|%E|%!x|foo"}),
            "JO|DEPENDENCY|%!x|foo\n1 |(null)|%!x|foo\n");
  EXPECT_EQ(List(RunningJobs(), {"-h", "-j", "1", "-o", "%%i|%%T"}), "1|RUNNING\n");
  EXPECT_EQ(
      List(RunningJobs(), {"-j", "1", "-O", "JobID:|,State:.12|,Name:5x,UserName"}),
      "JOBID|       STATE|NAME xUSER                \n1|     RUNNING|runnexroot                \n");
  EXPECT_EQ(List(RunningJobs(), {"-j", "1", "-O", "JobID:|,Nope"}), "JOBID|\n1|\n");
}

TEST(Squeue, SelectsTasksOfAnArray) {
  EXPECT_EQ(List(RunningJobs(), {"-h", "-o", "%i", "-j", "2_3"}), "2_3\n");
  EXPECT_EQ(List(RunningJobs(), {"-h", "-o", "%i", "-j", "2_[1-4]"}), "2_3\n2_4\n2_1\n2_2\n");
  EXPECT_EQ(List(RunningJobs(), {"-h", "-o", "%i", "-j", "2"}), "2_[3-6%2]\n2_1\n2_2\n");
  EXPECT_EQ(List(RunningJobs(), {"-h", "-o", "%i", "-j", "2_9"}), "");
  EXPECT_EQ(List(RunningJobs(), {"-h", "-o", "%i", "-j", "4"}), "2_2\n");
}

TEST(Squeue, Filters) {
  const auto queue = SampleQueue();
  EXPECT_EQ(List(queue, {"-h", "-o", "%i", "-t", "R"}), "37\n");
  EXPECT_EQ(List(queue, {"-h", "-o", "%i", "-t", "stage_out"}), "");
  EXPECT_EQ(List(queue, {"-h", "-o", "%i", "-n", "held,dep"}), "34\n33\n");
  EXPECT_EQ(List(queue, {"-h", "-o", "%i", "-p", "nope"}), "");
  EXPECT_EQ(List(queue, {"-h", "-o", "%i", "-w", "n[3-9]"}), "37\n");
  EXPECT_EQ(List(queue, {"-h", "-o", "%i", "-A", "other"}), "");
  EXPECT_EQ(List(queue, {"-h", "-o", "%i", "-u", "12345"}), "");
  EXPECT_EQ(List(queue, {"-h", "-o", "%i", "-s1.0"}), "");
  EXPECT_EQ(List(RunningJobs(), {"-h", "-o", "%i", "-s", "1.0"}), "1.0\n");
}

TEST(Squeue, HidesJobsThatAreOver) {
  const std::vector<pb::Job> jobs = {
      JobBuilder(1, "a").Runs(kSubmitted, {"n1"}, 1).Ended(pb::JOB_STATE_COMPLETED, kNow)};
  EXPECT_EQ(List(jobs, {"-h", "-o", "%i"}), "");
  EXPECT_EQ(List(jobs, {"-h", "-o", "%i", "-j", "1"}), "");
  EXPECT_EQ(List(jobs, {"-h", "-o", "%i", "-t", "all"}), "1\n");
  EXPECT_EQ(List(jobs, {"-h", "-o", "%i", "-t", "completed,cg"}), "1\n");
}

TEST(Squeue, HidesHiddenPartitions) {
  JobBuilder job(1, "a");
  job->set_partition("hidden");
  EXPECT_EQ(List({job}, {"-h", "-o", "%i"}), "");
  EXPECT_EQ(List({job}, {"-h", "-o", "%i", "-a"}), "1\n");
  EXPECT_EQ(List({job}, {"-h", "-o", "%i", "-p", "hidden"}), "1\n");
  EXPECT_EQ(List({job}, {"-h", "-o", "%i", "-j", "1"}), "1\n");
}

TEST(Squeue, SortsByManyKeys) {
  const auto queue = SampleQueue();
  EXPECT_EQ(List(queue, {"-h", "-o", "%i", "-S", "-t,i"}),
            "37\n30\n31\n32_[1-10%2]\n33\n34\n35\n36\n");
  EXPECT_EQ(List(queue, {"-h", "-o", "%i", "-S", "-C,-i"}),
            "37\n30\n36\n31\n35\n34\n33\n32_[1-10%2]\n");
  EXPECT_EQ(List(queue, {"-S", "?"}), "Invalid sort specification: ?");
}

TEST(Squeue, NoconvertKeepsMebibytes) {
  JobBuilder job(1, "a");
  job.spec()->set_mem_per_node_mb(2048);
  EXPECT_EQ(List({job}, {"-h", "-o", "%m"}), "2G\n");
  EXPECT_EQ(List({job}, {"-h", "--noconvert", "-o", "%m"}), "2048M\n");
}

}  // namespace
}  // namespace reeve::cli
