#include "ctld/node_address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>

#include "absl/time/clock.h"
#include "common/base/text.h"

namespace reeve::ctld {
namespace {

constexpr absl::Duration kRemembered = absl::Minutes(1);

std::string TextOf(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address->sa_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text, sizeof text);
  } else if (address->sa_family == AF_INET6) {
    const in6_addr& ip = reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&ip)) {
      inet_ntop(AF_INET, ip.s6_addr + 12, text, sizeof text);
    } else {
      inet_ntop(AF_INET6, &ip, text, sizeof text);
    }
  }
  return text;
}

// Numbers in any spelling, and names when `flags` allows.
std::vector<std::string> Addresses(const std::string& name, int flags) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* found = nullptr;
  if (getaddrinfo(name.c_str(), nullptr, &hints, &found) != 0) return {};
  std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, &freeaddrinfo);
  std::vector<std::string> addresses;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    addresses.push_back(TextOf(at->ai_addr));
  }
  return addresses;
}

absl::Status Judge(const std::string& node, const std::string& node_address,
                   const std::string& peer_address, const std::vector<std::string>& addresses) {
  if (SpeaksFor(peer_address, addresses, IsOwnAddress)) return absl::OkStatus();
  return absl::PermissionDeniedError(
      StrCat("node ", node, " registers from ", peer_address, ", but NodeAddr=", node_address,
             addresses.empty() ? " cannot be resolved" : StrCat(" is ", Join(addresses, ", ")),
             "; ReeveCheckNodeAddress=no would let it"));
}

}  // namespace

std::string AddressOfPeer(std::string_view peer) {
  const bool v6 = peer.starts_with("ipv6:");
  if (!v6 && !peer.starts_with("ipv4:")) return "";
  std::string address = std::string(peer.substr(5, peer.rfind(':') - 5));
  if (!v6) return address;
  address = ReplaceAll(ReplaceAll(address, "%5B", ""), "%5D", "");
  address = ReplaceAll(ReplaceAll(address, "[", ""), "]", "");
  address = address.substr(0, address.find('%'));  // the interface of a link-local one
  const std::vector<std::string> same = Addresses(address, AI_NUMERICHOST);
  return same.empty() ? address : same.front();
}

bool SpeaksFor(const std::string& peer_address, const std::vector<std::string>& addresses,
               const std::function<bool(const std::string&)>& is_own) {
  if (std::count(addresses.begin(), addresses.end(), peer_address) > 0) return true;
  return is_own(peer_address) && std::any_of(addresses.begin(), addresses.end(), is_own);
}

bool IsOwnAddress(const std::string& address) {
  if (address.empty()) return false;  // as an interface without an address would have it
  if (address.starts_with("127.") || address == "::1") return true;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return false;
  std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owned(list, &freeifaddrs);
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr != nullptr && TextOf(at->ifa_addr) == address) return true;
  }
  return false;
}

NodeAddressCheck::NodeAddressCheck() : thread_([this] { Loop(); }) {}

NodeAddressCheck::~NodeAddressCheck() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void NodeAddressCheck::Check(const std::string& node, const std::string& node_address,
                             const std::string& peer, std::function<void(absl::Status)> done) {
  std::string peer_address = AddressOfPeer(peer);
  if (peer_address.empty()) return done(absl::OkStatus());
  const std::vector<std::string> literal = Addresses(node_address, AI_NUMERICHOST);
  if (!literal.empty()) return done(Judge(node, node_address, peer_address, literal));
  std::lock_guard lock(mutex_);
  questions_.push_back({node, node_address, std::move(peer_address), std::move(done)});
  wake_.notify_one();
}

void NodeAddressCheck::Loop() {
  for (;;) {
    Question question;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !questions_.empty(); });
      if (stopping_) return;
      question = std::move(questions_.front());
      questions_.pop_front();
    }
    question.done(Judge(question.node, question.node_address, question.peer_address,
                        Resolve(question.node_address)));
  }
}

const std::vector<std::string>& NodeAddressCheck::Resolve(const std::string& name) {
  Known& known = known_[name];
  const absl::Time now = absl::Now();
  if (known.until < now) known = {Addresses(name, 0), now + kRemembered};
  if (known.addresses.empty()) known.until = now;  // it may be there in a moment
  return known.addresses;
}

}  // namespace reeve::ctld
