#include "common/rpc/session.h"

#include <gtest/gtest.h>

namespace reeve::rpc {
namespace {

TEST(Binding, HoldsForItsOwnCallOnly) {
  const std::string payload = BindCall("Controller/SubmitJob", "request", "");
  EXPECT_TRUE(CheckBinding(payload, "Controller/SubmitJob", "request").ok());
  EXPECT_FALSE(CheckBinding(payload, "Controller/CancelJobs", "request").ok());
  EXPECT_FALSE(CheckBinding(payload, "Controller/SubmitJob", "requesu").ok());
  EXPECT_FALSE(CheckBinding(payload, "Controller/SubmitJob", "").ok());
}

TEST(Binding, MethodAndRequestDoNotFlowTogether) {
  EXPECT_FALSE(CheckBinding(BindCall("A/B", "C", ""), "A/BC", "").ok());
}

TEST(Binding, EveryChangedByteIsNoticed) {
  const std::string payload = BindCall("M/N", "r", std::string(kKeyBytes, 'k'));
  for (size_t i = 0; i < payload.size() - kKeyBytes; ++i) {
    std::string changed = payload;
    changed[i] ^= 1;
    EXPECT_FALSE(CheckBinding(changed, "M/N", "r").ok()) << i;
  }
  for (size_t length = 0; length < payload.size(); ++length) {
    if (length == payload.size() - kKeyBytes) continue;  // a whole unary payload
    EXPECT_FALSE(CheckBinding(payload.substr(0, length), "M/N", "r").ok()) << length;
  }
  EXPECT_EQ(*CheckBinding(payload, "M/N", "r"), std::string(kKeyBytes, 'k'));
}

class SessionTest : public ::testing::Test {
 protected:
  Session client_{std::string(kKeyBytes, 'k'), Session::End::kClient};
  Session server_{std::string(kKeyBytes, 'k'), Session::End::kServer};
};

TEST_F(SessionTest, BothWays) {
  EXPECT_EQ(*server_.Open(client_.Seal("hello")), "hello");
  EXPECT_EQ(*client_.Open(server_.Seal("")), "");
  EXPECT_EQ(*server_.Open(client_.Seal("again")), "again");
}

TEST_F(SessionTest, ARepeatedMessageIsRefused) {
  const std::string sealed = client_.Seal("pay 10");
  EXPECT_TRUE(server_.Open(sealed).ok());
  EXPECT_FALSE(server_.Open(sealed).ok());
}

TEST_F(SessionTest, AMissingMessageIsNoticed) {
  client_.Seal("first");
  EXPECT_FALSE(server_.Open(client_.Seal("second")).ok());
}

TEST_F(SessionTest, NothingIsBelievedAfterARefusedMessage) {
  std::string first = client_.Seal("first");
  first.back() ^= 1;
  EXPECT_FALSE(server_.Open(first).ok());
  EXPECT_FALSE(server_.Open(client_.Seal("second")).ok());
}

TEST_F(SessionTest, AMessageThrownBackIsRefused) {
  EXPECT_FALSE(client_.Open(client_.Seal("mine")).ok());
}

TEST_F(SessionTest, ChangedOrForeignMessagesAreRefused) {
  std::string sealed = client_.Seal("hello");
  sealed.back() ^= 1;
  EXPECT_FALSE(server_.Open(sealed).ok());
  Session stranger(std::string(kKeyBytes, 'x'), Session::End::kClient);
  EXPECT_FALSE(
      Session(std::string(kKeyBytes, 'k'), Session::End::kServer).Open(stranger.Seal("a")).ok());
  EXPECT_FALSE(server_.Open("short").ok());
}

}  // namespace
}  // namespace reeve::rpc
