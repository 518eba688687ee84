#include "common/http2/message_frames.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace reeve::http2 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Reading {
  std::vector<std::string> messages;
  absl::Status status;
  bool between_messages = true;
};

// Feeds `bytes` in pieces of `piece` bytes.
Reading Read(const std::string& bytes, size_t piece, size_t limit = 1000) {
  Reading reading;
  MessageReader reader(limit);
  for (size_t at = 0; at < bytes.size() && reading.status.ok(); at += piece) {
    reading.status =
        reader.Feed(std::string_view(bytes).substr(at, piece), [&](std::string message) {
          reading.messages.push_back(std::move(message));
          return absl::OkStatus();
        });
  }
  reading.between_messages = reader.between_messages();
  return reading;
}

TEST(MessageFrames, AFrameIsFlagLengthAndMessage) {
  EXPECT_EQ(FrameMessage("abc"), std::string("\0\0\0\0\3abc", 8));
  EXPECT_EQ(FrameMessage(std::string(0x10203, 'x')).substr(0, 6), std::string("\0\0\1\2\3x", 6));
  EXPECT_EQ(FrameMessage(""), std::string("\0\0\0\0\0", 5));
}

TEST(MessageFrames, ComeBackWholeFromPiecesOfAnySize) {
  const std::string long_one(300, 'z');
  const std::string bytes = FrameMessage("one") + FrameMessage("") + FrameMessage(long_one);
  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    const Reading reading = Read(bytes, piece);
    EXPECT_THAT(reading.messages, ElementsAre("one", "", long_one)) << piece;
    EXPECT_TRUE(reading.status.ok() && reading.between_messages) << piece;
  }
}

TEST(MessageFrames, HalfAMessageIsSeen) {
  const std::string frame = FrameMessage("whole");
  for (size_t size = 1; size < frame.size(); ++size) {
    const Reading reading = Read(frame.substr(0, size), 100);
    EXPECT_THAT(reading.messages, IsEmpty());
    EXPECT_FALSE(reading.between_messages) << size;
  }
}

TEST(MessageFrames, WhatIsTooLongIsRefusedBeforeItComes) {
  EXPECT_THAT(Read(FrameMessage(std::string(1000, 'x')), 7).messages.size(), 1);
  const Reading refused = Read(std::string("\0\0\0\3\xe9", 5), 5);  // 1001
  EXPECT_TRUE(absl::IsResourceExhausted(refused.status)) << refused.status;
  EXPECT_THAT(std::string(refused.status.message()), HasSubstr("1001"));
  EXPECT_FALSE(Read("\xff\xff\xff\xff\xff", 5).status.ok());
  EXPECT_FALSE(Read(std::string("\0\xff\xff\xff\xff", 5), 1, size_t{128} << 20).status.ok());
}

TEST(MessageFrames, CompressedOnesAreRefused) {
  EXPECT_TRUE(absl::IsInternal(Read(std::string("\1\0\0\0\0", 5), 5).status));
}

TEST(MessageFrames, TheReadersUserMayRefuse) {
  MessageReader reader(1000);
  int asked = 0;
  const absl::Status status = reader.Feed(FrameMessage("a") + FrameMessage("b"), [&](std::string) {
    ++asked;
    return absl::DataLossError("no");
  });
  EXPECT_EQ(status, absl::DataLossError("no"));
  EXPECT_EQ(asked, 1);
}

}  // namespace
}  // namespace reeve::http2
