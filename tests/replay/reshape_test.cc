#include "replay/reshape.h"

#include <algorithm>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "replay/swf.h"
#include "tests/replay/traces.h"

namespace reeve::replay {
namespace {

Trace Days() {
  std::vector<Asked> jobs;
  for (int i = 0; i < 400; ++i) {
    jobs.push_back({i * 1000, 100 + i * 37 % 5000, 1u << (i % 6), 0, "u" + std::to_string(i % 5)});
  }
  Trace trace = MakeTrace(jobs);
  trace.max_nodes = trace.max_cpus = 64;
  return trace;
}

Trace Reshaped(const Reshaping& reshaping) {
  Trace trace = Days();
  const absl::Status status = Reshape(reshaping, &trace);
  EXPECT_TRUE(status.ok()) << status;
  return trace;
}

double CpuSeconds(const Trace& trace) {
  double sum = 0;
  for (const TraceJob& job : trace.jobs) sum += job.cpus * absl::ToDoubleSeconds(job.run);
  return sum;
}

TEST(ReshapeTest, NothingAskedNothingChanged) {
  EXPECT_TRUE(Reshaped({}).notes.empty());
  EXPECT_EQ(FormatSwf(Reshaped({})), FormatSwf(Days()));
}

TEST(ReshapeTest, ArrivalsCloserTogether) {
  const Trace trace = Reshaped({.arrivals = 2});
  EXPECT_EQ(trace.jobs[399].submit - trace.jobs[0].submit, absl::Seconds(399 * 500));
  EXPECT_EQ(CpuSeconds(trace), CpuSeconds(Days()));
}

TEST(ReshapeTest, MoreJobs) {
  const Trace trace = Reshaped({.jobs = 1500});
  ASSERT_EQ(trace.jobs.size(), 1500u);
  EXPECT_TRUE(std::is_sorted(trace.jobs.begin(), trace.jobs.end(),
                             [](const auto& a, const auto& b) { return a.submit < b.submit; }));
  EXPECT_EQ(trace.users.size(), 20u);  // each copy has its own
  EXPECT_NEAR(CpuSeconds(trace) / CpuSeconds(Days()), 1500.0 / 400, 0.2);
  const absl::Duration span = trace.jobs.back().submit - trace.jobs.front().submit;
  EXPECT_LT(span, absl::Hours(24 * 5) + absl::Minutes(31));
}

TEST(ReshapeTest, FewerJobsAreSpreadEvenly) {
  const Trace trace = Reshaped({.jobs = 4});
  ASSERT_EQ(trace.jobs.size(), 4u);
  EXPECT_EQ(trace.jobs[1].label, "101");
}

TEST(ReshapeTest, ALargerMachineIsAsBusy) {
  const Trace trace = Reshaped({.jobs = 2000, .cpus = 640});
  EXPECT_EQ(trace.max_cpus, 640u);
  EXPECT_EQ(trace.max_nodes, 640u);
  // Ten times the machine, five times the jobs: sizes double.
  EXPECT_NEAR(CpuSeconds(trace) / CpuSeconds(Days()), 10, 0.5);
  for (const TraceJob& job : trace.jobs) EXPECT_EQ(job.cpus & (job.cpus - 1), 0u);
  Trace unknown = Days();
  unknown.max_cpus = 0;
  EXPECT_FALSE(Reshape({.cpus = 10}, &unknown).ok());
}

TEST(ReshapeTest, EstimatesAreGenerousAndRound) {
  const Trace trace = Reshaped({.estimates = 5});
  std::set<absl::Duration> limits;
  for (const TraceJob& job : trace.jobs) {
    ASSERT_TRUE(job.limit.has_value());
    EXPECT_GE(*job.limit, job.run);
    EXPECT_LE(*job.limit, std::max(job.run * 10, absl::Minutes(5)));
    limits.insert(*job.limit);
  }
  EXPECT_LT(limits.size(), 15u);
  EXPECT_GT(limits.size(), 4u);
}

TEST(ReshapeTest, TheSeedFixesAll) {
  const Reshaping all{.arrivals = 1.5, .jobs = 900, .cpus = 128, .estimates = 5, .seed = 3};
  EXPECT_EQ(FormatSwf(Reshaped(all)), FormatSwf(Reshaped(all)));
  EXPECT_THAT(Reshaped(all).notes,
              ::testing::ElementsAre("test: jobs are made into 900 jobs, sized for 128 processors, "
                                     "coming 1.5 times as fast, asking for up to 5 times their run "
                                     "time (seed 3)"));
  Reshaping other = all;
  other.seed = 4;
  EXPECT_NE(FormatSwf(Reshaped(all)), FormatSwf(Reshaped(other)));
}

}  // namespace
}  // namespace reeve::replay
