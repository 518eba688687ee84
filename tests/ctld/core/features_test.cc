// The grammar of -C.
#include "ctld/core/features.h"

#include <set>

#include "common/base/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace reeve::ctld {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

FeatureExpr Parsed(const std::string& text) {
  const absl::StatusOr<FeatureExpr> expr = ParseFeatures(text);
  EXPECT_TRUE(expr.ok()) << text << ": " << expr.status();
  return expr.value_or(FeatureExpr());
}
std::string Refusal(const std::string& text) {
  return std::string(ParseFeatures(text).status().message());
}

Node With(std::vector<std::string> features) {
  Node node;
  node.features = std::move(features);
  return node;
}

TEST(Features, AndBindsTighterThanOr) {
  const FeatureExpr expr = Parsed("a&b|c");
  EXPECT_TRUE(expr.Matches(With({"a", "b"})));
  EXPECT_TRUE(expr.Matches(With({"c"})));
  EXPECT_FALSE(expr.Matches(With({"a"})));
  EXPECT_TRUE(Parsed("a,b").Matches(With({"a", "b"})));
  EXPECT_FALSE(Parsed("a,b").Matches(With({"a"})));
  EXPECT_TRUE(Parsed("").Matches(With({})));
}

TEST(Features, ParenthesesGroup) {
  const FeatureExpr expr = Parsed("a&(b|c&d)");
  EXPECT_TRUE(expr.Matches(With({"a", "b"})));
  EXPECT_TRUE(expr.Matches(With({"a", "c", "d"})));
  EXPECT_FALSE(expr.Matches(With({"a", "c"})));
  EXPECT_FALSE(expr.Matches(With({"b"})));
  EXPECT_TRUE(Parsed("((a))").Matches(With({"a"})));
}

TEST(Features, CountsAreOfTheJobAndWithoutBracketsOtherNodesMayBeAny) {
  const FeatureExpr expr = Parsed("ib&graphics*4");
  EXPECT_EQ(expr.LeastNodes(), 4u);
  EXPECT_TRUE(expr.Matches(With({"ib"})));
  EXPECT_FALSE(expr.Matches(With({"graphics"})));
  ASSERT_EQ(expr.groups.size(), 1u);
  EXPECT_EQ(expr.groups[0].text, "graphics*4");
  EXPECT_EQ(expr.GroupsOf(With({"ib", "graphics"})), 1u);
  EXPECT_EQ(expr.GroupsOf(With({"ib"})), 0u);
}

TEST(Features, CountsInBracketsAreOfAllNodes) {
  const FeatureExpr expr = Parsed("[(rack1|rack2)*1&rack3*2]");
  EXPECT_EQ(expr.LeastNodes(), 3u);
  EXPECT_TRUE(expr.only);
  EXPECT_FALSE(expr.one_of);
  EXPECT_TRUE(expr.Matches(With({"rack2"})));
  EXPECT_FALSE(expr.Matches(With({"rack4"})));
  EXPECT_EQ(expr.GroupsOf(With({"rack1", "rack3"})), 3u);
  EXPECT_THAT(expr.Names(), ElementsAre("rack1", "rack2", "rack3"));
}

TEST(Features, OrInBracketsIsOneForAll) {
  const FeatureExpr expr = Parsed("ib&[rack1|rack2&fast]");
  EXPECT_TRUE(expr.one_of);
  EXPECT_EQ(expr.LeastNodes(), 0u);
  ASSERT_EQ(expr.groups.size(), 2u);
  EXPECT_EQ(expr.groups[1].text, "rack2&fast");
  EXPECT_TRUE(expr.Matches(With({"ib", "rack1"})));
  EXPECT_FALSE(expr.Matches(With({"rack1"})));
  EXPECT_FALSE(expr.Matches(With({"ib", "rack2"})));
  EXPECT_THAT(Parsed("[rack1]").groups, IsEmpty());
  EXPECT_TRUE(Parsed("[rack1]").Matches(With({"rack1"})));
  EXPECT_FALSE(Parsed("ib&[rack1]").Matches(With({"rack1"})));
  EXPECT_FALSE(Parsed("ib&[rack1]").Matches(With({"ib"})));
}

TEST(Features, WhatMeansAnotherThingHasAnotherKey) {
  std::set<std::string> keys;
  const std::vector<std::string> texts = {"a&b", "a|b",     "[a|b]",     "a*2",   "a*3", "[a*2]",
                                          "b*2", "a*2&b*1", "[a*2&b*1]", "a&b*1", ""};
  for (const std::string& text : texts) keys.insert(Parsed(text).KeyText());
  EXPECT_EQ(keys.size(), texts.size());
  EXPECT_EQ(Parsed("(a)&b").KeyText(), Parsed("a,b").KeyText());
}

TEST(Features, WhatIsBeyondItIsRefusedByName) {
  EXPECT_THAT(Refusal("a*2|b*2"), HasSubstr("a count beside | in a constraint is not supported"));
  EXPECT_THAT(Refusal("[a*2|b*2]"), HasSubstr("a count beside | in brackets"));
  EXPECT_THAT(Refusal("[a&b]"), HasSubstr("& in brackets without a count for each"));
  EXPECT_THAT(Refusal("[a*1&b]"), HasSubstr("& in brackets without a count for each"));
  EXPECT_THAT(Refusal("[a|b]&[c|d]"), HasSubstr("a second pair of brackets"));
  EXPECT_THAT(Refusal("[a|b]|c"), HasSubstr("| beside brackets"));
  EXPECT_THAT(Refusal("[a|b]&c*2"), HasSubstr("a count beside brackets"));
  EXPECT_THAT(Refusal("(a*2&b)"), HasSubstr("a count in parentheses"));
  EXPECT_THAT(Refusal("[a|b|c|d|e|f|g|h|i]"), HasSubstr("more than 8"));
  EXPECT_THAT(Refusal("(a|b)&(a|b)&(a|b)&(a|b)&(a|b)&(a|b)&(a|b)&(a|b)&(a|b)&(a|b)&(a|b)"),
              HasSubstr("so many alternatives"));
  EXPECT_THAT(Refusal(std::string(40, '(') + "a" + std::string(40, ')')), HasSubstr("depth"));
}

TEST(Features, NonsenseIsRefused) {
  for (const char* text : {"&", "a&", "|a", "a||b", "(a", "a)", "[a", "a]", "()", "[]", "*2", "a*",
                           "a*0", "a*x", "a*99999999999", "a*2*3", "a(b)", "[(a]", "[[a]]"}) {
    EXPECT_EQ(Refusal(text), "Invalid feature specification") << text;
  }
}

}  // namespace
}  // namespace reeve::ctld
