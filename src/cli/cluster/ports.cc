#include "cli/cluster/ports.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "cli/cluster/packet.h"
#include "common/base/text.h"
#include "common/os/fd.h"

namespace reeve::cluster {
namespace {

constexpr std::string_view kListening = "0A";  // of /proc/net/tcp

absl::Status ConnectWithin(int family, const sockaddr* address, socklen_t size,
                           absl::Duration timeout) {
  os::UniqueFd fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return os::ErrnoStatus(errno, "socket");
  if (connect(fd.get(), address, size) == 0) return absl::OkStatus();
  if (errno != EINPROGRESS && errno != EAGAIN) return os::ErrnoStatus(errno, "connect");
  pollfd waiting{fd.get(), POLLOUT, 0};
  if (poll(&waiting, 1, static_cast<int>(absl::ToInt64Milliseconds(timeout))) <= 0) {
    return absl::DeadlineExceededError("connect: no answer");
  }
  int error = 0;
  socklen_t length = sizeof(error);
  getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  return error == 0 ? absl::OkStatus() : os::ErrnoStatus(error, "connect");
}

// Inodes of the sockets that listen on the port, by both versions of IP.
std::set<std::string> ListeningInodes(uint16_t port) {
  std::set<std::string> inodes;
  std::string suffix = absl::StrFormat(":%04X", port);
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    absl::StatusOr<std::string> text = os::ReadFile(table);
    if (!text.ok()) continue;
    for (std::string_view line : SplitSkipEmpty(*text, "\n")) {
      std::vector<std::string_view> fields = SplitSkipEmpty(line, " ");
      if (fields.size() > 9 && fields[3] == kListening && fields[1].ends_with(suffix)) {
        inodes.emplace(fields[9]);
      }
    }
  }
  return inodes;
}

bool HoldsSocket(const std::string& process, const std::set<std::string>& inodes) {
  absl::StatusOr<std::vector<std::string>> fds = os::ListDirectory(process + "/fd");
  if (!fds.ok()) return false;
  for (const std::string& fd : *fds) {
    char target[PATH_MAX];
    ssize_t size = readlink(StrCat(process, "/fd/", fd).c_str(), target, sizeof(target));
    std::string_view text(target, size > 0 ? size : 0);
    if (!text.starts_with("socket:[") || !text.ends_with("]")) continue;
    if (inodes.contains(std::string(text.substr(8, text.size() - 9)))) return true;
  }
  return false;
}

}  // namespace

absl::Status TryConnect(const std::string& target, absl::Duration timeout) {
  if (target.starts_with("unix:")) {
    sockaddr_un address = SocketAddress(target.substr(5));
    return ConnectWithin(AF_UNIX, reinterpret_cast<sockaddr*>(&address), sizeof(address), timeout);
  }
  size_t colon = target.rfind(':');
  if (colon == std::string::npos) return absl::InvalidArgumentError("no port in " + target);
  addrinfo* found = nullptr;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  int error = getaddrinfo(target.substr(0, colon).c_str(), target.substr(colon + 1).c_str(), &hints,
                          &found);
  if (error != 0) return absl::NotFoundError(gai_strerror(error));
  absl::Status status = ConnectWithin(found->ai_family, found->ai_addr, found->ai_addrlen, timeout);
  freeaddrinfo(found);
  return status;
}

std::string ListenerOf(uint16_t port) {
  std::set<std::string> inodes = ListeningInodes(port);
  if (inodes.empty()) return "";
  absl::StatusOr<std::vector<std::string>> names = os::ListDirectory("/proc");
  for (const std::string& name : names.ok() ? *names : std::vector<std::string>()) {
    int pid;
    if (!absl::SimpleAtoi(name, &pid) || !HoldsSocket("/proc/" + name, inodes)) continue;
    absl::StatusOr<std::string> program = os::ReadFile("/proc/" + name + "/comm");
    return StrCat(program.ok() ? Strip(*program) : "a program", " (pid ", pid, ")");
  }
  return "another user's program";
}

}  // namespace reeve::cluster
