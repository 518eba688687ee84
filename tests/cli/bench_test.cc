// What `reeve bench` takes, and what it makes of its measurements.
#include <vector>

#include "cli/bench_load.h"
#include "cli/bench_options.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace reeve::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<BenchOptions> Parsed(std::vector<std::string> words) {
  words.insert(words.begin(), "bench");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  return ParseBenchOptions(static_cast<int>(words.size()), argv.data());
}
std::string Complaint(const std::vector<std::string>& words) {
  return std::string(Parsed(words).status().message());
}

TEST(BenchOptionsTest, Submit) {
  const absl::StatusOr<BenchOptions> options =
      Parsed({"submit", "--jobs=500", "--batch", "1", "--channels=8", "--pipeline", "3", "--hold",
              "--keep", "--json", "--", "-t", "5", "--wrap=sleep 1"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->load, BenchLoad::kSubmit);
  EXPECT_EQ(options->jobs, 500u);
  EXPECT_EQ(options->batch, 1u);
  EXPECT_EQ(options->channels, 8u);
  EXPECT_EQ(options->pipeline, 3u);
  EXPECT_TRUE(options->hold && options->keep && options->json);
  EXPECT_THAT(options->sbatch_words, ElementsAre("-t", "5", "--wrap=sleep 1"));
}

TEST(BenchOptionsTest, Query) {
  EXPECT_EQ(Parsed({"query", "squeue"})->load, BenchLoad::kSqueue);
  EXPECT_EQ(Parsed({"query", "sinfo", "--seconds=2"})->seconds, 2u);
  EXPECT_EQ(Parsed({"query", "job", "--job", "7"})->job_id, 7u);
  EXPECT_TRUE(Parsed({"--help"})->help);
  EXPECT_TRUE(Parsed({"submit", "--help"})->help);
}

TEST(BenchOptionsTest, Faults) {
  EXPECT_EQ(Complaint({}), "submit or query?");
  EXPECT_EQ(Complaint({"query", "jobs"}), "query what: squeue, sinfo or job?");
  EXPECT_THAT(Complaint({"submit", "--jobs=0"}), HasSubstr("--jobs must be at least 1"));
  EXPECT_THAT(Complaint({"submit", "--batch=1001"}), HasSubstr("--batch"));
  EXPECT_EQ(Complaint({"submit", "--jobs"}), "a value is missing after --jobs");
  EXPECT_EQ(Complaint({"submit", "--fast"}), "unknown option --fast");
  EXPECT_EQ(Complaint({"submit", "script"}), "unexpected: script");
  EXPECT_EQ(Complaint({"submit", "--seconds=1"}), "--seconds and --job are of queries");
  EXPECT_EQ(Complaint({"query", "sinfo", "--keep"}),
            "--jobs, --batch, --hold and --keep are of submit");
  EXPECT_EQ(Complaint({"query", "sinfo", "--job=3"}), "--job is of `query job`");
  EXPECT_EQ(Complaint({"query", "job", "--", "-t", "5"}), "unexpected: -t");
}

BenchFigures Figures(int requests) {
  BenchFigures figures;
  for (int i = 1; i <= requests; ++i) figures.latencies.push_back(absl::Milliseconds(i));
  figures.done = 400;
  figures.elapsed = absl::Seconds(2);
  return figures;
}

TEST(BenchFiguresTest, NearestRanks) {
  EXPECT_EQ(Figures(0).Percentile(0.5), absl::ZeroDuration());
  EXPECT_EQ(Figures(1).Percentile(0.5), absl::Milliseconds(1));
  EXPECT_EQ(Figures(100).Percentile(0.5), absl::Milliseconds(50));
  EXPECT_EQ(Figures(100).Percentile(0.99), absl::Milliseconds(99));
  EXPECT_EQ(Figures(101).Percentile(0.99), absl::Milliseconds(100));
  EXPECT_EQ(Figures(100).Percentile(1), absl::Milliseconds(100));
}

TEST(BenchFiguresTest, Text) {
  BenchFigures figures = Figures(4);
  figures.failed["RESOURCE_EXHAUSTED"] = {3, "Job violates accounting/QOS policy"};
  EXPECT_EQ(BenchText({"submit", "job", "jobs", 4, 2, 100}, figures),
            "400 jobs in 2.00 s: 200 a second\n"
            "requests of 100 jobs on 4 connections, 2 at once on each: p50 2.00 ms, p99 4.00 ms, "
            "longest 4.00 ms\n"
            "failed, RESOURCE_EXHAUSTED: 3 (Job violates accounting/QOS policy)\n");
}

TEST(BenchFiguresTest, Json) {
  const std::string text = BenchJson({"sinfo", "query", "queries", 1, 1, 1}, Figures(4));
  EXPECT_THAT(text, HasSubstr("\"load\": \"sinfo\""));
  EXPECT_THAT(text, HasSubstr("\"per_second\": 200"));
  EXPECT_THAT(text, HasSubstr("\"p99_ms\": 4"));
  EXPECT_THAT(text, HasSubstr("\"failed\": []"));
}

}  // namespace
}  // namespace reeve::cli
