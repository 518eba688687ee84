// Packets with descriptors over a SOCK_SEQPACKET Unix socket.
#pragma once

#include <sys/un.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/os/fd.h"

namespace reeve::cluster {

struct Packet {
  std::string text;
  std::vector<os::UniqueFd> fds;
};

sockaddr_un SocketAddress(const std::string& path);  // `path` must fit: see FindLayout
absl::Status SendPacket(int socket, const std::string& text, const std::vector<int>& fds);
absl::StatusOr<Packet> ReceivePacket(int socket);

}  // namespace reeve::cluster
