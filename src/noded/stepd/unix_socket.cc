#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/text.h"
#include "noded/stepd/spool.h"

namespace reeve::noded {
namespace {

struct ShortAddress {
  os::UniqueFd folder;  // keeps the /proc/self/fd path valid
  sockaddr_un address = {};
};

absl::StatusOr<ShortAddress> Shorten(const std::string& path) {
  ShortAddress result;
  size_t slash = path.rfind('/');
  std::string folder = slash == std::string::npos ? "." : path.substr(0, slash);
  absl::StatusOr<os::UniqueFd> fd = os::OpenFile(folder, O_PATH | O_DIRECTORY);
  if (!fd.ok()) return fd.status();
  std::string through = StrCat("/proc/self/fd/", fd->get(), "/",
                               slash == std::string::npos ? path : path.substr(slash + 1));
  if (through.size() >= sizeof(result.address.sun_path)) {
    return absl::InvalidArgumentError(StrCat(path, ": the socket's name is too long"));
  }
  result.folder = *std::move(fd);
  result.address.sun_family = AF_UNIX;
  memcpy(result.address.sun_path, through.c_str(), through.size() + 1);
  return result;
}

absl::StatusOr<os::UniqueFd> NewSocket() {
  os::UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return os::ErrnoStatus(errno, "socket");
  return fd;
}

}  // namespace

absl::StatusOr<os::UniqueFd> ListenUnix(const std::string& path) {
  absl::StatusOr<ShortAddress> where = Shorten(path);
  if (!where.ok()) return where.status();
  absl::StatusOr<os::UniqueFd> fd = NewSocket();
  if (!fd.ok()) return fd.status();
  unlink(path.c_str());
  if (bind(fd->get(), reinterpret_cast<sockaddr*>(&where->address), sizeof(where->address)) != 0) {
    return os::ErrnoStatus(errno, StrCat("bind ", path));
  }
  if (chmod(path.c_str(), 0600) != 0) return os::ErrnoStatus(errno, StrCat("chmod ", path));
  if (listen(fd->get(), 64) != 0) return os::ErrnoStatus(errno, StrCat("listen ", path));
  return fd;
}

absl::StatusOr<os::UniqueFd> ConnectUnix(const std::string& path) {
  absl::StatusOr<ShortAddress> where = Shorten(path);
  if (!where.ok()) return where.status();
  absl::StatusOr<os::UniqueFd> fd = NewSocket();
  if (!fd.ok()) return fd.status();
  // Local sockets connect at once or fail: EAGAIN is a full backlog.
  if (connect(fd->get(), reinterpret_cast<sockaddr*>(&where->address), sizeof(where->address)) !=
      0) {
    return os::ErrnoStatus(errno, StrCat("connect ", path));
  }
  return fd;
}

}  // namespace reeve::noded
