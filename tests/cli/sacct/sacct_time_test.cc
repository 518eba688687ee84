#include "cli/sacct_time.h"

#include <gtest/gtest.h>

namespace reeve::cli {
namespace {

// Sunday, in the afternoon.
const absl::TimeZone kZone = absl::FixedTimeZone(3600);
const absl::Time kNow = absl::FromCivil(absl::CivilSecond(2026, 11, 22, 14, 30, 5), kZone);

absl::Time At(int64_t year, int month, int day, int hour = 0, int minute = 0, int second = 0) {
  return absl::FromCivil(absl::CivilSecond(year, month, day, hour, minute, second), kZone);
}

struct Case {
  const char* text;
  absl::Time time;
};

TEST(ParsePastTimeTest, ReadsWhatTheManualPageSays) {
  const Case cases[] = {
      {"now", kNow},
      {"now-1day", kNow - absl::Hours(24)},
      {"now-2days", kNow - absl::Hours(48)},
      {"now-90", kNow - absl::Seconds(90)},
      {"now+3hours", kNow + absl::Hours(3)},
      {"now - 5 minutes", kNow - absl::Minutes(5)},
      {"now-1week", kNow - absl::Hours(24 * 7)},
      {"NOW-1d", kNow - absl::Hours(24)},
      {"today", At(2026, 11, 22)},
      {"midnight", At(2026, 11, 22)},
      {"tomorrow", At(2026, 11, 23)},
      {"yesterday", At(2026, 11, 21)},
      {"noon", At(2026, 11, 22, 12)},
      {"fika", At(2026, 11, 22, 15)},
      {"teatime", At(2026, 11, 22, 16)},
      {"08:30", At(2026, 11, 22, 8, 30)},
      {"23:59:58", At(2026, 11, 22, 23, 59, 58)},
      {"4:05pm", At(2026, 11, 22, 16, 5)},
      {"12:00AM", At(2026, 11, 22)},
      {"12:10 pm", At(2026, 11, 22, 12, 10)},
      {"2026-11-20", At(2026, 11, 20)},
      {"2026-11-20T08:30", At(2026, 11, 20, 8, 30)},
      {"2026-11-20T08:30:15", At(2026, 11, 20, 8, 30, 15)},
      {"2026-11-20-08:30", At(2026, 11, 20, 8, 30)},
      {"2026-11-20 08:30", At(2026, 11, 20, 8, 30)},
      {"11/20", At(2026, 11, 20)},
      {"12/24/25", At(2025, 12, 24)},
      {"12/24/2025-18:00", At(2025, 12, 24, 18)},
      {"11.20", At(2026, 11, 20)},
      {"11.20.25-06:00", At(2025, 11, 20, 6)},
      {"1231", At(2026, 12, 31)},
      {"123125", At(2025, 12, 31)},
      {"0101-10:00", At(2026, 1, 1, 10)},
      {"yesterday-noon", At(2026, 11, 21, 12)},
  };
  for (const Case& c : cases) {
    const absl::StatusOr<absl::Time> time = ParsePastTime(c.text, kNow, kZone);
    ASSERT_TRUE(time.ok()) << c.text;
    EXPECT_EQ(*time, c.time) << c.text << ": " << absl::FormatTime(*time, kZone);
  }
}

TEST(ParsePastTimeTest, RefusesInSlurmsWords) {
  for (const char* text :
       {"foo",   "",        "now-",   "now-1fortnight", "now2",       "25:00",
        "12:60", "13:00pm", "0:30am", "02/30",          "2026-02-29", "2026-13-01",
        "1332",  "12",      "12345",  "2026-11-20T",    "T08:30",     "11/20/1",
        "-5",    "08:-1"}) {
    const absl::StatusOr<absl::Time> time = ParsePastTime(text, kNow, kZone);
    ASSERT_FALSE(time.ok()) << text;
    EXPECT_EQ(time.status().message(), std::string("Invalid time specification (pos=0): ") + text);
  }
}

}  // namespace
}  // namespace reeve::cli
