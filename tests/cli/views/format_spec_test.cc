#include "cli/format_spec.h"

#include <gtest/gtest.h>

namespace reeve::cli {
namespace {

TEST(PercentFormat, ReadsWidthsAlignmentAndText) {
  absl::StatusOr<FormatSpec> spec = ParsePercentFormat("id: %.18i|%9P %#N%.#R %t");
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->prefix, "id: ");
  ASSERT_EQ(spec->fields.size(), 5u);
  EXPECT_EQ(spec->fields[0].name, "i");
  EXPECT_EQ(spec->fields[0].width, 18u);
  EXPECT_EQ(spec->fields[0].align, Align::kRight);
  EXPECT_EQ(spec->fields[0].suffix, "|");
  EXPECT_EQ(spec->fields[1].width, 9u);
  EXPECT_EQ(spec->fields[1].align, Align::kLeft);
  EXPECT_TRUE(spec->fields[2].fit);
  EXPECT_TRUE(spec->fields[3].fit);
  EXPECT_EQ(spec->fields[3].align, Align::kRight);
  EXPECT_FALSE(spec->fields[4].has_width);
}

TEST(PercentFormat, CountsARunOfPercentSignsAsOne) {
  absl::StatusOr<FormatSpec> spec = ParsePercentFormat("%%i|%%T%");
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->prefix, "");
  ASSERT_EQ(spec->fields.size(), 2u);
  EXPECT_EQ(spec->fields[0].name, "i");
  EXPECT_EQ(spec->fields[0].suffix, "|");
  EXPECT_EQ(spec->fields[1].name, "T");
}

TEST(PercentFormat, IsAPrefixAloneWithoutFields) {
  absl::StatusOr<FormatSpec> spec = ParsePercentFormat("nothing");
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->prefix, "nothing");
  EXPECT_TRUE(spec->fields.empty());
}

TEST(PercentFormat, RefusesHugeWidths) {
  EXPECT_FALSE(ParsePercentFormat("%99999999999999999999i").ok());
}

TEST(LongFormat, DefaultsToTwentyLeft) {
  absl::StatusOr<FormatSpec> spec = ParseLongFormat("JobID,State:.12|,Name:|,User:5x");
  ASSERT_TRUE(spec.ok());
  ASSERT_EQ(spec->fields.size(), 4u);
  EXPECT_EQ(spec->fields[0].width, 20u);
  EXPECT_EQ(spec->fields[0].align, Align::kLeft);
  EXPECT_EQ(spec->fields[1].width, 12u);
  EXPECT_EQ(spec->fields[1].align, Align::kRight);
  EXPECT_EQ(spec->fields[1].suffix, "|");
  EXPECT_EQ(spec->fields[2].width, 0u);
  EXPECT_EQ(spec->fields[2].suffix, "|");
  EXPECT_EQ(spec->fields[3].width, 5u);
  EXPECT_EQ(spec->fields[3].suffix, "x");
  EXPECT_FALSE(ParseLongFormat("").ok());
}

TEST(AccountingFormat, ReadsWidthsAndSides) {
  absl::StatusOr<FormatSpec> spec = ParseAccountingFormat("jobid%-20,state%30,user");
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->fields[0].align, Align::kLeft);
  EXPECT_EQ(spec->fields[0].width, 20u);
  EXPECT_EQ(spec->fields[1].align, Align::kRight);
  EXPECT_EQ(spec->fields[1].width, 30u);
  EXPECT_FALSE(spec->fields[2].has_width);
  EXPECT_FALSE(ParseAccountingFormat("jobid%x").ok());
  EXPECT_FALSE(ParseAccountingFormat("jobid%").ok());
}

}  // namespace
}  // namespace reeve::cli
