#include "common/base/switches.h"

#include "gtest/gtest.h"

namespace reeve {
namespace {

TEST(Switches, AreACountAndATime) {
  EXPECT_EQ(*ParseSwitches("2"), (SwitchWish{2, std::nullopt}));
  EXPECT_EQ(*ParseSwitches("1@10"), (SwitchWish{1, absl::Minutes(10)}));
  EXPECT_EQ(*ParseSwitches("1@0:30"), (SwitchWish{1, absl::Seconds(30)}));
  EXPECT_EQ(*ParseSwitches("3@1-00:00:00"), (SwitchWish{3, absl::Hours(24)}));
  EXPECT_EQ(*ParseSwitches("1@0"), (SwitchWish{1, absl::ZeroDuration()}));
  EXPECT_EQ(*ParseSwitches("0"), SwitchWish());
  for (const char* wrong :
       {"", "@5", "two", "-1", "1@", "1@soon", "1@5@5", "1 @5", "99999999999"}) {
    EXPECT_FALSE(ParseSwitches(wrong).ok()) << wrong;
  }
}

TEST(Switches, AreShownWithTheTime) {
  EXPECT_EQ(FormatSwitches(2, absl::Minutes(5)), "2@00:05:00");
  EXPECT_EQ(FormatSwitches(1, absl::Hours(25)), "1@1-01:00:00");
}

}  // namespace
}  // namespace reeve
