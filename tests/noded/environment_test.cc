#include "noded/core/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reeve::noded {
namespace {

TEST(Environment, TheLastEntryOfANameWins) {
  std::vector<std::string> entries = {"A=1", "B=2", "A=3", "C=x=y", "nonsense", "=empty"};
  Environment environment(entries);
  EXPECT_THAT(environment.Entries(), ::testing::ElementsAre("A=3", "B=2", "C=x=y"));
}

TEST(Environment, DefaultsDoNotReplace) {
  Environment environment;
  environment.Set("A", "1");
  environment.SetDefault("A", "2");
  environment.SetDefault("B", "3");
  environment.Unset("C");
  EXPECT_THAT(environment.Entries(), ::testing::ElementsAre("A=1", "B=3"));
  environment.Unset("A");
  EXPECT_FALSE(environment.Get("A").has_value());
}

}  // namespace
}  // namespace reeve::noded
