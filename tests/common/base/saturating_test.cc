#include "common/base/saturating.h"

#include <gtest/gtest.h>

namespace reeve {
namespace {

TEST(Saturating, StopsWhereNumbersEnd) {
  EXPECT_EQ(SaturatingAdd(2, -5), -3);
  EXPECT_EQ(SaturatingAdd(INT64_MAX, 1), INT64_MAX);
  EXPECT_EQ(SaturatingAdd(INT64_MIN, -1), INT64_MIN);
  EXPECT_EQ(SaturatingMultiply(-2, 5), -10);
  EXPECT_EQ(SaturatingMultiply(INT64_MAX, 2), INT64_MAX);
  EXPECT_EQ(SaturatingMultiply(INT64_MIN, 2), INT64_MIN);
  EXPECT_EQ(SaturatingMultiply(INT64_MIN, -1), INT64_MAX);
}

}  // namespace
}  // namespace reeve
