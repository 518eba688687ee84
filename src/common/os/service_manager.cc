#include "common/os/service_manager.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <string>

#include "common/base/text.h"
#include "common/os/fd.h"
#include "common/os/log.h"

namespace reeve::os {
namespace {

absl::Status Send(const std::string& socket_name, std::string_view message) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (socket_name.empty() || socket_name.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError(StrCat("NOTIFY_SOCKET=", socket_name, ": not a socket"));
  }
  memcpy(address.sun_path, socket_name.data(), socket_name.size());
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';  // an abstract socket
  const socklen_t length = offsetof(sockaddr_un, sun_path) + socket_name.size();
  UniqueFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoStatus(errno, "socket");
  if (sendto(fd.get(), message.data(), message.size(), MSG_NOSIGNAL,
             reinterpret_cast<const sockaddr*>(&address), length) < 0) {
    return ErrnoStatus(errno, StrCat("send to ", socket_name));
  }
  return absl::OkStatus();
}

}  // namespace

void NotifyReady() {
  const char* name = getenv("NOTIFY_SOCKET");
  if (name == nullptr) return;
  absl::Status sent = Send(name, "READY=1");
  if (!sent.ok()) LogWarn(StrCat("the service manager was not told: ", Message(sent)));
}

}  // namespace reeve::os
