// The few requests to the kernel's network configuration (rtnetlink(7)) that virtual hosts need.
// One process and one socket instead of some hundred runs of ip(8).
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "common/os/fd.h"

namespace reeve::cluster {

class Netlink {
 public:
  // Works on the network namespace the calling thread is in now, also after it has left it.
  static absl::StatusOr<Netlink> Open();

  explicit Netlink(os::UniqueFd socket) : socket_(std::move(socket)) {}  // one opened elsewhere
  int fd() const { return socket_.get(); }

  absl::Status AddBridge(const std::string& name);
  // A cable: one end here, the other in the namespace of `peer_namespace`.
  absl::Status AddCable(const std::string& name, const std::string& peer, int peer_namespace);
  absl::Status AddAddress(const std::string& link, uint32_t address, int prefix_length);
  absl::Status SetUp(const std::string& link);
  absl::Status PlugIn(const std::string& link, const std::string& bridge);  // and SetUp

 private:
  absl::StatusOr<uint32_t> IndexOf(const std::string& link);
  // Sends one request and waits for its answer; `index` gets the link of an RTM_NEWLINK answer.
  absl::Status Ask(const class NetlinkMessage& message, const std::string& what,
                   uint32_t* index = nullptr);

  os::UniqueFd socket_;
};

}  // namespace reeve::cluster
