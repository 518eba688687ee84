#include "common/http2/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include <charconv>
#include <memory>
#include <optional>

#include "common/base/text.h"

namespace reeve::http2 {
namespace {

constexpr std::string_view kUnix = "unix:";

bool IsPort(std::string_view text) {
  int port = 0;
  const char* const end = text.data() + text.size();
  auto [rest, error] = std::from_chars(text.data(), end, port);
  return error == std::errc() && rest == end && port > 0 && port <= 65535;
}

template <class T>
SocketAddress Wrap(const T& address) {
  SocketAddress wrapped;
  memcpy(&wrapped.storage, &address, sizeof address);
  wrapped.length = sizeof address;
  return wrapped;
}

absl::StatusOr<SocketAddress> UnixAddress(const std::string& path) {
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  if (path.size() >= sizeof name.sun_path) {
    return absl::UnavailableError(StrCat("the path of the socket is too long: ", path));
  }
  memcpy(name.sun_path, path.data(), path.size());
  return Wrap(name);
}

std::optional<SocketAddress> NumericAddress(const Address& address) {
  const auto port = static_cast<uint16_t>(atoi(address.port.c_str()));
  sockaddr_in v4 = {};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  if (inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr) == 1) return Wrap(v4);
  sockaddr_in6 v6 = {};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  if (inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr) == 1) return Wrap(v6);
  return std::nullopt;  // a name, or a number with a zone
}

}  // namespace

absl::StatusOr<Address> ParseAddress(std::string_view target) {
  Address address;
  if (target.starts_with(kUnix)) {
    address.unix_path = std::string(target.substr(kUnix.size()));
    if (!address.unix_path.empty()) return address;
    return absl::InvalidArgumentError(StrCat("'", target, "' names no socket"));
  }
  const size_t colon = target.rfind(':');
  std::string_view host = target.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (colon == target.npos || !IsPort(target.substr(colon + 1)) || host.empty() ||
      (!bracketed && host.find(':') != host.npos)) {
    return absl::InvalidArgumentError(StrCat("'", target, "' is not HOST:PORT"));
  }
  address.host = std::string(host);
  address.port = std::string(target.substr(colon + 1));
  return address;
}

bool IsLiteral(const Address& address) {
  return !address.unix_path.empty() || NumericAddress(address).has_value();
}

absl::StatusOr<std::vector<SocketAddress>> Resolve(const Address& address) {
  if (!address.unix_path.empty()) {
    absl::StatusOr<SocketAddress> path = UnixAddress(address.unix_path);
    if (!path.ok()) return path.status();
    return std::vector<SocketAddress>{*path};
  }
  if (std::optional<SocketAddress> number = NumericAddress(address)) return std::vector{*number};
  addrinfo hints = {};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &found);
  if (error != 0) {
    return absl::UnavailableError(
        StrCat("cannot resolve ", address.host, ": ", gai_strerror(error)));
  }
  std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, &freeaddrinfo);
  std::vector<SocketAddress> addresses;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    SocketAddress wrapped;
    if (one->ai_addrlen > sizeof wrapped.storage) continue;
    memcpy(&wrapped.storage, one->ai_addr, one->ai_addrlen);
    wrapped.length = one->ai_addrlen;
    addresses.push_back(wrapped);
  }
  if (addresses.empty()) {
    return absl::UnavailableError(StrCat("cannot resolve ", address.host, ": no address"));
  }
  return addresses;
}

std::string HostPort(std::string_view host, uint32_t port) {
  const bool ipv6 = host.find(':') != host.npos && !host.starts_with('[');
  return ipv6 ? StrCat("[", host, "]:", port) : StrCat(host, ":", port);
}

}  // namespace reeve::http2
