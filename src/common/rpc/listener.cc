#include "common/rpc/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>

#include "absl/time/clock.h"
#include "common/base/text.h"
#include "common/os/log.h"

namespace reeve::rpc {
namespace {

constexpr int kAcceptedAtOnce = 64;
constexpr size_t kFilesForOthers = 200;  // stores, logs, gRPC's own
constexpr size_t kMostConnections = 65536;
constexpr std::string_view kUnix = "unix:";

absl::Status CannotListen(const std::string& address, int error) {
  return absl::UnavailableError(
      StrCat("cannot listen on ", address, ": ",
             error == EADDRINUSE ? "is another daemon running there?" : strerror(error)));
}

bool SplitHostPort(std::string_view address, std::string* host, std::string* port) {
  const size_t colon = address.rfind(':');
  if (colon == address.npos) return false;
  std::string_view name = address.substr(0, colon);
  if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
  *host = std::string(name);
  *port = std::string(address.substr(colon + 1));
  return true;
}

ino_t InodeOf(int fd) {
  struct stat info;
  return fstat(fd, &info) == 0 && S_ISSOCK(info.st_mode) ? info.st_ino : 0;
}

// Who connects, as far as that is known without a word from it.
std::string PeerOf(int fd) {
  sockaddr_storage address = {};
  socklen_t length = sizeof address;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return "";
  if (address.ss_family == AF_UNIX) {
    ucred peer = {};
    length = sizeof peer;
    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length);
    return StrCat("user ", peer.uid);
  }
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in&>(address).sin_addr, text, sizeof text);
  } else {
    const in6_addr& ip = reinterpret_cast<sockaddr_in6&>(address).sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&ip)) {
      inet_ntop(AF_INET, ip.s6_addr + 12, text, sizeof text);
    } else {
      inet_ntop(AF_INET6, &ip, text, sizeof text);
    }
  }
  return text;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Listener>> Listener::Open(const std::vector<std::string>& addresses,
                                                         Limits limits) {
  std::unique_ptr<Listener> listener(new Listener(limits));
  // Ports first: one that is taken keeps a second daemon from taking the first one's socket away.
  for (const bool unix_socket : {false, true}) {
    for (const std::string& address : addresses) {
      if (address.starts_with(kUnix) != unix_socket) continue;
      if (absl::Status status = listener->Bind(address); !status.ok()) return status;
    }
  }
  listener->wake_.reset(eventfd(0, EFD_CLOEXEC));
  listener->spare_.reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
  return listener;
}

Listener::~Listener() {
  if (thread_.joinable()) {
    const uint64_t one = 1;
    if (write(wake_.get(), &one, sizeof one) < 0) abort();  // an eventfd takes it
    thread_.join();
  }
  for (const Socket& socket : sockets_) {
    struct stat info;
    if (!socket.unix_path.empty() && stat(socket.unix_path.c_str(), &info) == 0 &&
        info.st_ino == socket.inode) {
      unlink(socket.unix_path.c_str());
    }
  }
}

size_t Listener::RoomForConnections() {
  rlimit files = {};
  getrlimit(RLIMIT_NOFILE, &files);
  const size_t most = std::min<size_t>(files.rlim_cur, kMostConnections + kFilesForOthers);
  return most > 2 * kFilesForOthers ? most - kFilesForOthers : most / 2;
}

absl::Status Listener::Bind(const std::string& address) {
  Socket bound;
  const int kind = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
  if (address.starts_with(kUnix)) {
    bound.unix_path = address.substr(kUnix.size());
    sockaddr_un name = {};
    name.sun_family = AF_UNIX;
    if (bound.unix_path.size() >= sizeof name.sun_path) return CannotListen(address, ENAMETOOLONG);
    memcpy(name.sun_path, bound.unix_path.data(), bound.unix_path.size());
    struct stat info;
    if (lstat(bound.unix_path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode)) {
      unlink(bound.unix_path.c_str());
    }
    bound.fd.reset(socket(AF_UNIX, kind, 0));
    if (bind(bound.fd.get(), reinterpret_cast<sockaddr*>(&name), sizeof name) != 0 ||
        listen(bound.fd.get(), SOMAXCONN) != 0) {
      return CannotListen(address, errno);
    }
    // Its folder says who may come to it; who calls is told by MUNGE.
    chmod(bound.unix_path.c_str(), 0666);
    if (stat(bound.unix_path.c_str(), &info) == 0) bound.inode = info.st_ino;
    sockets_.push_back(std::move(bound));
    return absl::OkStatus();
  }
  std::string host, port;
  if (!SplitHostPort(address, &host, &port)) return CannotListen(address, EINVAL);
  addrinfo hints = {};
  hints.ai_flags = AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) {
    return CannotListen(address, EADDRNOTAVAIL);
  }
  std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, &freeaddrinfo);
  bound.fd.reset(socket(found->ai_family, kind, 0));
  const int on = 1, off = 0;
  setsockopt(bound.fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(bound.fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);  // else: not IPv6
  if (bind(bound.fd.get(), found->ai_addr, found->ai_addrlen) != 0 ||
      listen(bound.fd.get(), SOMAXCONN) != 0) {
    return CannotListen(address, errno);
  }
  sockets_.push_back(std::move(bound));
  return absl::OkStatus();
}

void Listener::Start(OnConnection on_connection) {
  on_connection_ = std::move(on_connection);
  thread_ = std::thread([this] { Loop(); });
}

void Listener::Loop() {
  std::vector<pollfd> polled = {{wake_.get(), POLLIN, 0}};
  for (const Socket& socket : sockets_) polled.push_back({socket.fd.get(), POLLIN, 0});
  for (;;) {
    if (poll(polled.data(), polled.size(), -1) < 0) continue;  // a signal
    if (polled[0].revents != 0) return;
    for (size_t i = 1; i < polled.size(); ++i) {
      if (polled[i].revents != 0) AcceptSome(polled[i].fd);
    }
  }
}

void Listener::AcceptSome(int listener) {
  for (int i = 0; i < kAcceptedAtOnce; ++i) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
      if (errno == EMFILE || errno == ENFILE) ShedOne(listener);
      if (errno == ENOBUFS || errno == ENOMEM) absl::SleepFor(absl::Milliseconds(10));
      return;
    }
    if (!Admit(fd)) {
      close(fd);
      continue;
    }
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // no effect on a Unix socket
    on_connection_(listener, fd);
  }
}

// Without a file to accept it with, a connection would wait, and the listener would be told of it
// again and again.
void Listener::ShedOne(int listener) {
  spare_.reset();
  const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd >= 0) close(fd);
  spare_.reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
  LogRefusal("no files left");
}

bool Listener::Admit(int fd) {
  const std::string peer = PeerOf(fd);
  if (peer.empty()) return false;  // gone already
  const auto full = [&] { return count_ >= limits_.all || open_[peer].size() >= limits_.of_peer; };
  if (full()) CountAgain();
  if (full()) {
    LogRefusal(peer);
    return false;
  }
  open_[peer].push_back({fd, InodeOf(fd)});
  ++count_;
  return true;
}

void Listener::CountAgain() {
  const absl::Time now = absl::Now();
  if (now - counted_ < absl::Milliseconds(50)) return;  // refused ones come at any rate
  counted_ = now;
  count_ = 0;
  for (auto& [peer, connections] : open_) {
    std::erase_if(connections, [](const Connection& c) { return InodeOf(c.fd) != c.inode; });
    count_ += connections.size();
  }
  std::erase_if(open_, [](const auto& entry) { return entry.second.empty(); });
}

void Listener::LogRefusal(const std::string& peer) {
  const absl::Time now = absl::Now();
  if (now - logged_ < absl::Seconds(10)) return;
  logged_ = now;
  os::LogWarn(StrCat("refused a connection: too many are open (", count_, "; ", peer, ")"));
}

}  // namespace reeve::rpc
