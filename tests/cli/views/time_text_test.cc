#include "cli/time_text.h"

#include <gtest/gtest.h>

namespace reeve::cli {
namespace {

const absl::TimeZone kUtc = absl::UTCTimeZone();
absl::Time At(int year, int month, int day, int hour, int minute) {
  return absl::FromCivil(absl::CivilSecond(year, month, day, hour, minute, 5), kUtc);
}
const absl::Time kThen = At(2026, 11, 22, 22, 40);  // a Sunday

std::string Relative(absl::Time time) {
  return TimeText(time, "relative", kThen, kUtc);
}

TEST(TimeText, StandardAndOwnFormats) {
  EXPECT_EQ(TimeText(kThen, "", kThen, kUtc), "2026-11-22T22:40:05");
  EXPECT_EQ(TimeText(kThen, "standard", kThen, kUtc), "2026-11-22T22:40:05");
  EXPECT_EQ(TimeText(kThen, "%a_%H", kThen, kUtc), "Sun_22");
}

TEST(TimeText, RelativeToToday) {
  EXPECT_EQ(Relative(At(2026, 11, 22, 1, 2)), "01:02:05");
  EXPECT_EQ(Relative(At(2026, 11, 23, 1, 2)), "Tomorr 01:02");
  EXPECT_EQ(Relative(At(2026, 11, 21, 1, 2)), "Ystday 01:02");
  EXPECT_EQ(Relative(At(2026, 11, 25, 1, 2)), "Wed 01:02");
  EXPECT_EQ(Relative(At(2026, 4, 5, 1, 2)), "5 Apr 01:02");
  EXPECT_EQ(Relative(At(2012, 6, 6, 1, 2)), "6 Jun 2012");
}

TEST(TimeText, UnsetAndDateLine) {
  EXPECT_EQ(TimeText(0, "N/A"), "N/A");
  EXPECT_EQ(DateLine(kThen, kUtc), "Sun Nov 22 22:40:05 2026");
}

}  // namespace
}  // namespace reeve::cli
