#include "common/http2/call_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <utility>
#include <vector>

namespace reeve::http2 {
namespace {

using ::testing::HasSubstr;

absl::Status Final(std::vector<std::pair<std::string, std::string>> headers) {
  AnswerHeaders answer;
  for (const auto& [name, value] : headers) answer.Add(name, value);
  return answer.Final();
}

TEST(CallStatus, TimeoutsAreInMillisecondsAndFitEightDigits) {
  EXPECT_EQ(TimeoutHeader(absl::Seconds(10)), "10000m");
  EXPECT_EQ(TimeoutHeader(absl::Microseconds(10)), "1m");
  EXPECT_EQ(TimeoutHeader(absl::Microseconds(1001)), "2m");
  EXPECT_EQ(TimeoutHeader(-absl::Seconds(1)), "1m");
  EXPECT_EQ(TimeoutHeader(absl::Milliseconds(99'999'999)), "99999999m");
  EXPECT_EQ(TimeoutHeader(absl::Milliseconds(100'000'000)), "100000S");
  EXPECT_EQ(TimeoutHeader(absl::Hours(1'000'000)), "99999999S");
}

TEST(CallStatus, MessagesAreDecoded) {
  EXPECT_EQ(DecodePercent("note%0AInvalid job id"), "note\nInvalid job id");
  EXPECT_EQ(DecodePercent("50%25 %e2%9C%93"), "50% \xe2\x9c\x93");
  EXPECT_EQ(DecodePercent("100%, %zz %4"), "100%, %zz %4");
  EXPECT_EQ(DecodePercent("%"), "%");
  EXPECT_EQ(DecodePercent("%00"), std::string(1, '\0'));
}

TEST(CallStatus, TheServersStatusIsTheCalls) {
  EXPECT_EQ(Final({{":status", "200"}, {"content-type", "application/grpc"}, {"grpc-status", "0"}}),
            absl::OkStatus());
  EXPECT_EQ(Final({{":status", "200"}, {"grpc-status", "5"}, {"grpc-message", "no%20such"}}),
            absl::NotFoundError("no such"));
  EXPECT_EQ(Final({{"grpc-status", "14"}}), absl::UnavailableError(""));
}

TEST(CallStatus, NumbersThatAreNoCodeAreUnknown) {
  for (const char* code : {"17", "-1", "x", "1x", "99999999999999999999", " 0"}) {
    EXPECT_TRUE(absl::IsUnknown(Final({{"grpc-status", code}}))) << code;
  }
}

TEST(CallStatus, NoStatusIsUnknown) {
  EXPECT_TRUE(absl::IsUnknown(Final({{":status", "200"}, {"content-type", "application/grpc"}})));
  EXPECT_TRUE(absl::IsUnknown(Final({})));
}

TEST(CallStatus, HttpErrorsHaveTheirEquivalents) {
  EXPECT_TRUE(absl::IsUnavailable(Final({{":status", "503"}})));
  EXPECT_TRUE(absl::IsUnimplemented(Final({{":status", "404"}})));
  EXPECT_TRUE(absl::IsInternal(Final({{":status", "400"}})));
  EXPECT_TRUE(absl::IsUnauthenticated(Final({{":status", "401"}})));
  EXPECT_TRUE(absl::IsPermissionDenied(Final({{":status", "403"}})));
  EXPECT_TRUE(absl::IsUnknown(Final({{":status", "302"}})));
  // What speaks gRPC is believed before what speaks HTTP.
  EXPECT_EQ(Final({{":status", "503"}, {"grpc-status", "5"}}), absl::NotFoundError(""));
}

TEST(CallStatus, WhatComesBeforeTheAnswerIsPassedOver) {
  EXPECT_TRUE(Final({{":status", "103"}, {":status", "200"}, {"grpc-status", "0"}}).ok());
  AnswerHeaders early;
  early.Add(":status", "100");
  EXPECT_TRUE(early.Check().ok());
}

TEST(CallStatus, AnotherContentTypeIsNoAnswer) {
  const absl::Status status = Final({{":status", "200"}, {"content-type", "text/html"}});
  EXPECT_TRUE(absl::IsUnknown(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("text/html"));
  EXPECT_TRUE(
      Final({{":status", "200"}, {"content-type", "application/grpc+proto"}, {"grpc-status", "0"}})
          .ok());
}

TEST(CallStatus, ResetsTellWhetherToComeBack) {
  EXPECT_TRUE(absl::IsUnavailable(StatusOfReset(NGHTTP2_REFUSED_STREAM)));
  EXPECT_TRUE(absl::IsCancelled(StatusOfReset(NGHTTP2_CANCEL)));
  EXPECT_TRUE(absl::IsResourceExhausted(StatusOfReset(NGHTTP2_ENHANCE_YOUR_CALM)));
  EXPECT_TRUE(absl::IsPermissionDenied(StatusOfReset(NGHTTP2_INADEQUATE_SECURITY)));
  EXPECT_TRUE(absl::IsInternal(StatusOfReset(NGHTTP2_NO_ERROR)));
  EXPECT_TRUE(absl::IsInternal(StatusOfReset(NGHTTP2_PROTOCOL_ERROR)));
  EXPECT_TRUE(absl::IsInternal(StatusOfReset(0xffffffff)));
}

}  // namespace
}  // namespace reeve::http2
