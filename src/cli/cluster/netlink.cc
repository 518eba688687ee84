#include "cli/cluster/netlink.h"

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "common/base/text.h"

namespace reeve::cluster {

// A request under construction: a header, a fixed part, attributes, some of them nested.
class NetlinkMessage {
 public:
  template <class Fixed>
  NetlinkMessage(uint16_t type, uint16_t flags, const Fixed& fixed) {
    nlmsghdr header{};
    header.nlmsg_type = type;
    header.nlmsg_flags = NLM_F_REQUEST | flags;
    header.nlmsg_seq = 1;
    Append(&header, sizeof(header));
    Append(&fixed, sizeof(fixed));
  }

  void Append(const void* data, size_t size) {
    bytes_.insert(bytes_.end(), static_cast<const char*>(data),
                  static_cast<const char*>(data) + size);
    bytes_.resize(NLMSG_ALIGN(bytes_.size()));
  }
  void Attribute(uint16_t type, const void* data, size_t size) {
    rtattr header{static_cast<uint16_t>(RTA_LENGTH(size)), type};
    Append(&header, sizeof(header));
    Append(data, size);
  }
  void Text(uint16_t type, const std::string& text) {
    Attribute(type, text.c_str(), text.size() + 1);
  }
  void Number(uint16_t type, uint32_t number) { Attribute(type, &number, sizeof(number)); }

  size_t Begin(uint16_t type) {
    size_t at = bytes_.size();
    Attribute(type, nullptr, 0);
    return at;
  }
  void End(size_t at) {
    reinterpret_cast<rtattr*>(&bytes_[at])->rta_len = static_cast<uint16_t>(bytes_.size() - at);
  }

  std::string_view Finished() const {
    auto* header = reinterpret_cast<nlmsghdr*>(const_cast<char*>(bytes_.data()));
    header->nlmsg_len = static_cast<uint32_t>(bytes_.size());
    return {bytes_.data(), bytes_.size()};
  }

 private:
  std::vector<char> bytes_;
};

namespace {

constexpr uint16_t kCreate = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;

NetlinkMessage LinkMessage(uint16_t type, uint16_t flags, const std::string& name,
                           uint32_t up = 0) {
  ifinfomsg info{};
  info.ifi_flags = up;
  info.ifi_change = up;
  NetlinkMessage message(type, flags, info);
  message.Text(IFLA_IFNAME, name);
  return message;
}

}  // namespace

absl::StatusOr<Netlink> Netlink::Open() {
  os::UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!socket) return os::ErrnoStatus(errno, "netlink socket");
  return Netlink(std::move(socket));
}

absl::Status Netlink::Ask(const NetlinkMessage& message, const std::string& what, uint32_t* index) {
  std::string_view request = message.Finished();
  if (send(socket_.get(), request.data(), request.size(), 0) < 0) {
    return os::ErrnoStatus(errno, what);
  }
  alignas(nlmsghdr) char buffer[16384];
  ssize_t size = recv(socket_.get(), buffer, sizeof(buffer), 0);
  if (size < 0) return os::ErrnoStatus(errno, what);
  auto* header = reinterpret_cast<nlmsghdr*>(buffer);
  if (!NLMSG_OK(header, static_cast<uint32_t>(size))) {
    return absl::InternalError(StrCat(what, ": short answer of the kernel"));
  }
  if (header->nlmsg_type == NLMSG_ERROR) {
    int error = -static_cast<nlmsgerr*>(NLMSG_DATA(header))->error;
    return error == 0 ? absl::OkStatus() : os::ErrnoStatus(error, what);
  }
  if (header->nlmsg_type == RTM_NEWLINK && index != nullptr) {
    *index = static_cast<ifinfomsg*>(NLMSG_DATA(header))->ifi_index;
    return absl::OkStatus();
  }
  return absl::InternalError(
      StrCat(what, ": unexpected answer ", header->nlmsg_type, " of the kernel"));
}

absl::StatusOr<uint32_t> Netlink::IndexOf(const std::string& link) {
  uint32_t index = 0;
  absl::Status status = Ask(LinkMessage(RTM_GETLINK, 0, link), "look up link " + link, &index);
  if (!status.ok()) return status;
  return index;
}

absl::Status Netlink::AddBridge(const std::string& name) {
  NetlinkMessage message = LinkMessage(RTM_NEWLINK, kCreate, name);
  size_t info = message.Begin(IFLA_LINKINFO);
  message.Text(IFLA_INFO_KIND, "bridge");
  message.End(info);
  return Ask(message, "add bridge " + name);
}

absl::Status Netlink::AddCable(const std::string& name, const std::string& peer,
                               int peer_namespace) {
  NetlinkMessage message = LinkMessage(RTM_NEWLINK, kCreate, name);
  size_t info = message.Begin(IFLA_LINKINFO);
  message.Text(IFLA_INFO_KIND, "veth");
  size_t data = message.Begin(IFLA_INFO_DATA);
  size_t other = message.Begin(VETH_INFO_PEER);
  ifinfomsg peer_info{};
  message.Append(&peer_info, sizeof(peer_info));
  message.Text(IFLA_IFNAME, peer);
  message.Number(IFLA_NET_NS_FD, static_cast<uint32_t>(peer_namespace));
  message.End(other);
  message.End(data);
  message.End(info);
  return Ask(message, StrCat("add veth ", name, " - ", peer));
}

absl::Status Netlink::AddAddress(const std::string& link, uint32_t address, int prefix_length) {
  absl::StatusOr<uint32_t> index = IndexOf(link);
  if (!index.ok()) return index.status();
  ifaddrmsg info{};
  info.ifa_family = AF_INET;
  info.ifa_prefixlen = static_cast<uint8_t>(prefix_length);
  info.ifa_index = *index;
  NetlinkMessage message(RTM_NEWADDR, kCreate, info);
  uint32_t mask = ~uint32_t{0} << (32 - prefix_length);
  message.Number(IFA_LOCAL, htonl(address));
  message.Number(IFA_ADDRESS, htonl(address));
  message.Number(IFA_BROADCAST, htonl(address | ~mask));
  return Ask(message, "add an address to " + link);
}

absl::Status Netlink::SetUp(const std::string& link) {
  return Ask(LinkMessage(RTM_NEWLINK, NLM_F_ACK, link, IFF_UP), "set " + link + " up");
}

absl::Status Netlink::PlugIn(const std::string& link, const std::string& bridge) {
  absl::StatusOr<uint32_t> index = IndexOf(bridge);
  if (!index.ok()) return index.status();
  NetlinkMessage message = LinkMessage(RTM_NEWLINK, NLM_F_ACK, link, IFF_UP);
  message.Number(IFLA_MASTER, *index);
  return Ask(message, StrCat("plug ", link, " into ", bridge));
}

}  // namespace reeve::cluster
