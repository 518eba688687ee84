// Clients that ask for too much, say nothing or read nothing: they are held back or dropped, and
// nobody else notices.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>

#include "common/os/log.h"
#include "common/rpc/admission.h"
#include "common/rpc/fair_queue.h"
#include "common/rpc/token_buckets.h"
#include "reeve/v1/ctld.pb.h"
#include "rpc_fixture.h"
#include "tests/support/as_user.h"
#include "tests/support/raw_client.h"

namespace reeve::rpc {
namespace {

using testing::RawCall;

constexpr uid_t kUser = 1000, kOther = 1001;

bool Eventually(const std::function<bool()>& condition) {
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (!condition()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(5));
  }
  return true;
}

class LimitsTest : public RpcFixture {
 protected:
  // Nobody of the test is an administrator unless it says so: those are not limited.
  void Serve(Limits limits, uid_t slurm_user = 64030) {
    Make({.slurm_user = slurm_user, .slurmd_user = slurm_user}, limits);
    server_->Handle("Controller/Ping",
                    [](std::shared_ptr<Call> call) { call->Reply(v1::PingResponse()); });
    server_->Handle("Controller/WaitJob", [this](std::shared_ptr<Call> call) {
      held_.Put(std::move(call));  // until the test lets it go
    });
    server_->HandleStream("NodeDaemon/StepIo", [this](std::shared_ptr<ServerStream> stream) {
      streams_.Put(stream);
      return ServerStream::Events{[](std::string) {}, [this] { closed_.Put("closed"); }};
    });
    server_->Handle("Controller/QueryJobs", [this](std::shared_ptr<Call> call) {
      listing_ = call;
      WriteMore(call);
    });
    Start();
  }
  // An answer without end, in parts of 64 KiB, of which 256 KiB may wait to be read.
  void WriteMore(const std::shared_ptr<Call>& call) {
    v1::GetConfigResponse part;
    part.set_text(std::string(64 << 10, 'x'));
    while (!call->cancelled()) {
      call->Write(part);
      ++parts_;
      most_queued_ = std::max(most_queued_.load(), call->queued_bytes());
      if (call->queued_bytes() > (256 << 10)) {
        return call->OnRoom(128 << 10, [this, call] { WriteMore(call); });
      }
    }
    ended_ = true;
  }

  std::string Credential(const std::string& method, const std::string& bytes = "",
                         bool stream = false) {
    return *munged_->munge().Encode(BindCall(method, bytes, stream ? RandomBytes(kKeyBytes) : ""));
  }
  // A call that is answered only when the test lets go of what is in held_.
  std::unique_ptr<RawCall> Hold(uid_t uid) {
    std::unique_ptr<RawCall> call;
    testing::AsUser(uid, [&] {
      call = std::make_unique<RawCall>(target_, "Controller/WaitJob",
                                       Credential("Controller/WaitJob"));
    });
    call->Write("");
    return call;
  }
  // One attempt, as `uid`.
  absl::Status Ask(uid_t uid, const std::string& bytes = "") {
    std::string credential;
    testing::AsUser(uid, [&] { credential = Credential("Controller/Ping", bytes); });
    return testing::RawUnary(target_, "Controller/Ping", credential, bytes);
  }
  int Connect() {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un name = {};
    name.sun_family = AF_UNIX;
    strcpy(name.sun_path, (dir_ / "socket").c_str());
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
    return fd;
  }
  // The server has closed it, perhaps after a word.
  static bool IsClosed(int fd) {
    char buffer[256];
    return Eventually([&] {
      const ssize_t got = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
      return got == 0 || (got < 0 && errno != EAGAIN);
    });
  }

  Inbox<std::shared_ptr<Call>> held_;
  Inbox<std::shared_ptr<ServerStream>> streams_;
  Inbox<> closed_;
  std::shared_ptr<Call> listing_;
  std::atomic<size_t> parts_ = 0, most_queued_ = 0;
  std::atomic<bool> ended_ = false;
};

// ---- sizes --------------------------------------------------------------------------------------

TEST_F(LimitsTest, AMessageThatIsTooLargeIsRefusedAndTheServerGoesOn) {
  Serve({.max_message_bytes = 1000});
  EXPECT_TRUE(Ask(getuid(), std::string(900, 'x')).ok());
  const absl::Status status = Ask(getuid(), std::string(2000, 'x'));
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_FALSE(IsBackoff(status)) << "asking again would not help";
  EXPECT_TRUE(Ask(getuid()).ok());
}

// ---- calls and streams of a user ----------------------------------------------------------------

TEST_F(LimitsTest, OfOneUserOnlySoManyCallsAreOpen) {
  REEVE_NEEDS_ROOT();
  Serve({.max_calls_of_user = 2});
  auto first = Hold(kUser), second = Hold(kUser);
  ASSERT_EQ(held_.Wait(2).size(), 2u);
  EXPECT_TRUE(IsBackoff(Ask(kUser))) << Ask(kUser);
  EXPECT_TRUE(Ask(kOther).ok()) << "others are not concerned";
  held_.Wait(2)[0]->Finish(absl::OkStatus());
  EXPECT_TRUE(Eventually([&] { return Ask(kUser).ok(); }));
  held_.Wait(2)[1]->Finish(absl::OkStatus());
}

TEST_F(LimitsTest, ACallWhoseClientHasGoneIsNotCounted) {
  REEVE_NEEDS_ROOT();
  Serve({.max_calls_of_user = 1});
  Hold(kUser).reset();
  EXPECT_TRUE(Eventually([&] { return Ask(kUser).ok(); }));
}

TEST_F(LimitsTest, ClientsComeAgainByThemselves) {
  REEVE_NEEDS_ROOT();
  Serve({.max_calls_of_user = 1});
  auto holding = Hold(kUser);
  ASSERT_EQ(held_.Wait(1).size(), 1u);
  std::atomic<bool> answered = false;
  std::thread client([&] {
    testing::AsUser(kUser, [&] {
      answered = Dial().Call<v1::PingResponse>("Controller/Ping", v1::PingRequest()).ok();
    });
  });
  EXPECT_TRUE(IsBackoff(Ask(kUser)));
  EXPECT_FALSE(answered);
  held_.Wait(1)[0]->Finish(absl::OkStatus());
  client.join();
  EXPECT_TRUE(answered);
}

TEST_F(LimitsTest, RequestsOfOpenCallsAreCountedInBytes) {
  REEVE_NEEDS_ROOT();
  Serve({.max_bytes_of_user = 1000});
  Admission admission({.max_bytes_of_user = 1000});
  const absl::Time now = absl::Now();
  EXPECT_TRUE(admission.Enter({kUser, false, 600}, now).ok());
  EXPECT_TRUE(IsBackoff(admission.Enter({kUser, false, 600}, now)));
  EXPECT_TRUE(admission.Enter({kOther, false, 600}, now).ok());
  admission.Leave({kUser, false, 600});
  // A single one may always come: its size has a limit of its own.
  EXPECT_TRUE(admission.Enter({kUser, false, 5000}, now).ok());
}

TEST_F(LimitsTest, OfOneUserOnlySoManyStreamsAreOpen) {
  REEVE_NEEDS_ROOT();
  Serve({.max_streams_of_user = 2});
  const auto open = [&](uid_t uid) {
    std::string credential;
    testing::AsUser(uid, [&] { credential = Credential("NodeDaemon/StepIo", "", true); });
    auto call = std::make_unique<RawCall>(target_, "NodeDaemon/StepIo", credential);
    call->Write("");
    return call;
  };
  auto first = open(kUser), second = open(kUser);
  ASSERT_EQ(streams_.Wait(2).size(), 2u);
  EXPECT_TRUE(IsBackoff(open(kUser)->Finish()));
  auto others = open(kOther);
  EXPECT_EQ(streams_.Wait(3).size(), 3u);
  EXPECT_TRUE(Ask(kUser).ok()) << "calls are counted apart";
  first.reset();
  EXPECT_EQ(closed_.Wait(1).size(), 1u);
  auto third = open(kUser);
  EXPECT_EQ(streams_.Wait(4).size(), 4u);
}

// ---- requests a second --------------------------------------------------------------------------

TEST_F(LimitsTest, WhoAsksTooOftenIsToldToWaitAndOthersAreNot) {
  REEVE_NEEDS_ROOT();
  Limits limits;
  limits.rate = {.enabled = true, .bucket_size = 3, .refill_period = absl::Hours(1)};
  Serve(limits);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Ask(kUser).ok()) << i;
  EXPECT_TRUE(IsBackoff(Ask(kUser)));
  EXPECT_TRUE(Ask(kOther).ok());
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(Ask(64030).ok()) << "administrators are not limited";
}

TEST_F(LimitsTest, AClientWaitsForItsNextToken) {
  REEVE_NEEDS_ROOT();
  Limits limits;
  limits.rate = {.enabled = true,
                 .bucket_size = 1,
                 .refill_rate = 1,
                 .refill_period = absl::Milliseconds(500)};
  Serve(limits);
  testing::AsUser(kUser, [&] {
    for (int i = 0; i < 3; ++i) {
      const auto answer = Dial().Call<v1::PingResponse>("Controller/Ping", v1::PingRequest());
      EXPECT_TRUE(answer.ok()) << answer.status();
    }
  });
}

TEST(TokenBuckets, RefillAtASteadyRate) {
  TokenBuckets buckets(
      {.enabled = true, .bucket_size = 4, .refill_rate = 2, .refill_period = absl::Seconds(1)});
  const absl::Time start = absl::FromUnixSeconds(1000);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(buckets.Take(1, start));
  EXPECT_FALSE(buckets.Take(1, start));
  EXPECT_TRUE(buckets.Take(2, start));
  EXPECT_FALSE(buckets.Take(1, start + absl::Milliseconds(999)));
  EXPECT_TRUE(buckets.Take(1, start + absl::Seconds(1)));
  EXPECT_TRUE(buckets.Take(1, start + absl::Seconds(1)));
  EXPECT_FALSE(buckets.Take(1, start + absl::Seconds(1)));
  // However long it rests, a bucket holds no more than its size.
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(buckets.Take(1, start + absl::Hours(1000000)));
  EXPECT_FALSE(buckets.Take(1, start + absl::Hours(1000000)));
}

TEST(TokenBuckets, TheTableDoesNotGrow) {
  TokenBuckets buckets({.enabled = true, .bucket_size = 2, .table_size = 10});
  const absl::Time start = absl::FromUnixSeconds(1000);
  for (uid_t uid = 0; uid < 1000; ++uid) EXPECT_TRUE(buckets.Take(uid, start));
  EXPECT_EQ(buckets.size(), 10u);
  EXPECT_TRUE(buckets.Take(5000, start + absl::Seconds(10)));  // the ten have rested
  EXPECT_EQ(buckets.size(), 1u);
}

// ---- fair turns ---------------------------------------------------------------------------------

TEST(FairQueue, ABusyUserDelaysOthersByOneRequest) {
  Inbox<> ran, gate;
  FairQueue queue(1);
  queue.Run(1, [&] { gate.Wait(1); });
  for (int i = 0; i < 1000; ++i) queue.Run(1, [&] { ran.Put("busy"); });
  queue.Run(2, [&] { ran.Put("other"); });
  gate.Put("open");
  const std::vector<std::string> order = ran.Wait(1001);
  EXPECT_LE(std::find(order.begin(), order.end(), "other") - order.begin(), 1);
}

TEST(FairQueue, AUserDoesNotTakeAllThreads) {
  Inbox<> gate, ran;
  FairQueue queue(3);
  for (int i = 0; i < 10; ++i) queue.Run(1, [&] { gate.Wait(1); });
  queue.Run(2, [&] { ran.Put("other"); });
  EXPECT_EQ(ran.Wait(1).size(), 1u);
  gate.Put("open");
}

TEST(FairQueue, StopDropsWhatHasNotBegun) {
  Inbox<> gate;
  std::atomic<int> ran = 0;
  FairQueue queue(1);
  queue.Run(1, [&] { gate.Wait(1); });
  for (int i = 0; i < 10; ++i) queue.Run(1, [&] { ++ran; });
  std::thread opener([&] { gate.Put("open"); });
  queue.Stop();
  opener.join();
  queue.Run(1, [&] { ++ran; });
  const int after = ran;
  EXPECT_LE(after, 10);
  EXPECT_EQ(ran, after);
}

// ---- clients that say nothing -------------------------------------------------------------------

TEST_F(LimitsTest, ACallWithoutAMessageEnds) {
  Serve({.first_message = absl::Milliseconds(100)});
  RawCall silent(target_, "Controller/Ping", Credential("Controller/Ping"));
  EXPECT_FALSE(silent.Finish().ok());
  RawCall silent_stream(target_, "NodeDaemon/StepIo", Credential("NodeDaemon/StepIo", "", true));
  EXPECT_FALSE(silent_stream.Finish().ok());
  EXPECT_TRUE(Ask(getuid()).ok());
}

TEST_F(LimitsTest, HalfOpenCallsMakeRoomForHonestOnes) {
  Serve({.max_unknown_calls = 8, .max_unknown_calls_of_peer = 4, .first_message = absl::Hours(1)});
  std::vector<std::unique_ptr<RawCall>> silent;
  for (int i = 0; i < 20; ++i) {
    silent.push_back(std::make_unique<RawCall>(target_, "Controller/Ping", std::nullopt));
  }
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(Ask(getuid()).ok()) << i;
  EXPECT_FALSE(silent[0]->Finish().ok()) << "the oldest was ended";
}

TEST_F(LimitsTest, AConnectionThatSaysNothingIsClosed) {
  Serve({.handshake = absl::Milliseconds(200)});
  const int fd = Connect();
  EXPECT_TRUE(IsClosed(fd));
  close(fd);
  EXPECT_TRUE(Ask(getuid()).ok());
}

TEST_F(LimitsTest, AnIdleConnectionIsClosed) {
  Serve({.idle = absl::Milliseconds(200), .handshake = absl::Seconds(20)});
  const int fd = Connect();
  const char hello[] =
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
      "\0\0\0\4\0\0\0\0\0";  // the preface and empty settings, and then nothing
  ASSERT_EQ(write(fd, hello, 24 + 9), 24 + 9);
  EXPECT_TRUE(IsClosed(fd));
  close(fd);
}

// ---- clients that read nothing ------------------------------------------------------------------

TEST_F(LimitsTest, AnswersAreWrittenAsFastAsTheyAreRead) {
  Serve({.unread = absl::Hours(1)});
  RawCall call(target_, "Controller/QueryJobs", Credential("Controller/QueryJobs"),
               absl::Minutes(2));  // a sanitizer's build is slow
  call.Write("");
  size_t before = 0;
  // Nothing is read: it comes to rest.
  ASSERT_TRUE(Eventually([&] {
    const size_t now = parts_;
    if (now > 0 && now == before) return true;
    before = now;
    absl::SleepFor(absl::Milliseconds(50));
    return false;
  }));
  EXPECT_LT(most_queued_, 1u << 20);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(call.Skip());
  EXPECT_TRUE(Eventually([&] { return parts_ > before + 50; }));
  EXPECT_LT(most_queued_, 1u << 20);
}

TEST_F(LimitsTest, AClientThatReadsNothingIsDropped) {
  Serve({.unread = absl::Milliseconds(300)});
  RawCall call(target_, "Controller/QueryJobs", Credential("Controller/QueryJobs"));
  call.Write("");
  EXPECT_TRUE(Eventually([&] { return ended_.load(); }));
  EXPECT_TRUE(Ask(getuid()).ok());
}

TEST_F(LimitsTest, AStreamThatIsNotReadDoesNotGrowWithoutBound) {
  Serve({.max_queued_bytes = 1 << 20, .first_message = absl::Milliseconds(200)});
  RawCall call(target_, "NodeDaemon/StepIo", Credential("NodeDaemon/StepIo", "", true));
  call.Write("");
  ASSERT_EQ(streams_.Wait(1).size(), 1u);
  v1::GetConfigResponse part;
  part.set_text(std::string(1 << 20, 'x'));
  for (int i = 0; i < 4; ++i) streams_.Wait(1)[0]->Send(part);
  EXPECT_EQ(closed_.Wait(1).size(), 1u);
}

// ---- connections --------------------------------------------------------------------------------

TEST_F(LimitsTest, OnlySoManyConnectionsAreOpen) {
  Serve({.max_connections = 8, .max_connections_of_peer = 3, .handshake = absl::Hours(1)});
  std::vector<int> open = {Connect(), Connect(), Connect()};
  const int fourth = Connect();
  EXPECT_TRUE(IsClosed(fourth));
  close(fourth);
  close(open.back());
  open.pop_back();
  EXPECT_TRUE(Eventually([&] { return Ask(getuid()).ok(); })) << "one has made room";
  for (int fd : open) close(fd);
}

TEST_F(LimitsTest, OneWithoutPrivilegesLeavesRoomForOthers) {
  REEVE_NEEDS_ROOT();
  Serve({.max_connections = 8, .max_connections_of_peer = 3, .handshake = absl::Hours(1)});
  std::vector<int> open;
  testing::AsUser(kUser, [&] {
    for (int i = 0; i < 6; ++i) open.push_back(Connect());
  });
  EXPECT_TRUE(IsClosed(open[5]));
  EXPECT_TRUE(Ask(getuid()).ok());
  for (int fd : open) close(fd);
}

TEST_F(LimitsTest, ItAcceptsAgainAfterThereWereNoFilesLeft) {
  Serve({.max_connections = 100000, .max_connections_of_peer = 100000});
  std::vector<int> sockets;
  for (int i = 0; i < 30; ++i) sockets.push_back(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  rlimit before = {};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit few = before;
  few.rlim_cur = static_cast<rlim_t>(sockets.back()) + 5;
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  strcpy(name.sun_path, (dir_ / "socket").c_str());
  // UBSan looks at the first object of a class through a pipe, which it could not open then.
  os::LogWarn("files will run out");
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  for (int fd : sockets) {
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  }
  const bool shed = IsClosed(sockets.back());
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_TRUE(shed);
  for (int fd : sockets) close(fd);
  EXPECT_TRUE(Eventually([&] { return Ask(getuid()).ok(); }));
}

TEST_F(LimitsTest, ADaemonThatCannotStartLeavesTheOthersSocketAlone) {
  Serve({});
  const int taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in name = {};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof name;
  ASSERT_EQ(bind(taken, reinterpret_cast<sockaddr*>(&name), size), 0);
  ASSERT_EQ(listen(taken, 1), 0);
  ASSERT_EQ(getsockname(taken, reinterpret_cast<sockaddr*>(&name), &size), 0);
  Server second(Server::Options{{target_, "127.0.0.1:" + std::to_string(ntohs(name.sin_port))},
                                munged_->munge(),
                                {},
                                {},
                                {}});
  EXPECT_FALSE(second.Start().ok());
  EXPECT_TRUE(Ask(getuid()).ok());
  close(taken);
}

}  // namespace
}  // namespace reeve::rpc
