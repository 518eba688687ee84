// A real server over loopback among peers that speak no protocol, half of one, too much of it, or
// do not listen: it lives, answers others, and keeps nothing of them once they are gone.
#include <arpa/inet.h>
#include <dirent.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <condition_variable>
#include <mutex>
#include <random>

#include "common/rpc/client.h"
#include "common/rpc/server.h"
#include "common/rpc/session.h"
#include "reeve/v1/ctld.pb.h"
#include "tests/support/private_munged.h"

namespace reeve::rpc {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(30);
// How HTTP/2 begins: the preface and an empty SETTINGS frame.
constexpr std::string_view kPreface("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);

size_t OpenDescriptors() {
  DIR* folder = opendir("/proc/self/fd");
  size_t count = 0;
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count;
}

bool Eventually(const std::function<bool()>& condition) {
  const absl::Time deadline = absl::Now() + kPatience;
  while (!condition()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(5));
  }
  return true;
}

class HostileClientTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { munged_ = new testing::PrivateMunged; }
  static void TearDownTestSuite() { delete munged_; }

  void SetUp() override {
    port_ = FreePort();
    const std::string address = "127.0.0.1:" + std::to_string(port_);
    server_ = std::make_unique<Server>(
        Server::Options{{address}, munged_->munge(), Trust{getuid(), getuid(), {}}});
    server_->Handle("Controller/Ping", [](std::shared_ptr<Call> call) {
      v1::PingResponse out;
      out.set_host("here");
      call->Reply(out);
    });
    server_->HandleStream("Controller/NodeStream", [this](std::shared_ptr<ServerStream> stream) {
      std::lock_guard lock(mutex_);
      stream_ = std::move(stream);
      return ServerStream::Events{.on_message = [](std::string) {},
                                  .on_closed =
                                      [this] {
                                        std::lock_guard lock(mutex_);
                                        closed_ = true;
                                      }};
    });
    ASSERT_TRUE(server_->Start().ok());
    channel_ = std::make_unique<Channel>(address, munged_->munge());
    ASSERT_TRUE(Answers());
  }

  static uint16_t FreePort() {
    os::UniqueFd probe(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    bind(probe.get(), reinterpret_cast<sockaddr*>(&address), length);
    getsockname(probe.get(), reinterpret_cast<sockaddr*>(&address), &length);
    return ntohs(address.sin_port);
  }

  os::UniqueFd Connect() const {
    os::UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fd.reset();
    return fd;
  }

  bool Answers() {
    auto answer = channel_->Call<v1::PingResponse>("Controller/Ping", v1::PingRequest(), kPatience);
    return answer.ok() && answer->host() == "here";
  }

  static testing::PrivateMunged* munged_;
  uint16_t port_ = 0;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Channel> channel_;
  std::mutex mutex_;
  std::shared_ptr<ServerStream> stream_;
  bool closed_ = false;
};
testing::PrivateMunged* HostileClientTest::munged_ = nullptr;

TEST_F(HostileClientTest, NonsenseIsHungUpOn) {
  std::mt19937 random(7);
  std::vector<std::string> openings = {
      "GET / HTTP/1.1\r\nHost: x\r\n\r\n", std::string("\x16\x03\x01\x02\x00\x01\x00\x01", 8),
      std::string(64 << 10, '\0'),
      // A frame that says it is 16 MiB long, and one of no known type on no stream.
      std::string(kPreface) + std::string("\xff\xff\xff\0\0\0\0\0\1", 9),
      std::string(kPreface) + std::string("\0\0\4\x77\xff\x7f\xff\xff\xff"
                                          "abcd",
                                          13)};
  for (int i = 0; i < 20; ++i) {
    std::string noise(i % 2 == 0 ? "" : std::string(kPreface));
    for (int j = 0; j < 2000; ++j) noise += static_cast<char>(random());
    openings.push_back(noise);
  }
  const size_t before = OpenDescriptors();
  {
    std::vector<os::UniqueFd> peers;
    for (const std::string& opening : openings) {
      peers.push_back(Connect());
      ASSERT_TRUE(peers.back().valid());
      // It may have hung up before the last byte.
      (void)send(peers.back().get(), opening.data(), opening.size(), MSG_NOSIGNAL);
    }
    EXPECT_TRUE(Answers());
  }
  EXPECT_TRUE(Eventually([&] { return OpenDescriptors() <= before; })) << "descriptors stay open";
  EXPECT_TRUE(Answers());
}

TEST_F(HostileClientTest, HalfOpenConnectionsKeepNobodyOut) {
  const size_t before = OpenDescriptors();
  {
    std::vector<os::UniqueFd> peers;
    for (int i = 0; i < 100; ++i) {
      peers.push_back(Connect());
      if (!peers.back().valid()) continue;  // refused: as good
      const std::string_view part = kPreface.substr(0, i % (kPreface.size() + 1));
      (void)send(peers.back().get(), part.data(), part.size(), MSG_NOSIGNAL);
    }
    EXPECT_TRUE(Answers());
  }
  EXPECT_TRUE(Eventually([&] { return OpenDescriptors() <= before; })) << "descriptors stay open";
}

TEST_F(HostileClientTest, ARequestThatIsTooLargeIsRefused) {
  v1::PingResponse large;
  large.set_host(std::string(size_t{65} << 20, 'x'));
  auto answer = channel_->Call<v1::PingResponse>("Controller/Ping", large, kPatience);
  ASSERT_FALSE(answer.ok());
  EXPECT_FALSE(answer.status().message().empty());
  EXPECT_TRUE(Answers());
}

TEST_F(HostileClientTest, AMethodThatIsNoneIsRefused) {
  for (const char* method : {"Controller/NoSuch", "NoSuch/Ping", ""}) {
    auto answer = channel_->Call<v1::PingResponse>(method, v1::PingRequest(), kPatience);
    EXPECT_FALSE(answer.ok()) << method;
  }
  EXPECT_TRUE(Answers());
}

// A stream's reader that never reads: what waits for it is counted, and gone with it.
TEST_F(HostileClientTest, AReaderThatStopsIsSeenByTheWriter) {
  std::mutex reading;  // held: the client's callbacks hang
  reading.lock();
  auto stream = channel_->OpenStream(
      "Controller/NodeStream", v1::NodeMessage(), getuid(),
      Stream::Events{[&](std::string) { std::lock_guard lock(reading); }, [](absl::Status) {}});
  ASSERT_TRUE(stream.ok()) << stream.status();
  std::shared_ptr<ServerStream> ours;
  ASSERT_TRUE(Eventually([&] {
    std::lock_guard lock(mutex_);
    ours = stream_;
    return ours != nullptr;
  }));
  v1::ControllerMessage message;
  message.mutable_launch()->set_script(std::string(1 << 20, 's'));
  for (int i = 0; i < 24; ++i) ours->Send(message);
  // The network takes a part; the rest waits, and says so.
  EXPECT_GT(ours->queued_bytes(), size_t{1} << 20);
  EXPECT_TRUE(Answers());
  reading.unlock();
  stream->reset();
  EXPECT_TRUE(Eventually([&] {
    std::lock_guard lock(mutex_);
    return closed_ && ours->queued_bytes() == 0;
  }));
}

}  // namespace
}  // namespace reeve::rpc
