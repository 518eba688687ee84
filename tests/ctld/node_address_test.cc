#include "ctld/node_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reeve::ctld {
namespace {

using ::testing::HasSubstr;

TEST(AddressOfPeer, AsGrpcWritesThem) {
  EXPECT_EQ(AddressOfPeer("ipv4:10.0.0.1:40000"), "10.0.0.1");
  EXPECT_EQ(AddressOfPeer("ipv6:%5Bfe80::1%5D:40000"), "fe80::1");
  EXPECT_EQ(AddressOfPeer("ipv6:[2001:db8::0:1]:40000"), "2001:db8::1");
  EXPECT_EQ(AddressOfPeer("ipv6:%5B::ffff:10.0.0.1%5D:40000"), "10.0.0.1");
  EXPECT_EQ(AddressOfPeer("unix:"), "");
  EXPECT_EQ(AddressOfPeer("unix:/run/x"), "");
}

TEST(SpeaksFor, OneOfTheNodesOwn) {
  const auto nothing_own = [](const std::string&) { return false; };
  EXPECT_TRUE(SpeaksFor("10.0.0.1", {"10.0.0.1"}, nothing_own));
  EXPECT_TRUE(SpeaksFor("10.0.0.1", {"10.1.0.1", "10.0.0.1"}, nothing_own));
  EXPECT_FALSE(SpeaksFor("10.0.0.2", {"10.0.0.1"}, nothing_own));
  EXPECT_FALSE(SpeaksFor("10.0.0.2", {}, nothing_own));
}

TEST(SpeaksFor, OnTheControllersHostAnyOfItsAddressesWillDo) {
  const auto own = [](const std::string& a) { return a.starts_with("127.") || a == "10.0.0.1"; };
  EXPECT_TRUE(SpeaksFor("127.0.0.1", {"10.0.0.1"}, own));
  EXPECT_TRUE(SpeaksFor("127.0.0.1", {"127.0.1.1"}, own));
  EXPECT_FALSE(SpeaksFor("127.0.0.1", {"10.0.0.2"}, own)) << "a node elsewhere";
  EXPECT_FALSE(SpeaksFor("10.0.0.3", {"10.0.0.1"}, own)) << "somebody from elsewhere";
}

TEST(IsOwnAddress, Loopback) {
  EXPECT_TRUE(IsOwnAddress("127.0.0.1"));
  EXPECT_TRUE(IsOwnAddress("127.0.1.1"));
  EXPECT_TRUE(IsOwnAddress("::1"));
  EXPECT_FALSE(IsOwnAddress("192.0.2.1"));
  EXPECT_FALSE(IsOwnAddress(""));
}

absl::Status Check(const std::string& address, const std::string& peer) {
  absl::Status result = absl::UnknownError("no answer");
  {
    NodeAddressCheck check;
    std::mutex mutex;
    std::condition_variable answered;
    bool done = false;
    check.Check("n1", address, peer, [&](absl::Status status) {
      std::lock_guard lock(mutex);
      result = std::move(status);
      done = true;
      answered.notify_all();
    });
    std::unique_lock lock(mutex);
    answered.wait_for(lock, std::chrono::seconds(20), [&] { return done; });
  }
  return result;
}

TEST(NodeAddressCheck, NumbersAndNames) {
  EXPECT_TRUE(Check("192.0.2.1", "ipv4:192.0.2.1:1").ok());
  EXPECT_TRUE(Check("localhost", "ipv4:127.0.0.1:1").ok());
  EXPECT_TRUE(Check("192.0.2.1", "unix:").ok());
  const absl::Status other = Check("192.0.2.1", "ipv4:192.0.2.2:1");
  EXPECT_TRUE(absl::IsPermissionDenied(other));
  EXPECT_THAT(std::string(other.message()), HasSubstr("from 192.0.2.2, but NodeAddr=192.0.2.1"));
  EXPECT_THAT(std::string(other.message()), HasSubstr("ReeveCheckNodeAddress"));
  const absl::Status unknown = Check("no-such-host.invalid", "ipv4:192.0.2.2:1");
  EXPECT_TRUE(absl::IsPermissionDenied(unknown));
  EXPECT_THAT(std::string(unknown.message()), HasSubstr("cannot be resolved"));
}

}  // namespace
}  // namespace reeve::ctld
