// A server that does what a test's script says: no protocol of its own, one connection after the
// other on a thread of its own.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <utility>

#include "common/os/fd.h"

namespace reeve::testing {

// One connection, seen from the server.
class ScriptedPeer {
 public:
  ScriptedPeer(int fd, const std::atomic<bool>& stop) : fd_(fd), stop_(stop) {}

  // False when the client has gone, or the test is over.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      if (!Wait(POLLOUT)) return false;
      const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  // Some bytes; empty at the end.
  std::string Read() {
    char buffer[1 << 16];
    if (!Wait(POLLIN)) return "";
    const ssize_t got = recv(fd_, buffer, sizeof buffer, 0);
    return got > 0 ? std::string(buffer, static_cast<size_t>(got)) : "";
  }
  // Reads until `text` has come; all that came.
  std::string ReadUntil(std::string_view text) {
    std::string all;
    while (all.find(text) == all.npos) {
      const std::string part = Read();
      if (part.empty()) break;
      all += part;
    }
    return all;
  }
  // Reads and forgets until the client goes.
  void ReadToEnd() {
    while (!Read().empty()) {
    }
  }
  // Neither reads nor says anything until the test is over.
  void Hang() {
    while (!stop_) poll(nullptr, 0, 5);
  }
  // Goes with a reset rather than an end.
  void Reset() {
    const linger hard = {1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  }

 private:
  bool Wait(short events) {
    pollfd polled = {fd_, events, 0};
    while (!stop_) {
      if (poll(&polled, 1, 5) > 0) return true;
    }
    return false;
  }

  int fd_;
  const std::atomic<bool>& stop_;
};

class ScriptedServer {
 public:
  using Script = std::function<void(ScriptedPeer& peer)>;

  // On a Unix socket at `path`.
  ScriptedServer(const std::string& path, Script script) : script_(std::move(script)) {
    sockaddr_un name = {};
    name.sun_family = AF_UNIX;
    strncpy(name.sun_path, path.c_str(), sizeof name.sun_path - 1);
    fd_.reset(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    Serve(reinterpret_cast<sockaddr*>(&name), sizeof name);
  }
  // On a TCP address.
  ScriptedServer(const sockaddr* address, socklen_t size, Script script)
      : script_(std::move(script)) {
    fd_.reset(socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    Serve(address, size);
  }
  ~ScriptedServer() {
    stop_ = true;
    thread_.join();
  }

  int accepted() const { return accepted_; }

 private:
  void Serve(const sockaddr* address, socklen_t size) {
    if (bind(fd_.get(), address, size) != 0 || listen(fd_.get(), 64) != 0) abort();
    thread_ = std::thread([this] { Loop(); });
  }
  void Loop() {
    while (!stop_) {
      pollfd polled = {fd_.get(), POLLIN, 0};
      if (poll(&polled, 1, 5) <= 0) continue;
      const os::UniqueFd connection(accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!connection) continue;
      ++accepted_;
      ScriptedPeer peer(connection.get(), stop_);
      script_(peer);
    }
  }

  Script script_;
  os::UniqueFd fd_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> accepted_ = 0;
  std::thread thread_;
};

}  // namespace reeve::testing
