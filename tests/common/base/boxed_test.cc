#include "common/base/boxed.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace reeve {
namespace {

struct Pair {
  int a = 7;
  int b = 0;
};

TEST(Boxed, ReadsAsADefaultUntilItIsChanged) {
  Boxed<Pair> pair;
  EXPECT_EQ(pair->a, 7);
  EXPECT_FALSE(pair.IsThere());
  pair.Edit().b = 3;
  EXPECT_TRUE(pair.IsThere());
  EXPECT_EQ((*pair).a + pair->b, 10);
  pair.Reset();
  EXPECT_EQ(pair->b, 0);
}

TEST(Boxed, ACopyIsACopy) {
  Boxed<Pair> pair = Pair{1, 2};
  Boxed<Pair> copy = pair;
  copy.Edit().a = 5;
  EXPECT_EQ(pair->a, 1);
  pair = copy;
  copy.Edit().a = 6;
  EXPECT_EQ(pair->a, 5);
  const Boxed<Pair> moved = std::move(pair);
  EXPECT_EQ(moved->a, 5);
  EXPECT_EQ(Boxed<Pair>(Boxed<Pair>())->a, 7);
}

TEST(BoxedVector, IsOnePointer) {
  EXPECT_EQ(sizeof(BoxedVector<std::string>), sizeof(void*));
}

TEST(BoxedVector, IsAVector) {
  BoxedVector<std::string> texts;
  EXPECT_TRUE(texts.empty());
  EXPECT_EQ(texts.begin(), texts.end());
  EXPECT_EQ(texts.Remove("a"), 0U);
  texts.push_back("a");
  texts.push_back("b");
  texts.push_back("a");
  for (std::string& text : texts) text += "!";
  EXPECT_EQ(texts.items(), (std::vector<std::string>{"a!", "b!", "a!"}));
  texts.erase(texts.begin() + 1);
  EXPECT_EQ(texts.size(), 2U);
  EXPECT_EQ(texts.back(), "a!");
  BoxedVector<std::string> copy = texts;
  copy[0] = "c";
  EXPECT_EQ(texts.front(), "a!");
  EXPECT_EQ(texts.Remove("a!"), 2U);
  EXPECT_TRUE(texts.empty());
  copy = std::vector<std::string>{};
  EXPECT_TRUE(copy.empty());
  const std::vector<std::string>& items = copy;
  EXPECT_TRUE(items.empty());
}

}  // namespace
}  // namespace reeve
