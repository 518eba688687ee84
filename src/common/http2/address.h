// Where a server is: what its target's text says, and the socket addresses of that.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace reeve::http2 {

struct Address {
  std::string unix_path;  // else empty, and then
  std::string host;       // a name or a number, an IPv6 one without its brackets
  std::string port;
};

// "host:port", "1.2.3.4:6817", "[::1]:6817" or "unix:/path". InvalidArgument names the text.
absl::StatusOr<Address> ParseAddress(std::string_view target);

// The other way round, as it is dialled: an IPv6 number gets its brackets.
std::string HostPort(std::string_view host, uint32_t port);

struct SocketAddress {
  sockaddr_storage storage = {};
  socklen_t length = 0;

  int family() const { return storage.ss_family; }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// True when resolving asks nobody: a path or a number.
bool IsLiteral(const Address& address);

// All addresses in the order in which to try them; a name is asked of the C library's resolver
// (/etc/hosts, NSS) and blocks for as long as that does. Unavailable when there is none.
absl::StatusOr<std::vector<SocketAddress>> Resolve(const Address& address);

}  // namespace reeve::http2
