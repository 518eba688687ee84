#include "noded/pmixd/peer_net.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include "absl/time/clock.h"

namespace reeve::noded {
namespace {

using testing::ElementsAre;
using testing::Pair;

// The servers of a step, all in one loop.
class PeerNetTest : public testing::Test {
 protected:
  struct Node {
    std::unique_ptr<PeerNet> net;
    std::vector<std::pair<uint32_t, std::string>> got;
    std::vector<uint32_t> lost;
  };

  void Start(uint32_t count, PeerNet::Times times = {}) {
    nodes_.resize(count);
    for (uint32_t i = 0; i < count; ++i) Add(i, count, "secret", times);
  }
  void Add(uint32_t i, uint32_t count, const std::string& secret, PeerNet::Times times) {
    Node& node = nodes_[i];
    node.net = std::make_unique<PeerNet>(
        &loop_, i, count, secret,
        PeerNet::Events{[&node](uint32_t from, std::string payload) {
                          node.got.emplace_back(from, std::move(payload));
                        },
                        [&node](uint32_t peer, const std::string&) { node.lost.push_back(peer); }},
        times);
    ASSERT_TRUE(node.net->Listen().ok());
  }
  void Introduce() {
    std::vector<PeerNet::Address> table;
    for (const Node& node : nodes_) table.push_back({"127.0.0.1", node.net->port()});
    for (Node& node : nodes_) node.net->SetPeers(table);
  }
  bool RunUntil(const std::function<bool()>& done) {
    const absl::Time deadline = absl::Now() + absl::Seconds(10);
    while (!done() && absl::Now() < deadline) {
      if (!loop_.RunOnce()) absl::SleepFor(absl::Milliseconds(1));
    }
    return done();
  }
  os::UniqueFd Connect(const PeerNet& net) {
    os::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(net.port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return socket;
  }
  // What the other side sent until it closed; nothing while it has not.
  std::optional<std::string> UntilClosed(int socket) {
    std::string all;
    bool closed = false;
    RunUntil([&] {
      char buffer[256];
      const ssize_t got = recv(socket, buffer, sizeof(buffer), MSG_DONTWAIT);
      if (got > 0) all.append(buffer, static_cast<size_t>(got));
      closed = got == 0 || (got < 0 && errno == ECONNRESET);
      return closed;
    });
    if (!closed) return std::nullopt;
    return all;
  }

  os::EventLoop loop_;
  std::vector<Node> nodes_;
};

TEST_F(PeerNetTest, MessagesArriveInTheirOrder) {
  Start(3);
  nodes_[0].net->Send(1, "before the table");
  Introduce();
  nodes_[0].net->Send(1, "after it");
  nodes_[1].net->Send(0, std::string(3 << 20, 'x'));
  nodes_[2].net->Send(0, "y");
  ASSERT_TRUE(RunUntil([&] { return nodes_[0].got.size() == 2 && nodes_[1].got.size() == 2; }));
  nodes_[0].net->Send(1, "on the open connection");
  ASSERT_TRUE(RunUntil([&] { return nodes_[1].got.size() == 3; }));
  EXPECT_THAT(nodes_[1].got, ElementsAre(Pair(0, "before the table"), Pair(0, "after it"),
                                         Pair(0, "on the open connection")));
  EXPECT_TRUE(nodes_[0].net->idle());
  EXPECT_TRUE(nodes_[2].got.empty());
}

TEST_F(PeerNetTest, AStrangerIsDroppedUnheard) {
  Start(2);
  Introduce();
  os::UniqueFd stranger = Connect(*nodes_[0].net);
  ASSERT_EQ(send(stranger.get(), std::string(4096, 'z').data(), 4096, MSG_NOSIGNAL), 4096);
  const std::optional<std::string> said = UntilClosed(stranger.get());
  ASSERT_TRUE(said.has_value());
  EXPECT_LE(said->size(), kNonceBytes);  // it has learnt a number made for it, at most
  EXPECT_TRUE(nodes_[0].got.empty());
  EXPECT_TRUE(nodes_[0].lost.empty());
  nodes_[1].net->Send(0, "still here");
  EXPECT_TRUE(RunUntil([&] { return !nodes_[0].got.empty(); }));
}

TEST_F(PeerNetTest, OneWhoSaysNothingIsDroppedToo) {
  Start(2, {.greeting = absl::Milliseconds(200)});
  os::UniqueFd stranger = Connect(*nodes_[0].net);
  EXPECT_TRUE(UntilClosed(stranger.get()).has_value());
}

TEST_F(PeerNetTest, ManyStrangersDoNotKeepAPeerOut) {
  Start(2, {.greeting = absl::Minutes(5)});
  std::vector<os::UniqueFd> strangers;
  for (int i = 0; i < 100; ++i) {
    strangers.push_back(Connect(*nodes_[0].net));
    while (loop_.RunOnce()) {
    }
  }
  EXPECT_TRUE(UntilClosed(strangers[0].get()).has_value());  // the oldest made room
  Introduce();
  nodes_[1].net->Send(0, "through");
  EXPECT_TRUE(RunUntil([&] { return !nodes_[0].got.empty(); }));
}

TEST_F(PeerNetTest, OneWithAnotherSecretIsNotSpokenTo) {
  nodes_.resize(2);
  const PeerNet::Times times{.pause = absl::Milliseconds(1)};
  Add(0, 2, "secret", times);
  Add(1, 2, "another", times);
  Introduce();
  nodes_[0].net->Send(1, "for a friend");
  nodes_[1].net->Send(0, "for a fool");
  ASSERT_TRUE(RunUntil([&] { return !nodes_[0].lost.empty() && !nodes_[1].lost.empty(); }));
  EXPECT_TRUE(nodes_[0].got.empty());
  EXPECT_TRUE(nodes_[1].got.empty());
}

TEST_F(PeerNetTest, APeerThatGoesIsTold) {
  Start(2);
  Introduce();
  nodes_[0].net->Send(1, "hello");
  ASSERT_TRUE(RunUntil([&] { return !nodes_[1].got.empty(); }));
  nodes_[1].net.reset();
  ASSERT_TRUE(RunUntil([&] { return !nodes_[0].lost.empty(); }));
  EXPECT_THAT(nodes_[0].lost, ElementsAre(1));
}

TEST_F(PeerNetTest, NothingWaitsForEverForATable) {
  Start(2, {.table = absl::Milliseconds(100)});
  nodes_[0].net->Send(1, "hello");
  EXPECT_TRUE(RunUntil([&] { return !nodes_[0].lost.empty(); }));
}

TEST_F(PeerNetTest, APortWhereNobodyListensIsGivenUp) {
  Start(2, {.pause = absl::Milliseconds(1)});
  Introduce();
  nodes_[1].net.reset();
  nodes_[0].net->Send(1, "hello");
  EXPECT_TRUE(RunUntil([&] { return !nodes_[0].lost.empty(); }));
  EXPECT_TRUE(nodes_[0].net->idle());
}

}  // namespace
}  // namespace reeve::noded
