// Channels and streams against servers that follow a script: whatever a server does, a client is
// told in time and comes to no harm.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "common/rpc/client.h"
#include "reeve/v1/ctld.pb.h"
#include "rpc_fixture.h"
#include "tests/support/http2_frames.h"
#include "tests/support/scripted_server.h"

namespace reeve::rpc {
namespace {

using testing::Answer;
using testing::AnswerData;
using testing::AnswerEnd;
using testing::AnswerStart;
using testing::GrpcMessage;
using ::testing::HasSubstr;
using testing::ScriptedPeer;
using testing::ScriptedServer;
using testing::Settings;

std::string Pong(const std::string& host) {
  v1::PingResponse out;
  out.set_host(host);
  return out.SerializeAsString();
}

class RubbishServerTest : public RpcFixture {
 protected:
  void Serve(ScriptedServer::Script script) {
    rubbish_.reset();
    unlink((dir_ / "socket").c_str());
    rubbish_ = std::make_unique<ScriptedServer>(dir_ / "socket", std::move(script));
  }
  // What a ping to a server that says this ends with.
  absl::Status PingWith(ScriptedServer::Script script, absl::Duration timeout = absl::Seconds(20)) {
    Serve(std::move(script));
    return Ping(Dial(), timeout);
  }
  static absl::Status Ping(const Channel& channel, absl::Duration timeout = absl::Seconds(20)) {
    return channel.Call<v1::PingResponse>("Controller/Ping", v1::PingRequest(), timeout).status();
  }
  // Says this at once, and listens for as long as the client speaks.
  static ScriptedServer::Script Says(std::string bytes) {
    return [bytes = std::move(bytes)](ScriptedPeer& peer) {
      peer.Send(bytes);
      peer.ReadToEnd();
    };
  }
  // How a stream to a server that says this ends.
  std::string StreamWith(ScriptedServer::Script script) {
    Serve(std::move(script));
    Inbox<std::string> inbox;
    auto stream = Dial().OpenStream(
        "Controller/NodeStream", v1::NodeMessage(), getuid(),
        {.on_message = [&](std::string) { inbox.Put("message"); },
         .on_closed =
             [&](absl::Status status) { inbox.Put(absl::StatusCodeToString(status.code())); }});
    EXPECT_TRUE(stream.ok()) << stream.status();
    const std::vector<std::string> seen = inbox.Wait(1);
    return seen.empty() ? "nothing" : seen.front();
  }

  std::unique_ptr<ScriptedServer> rubbish_;
};

TEST_F(RubbishServerTest, OrderIsUnderstood) {
  EXPECT_TRUE(PingWith(Says(Settings() + Answer(Pong("here")))).ok());
}

TEST_F(RubbishServerTest, AnotherProtocolIsRetryable) {
  for (const char* words : {"HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n"}) {
    const absl::Status status = PingWith(Says(words));
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  }
}

TEST_F(RubbishServerTest, AnAnswerThatIsCutIsRetryable) {
  const std::string whole = Settings() + Answer(Pong("here"));
  for (size_t size : {size_t{0}, size_t{5}, size_t{9}, size_t{30}, whole.size() - 1}) {
    const absl::Status status = PingWith([=](ScriptedPeer& peer) {
      peer.Send(whole.substr(0, size));
      peer.ReadUntil(GrpcMessage(""));
    });
    EXPECT_TRUE(IsRetryable(status)) << size << ": " << status;
  }
}

TEST_F(RubbishServerTest, AHugeLengthIsRefusedAtOnce) {
  const absl::Status status =
      PingWith(Says(Settings() + AnswerStart() + AnswerData(std::string("\0\xff\xff\xff\xff", 5))));
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_FALSE(IsBackoff(status));
}

TEST_F(RubbishServerTest, AnswersThatAreNoMessageAreRefused) {
  const absl::Status status = PingWith(
      Says(Settings() + AnswerStart() + AnswerData(GrpcMessage("\xff\xff")) + AnswerEnd("0")));
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
}

TEST_F(RubbishServerTest, NoTrailersAreNoSuccess) {
  const absl::Status status = PingWith(
      Says(Settings() + AnswerStart() +
           testing::Frame(testing::kDataFrame, testing::kEndStream, 1, GrpcMessage(Pong("here")))));
  EXPECT_TRUE(absl::IsUnknown(status)) << status;
}

TEST_F(RubbishServerTest, HeadersWithoutEndEnd) {
  const absl::Status status = PingWith([](ScriptedPeer& peer) {
    peer.Send(Settings());
    const testing::HeaderList more = {{":status", "103"}, {"x", std::string(4'000, 'x')}};
    while (peer.Send(testing::Headers(1, more))) {
    }
  });
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
}

TEST_F(RubbishServerTest, ASlowServerMeetsTheDeadline) {
  const absl::Time before = absl::Now();
  const absl::Status status = PingWith(
      [](ScriptedPeer& peer) {
        peer.Send(Settings());
        peer.Hang();
      },
      absl::Milliseconds(200));
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_TRUE(IsRetryable(status));
  EXPECT_GE(absl::Now() - before, absl::Milliseconds(200));
}

TEST_F(RubbishServerTest, ACancellationBeforeTheDeadlineIsTheServers) {
  const absl::Status status = PingWith(
      Says(Settings() + testing::Frame(testing::kResetFrame, 0, 1, testing::BigEndian(8, 4))));
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
}

// A server that ends says which calls it has not looked at: they are made again.
TEST_F(RubbishServerTest, ACallThatWasNotLookedAtIsMadeAgain) {
  std::atomic<int> connections = 0;
  Serve([&](ScriptedPeer& peer) {
    const int connection = ++connections;
    peer.Send(Settings());
    peer.ReadUntil(GrpcMessage(""));
    peer.Send(Answer(Pong(std::to_string(connection))));
    if (connection > 1) return peer.ReadToEnd();
    peer.ReadUntil(GrpcMessage(""));
    peer.Send(testing::Frame(testing::kGoawayFrame, 0, 0,
                             testing::BigEndian(1, 4) + testing::BigEndian(0, 4)));
  });
  const Channel channel = Dial();
  EXPECT_TRUE(Ping(channel).ok());
  EXPECT_TRUE(Ping(channel).ok());
  EXPECT_EQ(connections, 2);
}

TEST_F(RubbishServerTest, AConnectionIsUsedAgain) {
  Serve([](ScriptedPeer& peer) {
    peer.Send(Settings());
    for (uint32_t stream = 1; !peer.ReadUntil(GrpcMessage("")).empty(); stream += 2) {
      peer.Send(Answer(Pong("here"), stream));
    }
  });
  const Channel channel = Dial();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(Ping(channel).ok());
  EXPECT_EQ(rubbish_->accepted(), 1);
}

TEST_F(RubbishServerTest, CallsAtOnceHaveConnectionsOfTheirOwn) {
  std::atomic<bool> answer = false;
  Serve([&](ScriptedPeer& peer) {
    peer.Send(Settings());
    peer.ReadUntil(GrpcMessage(""));
    while (!answer) absl::SleepFor(absl::Milliseconds(1));
    peer.Send(Answer(Pong("here")));
  });
  const Channel channel = Dial();
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { good += Ping(channel).ok(); });
  answer = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 4);
}

// ---- streams ------------------------------------------------------------------------------------

TEST_F(RubbishServerTest, StreamsEndAsTheServerDoes) {
  EXPECT_EQ(StreamWith(Says(Settings() + AnswerStart() + AnswerEnd("0"))), "OK");
  EXPECT_EQ(StreamWith(Says(Settings() + AnswerStart() + AnswerEnd("7"))), "PERMISSION_DENIED");
  EXPECT_EQ(StreamWith(Says("rubbish that is long enough to be a frame")), "UNAVAILABLE");
  EXPECT_EQ(StreamWith([](ScriptedPeer&) {}), "UNAVAILABLE");
}

TEST_F(RubbishServerTest, AStreamWithoutItsKeyIsNotBelieved) {
  EXPECT_EQ(
      StreamWith(Says(Settings() + AnswerStart() + AnswerData(GrpcMessage(std::string(40, 'x'))))),
      "UNAUTHENTICATED");
}

TEST_F(RubbishServerTest, AStreamToNobodyIsUnavailable) {
  Inbox<std::string> inbox;
  auto stream = Dial().OpenStream(
      "Controller/NodeStream", v1::NodeMessage(), getuid(),
      {.on_message = [](std::string) {},
       .on_closed = [&](absl::Status status) { inbox.Put(std::string(status.message())); }});
  ASSERT_TRUE(stream.ok());
  EXPECT_THAT(inbox.Wait(1).front(), HasSubstr("No such file"));
}

TEST_F(RubbishServerTest, AStreamMayBeLeftAtAnyTime) {
  Serve([](ScriptedPeer& peer) { peer.Hang(); });
  for (int i = 0; i < 20; ++i) {
    Inbox<std::string> inbox;
    auto stream = Dial().OpenStream(
        "Controller/NodeStream", v1::NodeMessage(), getuid(),
        {.on_message = [](std::string) {},
         .on_closed =
             [&](absl::Status status) { inbox.Put(absl::StatusCodeToString(status.code())); }});
    ASSERT_TRUE(stream.ok());
    if (i % 2 == 1) (*stream)->Send(v1::NodeMessage());
    if (i % 3 == 1) absl::SleepFor(absl::Milliseconds(3));
    stream->reset();
    EXPECT_THAT(inbox.Wait(1), ::testing::ElementsAre("CANCELLED"));
  }
}

TEST_F(RubbishServerTest, AStreamByANameMayBeLeftToo) {
  for (int i = 0; i < 5; ++i) {
    Inbox<std::string> inbox;
    auto stream = Channel("nobody.invalid:1", munged_->munge())
                      .OpenStream("Controller/NodeStream", v1::NodeMessage(), getuid(),
                                  {.on_message = [](std::string) {},
                                   .on_closed = [&](absl::Status) { inbox.Put("closed"); }});
    ASSERT_TRUE(stream.ok());
    stream->reset();
    EXPECT_THAT(inbox.Wait(1), ::testing::ElementsAre("closed"));
  }
}

TEST_F(RubbishServerTest, AnAddressThatIsNoneIsNamed) {
  const Channel channel("nowhere", munged_->munge());
  EXPECT_THAT(std::string(Ping(channel).message()), HasSubstr("nowhere"));
}

}  // namespace
}  // namespace reeve::rpc
