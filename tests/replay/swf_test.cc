#include "replay/swf.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "replay/read_trace.h"

namespace reeve::replay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

Trace Parsed(std::string_view text) {
  absl::StatusOr<Trace> trace = ParseSwf(text, "log.swf");
  EXPECT_TRUE(trace.ok()) << trace.status();
  return trace.value_or(Trace{});
}
std::string Complaint(std::string_view text) {
  return std::string(ParseSwf(text, "log.swf").status().message());
}

TEST(SwfTest, ReadsHeaderAndFields) {
  const Trace trace = Parsed(
      "; Version: 2.2\n; UnixStartTime: 749458803\n;   MaxNodes:  64\n; MaxProcs: 128\n"
      "; MaxProcs is not always there\n\n"
      "  7  100  5  60  4  59.5  2048  8  3600  1024  1  3  2  9  1  1  -1  -1\r\n");
  EXPECT_EQ(trace.max_nodes, 64u);
  EXPECT_EQ(trace.max_cpus, 128u);
  ASSERT_THAT(trace.jobs, SizeIs(1));
  const TraceJob& job = trace.jobs[0];
  EXPECT_EQ(job.label, "7");
  EXPECT_EQ(job.line, 7);
  EXPECT_EQ(job.submit, absl::FromUnixSeconds(749458903));
  EXPECT_EQ(job.run, absl::Seconds(60));
  EXPECT_EQ(job.cpus, 8u);  // what was asked for, not what was given
  EXPECT_EQ(job.limit, absl::Seconds(3600));
  EXPECT_EQ(job.mem_per_cpu_mb, 1u);
  EXPECT_EQ(trace.users[job.user], "3");
  EXPECT_THAT(trace.notes, SizeIs(0));
}

TEST(SwfTest, UnknownRequestsFallBack) {
  const Trace trace = Parsed("1 0 -1 60 4 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1\n");
  ASSERT_THAT(trace.jobs, SizeIs(1));
  EXPECT_EQ(trace.jobs[0].cpus, 4u);
  EXPECT_FALSE(trace.jobs[0].limit.has_value());
  EXPECT_EQ(trace.users[0], "unknown");
  EXPECT_EQ(trace.max_cpus, 0u);
}

TEST(SwfTest, WhatCannotBeReplayedIsCounted) {
  const Trace trace = Parsed(
      "1 0 -1 -1 4 -1 -1 -1 -1 -1 1 1 1 -1 -1 -1 -1 -1\n"
      "2 0 -1 -1 4 -1 -1 -1 -1 -1 1 1 1 -1 -1 -1 -1 -1\n"
      "3 0 -1 0 -1 -1 -1 4 -1 -1 5 1 1 -1 -1 -1 -1 -1\n"
      "4 0 -1 9 -1 -1 -1 -1 -1 -1 1 1 1 -1 -1 -1 -1 -1\n"
      "5 0 -1 9 4 -1 -1 -1 -1 -1 3 1 1 -1 -1 -1 -1 -1\n"
      "6 0 -1 9 4 -1 -1 -1 -1 -1 5 1 1 -1 -1 -1 -1 -1\n"
      "7 0 -1 9 4 -1 -1 -1 -1 -1 1 1 1 -1 -1 -1 6 -1\n");
  EXPECT_THAT(trace.jobs, SizeIs(2));
  EXPECT_THAT(trace.notes,
              ElementsAre("log.swf:1: 2 jobs without a run time are left out (this is the first)",
                          "log.swf:3: 1 job that was cancelled before it ran is left out",
                          "log.swf:4: 1 job without a number of processors is left out",
                          "log.swf:5: 1 line of a job's single burst is left out",
                          StartsWith("log.swf:7: 1 job names a preceding one")));
}

TEST(SwfTest, FaultsHaveTheirLines) {
  EXPECT_EQ(Complaint("; x\n1 2 3\n\n1 0 -1 6O 4 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1\n"
                      "1 -1 -1 60 4 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1\n"),
            "log.swf:2: 3 fields; a job has 18\n"
            "log.swf:4: run time: not a number that a log can have: '6O'\n"
            "log.swf:5: a job without a submit time");
}

TEST(SwfTest, OfManyFaultsTheFirstAreShown) {
  std::string text;
  for (int i = 0; i < 15; ++i) text += "1\n";
  EXPECT_THAT(Complaint(text),
              HasSubstr("log.swf:10: 1 fields; a job has 18\nlog.swf: and 5 more"));
}

TEST(SwfTest, NumbersThatNoLogHasAreRefused) {
  for (const char* number :
       {"nan", "inf", "1e300", "-1e12", "99999999999999999999", "0x10", "1-"}) {
    const std::string text =
        std::string("1 0 -1 60 4 -1 -1 -1 ") + number + " -1 -1 -1 -1 -1 -1 -1 -1 -1\n";
    EXPECT_THAT(Complaint(text), StartsWith("log.swf:1: requested time: not a number")) << number;
  }
  EXPECT_THAT(Complaint("1 0 -1 60 5000000000 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1\n"),
              HasSubstr("more processors than"));
}

TEST(SwfTest, WrittenAndReadAgainItIsTheSame) {
  const Trace trace = Parsed(
      "; MaxNodes: 8\n; MaxProcs: 16\n; UnixStartTime: 1000000000\n"
      "1 100 -1 60 4 -1 -1 4 3600 2048 1 3 1 -1 -1 1 -1 -1\n"
      "2 107 -1 0 16 -1 -1 16 -1 -1 1 5 1 -1 -1 2 -1 -1\n");
  const Trace again = Parsed(FormatSwf(trace));
  EXPECT_EQ(again.max_nodes, 8u);
  EXPECT_EQ(again.max_cpus, 16u);
  ASSERT_THAT(again.jobs, SizeIs(2));
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(again.jobs[i].submit, trace.jobs[i].submit);
    EXPECT_EQ(again.jobs[i].run, trace.jobs[i].run);
    EXPECT_EQ(again.jobs[i].limit, trace.jobs[i].limit);
    EXPECT_EQ(again.jobs[i].cpus, trace.jobs[i].cpus);
    EXPECT_EQ(again.jobs[i].mem_per_cpu_mb, trace.jobs[i].mem_per_cpu_mb);
  }
  EXPECT_EQ(again.users.size(), 2u);
}

}  // namespace
}  // namespace reeve::replay
