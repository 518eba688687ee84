#include "ctld/core/stamp.h"

#include <gtest/gtest.h>

#include <utility>

namespace reeve::ctld {
namespace {

absl::Time Micros(int64_t micros) {
  return absl::FromUnixMicros(micros);
}

TEST(Stamp, IsTheTimeInEightBytes) {
  EXPECT_EQ(sizeof(Stamp), 8U);
  EXPECT_EQ(absl::Time(Stamp()), absl::UnixEpoch());
  for (const absl::Time time : {Micros(1'700'000'000'000'001), Micros(-5), absl::InfiniteFuture(),
                                absl::InfinitePast(), absl::UnixEpoch()}) {
    EXPECT_EQ(absl::Time(Stamp(time)), time);
  }
}

TEST(Stamp, LeavesOutLessThanAMicrosecond) {
  EXPECT_EQ(absl::Time(Stamp(Micros(5) + absl::Nanoseconds(999))), Micros(5));
  EXPECT_EQ(absl::Time(Stamp(Micros(-5) + absl::Nanoseconds(1))), Micros(-5));
}

TEST(Stamp, ComparesWithStampsAndTimes) {
  const Stamp early = Micros(1);
  Stamp late = Micros(3);
  EXPECT_TRUE(early < late);
  EXPECT_TRUE(early != late);
  EXPECT_TRUE(early < Micros(2));
  EXPECT_TRUE(Micros(2) < late);
  EXPECT_EQ(late - early, absl::Microseconds(2));
  EXPECT_EQ(Micros(4) - early, absl::Microseconds(3));
  EXPECT_EQ(early + absl::Microseconds(1), Micros(2));
  late += absl::Microseconds(1);
  EXPECT_TRUE(late == Micros(4));
  late += absl::InfiniteDuration();
  EXPECT_EQ(absl::Time(late), absl::InfiniteFuture());
}

}  // namespace
}  // namespace reeve::ctld
