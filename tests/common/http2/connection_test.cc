// A client's connection against what servers may say, byte by byte.
#include "common/http2/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "tests/support/http2_frames.h"

namespace reeve::http2 {
namespace {

using namespace reeve::testing;  // NOLINT: frames by many names
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A connection with one call, and what has come of both.
class ConnectionTest : public ::testing::Test {
 protected:
  // `request`: without it, a stream that stays open.
  void Call(std::optional<std::string> request = "request") {
    messages_.clear();
    CallStart start;
    start.authority = "localhost";
    start.path = "/reeve.v1.Controller/Ping";
    start.timeout = absl::Seconds(10);
    start.metadata_name = "reeve-credential";
    start.metadata_value = "MUNGE:x:";
    start.on_message = [this](std::string message) {
      messages_.push_back(std::move(message));
      return refusal_;
    };
    connection_.StartCall(std::move(start));
    if (request.has_value()) {
      connection_.Send(*request);
      connection_.CloseSending();
    }
    Sent();
  }
  void Receive(const std::string& bytes) {
    connection_.Receive(bytes);
    Sent();
  }
  // All that the client has to say now; kept in sent_ as well.
  std::string Sent() {
    std::string all, part;
    do {
      part.clear();
      connection_.TakeOutput(&part);
      all += part;
    } while (!part.empty());
    sent_ += all;
    return all;
  }
  size_t CountSent(uint8_t type) {
    Sent();
    const std::vector<SeenFrame> frames = SeenFrames(sent_);
    return static_cast<size_t>(std::count_if(frames.begin(), frames.end(),
                                             [&](const SeenFrame& f) { return f.type == type; }));
  }
  size_t BodySent() {
    Sent();
    size_t bytes = 0;
    for (const SeenFrame& frame : SeenFrames(sent_)) {
      if (frame.type == kDataFrame) bytes += frame.payload.size();
    }
    return bytes;
  }
  absl::StatusCode Code() const {
    EXPECT_TRUE(connection_.ended());
    return connection_.status().code();
  }

  Connection connection_{1 << 20};
  std::vector<std::string> messages_;
  absl::Status refusal_;
  std::string sent_;
};

TEST_F(ConnectionTest, ARequestIsOneFrameOfHeadersAndItsData) {
  Call("abc");
  Sent();
  EXPECT_TRUE(sent_.starts_with(kPreface));
  const std::vector<SeenFrame> frames = SeenFrames(sent_);
  ASSERT_EQ(frames.size(), 4u);
  EXPECT_EQ(frames[0].type, kSettingsFrame);
  EXPECT_EQ(frames[1].type, kWindowFrame);
  EXPECT_EQ(frames[2].type, kHeadersFrame);
  EXPECT_EQ(frames[3].type, kDataFrame);
  EXPECT_EQ(frames[3].flags, kEndStream);
  EXPECT_EQ(frames[3].payload, GrpcMessage("abc"));
}

TEST_F(ConnectionTest, AnAnswerInPiecesOfAnySize) {
  const std::string bytes = Settings() + AnswerStart() + AnswerData(GrpcMessage("one")) +
                            AnswerData(GrpcMessage("two").substr(0, 4)) + AnswerData("") +
                            AnswerData(GrpcMessage("two").substr(4)) + AnswerEnd("0");
  for (size_t piece : {size_t{1}, size_t{2}, size_t{7}, bytes.size()}) {
    connection_.~Connection();
    new (&connection_) Connection(1 << 20);
    Call();
    for (size_t at = 0; at < bytes.size(); at += piece) Receive(bytes.substr(at, piece));
    EXPECT_EQ(Code(), absl::StatusCode::kOk) << connection_.status();
    EXPECT_THAT(messages_, ElementsAre("one", "two"));
    EXPECT_TRUE(connection_.reusable());
  }
}

TEST_F(ConnectionTest, AnAnswerThatIsCutAnywhereIsUnavailable) {
  const std::string bytes = Settings() + Answer("message");
  for (size_t size = 0; size < bytes.size(); ++size) {
    connection_.~Connection();
    new (&connection_) Connection(1 << 20);
    Call();
    Receive(bytes.substr(0, size));
    EXPECT_FALSE(connection_.ended()) << size;
    connection_.Lose("cut");
    EXPECT_EQ(connection_.status(), absl::UnavailableError("cut")) << size;
    EXPECT_FALSE(connection_.reusable());
  }
}

TEST_F(ConnectionTest, AStatusComesInTrailersOrAlone) {
  Call();
  Receive(Settings() + AnswerStart() + AnswerEnd("5", "note%0Ano such job"));
  EXPECT_EQ(connection_.status(), absl::NotFoundError("note\nno such job"));
  EXPECT_TRUE(connection_.reusable());
  Call();
  Receive(Headers(3,
                  {{":status", "200"},
                   {"content-type", "application/grpc"},
                   {"grpc-status", "7"},
                   {"grpc-message", "no"}},
                  kEndStream));
  EXPECT_EQ(connection_.status(), absl::PermissionDeniedError("no"));
}

TEST_F(ConnectionTest, OneCallFollowsAnother) {
  for (uint32_t stream : {1u, 3u, 5u}) {
    Call();
    Receive((stream == 1 ? Settings() : "") + Answer("m", stream));
    EXPECT_EQ(Code(), absl::StatusCode::kOk);
    EXPECT_THAT(messages_, ElementsAre("m"));
    EXPECT_TRUE(connection_.reusable());
  }
}

TEST_F(ConnectionTest, AnswersWithoutAStatusAreUnknown) {
  Call();
  Receive(Settings() + AnswerStart() + Frame(kDataFrame, kEndStream, 1, GrpcMessage("m")));
  EXPECT_EQ(Code(), absl::StatusCode::kUnknown);
  Call();
  Receive(Headers(3, {{":status", "200"}}, kEndStream));
  EXPECT_EQ(Code(), absl::StatusCode::kUnknown);
}

TEST_F(ConnectionTest, AnAnswerThatEndsWithinAMessageIsNoSuccess) {
  Call();
  Receive(Settings() + AnswerStart() + AnswerData(GrpcMessage("abc").substr(0, 6)) +
          AnswerEnd("0"));
  EXPECT_EQ(Code(), absl::StatusCode::kInternal);
  Call();
  Receive(AnswerStart(3) + AnswerData(GrpcMessage("abc").substr(0, 6), 3) + AnswerEnd("8", "", 3));
  EXPECT_EQ(Code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(ConnectionTest, AProxysPageIsNoAnswer) {
  Call();
  Receive(Settings() + Headers(1, {{":status", "200"}, {"content-type", "text/html"}}));
  EXPECT_EQ(Code(), absl::StatusCode::kUnknown);
  EXPECT_EQ(CountSent(kResetFrame), 1u);
}

TEST_F(ConnectionTest, ResetsEndTheCall) {
  const std::pair<uint32_t, absl::StatusCode> cases[] = {
      {NGHTTP2_REFUSED_STREAM, absl::StatusCode::kUnavailable},
      {NGHTTP2_CANCEL, absl::StatusCode::kCancelled},
      {NGHTTP2_INTERNAL_ERROR, absl::StatusCode::kInternal}};
  uint32_t stream = 1;
  for (const auto& [error, code] : cases) {
    Call();
    Receive((stream == 1 ? Settings() : "") + Frame(kResetFrame, 0, stream, BigEndian(error, 4)));
    EXPECT_EQ(Code(), code);
    EXPECT_EQ(connection_.unprocessed(), error == NGHTTP2_REFUSED_STREAM);
    EXPECT_TRUE(connection_.reusable());
    stream += 2;
  }
}

TEST_F(ConnectionTest, AServerThatGoesSaysWhatItHasNotLookedAt) {
  Call();
  Receive(Settings() + Frame(kGoawayFrame, 0, 0, BigEndian(0, 4) + BigEndian(0, 4)));
  EXPECT_EQ(Code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(connection_.unprocessed());
  EXPECT_FALSE(connection_.reusable());
}

TEST_F(ConnectionTest, AServerThatGoesEndsItsCallsFirst) {
  Call();
  Receive(Settings() + Frame(kGoawayFrame, 0, 0, BigEndian(1, 4) + BigEndian(0, 4)));
  EXPECT_FALSE(connection_.ended());
  Receive(Answer("m"));
  EXPECT_EQ(Code(), absl::StatusCode::kOk);
  EXPECT_THAT(messages_, ElementsAre("m"));
  EXPECT_FALSE(connection_.reusable());
}

TEST_F(ConnectionTest, StreamsGoBothWays) {
  Call(std::nullopt);
  connection_.Send("first");
  EXPECT_EQ(BodySent(), GrpcMessage("first").size());
  Receive(Settings() + AnswerStart() + AnswerData(GrpcMessage("a")));
  connection_.Send("second");
  connection_.Send("third");
  EXPECT_EQ(BodySent(), GrpcMessage("first").size() + GrpcMessage("second").size() +
                            GrpcMessage("third").size());
  connection_.CloseSending();
  connection_.Send("too late");
  Sent();
  EXPECT_EQ(SeenFrames(sent_).back().flags, kEndStream);
  EXPECT_EQ(SeenFrames(sent_).back().payload, "");
  EXPECT_FALSE(connection_.ended());
  Receive(AnswerData(GrpcMessage("b")) + AnswerEnd("0"));
  EXPECT_EQ(Code(), absl::StatusCode::kOk);
  EXPECT_THAT(messages_, ElementsAre("a", "b"));
}

TEST_F(ConnectionTest, NoMoreIsSentThanTheServerHasRoomFor) {
  Call(std::string(200'000, 'x'));
  EXPECT_EQ(BodySent(), 65'535u);  // what RFC 9113 gives without a word
  Receive(Settings() + Frame(kWindowFrame, 0, 1, BigEndian(10'000, 4)));
  EXPECT_EQ(BodySent(), 65'535u);  // the connection's window is full
  Receive(Frame(kWindowFrame, 0, 0, BigEndian(300'000, 4)));
  EXPECT_EQ(BodySent(), 75'535u);
  Receive(Frame(kWindowFrame, 0, 1, BigEndian(300'000, 4)));
  EXPECT_EQ(BodySent(), 200'005u);
  Receive(Answer("m"));
  EXPECT_EQ(Code(), absl::StatusCode::kOk);
}

TEST_F(ConnectionTest, AServerThatDoesNotWantTheRestIsNotSentIt) {
  Call(std::string(200'000, 'x'));
  Sent();
  Receive(Settings() + AnswerStart() + AnswerEnd("3", "too long"));
  EXPECT_EQ(connection_.status(), absl::InvalidArgumentError("too long"));
  EXPECT_EQ(CountSent(kResetFrame), 1u);
  EXPECT_EQ(BodySent(), 65'535u);
  EXPECT_FALSE(connection_.reusable());
}

TEST_F(ConnectionTest, TheServerGetsRoomAsItsAnswerIsTaken) {
  Call();
  Receive(Settings() + AnswerStart());
  const std::string message(500'000, 'm');
  const std::string framed = GrpcMessage(message);
  for (int i = 0; i < 40; ++i) {
    for (size_t at = 0; at < framed.size(); at += 16'000) {
      Receive(AnswerData(std::string_view(framed).substr(at, 16'000)));
    }
    ASSERT_FALSE(connection_.ended()) << connection_.status();
  }
  EXPECT_EQ(messages_.size(), 40u);
  EXPECT_GE(CountSent(kWindowFrame), 8u);  // for call and connection
  Receive(AnswerEnd("0"));
  EXPECT_EQ(Code(), absl::StatusCode::kOk);
}

TEST_F(ConnectionTest, AServerThatSendsMoreThanThereIsRoomForIsLost) {
  Call();
  Receive(Settings() + AnswerStart());
  // Without TakeOutput the server is never told of more room.
  const std::string part = AnswerData(std::string(16'000, '\0'));
  for (int i = 0; i < 1000 && !connection_.lost(); ++i) connection_.Receive(part);
  Sent();
  EXPECT_TRUE(connection_.ended());
  EXPECT_FALSE(connection_.status().ok());
}

TEST_F(ConnectionTest, PingsAreAnswered) {
  Receive(Settings());
  sent_.clear();
  Receive(Frame(kPingFrame, 0, 0, "12345678"));
  std::vector<SeenFrame> frames = SeenFrames(sent_);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].type, kPingFrame);
  EXPECT_EQ(frames[0].flags, kAck);
  EXPECT_EQ(frames[0].payload, "12345678");
  sent_.clear();
  connection_.Ping();
  Sent();
  frames = SeenFrames(sent_);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].flags, 0);
  Receive(Frame(kPingFrame, kAck, 0, frames[0].payload));
  EXPECT_FALSE(connection_.lost());
}

TEST_F(ConnectionTest, AMessageThatIsRefusedEndsTheCall) {
  refusal_ = absl::DataLossError("no message of ours");
  Call();
  Receive(Settings() + Answer("m"));
  EXPECT_EQ(connection_.status(), refusal_);
  EXPECT_EQ(CountSent(kResetFrame), 1u);
  EXPECT_FALSE(connection_.reusable());
}

TEST_F(ConnectionTest, AMessageThatIsTooLongEndsTheCall) {
  Call();
  Receive(Settings() + AnswerStart() + AnswerData(std::string("\0\x7f\xff\xff\xff", 5)));
  EXPECT_EQ(Code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(CountSent(kResetFrame), 1u);
}

TEST_F(ConnectionTest, ACancelledCallIsReset) {
  Call(std::nullopt);
  Receive(Settings());
  connection_.Cancel(absl::CancelledError("enough"));
  EXPECT_EQ(connection_.status(), absl::CancelledError("enough"));
  EXPECT_EQ(CountSent(kResetFrame), 1u);
  Receive(Answer("late"));
  EXPECT_THAT(messages_, IsEmpty());
}

// ---- servers that are none, or mean it badly ----------------------------------------------------

TEST_F(ConnectionTest, AnotherProtocolIsNoticed) {
  for (const std::string words :
       {"HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n",
        "220 mail.example.org ESMTP\r\n", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"}) {
    connection_.~Connection();
    new (&connection_) Connection(1 << 20);
    Call();
    Receive(words);
    EXPECT_EQ(Code(), absl::StatusCode::kUnavailable) << words;
    EXPECT_TRUE(connection_.lost()) << words;
    EXPECT_FALSE(connection_.settled());
  }
}

TEST_F(ConnectionTest, AFrameThatIsTooLongIsNotWaitedFor) {
  Call();
  Receive(Settings() + FrameHead(0xffffff, kDataFrame, 0, 1));
  EXPECT_EQ(Code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(connection_.lost());
}

TEST_F(ConnectionTest, HeadersWithoutEndAreBroken) {
  Call();
  Receive(Settings() + Frame(kHeadersFrame, 0, 1, Hpack({{":status", "200"}})));
  const std::string more = Hpack({{"x", std::string(8'000, 'x')}});
  for (int i = 0; i < 1000 && !connection_.ended(); ++i) {
    Receive(Frame(kContinuationFrame, 0, 1, more));
  }
  EXPECT_TRUE(connection_.ended());
  EXPECT_FALSE(connection_.status().ok());
}

TEST_F(ConnectionTest, HeadersWithoutEndInWholeFramesAreBroken) {
  Call();
  Receive(Settings());
  HeaderList informational = {{":status", "103"}, {"link", std::string(1'000, 'x')}};
  for (int i = 0; i < 1000 && !connection_.ended(); ++i) Receive(Headers(1, informational));
  EXPECT_EQ(Code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(ConnectionTest, AHeaderThatIsUnpackedToMuchIsBroken) {
  Call();
  Receive(Settings() + Headers(1, {{":status", "200"}}));
  // One entry of the table, and then a byte for each time it is meant.
  const std::string entry =
      std::string("\x40\x01x") + HpackText(std::string(4'000, 'y')) + std::string(8'000, '\xbe');
  Receive(Frame(kHeadersFrame, kEndHeaders | kEndStream, 1, entry));
  EXPECT_TRUE(connection_.ended());
  EXPECT_FALSE(connection_.status().ok());
}

TEST_F(ConnectionTest, QuestionsWithoutEndAreNotCollected) {
  Call();
  Receive(Settings());
  // Nothing of what is to be sent leaves: answers would pile up.
  for (int i = 0; i < 100'000 && !connection_.lost(); ++i) {
    connection_.Receive(Frame(kPingFrame, 0, 0, "12345678"));
  }
  EXPECT_TRUE(connection_.lost());
  EXPECT_EQ(Code(), absl::StatusCode::kUnavailable);
}

TEST_F(ConnectionTest, NothingIsPushed) {
  Call();
  Receive(Settings() + Frame(kPushFrame, kEndHeaders, 1,
                             BigEndian(2, 4) + Hpack({{":method", "GET"},
                                                      {":scheme", "http"},
                                                      {":authority", "x"},
                                                      {":path", "/"}})));
  EXPECT_EQ(Code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(connection_.lost());
}

TEST_F(ConnectionTest, FramesOfOtherCallsAreNotOurs) {
  Call();
  Receive(Settings() + AnswerStart() + AnswerData(GrpcMessage("m")) + AnswerEnd("0"));
  ASSERT_EQ(Code(), absl::StatusCode::kOk);
  Receive(AnswerData(GrpcMessage("late")));
  Receive(Frame(kDataFrame, 0, 7, GrpcMessage("never asked")));
  EXPECT_THAT(messages_, ElementsAre("m"));
  EXPECT_FALSE(connection_.reusable());
}

}  // namespace
}  // namespace reeve::http2
