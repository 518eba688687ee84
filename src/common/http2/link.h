// A connection with its socket: connects, moves bytes, and sees to it that a silent server is
// noticed. One thread drives it, which waits in poll(2); there is no thread of its own.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/http2/address.h"
#include "common/http2/connection.h"
#include "common/http2/tls_client.h"
#include "common/os/fd.h"

namespace reeve::http2 {

// By the clock of os::BootClockNow.
using Instant = absl::Duration;

// How long somebody waits, and for what besides the server.
struct Patience {
  Instant deadline = absl::InfiniteDuration();
  int wake_fd = -1;  // readable: stop waiting
};

struct Timing {
  // For one address to take a connection, and for its server to say that it speaks HTTP/2.
  absl::Duration greeting = absl::Seconds(2);
  // While a call is open, after as much silence the server is asked for a sign of life, and given
  // up when it has not come after as much again.
  absl::Duration silence = absl::Seconds(20);
};

class Link {
 public:
  enum class Event { kMoved, kDeadline, kWoken };

  // Tries the addresses in turn. Unavailable says why the last could not be reached;
  // DeadlineExceeded when the patience ends first, Cancelled when woken.
  static absl::StatusOr<std::unique_ptr<Link>> Connect(const std::vector<SocketAddress>& addresses,
                                                       const Patience& patience,
                                                       Timing timing = {});

  // Plain text until then; before anything is sent.
  void UseTls(std::shared_ptr<const TlsTrust> trust, const std::string& name);

  Connection& connection() { return connection_; }

  // Sends what there is to send, waits until something has come or gone, and takes it. A server
  // that is lost meanwhile is lost for connection() as well, which says so.
  Event Move(const Patience& patience);

  // Takes what has come while nobody looked; true when the connection is good for another call.
  bool Refresh();
  Instant heard_at() const { return heard_at_; }

 private:
  explicit Link(os::UniqueFd fd, Timing timing);

  void Flush();
  void Fill();
  void Read();
  void TakePlain(std::string_view plain);
  Instant NextCheck() const;
  void Check(Instant now);

  os::UniqueFd fd_;
  Timing timing_;
  Connection connection_;
  std::optional<TlsClient> tls_;
  std::string out_;  // not sent yet, from sent_ on
  size_t sent_ = 0;
  bool blocked_ = false;  // the socket takes no more just now
  Instant connected_at_;
  Instant heard_at_;
  std::optional<Instant> pinged_at_;
};

}  // namespace reeve::http2
