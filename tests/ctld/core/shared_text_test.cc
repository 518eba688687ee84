#include "ctld/core/shared_text.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace reeve::ctld {
namespace {

TEST(SharedText, IsATextLikeAnyOther) {
  SharedText text = "debug";
  EXPECT_EQ(text, "debug");
  EXPECT_EQ(text, std::string("debug"));
  EXPECT_NE(text, "debu");
  const std::string copied = text;
  EXPECT_EQ(copied, "debug");
  text = std::string("long,") + copied;
  EXPECT_EQ(text.view(), "long,debug");
  text.clear();
  EXPECT_TRUE(text.empty());
  EXPECT_EQ(text, "");
  EXPECT_EQ(SharedText(std::string("a\0b", 3)).view().size(), 3u);
  EXPECT_EQ(sizeof(SharedText), 8u);
}

TEST(SharedText, CopiesStayWhatTheyWere) {
  SharedText a = "one";
  SharedText b = a;
  a = "two";
  EXPECT_EQ(b, "one");
  b = b;  // NOLINT: on purpose
  EXPECT_EQ(b, "one");
  const SharedText c = std::move(b);
  EXPECT_EQ(c, "one");
  EXPECT_FALSE(c.SharedWithOthers());
}

TEST(SharedText, CopiesMayBeOnOtherThreads) {
  const SharedText text = "shared";
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([copy = text] {
      for (int round = 0; round < 1000; ++round) {
        const SharedText again = copy;
        ASSERT_EQ(again, "shared");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(text.SharedWithOthers());
}

TEST(TextPool, EqualTextsShareTheirCharacters) {
  TextPool pool;
  SharedText a = "normal", b = "normal", none;
  pool.Intern(a);
  pool.Intern(b);
  pool.Intern(none);
  EXPECT_EQ(a.view().data(), b.view().data());
  EXPECT_TRUE(none.empty());
}

TEST(TextPool, ForgetsWhatNobodyHolds) {
  TextPool pool;
  SharedText held = "held";
  pool.Intern(held);
  for (int i = 0; i < 10'000; ++i) {
    SharedText text = std::to_string(i);
    pool.Intern(text);
  }
  EXPECT_LE(pool.size(), 1025u);
  SharedText again = "held";
  pool.Intern(again);
  EXPECT_EQ(again.view().data(), held.view().data());
}

}  // namespace
}  // namespace reeve::ctld
