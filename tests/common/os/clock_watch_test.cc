#include "common/os/clock_watch.h"

#include <gtest/gtest.h>

#include "common/os/boot_clock.h"

namespace reeve::os {
namespace {

class ClockWatchTest : public ::testing::Test {
 protected:
  void Pass(absl::Duration wall, absl::Duration boot) {
    reading.wall += wall;
    reading.boot += boot;
  }
  EventLoop loop;
  ClockWatch::Reading reading{absl::FromUnixSeconds(1795387200), absl::Seconds(500)};
  ClockWatch watch{&loop, [] {}, [this] { return reading; }};
};

TEST_F(ClockWatchTest, TimeThatPassesIsNoJump) {
  Pass(absl::Hours(3), absl::Hours(3));
  EXPECT_EQ(watch.Look().jumped, absl::ZeroDuration());
  EXPECT_EQ(watch.Look().now, reading.wall);
}

TEST_F(ClockWatchTest, ASlowCorrectionIsNoJump) {
  for (int i = 0; i < 10000; ++i) {
    Pass(absl::Milliseconds(1001), absl::Milliseconds(1000));
    EXPECT_EQ(watch.Look().jumped, absl::ZeroDuration());
  }
}

TEST_F(ClockWatchTest, JumpsAreSeenOnce) {
  Pass(absl::Hours(1) + absl::Seconds(2), absl::Seconds(2));
  EXPECT_EQ(watch.Look().jumped, absl::Hours(1));
  EXPECT_EQ(watch.Look().jumped, absl::ZeroDuration());
  Pass(-absl::Hours(5), absl::Seconds(1));
  EXPECT_EQ(watch.Look().jumped, -absl::Hours(5) - absl::Seconds(1));
}

TEST_F(ClockWatchTest, SuspendedTimeIsNoJump) {
  // Both clocks count it.
  Pass(absl::Hours(9), absl::Hours(9));
  EXPECT_EQ(watch.Look().jumped, absl::ZeroDuration());
}

TEST(BootClock, Advances) {
  const absl::Duration before = BootClockNow();
  EXPECT_GT(before, absl::ZeroDuration());
  EXPECT_LE(before, BootClockNow());
}

}  // namespace
}  // namespace reeve::os
