#include "common/http2/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/un.h>

namespace reeve::http2 {
namespace {

std::string Parsed(std::string_view target) {
  absl::StatusOr<Address> address = ParseAddress(target);
  if (!address.ok()) return "refused";
  return address->unix_path + "|" + address->host + "|" + address->port;
}

std::vector<SocketAddress> ResolveTarget(std::string_view target) {
  absl::StatusOr<std::vector<SocketAddress>> found = Resolve(*ParseAddress(target));
  EXPECT_TRUE(found.ok()) << found.status();
  return found.ok() ? *found : std::vector<SocketAddress>();
}

TEST(Address, IsHostAndPortOrAPath) {
  EXPECT_EQ(Parsed("ctl:6817"), "|ctl|6817");
  EXPECT_EQ(Parsed("10.0.0.1:1"), "|10.0.0.1|1");
  EXPECT_EQ(Parsed("[::1]:6817"), "|::1|6817");
  EXPECT_EQ(Parsed("[fe80::1%eth0]:6817"), "|fe80::1%eth0|6817");
  EXPECT_EQ(Parsed("unix:/run/a socket"), "/run/a socket||");
  EXPECT_EQ(Parsed("unix:relative"), "relative||");
}

TEST(Address, HostAndPortAreReadAgain) {
  for (const char* host : {"n1", "10.0.0.1", "fd00::1", "[fd00::1]"}) {
    const auto read = ParseAddress(HostPort(host, 6818));
    ASSERT_TRUE(read.ok()) << host;
    EXPECT_EQ(read->host, host[0] == '[' ? "fd00::1" : host);
    EXPECT_EQ(read->port, "6818");
  }
}

TEST(Address, OthersAreRefused) {
  for (const char* target : {"", "ctl", "ctl:", "ctl:0", "ctl:65536", "ctl:http", "ctl:1x", ":6817",
                             "::1:6817", "[]:6817", "unix:"}) {
    EXPECT_EQ(Parsed(target), "refused") << target;
  }
}

TEST(Address, NumbersAndPathsAreLiteral) {
  EXPECT_TRUE(IsLiteral(*ParseAddress("10.0.0.1:1")));
  EXPECT_TRUE(IsLiteral(*ParseAddress("[::1]:1")));
  EXPECT_TRUE(IsLiteral(*ParseAddress("unix:/x")));
  EXPECT_FALSE(IsLiteral(*ParseAddress("localhost:1")));
}

TEST(Address, NumbersAreTakenAsTheyAre) {
  std::vector<SocketAddress> found = ResolveTarget("127.0.0.1:6817");
  ASSERT_EQ(found.size(), 1u);
  const auto* v4 = reinterpret_cast<const sockaddr_in*>(found[0].get());
  EXPECT_EQ(v4->sin_family, AF_INET);
  EXPECT_EQ(ntohs(v4->sin_port), 6817);
  EXPECT_EQ(ntohl(v4->sin_addr.s_addr), INADDR_LOOPBACK);
  found = ResolveTarget("[::1]:6818");
  ASSERT_EQ(found.size(), 1u);
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(found[0].get());
  EXPECT_EQ(v6->sin6_family, AF_INET6);
  EXPECT_EQ(ntohs(v6->sin6_port), 6818);
  EXPECT_TRUE(IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr));
}

TEST(Address, NamesAreResolvedWithTheirPort) {
  const std::vector<SocketAddress> found = ResolveTarget("localhost:6817");
  ASSERT_FALSE(found.empty());
  for (const SocketAddress& address : found) {
    EXPECT_TRUE(address.family() == AF_INET || address.family() == AF_INET6);
    EXPECT_EQ(ntohs(reinterpret_cast<const sockaddr_in*>(address.get())->sin_port), 6817);
  }
}

TEST(Address, ANameThatNobodyHasIsUnavailable) {
  EXPECT_TRUE(absl::IsUnavailable(Resolve(*ParseAddress("nobody.invalid:1")).status()));
  EXPECT_TRUE(
      absl::IsUnavailable(Resolve(*ParseAddress("unix:/" + std::string(200, 'x'))).status()));
}

}  // namespace
}  // namespace reeve::http2
