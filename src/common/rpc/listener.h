// The sockets a server listens on, and who may connect how often. gRPC itself takes whatever comes
// until there are no files left, and then never accepts again.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/os/fd.h"

namespace reeve::rpc {

class Listener {
 public:
  struct Limits {
    size_t all = 0;      // connections at once
    size_t of_peer = 0;  // from one address, or of one user on a Unix socket
  };
  // Given a connection whose owner it becomes; on the listener's thread.
  using OnConnection = std::function<void(int listener, int connection)>;

  // `addresses`: "0.0.0.0:6817", "[::]:6817" (both families), "unix:/path". Unavailable names the
  // one that can't be bound. A stale Unix socket is replaced.
  static absl::StatusOr<std::unique_ptr<Listener>> Open(const std::vector<std::string>& addresses,
                                                        Limits limits);
  ~Listener();  // no OnConnection runs any more; Unix sockets are gone

  void Start(OnConnection on_connection);

  // What `all` may be without running out of files.
  static size_t RoomForConnections();

 private:
  struct Socket {
    os::UniqueFd fd;
    std::string unix_path;
    ino_t inode = 0;  // of unix_path
  };
  // A connection that gRPC owns: closed once its number is closed or means another file.
  struct Connection {
    int fd = -1;
    ino_t inode = 0;
  };

  explicit Listener(Limits limits) : limits_(limits) {}
  absl::Status Bind(const std::string& address);
  void Loop();
  void AcceptSome(int listener);
  void ShedOne(int listener);
  bool Admit(int fd);
  void CountAgain();
  void LogRefusal(const std::string& peer);

  const Limits limits_;
  std::vector<Socket> sockets_;
  os::UniqueFd wake_;   // an eventfd: the thread is to end
  os::UniqueFd spare_;  // given up for a moment to refuse a connection when there are no files left
  OnConnection on_connection_;
  std::map<std::string, std::vector<Connection>> open_;
  size_t count_ = 0;  // of open_; may hold closed ones until CountAgain
  absl::Time counted_ = absl::InfinitePast();
  absl::Time logged_ = absl::InfinitePast();
  std::thread thread_;
};

}  // namespace reeve::rpc
