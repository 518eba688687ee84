#include "noded/pmixd/peer_wire.h"

#include <gtest/gtest.h>

namespace reeve::noded {
namespace {

const std::string kSecret = PeerSecret("the step's own secret");
const std::string kNonceA(kNonceBytes, 'a');
const PeerGreeting kGreeting{3, 0, kNonceA, std::string(kNonceBytes, 'd')};

TEST(PeerWire, AHelloIsTakenFromWhoKnowsTheSecret) {
  const std::string hello = Hello(kSecret, kGreeting);
  ASSERT_EQ(hello.size(), kHelloBytes);
  const std::optional<PeerGreeting> greeting = CheckHello(kSecret, 0, kNonceA, hello);
  ASSERT_TRUE(greeting.has_value());
  EXPECT_EQ(greeting->dialler, 3u);
  EXPECT_EQ(AcceptProof(kSecret, *greeting), AcceptProof(kSecret, kGreeting));
  EXPECT_EQ(FrameKey(kSecret, *greeting), FrameKey(kSecret, kGreeting));
}

TEST(PeerWire, AHelloIsOfOneSecretOneNonceAndOnePlace) {
  const std::string hello = Hello(kSecret, kGreeting);
  EXPECT_FALSE(CheckHello(PeerSecret("another"), 0, kNonceA, hello));
  EXPECT_FALSE(CheckHello(kSecret, 1, kNonceA, hello));
  EXPECT_FALSE(CheckHello(kSecret, 0, std::string(kNonceBytes, 'b'), hello));
  EXPECT_FALSE(CheckHello(kSecret, 0, kNonceA, hello.substr(1)));
  EXPECT_FALSE(CheckHello(kSecret, 0, kNonceA, ""));
  for (size_t i = 0; i < hello.size(); ++i) {
    std::string changed = hello;
    changed[i] ^= 1;
    EXPECT_FALSE(CheckHello(kSecret, 0, kNonceA, changed)) << "byte " << i;
  }
}

TEST(PeerWire, ProofsOfTheTwoSidesAndKeysDiffer) {
  EXPECT_NE(DialProof(kSecret, kGreeting), AcceptProof(kSecret, kGreeting));
  EXPECT_NE(AcceptProof(kSecret, kGreeting), FrameKey(kSecret, kGreeting));
  EXPECT_NE(NamespaceToken("a"), NamespaceToken("b"));
  EXPECT_EQ(NamespaceToken("a").size(), 32u);
  EXPECT_NE(PeerSecret("a"), "a");
}

TEST(PeerWire, FramesComeBackWholeFromPiecesOfAnySize) {
  const std::vector<std::string> payloads = {"", "x", std::string(1000, 'y'), "last"};
  FrameSealer sealer("key");
  std::string wire;
  for (const std::string& payload : payloads) wire += sealer.Seal(payload);
  for (size_t piece : {size_t{1}, size_t{3}, size_t{24}, wire.size()}) {
    FrameOpener opener("key");
    std::vector<std::string> got;
    for (size_t at = 0; at < wire.size(); at += piece) {
      opener.Append(std::string_view(wire).substr(at, piece));
      while (true) {
        auto next = opener.Next();
        ASSERT_TRUE(next.ok());
        if (!next->has_value()) break;
        got.push_back(**next);
      }
    }
    EXPECT_EQ(got, payloads);
  }
}

TEST(PeerWire, AFrameThatWasChangedRepeatedOrLeftOutIsRefused) {
  FrameSealer sealer("key");
  const std::string first = sealer.Seal("one"), second = sealer.Seal("two");
  for (size_t i = 4; i < first.size(); ++i) {
    std::string changed = first;
    changed[i] ^= 1;
    FrameOpener opener("key");
    opener.Append(changed);
    EXPECT_FALSE(opener.Next().ok()) << "byte " << i;
  }
  FrameOpener repeated("key");
  repeated.Append(first + first);
  EXPECT_TRUE(repeated.Next().ok());
  EXPECT_FALSE(repeated.Next().ok());
  FrameOpener left_out("key");
  left_out.Append(second);
  EXPECT_FALSE(left_out.Next().ok());
  FrameOpener other_key("another");
  other_key.Append(first);
  EXPECT_FALSE(other_key.Next().ok());
}

TEST(PeerWire, AFrameTooLongIsRefusedByItsLength) {
  FrameOpener opener("key");
  opener.Append(std::string("\x01\x00\x10\x04", 4) + "...");  // 65 MiB and a byte
  EXPECT_FALSE(opener.Next().ok());
  FrameOpener longest("key");
  longest.Append(std::string("\x00\x00\x10\x04", 4));
  EXPECT_TRUE(longest.Next().ok());
}

}  // namespace
}  // namespace reeve::noded
