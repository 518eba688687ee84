#include "cli/stdin_source.h"

#include <gtest/gtest.h>

namespace reeve::cli {
namespace {

TEST(StdinSource, EveryReaderGetsEverything) {
  StdinSource source(2);
  source.Append("hello");
  EXPECT_EQ(source.Next(0)->data, "hello");
  EXPECT_EQ(source.Next(0), std::nullopt);
  source.Append(" world");
  source.SetEof();
  auto last = source.Next(0);
  EXPECT_EQ(last->offset, 5u);
  EXPECT_EQ(last->data, " world");
  EXPECT_TRUE(last->eof);
  auto all = source.Next(1);
  EXPECT_EQ(all->offset, 0u);
  EXPECT_EQ(all->data, "hello world");
  EXPECT_TRUE(all->eof);
}

TEST(StdinSource, EofAloneIsSentOnce) {
  StdinSource source(1);
  source.SetEof();
  EXPECT_TRUE(source.Next(0)->eof);
  EXPECT_EQ(source.Next(0), std::nullopt);
}

TEST(StdinSource, StopsAtTheWindowOfTheSlowest) {
  StdinSource source(2, 4);
  source.Append("abcd");
  EXPECT_FALSE(source.WantsMore());
  source.Next(0);
  source.Next(1);
  source.Acknowledge(0, 4);
  EXPECT_FALSE(source.WantsMore());
  source.Acknowledge(1, 2);
  EXPECT_TRUE(source.WantsMore());
}

TEST(StdinSource, AReaderThatIsGoneHoldsNothingBack) {
  StdinSource source(2, 4);
  source.Append("abcd");
  source.Next(0);
  source.Acknowledge(0, 4);
  source.Drop(1);
  EXPECT_TRUE(source.WantsMore());
  source.Drop(0);
  EXPECT_FALSE(source.WantsMore());
}

TEST(StdinSource, AReconnectedReaderGetsWhatItHasNotAcknowledged) {
  StdinSource source(1);
  source.Append("abcdef");
  source.SetEof();
  source.Next(0);
  source.Acknowledge(0, 4);
  source.Rewind(0);
  auto again = source.Next(0);
  EXPECT_EQ(again->offset, 4u);
  EXPECT_EQ(again->data, "ef");
  EXPECT_TRUE(again->eof);
}

TEST(StdinSource, AnAcknowledgementCannotPassWhatWasSent) {
  StdinSource source(1);
  source.Append("abc");
  source.Acknowledge(0, 100);
  EXPECT_EQ(source.Next(0)->data, "abc");
}

}  // namespace
}  // namespace reeve::cli
