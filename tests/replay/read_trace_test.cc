#include "replay/read_trace.h"

#include <zlib.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "replay/gunzip.h"

namespace reeve::replay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr char kHeader[] =
    "JobID|User|Partition|Submit|Start|End|ReqCPUS|ReqNodes|Timelimit|ReqMem\n";

std::string Zipped(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(text.size() + 1000, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

absl::StatusOr<Trace> Read(std::string_view text) {
  return ReadTrace(text, "t", absl::UTCTimeZone());
}
std::string Complaint(std::string_view text) {
  return std::string(Read(text).status().message());
}

TEST(ReadTraceTest, AccountingByItsColumns) {
  const absl::StatusOr<Trace> trace = Read(
      std::string(kHeader) +
      "12|ada|long|2026-03-01T10:00:00|2026-03-01T10:05:00|2026-03-01T11:05:00|16|2|02:00:00|32G\n"
      "12.batch|||2026-03-01T10:05:00|2026-03-01T10:05:00|2026-03-01T11:05:00|8|1||\n"
      "13_4|bob|short|1772359200|1772359260|1772359261|1|1|UNLIMITED|\n");
  ASSERT_TRUE(trace.ok()) << trace.status();
  EXPECT_TRUE(trace->names_partitions);
  ASSERT_THAT(trace->jobs, SizeIs(2));
  const TraceJob& job = trace->jobs[0];
  EXPECT_EQ(job.label, "12");
  EXPECT_EQ(job.line, 2);
  EXPECT_EQ(job.submit, absl::FromUnixSeconds(1772359200));
  EXPECT_EQ(job.run, absl::Hours(1));
  EXPECT_EQ(job.cpus, 16u);
  EXPECT_EQ(job.nodes, 2u);
  EXPECT_EQ(job.limit, absl::Hours(2));
  EXPECT_EQ(job.mem_per_cpu_mb, 2048u);
  EXPECT_EQ(trace->users[job.user], "ada");
  EXPECT_EQ(trace->partitions[job.partition], "long");
  EXPECT_EQ(trace->jobs[1].label, "13_4");
  EXPECT_EQ(trace->jobs[1].nodes, 0u);
  EXPECT_EQ(trace->jobs[1].limit, absl::InfiniteDuration());
  EXPECT_FALSE(trace->jobs[1].mem_per_cpu_mb.has_value());
}

TEST(ReadTraceTest, JobsThatDidNotRunAreCounted) {
  const absl::StatusOr<Trace> trace = Read(
      "jobid|submit|start|end|ncpus\n"
      "1|1772359200|None|1772359300|1\n"
      "2|1772359200|1772359200|Unknown|1\n"
      "3|1772359200|Unknown|Unknown|1\n"
      "4|1772359200|1772359201|1772359202|1\n");
  ASSERT_TRUE(trace.ok()) << trace.status();
  EXPECT_THAT(trace->jobs, SizeIs(1));
  EXPECT_THAT(trace->notes,
              ElementsAre("t:2: 2 jobs that never started are left out (this is the first)",
                          "t:3: 1 job that has not ended is left out"));
}

TEST(ReadTraceTest, FaultsOfAccountingHaveTheirLines) {
  EXPECT_THAT(Complaint("JobID|Submit|Start|ReqCPUS\n1|2|3|4\n"), StartsWith("t:1: no column End"));
  EXPECT_THAT(Complaint("1|ada|2026-03-01T10:00:00\n"), StartsWith("t:1: no column JobID"));
  const std::string head = "JobID|Submit|Start|End|ReqCPUS|Timelimit|ReqMem\n";
  EXPECT_THAT(Complaint(head + "1|2\n"), HasSubstr("t:2: 2 cells under 7 columns"));
  EXPECT_THAT(Complaint(head + "1|yesterday|3|4|1|1|\n"),
              HasSubstr("t:2: Submit: not a time: 'yesterday'"));
  EXPECT_THAT(Complaint(head + "1|infinite-future|3|4|1|1|\n"), HasSubstr("not a time"));
  EXPECT_THAT(Complaint(head + "1|2|9|4|1|1|\n"), HasSubstr("t:2: End is before Start"));
  EXPECT_THAT(Complaint(head + "1|0|0|4|1|1|\n"), HasSubstr("t:2: Submit is before 1970"));
  EXPECT_THAT(Complaint(head + "1|2|3|4|-1|1|\n"), HasSubstr("t:2: "));
  EXPECT_THAT(Complaint(head + "1|2|3|4|1|soon|\n"), HasSubstr("t:2: Timelimit: invalid time"));
  EXPECT_THAT(Complaint(head + "1|2|3|4|1|1|much\n"), HasSubstr("t:2: ReqMem: "));
}

TEST(ReadTraceTest, ATrailingDelimiterIsNoFault) {
  EXPECT_TRUE(Read("JobID|Submit|Start|End|ReqCPUS|\n1|2|3|4|1|\n").ok());
}

TEST(ReadTraceTest, OlderWordsAboutMemory) {
  const auto memory = [](const std::string& text) {
    const absl::StatusOr<Trace> trace =
        Read("JobID|Submit|Start|End|ReqCPUS|ReqNodes|ReqMem\n1|2|3|4|8|2|" + text + "\n");
    EXPECT_TRUE(trace.ok()) << trace.status();
    return trace->jobs[0].mem_per_cpu_mb.value_or(0);
  };
  EXPECT_EQ(memory("8G"), 1024u);
  EXPECT_EQ(memory("8Gn"), 2048u);
  EXPECT_EQ(memory("8Gc"), 8192u);
  EXPECT_EQ(memory("0n"), 0u);
  EXPECT_EQ(memory("9M"), 2u);
}

constexpr char kTwoJobs[] =
    "2 70 -1 60 4 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1\n"
    "1 50 -1 60 4 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1\n";

TEST(ReadTraceTest, JobsAreSortedByTheirTimes) {
  const absl::StatusOr<Trace> trace = Read(kTwoJobs);
  ASSERT_TRUE(trace.ok()) << trace.status();
  EXPECT_EQ(trace->jobs[0].label, "1");
  EXPECT_THAT(trace->notes, ElementsAre(StartsWith("t:2: submitted before the line above it")));
}

TEST(ReadTraceTest, GzipIsToldByItsContent) {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += kTwoJobs;
  const std::string zipped = Zipped(text);
  ASSERT_TRUE(Read(zipped).ok()) << Read(zipped).status();
  EXPECT_THAT(Read(zipped)->jobs, SizeIs(40000));
  // Two files one after the other are one gzip file.
  EXPECT_THAT(Read(Zipped(kTwoJobs) + Zipped(kTwoJobs))->jobs, SizeIs(4));
}

TEST(ReadTraceTest, DamagedGzipIsRefused) {
  const std::string zipped = Zipped(kTwoJobs);
  EXPECT_EQ(Complaint(zipped.substr(0, zipped.size() - 5)), "t: the gzip file ends too early");
  EXPECT_EQ(Complaint(zipped.substr(0, 3)), "t: the gzip file ends too early");
  std::string damaged = zipped;
  damaged[zipped.size() - 8] ^= 1;  // of the checksum
  EXPECT_EQ(Complaint(damaged), "t: the gzip file is damaged");
  EXPECT_EQ(Gunzip(Zipped(std::string(5000, 'x')), 4000).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(ReadTraceTest, WithoutAJobThereIsNothingToReplay) {
  EXPECT_EQ(Complaint(""), "t: no job that could be replayed");
  EXPECT_EQ(Complaint("; MaxProcs: 3\n1 0 -1 -1 4 -1 -1 -1 -1 -1 1 1 1 -1 -1 -1 -1 -1\n"),
            "t: no job that could be replayed\nt:2: 1 job without a run time is left out");
}

}  // namespace
}  // namespace reeve::replay
