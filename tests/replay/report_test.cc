#include "replay/report.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "replay/cells.h"
#include "replay/svg.h"
#include "tests/replay/documents.h"
#include "tests/replay/traces.h"

namespace reeve::replay {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

std::vector<Scenario> Played(const Trace& trace, uint32_t nodes, uint32_t cpus) {
  std::vector<Scenario> scenarios;
  for (Policy policy : {Policy::kFifo, Policy::kEasy}) {
    Cluster cluster = UniformCluster(nodes, cpus);
    SetPolicy(policy, &cluster.settings);
    Scenario scenario{std::string(PolicyName(policy)),
                      cluster.name,
                      Replay(trace, cluster, {.keep_places = true}),
                      {}};
    scenario.figures = Measure(trace, scenario.result);
    scenarios.push_back(std::move(scenario));
  }
  return scenarios;
}

Trace OddNames() {
  Trace trace = MakeTrace({{.submit = 0, .run = 40, .cpus = 2, .user = "a<b>&\"c\\"},
                           {.submit = 1, .run = 40, .cpus = 8, .user = "\x01\xff h\xc3\xa9"},
                           {.submit = 2, .run = 40, .cpus = 9, .user = "plain"}});
  trace.notes = {"one \"note\""};
  return trace;
}

TEST(ReportTest, JsonIsWellFormed) {
  const Trace trace = OddNames();
  const std::string json = JsonReport(trace, Played(trace, 2, 4));
  EXPECT_EQ(JsonReader::Fault(json), "");
  EXPECT_THAT(json, HasSubstr("\"policy\": \"easy\""));
  EXPECT_THAT(json, HasSubstr("\"jobs_without_requested_time\": 3"));
  EXPECT_THAT(
      json,
      HasSubstr(
          "\"why\": \"would wait for ever (PartitionConfig): the partition is not large enough\""));
  EXPECT_THAT(json, HasSubstr(R"("user": "a<b>&\"c\\")"));
  EXPECT_THAT(json, HasSubstr("?? h\xc3\xa9"));
  EXPECT_THAT(json, HasSubstr("\"step_maxima\": ["));
}

TEST(ReportTest, JsonIsTheSameEachTime) {
  const Trace trace = OddNames();
  EXPECT_EQ(JsonReport(trace, Played(trace, 2, 4)), JsonReport(trace, Played(trace, 2, 4)));
}

TEST(ReportTest, AFaultOfTheReadersIsSeen) {
  EXPECT_NE(JsonReader::Fault("{\"a\": }"), "");
  EXPECT_NE(JsonReader::Fault("[1, 2"), "");
  EXPECT_NE(XmlFault("<a><b></a></b>"), "");
  EXPECT_NE(XmlFault("<a>x & y</a>"), "");
}

TEST(SvgTest, FewJobsAreRectanglesWithNames) {
  const Trace trace = OddNames();
  const std::string svg = DrawSchedules(trace, Played(trace, 2, 4));
  EXPECT_EQ(XmlFault(svg), "");
  EXPECT_THAT(svg, HasSubstr("<title>job 1 of a&lt;b&gt;&amp;\"c\\, 2 CPUs, 00:00:40</title>"));
  EXPECT_THAT(svg, Not(HasSubstr("job 3 of")));  // refused
}

TEST(SvgTest, ManyJobsStaySmall) {
  std::vector<Asked> jobs;
  for (int i = 0; i < 20000; ++i) {
    jobs.push_back({i, 1 + i * 7919 % 600, 1u + i % 3, 0, "u" + std::to_string(i * 31 % 40)});
  }
  const Trace trace = MakeTrace(jobs);
  const std::string svg = DrawSchedules(trace, Played(trace, 400, 4));
  EXPECT_EQ(XmlFault(svg), "");
  EXPECT_THAT(svg, Not(HasSubstr("<title>")));
  EXPECT_LT(svg.size(), size_t{4} << 20);
}

TEST(CellsTest, ShareAndColour) {
  // Ten columns of 10 s, two rows of two CPUs.
  Cells cells(10, 2, kBegin, absl::Seconds(100), 4);
  cells.Add({0, 4}, kBegin, kBegin + absl::Seconds(50), 1);
  cells.Add({0, 1}, kBegin + absl::Seconds(60), kBegin + absl::Seconds(70), 2);
  cells.Add({2, 2}, kBegin + absl::Seconds(90), kBegin + absl::Seconds(91), 3);
  const std::vector<Block> blocks = cells.Blocks();
  ASSERT_THAT(blocks, SizeIs(2));  // the third shows too little of a cell
  EXPECT_EQ(blocks[0].x, 0u);
  EXPECT_EQ(blocks[0].width, 5u);
  EXPECT_EQ(blocks[0].height, 2u);
  EXPECT_EQ(blocks[0].colour, 1);
  EXPECT_EQ(blocks[0].shade, kShades);
  EXPECT_EQ(blocks[1].x, 6u);
  EXPECT_EQ(blocks[1].height, 1u);
  EXPECT_EQ(blocks[1].colour, 2);
  EXPECT_EQ(blocks[1].shade, kShades / 2);
}

TEST(CellsTest, WhoHasMostOfACellColoursIt) {
  Cells cells(1, 1, kBegin, absl::Seconds(100), 1);
  const auto add = [&](int from, int until, uint8_t colour) {
    cells.Add({0, 1}, kBegin + absl::Seconds(from), kBegin + absl::Seconds(until), colour);
  };
  add(0, 10, 1);
  add(10, 70, 2);
  add(70, 100, 3);
  ASSERT_THAT(cells.Blocks(), SizeIs(1));
  EXPECT_EQ(cells.Blocks()[0].colour, 2);
  EXPECT_EQ(cells.Blocks()[0].shade, kShades);
}

}  // namespace
}  // namespace reeve::replay
