#include "common/base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reeve {
namespace {

using ::testing::ElementsAre;

TEST(Text, StrCatTakesBothViews) {
  const std::string_view standard = "b";
  const absl::string_view abseil = "c";
  EXPECT_EQ(StrCat("a", standard, abseil, std::string("d"), 5, 'e' == 'e'), "abcd51");
}

// A loop over the pieces would outlive it.
template <class T>
concept CanBeSplit = requires(T&& text) {
  Split(std::forward<T>(text), ",");
};
static_assert(CanBeSplit<std::string&> && CanBeSplit<const char*> && !CanBeSplit<std::string>);

TEST(Text, Split) {
  EXPECT_THAT(Split("a,b;;c", ",;"), ElementsAre("a", "b", "", "c"));
  EXPECT_THAT(Split("", ","), ElementsAre(""));
  EXPECT_THAT(SplitSkipEmpty(",a,,b,", ","), ElementsAre("a", "b"));
}

TEST(Text, Others) {
  EXPECT_EQ(Strip(" \ta b\n"), "a b");
  EXPECT_TRUE(EqualsIgnoreCase("KillWait", "killwait"));
  EXPECT_FALSE(EqualsIgnoreCase("a", "ab"));
  EXPECT_TRUE(StartsWithIgnoreCase("SOCKET=x", "socket="));
  EXPECT_EQ(ReplaceAll("a.b.c", ".", "::"), "a::b::c");
  EXPECT_EQ(ReplaceAll("abc", "", "x"), "abc");
  EXPECT_EQ(Join(std::vector<std::string>{"a", "b"}, "-"), "a-b");
  EXPECT_EQ(Annotate(absl::NotFoundError("gone"), "x").message(), "x: gone");
}

}  // namespace
}  // namespace reeve
