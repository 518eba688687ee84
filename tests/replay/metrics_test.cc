#include "replay/metrics.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/replay/traces.h"

namespace reeve::replay {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::SizeIs;

TEST(MetricsTest, Spread) {
  std::vector<double> values;
  for (int i = 1; i <= 100; ++i) values.push_back(i);
  const Spread spread = SpreadOf(values);
  EXPECT_DOUBLE_EQ(spread.mean, 50.5);
  EXPECT_DOUBLE_EQ(spread.median, 50.5);
  EXPECT_DOUBLE_EQ(spread.p95, 95);
  EXPECT_DOUBLE_EQ(spread.max, 100);
  EXPECT_DOUBLE_EQ(SpreadOf({7}).p95, 7);
  EXPECT_DOUBLE_EQ(SpreadOf({3, 1, 2}).median, 2);
  EXPECT_DOUBLE_EQ(SpreadOf({}).mean, 0);
}

TEST(MetricsTest, BoundedSlowdown) {
  EXPECT_DOUBLE_EQ(BoundedSlowdown(absl::Seconds(90), absl::Seconds(30)), 4);
  EXPECT_DOUBLE_EQ(BoundedSlowdown(absl::Seconds(18), absl::Seconds(2)), 2);  // as of 10 s
  EXPECT_DOUBLE_EQ(BoundedSlowdown(absl::Seconds(1), absl::Seconds(0)), 1);
}

TEST(MetricsTest, JainIndex) {
  EXPECT_DOUBLE_EQ(JainIndex({2, 2, 2}), 1);
  EXPECT_DOUBLE_EQ(JainIndex({1, 3}), 0.8);
  EXPECT_DOUBLE_EQ(JainIndex({}), 1);
}

// Four CPUs, fifo:   ada  0..40 on 2
//                    bob  10 waits for 3 CPUs until 40, ends at 60
//                    ada  20 asks for 1 and waits behind bob until 40, ends at 50
TEST(MetricsTest, ByHand) {
  const Trace trace = MakeTrace({{.submit = 0, .run = 40, .cpus = 2, .user = "ada"},
                                 {.submit = 10, .run = 20, .cpus = 3, .user = "bob"},
                                 {.submit = 20, .run = 10, .cpus = 1, .user = "ada"}});
  const Figures fifo = Measure(trace, Replay(trace, OneNode(4, Policy::kFifo)));
  EXPECT_EQ(fifo.ran, 3u);
  EXPECT_EQ(fifo.makespan, absl::Seconds(60));
  EXPECT_DOUBLE_EQ(fifo.jobs_per_hour, 180);
  EXPECT_DOUBLE_EQ(fifo.utilisation, (80.0 + 60 + 10) / 240);
  EXPECT_DOUBLE_EQ(fifo.wait_s.mean, 50.0 / 3);
  EXPECT_DOUBLE_EQ(fifo.wait_s.median, 20);
  EXPECT_DOUBLE_EQ(fifo.wait_s.max, 30);
  EXPECT_DOUBLE_EQ(fifo.slowdown.mean, (1 + 2.5 + 3) / 3);
  EXPECT_DOUBLE_EQ(fifo.backfilled, 0);
  EXPECT_EQ(fifo.queue_max, 2u);
  EXPECT_DOUBLE_EQ(fifo.queue_mean, (10.0 + 2 * 20) / 60);
  // ada 2, bob 2.5
  EXPECT_THAT(fifo.fairness, DoubleNear(4.5 * 4.5 / (2 * (4 + 6.25)), 1e-12));
  ASSERT_THAT(fifo.worst, SizeIs(2));
  EXPECT_EQ(fifo.worst[0].name, "bob");
  EXPECT_EQ(fifo.worst[1].jobs, 2u);
  EXPECT_DOUBLE_EQ(fifo.worst[1].wait_s, 10);

  const Figures easy = Measure(trace, Replay(trace, OneNode(4, Policy::kEasy)));
  EXPECT_DOUBLE_EQ(easy.backfilled, 1.0 / 3);
  EXPECT_DOUBLE_EQ(easy.wait_s.mean, 10);
}

TEST(MetricsTest, TheQueueInStretches) {
  const Trace trace = MakeTrace({{0, 4, 4}, {1, 4, 4}, {3, 2, 4}});
  const Figures figures = Measure(trace, Replay(trace, OneNode(4, Policy::kFifo)));
  EXPECT_EQ(figures.queue_step, absl::Seconds(1));
  std::vector<uint32_t> waiting;
  for (const QueueSample& sample : figures.queue) waiting.push_back(sample.max);
  EXPECT_THAT(waiting, ElementsAre(0, 1, 1, 2, 1, 1, 1, 1, 0, 0));
}

TEST(MetricsTest, LongTimesAreCutIntoFewStretches) {
  const Trace trace = MakeTrace({{0, 10000, 4}, {5000, 90000, 4}});
  const Figures figures = Measure(trace, Replay(trace, OneNode(4, Policy::kFifo)));
  EXPECT_EQ(figures.queue_step, absl::Seconds(200));
  ASSERT_THAT(figures.queue, SizeIs(500));
  EXPECT_DOUBLE_EQ(figures.queue[30].mean, 1);
  EXPECT_DOUBLE_EQ(figures.queue[60].mean, 0);
  EXPECT_DOUBLE_EQ(figures.queue_mean, 5000.0 / 100000);
}

TEST(MetricsTest, TheRefusedAreNamedAndLeftOut) {
  const Trace trace = MakeTrace({{0, 10, 5}, {0, 10, 4}, {0, 10, 8}});
  const Figures figures = Measure(trace, Replay(trace, OneNode(4, Policy::kReeve)));
  EXPECT_EQ(figures.ran, 1u);
  EXPECT_EQ(figures.refused_jobs(), 2u);
  ASSERT_THAT(figures.refused, SizeIs(1));
  EXPECT_EQ(figures.refused[0].jobs, 2u);
  EXPECT_THAT(figures.refused[0].first, ElementsAre("test:1: job 1", "test:3: job 3"));
  EXPECT_DOUBLE_EQ(figures.utilisation, 1);
}

TEST(MetricsTest, NobodyRan) {
  const Trace trace = MakeTrace({{0, 10, 5}});
  const Figures figures = Measure(trace, Replay(trace, OneNode(4, Policy::kReeve)));
  EXPECT_EQ(figures.ran, 0u);
  EXPECT_DOUBLE_EQ(figures.utilisation, 0);
  EXPECT_DOUBLE_EQ(figures.fairness, 1);
}

}  // namespace
}  // namespace reeve::replay
