// What `reeve sim` takes and prints.
#include <fstream>
#include <sstream>
#include <vector>

#include "cli/sim_options.h"
#include "cli/sim_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "replay/swf.h"

namespace reeve::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<SimOptions> Parsed(std::vector<std::string> words) {
  words.insert(words.begin(), "sim");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  return ParseSimOptions(static_cast<int>(words.size()), argv.data());
}
std::string Complaint(const std::vector<std::string>& words) {
  return std::string(Parsed(words).status().message());
}

TEST(SimOptionsTest, All) {
  const absl::StatusOr<SimOptions> options =
      Parsed({"--trace", "t.swf", "--nodes=4", "--cpus=8", "--policy", "fifo", "--policy=reeve",
              "--json", "--svg=o.svg", "--arrivals=1.5", "--jobs=9", "--processors=64",
              "--estimates=5", "--seed=7", "--save=o.swf"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->trace, "t.swf");
  EXPECT_EQ(options->nodes, 4u);
  EXPECT_EQ(options->cpus, 8u);
  EXPECT_THAT(options->policies, ElementsAre(replay::Policy::kFifo, replay::Policy::kReeve));
  EXPECT_TRUE(options->json);
  EXPECT_EQ(options->svg, "o.svg");
  EXPECT_EQ(options->reshaping.arrivals, 1.5);
  EXPECT_EQ(options->reshaping.jobs, 9u);
  EXPECT_EQ(options->reshaping.cpus, 64u);
  EXPECT_EQ(options->reshaping.estimates, 5.0);
  EXPECT_EQ(options->reshaping.seed, 7u);
  EXPECT_EQ(options->save, "o.swf");
}

TEST(SimOptionsTest, Faults) {
  EXPECT_EQ(Complaint({}), "--trace FILE is missing");
  EXPECT_THAT(Complaint({"--trace=t", "--policy=best"}), HasSubstr("not 'best'"));
  EXPECT_THAT(Complaint({"--trace=t", "--nodes=0"}), HasSubstr("--nodes must be at least 1"));
  EXPECT_THAT(Complaint({"--trace=t", "--nodes=x"}), HasSubstr("'x'"));
  EXPECT_THAT(Complaint({"--trace=t", "--arrivals=fast"}), HasSubstr("not 'fast'"));
  EXPECT_THAT(Complaint({"--trace=t", "--estimates=0.5"}), HasSubstr("from 1 to 1000"));
  EXPECT_THAT(Complaint({"--trace=t", "--estimates=nan"}), HasSubstr("not 'nan'"));
  EXPECT_EQ(Complaint({"--trace=t", "--conf=c", "--nodes=2"}),
            "either --conf, or --nodes and --cpus");
  EXPECT_EQ(Complaint({"--trace=t", "--cpus=2"}), "--cpus is of the nodes that --nodes counts");
  EXPECT_EQ(Complaint({"--trace=t", "more"}), "unexpected: more");
  EXPECT_EQ(Complaint({"--trace=t", "--colour"}), "unknown option --colour");
  EXPECT_EQ(Complaint({"--trace"}), "a value is missing after --trace");
}

std::string Golden(const std::string& name) {
  std::ifstream file(std::string(GOLDEN_DIR) + "/" + name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(SimTextTest, TwoPoliciesSideBySide) {
  absl::StatusOr<replay::Trace> trace = replay::ParseSwf(
      "; MaxProcs: 4\n"
      "1 0 -1 3600 3 -1 -1 -1 -1 -1 1 1 -1 -1 -1 -1 -1 -1\n"
      "2 10 -1 90000 4 -1 -1 -1 86400 -1 1 2 -1 -1 -1 -1 -1 -1\n"
      "3 20 -1 600 1 -1 -1 -1 900 -1 1 1 -1 -1 -1 -1 -1 -1\n"
      "4 30 -1 600 5 -1 -1 -1 900 -1 1 1 -1 -1 -1 -1 -1 -1\n"
      "5 40 -1 -1 5 -1 -1 -1 900 -1 1 1 -1 -1 -1 -1 -1 -1\n",
      "log.swf");
  ASSERT_TRUE(trace.ok()) << trace.status();
  std::vector<replay::Scenario> scenarios;
  for (replay::Policy policy : {replay::Policy::kFifo, replay::Policy::kEasy}) {
    replay::Cluster cluster = replay::UniformCluster(1, 4);
    replay::SetPolicy(policy, &cluster.settings);
    replay::Scenario scenario{
        std::string(replay::PolicyName(policy)), cluster.name, replay::Replay(*trace, cluster), {}};
    scenario.figures = replay::Measure(*trace, scenario.result);
    scenarios.push_back(std::move(scenario));
  }
  EXPECT_EQ(SimText(*trace, scenarios), Golden("sim.txt"));
}

}  // namespace
}  // namespace reeve::cli
