// A connection with its socket against servers that follow a script.
#include "common/http2/link.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include "common/os/boot_clock.h"
#include "tests/support/free_port.h"
#include "tests/support/http2_frames.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temp_dir.h"

namespace reeve::http2 {
namespace {

using testing::Answer;
using testing::AnswerStart;
using testing::GrpcMessage;
using ::testing::HasSubstr;
using testing::ScriptedPeer;
using testing::ScriptedServer;
using testing::Settings;

constexpr absl::Duration kLong = absl::Seconds(20);
constexpr Timing kQuick = {.greeting = absl::Milliseconds(300), .silence = absl::Milliseconds(300)};

Patience Until(absl::Duration timeout) {
  return {os::BootClockNow() + timeout};
}

SocketAddress Loopback(int port) {
  return (*Resolve({.host = "127.0.0.1", .port = std::to_string(port)}))[0];
}

class LinkTest : public ::testing::Test {
 protected:
  void Serve(ScriptedServer::Script script) {
    server_.reset();
    unlink(path_.c_str());
    server_ = std::make_unique<ScriptedServer>(path_, std::move(script));
  }
  absl::StatusOr<std::unique_ptr<Link>> Connect() {
    return Link::Connect(*Resolve({.unix_path = path_}), Until(kLong), kQuick);
  }
  // Makes a call of `bytes` and carries it to its end, or to the end of the patience.
  absl::Status Call(Link& link, const std::string& bytes, absl::Duration timeout = kLong) {
    CallStart start;
    start.path = "/x";
    start.authority = "localhost";
    start.timeout = timeout;
    start.on_message = [this](std::string message) {
      last_ = std::move(message);
      return absl::OkStatus();
    };
    Connection& connection = link.connection();
    connection.StartCall(std::move(start));
    connection.Send(bytes);
    connection.CloseSending();
    const Patience patience = Until(timeout);
    while (!connection.ended()) {
      if (link.Move(patience) == Link::Event::kDeadline) {
        connection.Cancel(absl::DeadlineExceededError("late"));
      }
    }
    return connection.status();
  }
  absl::Status ConnectAndCall(const std::string& bytes = "request",
                              absl::Duration timeout = kLong) {
    absl::StatusOr<std::unique_ptr<Link>> link = Connect();
    if (!link.ok()) return link.status();
    return Call(**link, bytes, timeout);
  }

  testing::TempDir dir_;
  const std::string path_ = dir_ / "socket";
  std::string last_;
  std::unique_ptr<ScriptedServer> server_;
};

TEST_F(LinkTest, ACallAndItsAnswer) {
  Serve([](ScriptedPeer& peer) {
    peer.Send(Settings());
    peer.ReadUntil(GrpcMessage("request"));
    peer.Send(Answer("answer"));
    peer.ReadToEnd();
  });
  EXPECT_TRUE(ConnectAndCall().ok());
  EXPECT_EQ(last_, "answer");
}

TEST_F(LinkTest, NobodyThereIsUnavailable) {
  const absl::Status status = ConnectAndCall();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("No such file"));
}

TEST_F(LinkTest, TheNextAddressIsTried) {
  const int port = testing::FreePort(), closed = testing::FreePort();
  const SocketAddress address = Loopback(port);
  ScriptedServer server(address.get(), address.length, [](ScriptedPeer& peer) {
    peer.Send(Settings() + Answer("second"));
    peer.ReadToEnd();
  });
  auto link = Link::Connect({Loopback(closed), *Resolve({.unix_path = path_})->begin(), address},
                            Until(kLong));
  ASSERT_TRUE(link.ok()) << link.status();
  EXPECT_TRUE(Call(**link, "request").ok());
  EXPECT_EQ(last_, "second");
  EXPECT_THAT(std::string(Link::Connect({Loopback(closed)}, Until(kLong)).status().message()),
              HasSubstr("refused"));
}

TEST_F(LinkTest, Ipv6) {
  const int port = testing::FreePort();
  const SocketAddress address = (*Resolve({.host = "::1", .port = std::to_string(port)}))[0];
  os::UniqueFd probe(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (bind(probe.get(), address.get(), address.length) != 0) GTEST_SKIP() << "no IPv6 here";
  probe.reset();
  ScriptedServer server(address.get(), address.length, [](ScriptedPeer& peer) {
    peer.Send(Settings() + Answer("six"));
    peer.ReadToEnd();
  });
  auto link = Link::Connect({address}, Until(kLong));
  ASSERT_TRUE(link.ok()) << link.status();
  EXPECT_TRUE(Call(**link, "request").ok());
}

TEST_F(LinkTest, AnAddressThatDoesNotAnswerIsLeftForTheNext) {
  // A listener whose queue is full takes no more connections.
  const SocketAddress full = *Resolve({.unix_path = dir_ / "full"})->begin();
  const os::UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(bind(listener.get(), full.get(), full.length), 0);
  ASSERT_EQ(listen(listener.get(), 0), 0);
  const os::UniqueFd waiting(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(connect(waiting.get(), full.get(), full.length), 0);
  Serve([](ScriptedPeer& peer) { peer.ReadToEnd(); });
  const Instant before = os::BootClockNow();
  EXPECT_TRUE(
      Link::Connect({full, *Resolve({.unix_path = path_})->begin()}, Until(kLong), kQuick).ok());
  EXPECT_GE(os::BootClockNow() - before, kQuick.greeting);
  const absl::Status alone = Link::Connect({full}, Until(absl::Milliseconds(50))).status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(alone)) << alone;
}

TEST_F(LinkTest, WhoSaysNothingSpeaksNoHttp2) {
  Serve([](ScriptedPeer& peer) { peer.ReadToEnd(); });
  const absl::Status status = ConnectAndCall();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("HTTP/2"));
}

TEST_F(LinkTest, AnotherProtocolIsUnavailable) {
  Serve([](ScriptedPeer& peer) {
    peer.Send("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    peer.ReadToEnd();
  });
  const absl::Status status = ConnectAndCall();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
}

TEST_F(LinkTest, ASlowServerMeetsTheDeadline) {
  Serve([](ScriptedPeer& peer) {
    peer.Send(Settings() + AnswerStart());
    peer.Hang();
  });
  const Instant before = os::BootClockNow();
  const absl::Status status = ConnectAndCall("request", absl::Milliseconds(200));
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_LT(os::BootClockNow() - before, absl::Seconds(10));
}

TEST_F(LinkTest, AServerThatTricklesMeetsTheDeadline) {
  Serve([](ScriptedPeer& peer) {
    peer.Send(Settings() + AnswerStart());
    while (peer.Send(testing::AnswerData(""))) {
    }
  });
  EXPECT_TRUE(absl::IsDeadlineExceeded(ConnectAndCall("request", absl::Milliseconds(200))));
}

TEST_F(LinkTest, AServerThatReadsNothingMeetsTheDeadline) {
  Serve([](ScriptedPeer& peer) {
    peer.Send(Settings({{4, 1u << 30}}) +
              testing::Frame(testing::kWindowFrame, 0, 0, testing::BigEndian(1u << 30, 4)));
    peer.Hang();
  });
  const absl::Status status = ConnectAndCall(std::string(50 << 20, 'x'), absl::Milliseconds(300));
  EXPECT_FALSE(status.ok());
}

TEST_F(LinkTest, ASilentServerIsAskedAndGivenUp) {
  Serve([](ScriptedPeer& peer) {
    peer.Send(Settings() + AnswerStart());
    peer.ReadToEnd();  // and answers no ping
  });
  const absl::Status status = ConnectAndCall();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("silent"));
}

TEST_F(LinkTest, AServerThatAnswersPingsMayThink) {
  Serve([](ScriptedPeer& peer) {
    peer.Send(Settings());
    int pings = 0;
    while (pings < 3) {
      const std::string bytes = peer.Read();
      if (bytes.empty()) return;
      for (const testing::SeenFrame& frame : testing::SeenFrames(bytes)) {
        if (frame.type != testing::kPingFrame) continue;
        ++pings;
        peer.Send(testing::Frame(testing::kPingFrame, testing::kAck, 0, frame.payload));
      }
    }
    peer.Send(Answer("thought"));
    peer.ReadToEnd();
  });
  EXPECT_TRUE(ConnectAndCall().ok());
  EXPECT_EQ(last_, "thought");
}

TEST_F(LinkTest, EndsAndResetsAreUnavailable) {
  for (bool reset : {false, true}) {
    Serve([reset](ScriptedPeer& peer) {
      peer.Send(Settings() + Answer("answer").substr(0, 50));
      peer.ReadUntil(GrpcMessage("request"));
      if (reset) peer.Reset();
    });
    const absl::Status status = ConnectAndCall();
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  }
}

// What was said before the end counts, although the server takes nothing more.
TEST_F(LinkTest, AnAnswerBeforeTheEndIsHeard) {
  Serve([](ScriptedPeer& peer) {
    peer.Send(Settings() + AnswerStart() + testing::AnswerEnd("8", "too much"));
    peer.Read();
  });
  const absl::Status status = ConnectAndCall(std::string(1 << 20, 'x'));
  EXPECT_EQ(status, absl::ResourceExhaustedError("too much"));
}

TEST_F(LinkTest, WaitingEndsWhenSomebodyWakesIt) {
  Serve([](ScriptedPeer& peer) {
    peer.Send(Settings());
    peer.Hang();
  });
  const os::UniqueFd wake(eventfd(1, EFD_CLOEXEC));
  const Patience patience = {absl::InfiniteDuration(), wake.get()};
  auto link = Connect();
  ASSERT_TRUE(link.ok());
  CallStart start;
  start.path = "/x";
  start.authority = "localhost";
  start.timeout = absl::InfiniteDuration();
  (*link)->connection().StartCall(std::move(start));
  EXPECT_EQ((*link)->Move(patience), Link::Event::kWoken);
}

TEST_F(LinkTest, AConnectionThatTheServerClosedIsNotUsedAgain) {
  Serve([](ScriptedPeer& peer) {
    peer.Send(Settings() + Answer("answer"));
    peer.ReadUntil(GrpcMessage("request"));
  });
  auto link = Connect();
  ASSERT_TRUE(link.ok());
  EXPECT_TRUE(Call(**link, "request").ok());
  server_.reset();
  EXPECT_FALSE((*link)->Refresh());
}

TEST_F(LinkTest, AServerThatNeverStopsTalkingIsNotUsedAgain) {
  Serve([](ScriptedPeer& peer) {
    peer.Send(Settings() + Answer("answer"));
    std::string words;
    for (int i = 0; i < 1000; ++i)
      words += testing::Frame(testing::kWindowFrame, 0, 0, testing::BigEndian(1, 4));
    while (peer.Send(words)) {
    }
  });
  auto link = Connect();
  ASSERT_TRUE(link.ok());
  EXPECT_TRUE(Call(**link, "request").ok());
  // It begins at some time, and may pause for a moment.
  bool refused = false;
  const Instant give_up = os::BootClockNow() + kLong;
  while (!refused && os::BootClockNow() < give_up) refused = !(*link)->Refresh();
  EXPECT_TRUE(refused);
}

TEST_F(LinkTest, AConnectionServesCallAfterCall) {
  Serve([](ScriptedPeer& peer) {
    peer.Send(Settings());
    for (uint32_t stream = 1; !peer.ReadUntil(GrpcMessage("request")).empty(); stream += 2) {
      peer.Send(Answer("answer " + std::to_string(stream), stream));
    }
  });
  auto link = Connect();
  ASSERT_TRUE(link.ok());
  for (int stream : {1, 3, 5}) {
    EXPECT_TRUE(Call(**link, "request").ok());
    EXPECT_EQ(last_, "answer " + std::to_string(stream));
    EXPECT_TRUE((*link)->Refresh());
  }
  EXPECT_EQ(server_->accepted(), 1);
}

}  // namespace
}  // namespace reeve::http2
