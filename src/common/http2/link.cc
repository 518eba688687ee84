#include "common/http2/link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "common/base/text.h"
#include "common/os/boot_clock.h"

namespace reeve::http2 {
namespace {

constexpr size_t kReadBytes = 64 << 10;
constexpr int kUnasked = 4;  // reads
constexpr absl::Duration kFullListener = absl::Milliseconds(5);
// A clock that poll(2) rounds down for.
constexpr absl::Duration kTick = absl::Milliseconds(1);

enum class Readiness { kReady, kDeadline, kWoken };

Readiness PollOnce(int fd, short events, const Patience& patience) {  // NOLINT: poll's type
  pollfd polled[2] = {{fd, events, 0}, {patience.wake_fd, POLLIN, 0}};
  const nfds_t count = patience.wake_fd >= 0 ? 2 : 1;
  for (;;) {
    const absl::Duration left = patience.deadline - os::BootClockNow();
    int timeout = -1;
    if (left != absl::InfiniteDuration()) {
      const auto most = absl::Hours(1);
      timeout = static_cast<int>(absl::ToInt64Milliseconds(
          std::clamp(absl::Ceil(left, kTick), absl::ZeroDuration(), most)));
    }
    const int ready = poll(polled, count, timeout);
    if (ready < 0 && errno != EINTR) return Readiness::kDeadline;  // no memory: as good as none
    if (ready > 0) return polled[1].revents != 0 ? Readiness::kWoken : Readiness::kReady;
    if (ready == 0 && os::BootClockNow() >= patience.deadline) return Readiness::kDeadline;
  }
}

absl::Status NotReached(int error) {
  return absl::UnavailableError(StrCat("cannot connect: ", strerror(error)));
}

// A socket that connects or has connected; waits until it has.
absl::StatusOr<os::UniqueFd> ConnectTo(const SocketAddress& address, const Patience& patience) {
  os::UniqueFd fd(socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return NotReached(errno);
  while (connect(fd.get(), address.get(), address.length) != 0) {
    if (errno == EINTR) continue;
    if (errno == EISCONN) break;
    // A Unix socket whose listener has a full queue does not tell when there is room again.
    const bool full = errno == EAGAIN;
    if (!full && errno != EINPROGRESS && errno != EALREADY) return NotReached(errno);
    Patience a_while = patience;
    if (full) a_while.deadline = std::min(a_while.deadline, os::BootClockNow() + kFullListener);
    const Readiness readiness =
        full ? PollOnce(-1, 0, a_while) : PollOnce(fd.get(), POLLOUT, patience);
    if (readiness == Readiness::kWoken) return absl::CancelledError("cancelled");
    if (full && os::BootClockNow() < patience.deadline) continue;
    if (readiness == Readiness::kDeadline) return NotReached(ETIMEDOUT);
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return NotReached(error);
    break;
  }
  const int on = 1;
  if (address.family() != AF_UNIX) {
    setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  return fd;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Link>> Link::Connect(const std::vector<SocketAddress>& addresses,
                                                    const Patience& patience, Timing timing) {
  absl::Status last = absl::UnavailableError("there is no address");
  for (const SocketAddress& address : addresses) {
    const Instant now = os::BootClockNow();
    if (now >= patience.deadline) break;
    const Patience one = {std::min(patience.deadline, now + timing.greeting), patience.wake_fd};
    absl::StatusOr<os::UniqueFd> fd = ConnectTo(address, one);
    if (fd.ok()) return std::unique_ptr<Link>(new Link(*std::move(fd), timing));
    last = fd.status();
    if (absl::IsCancelled(last)) return last;
  }
  if (os::BootClockNow() >= patience.deadline) {
    return absl::DeadlineExceededError("the server could not be reached in time");
  }
  return last;
}

Link::Link(os::UniqueFd fd, Timing timing)
    : fd_(std::move(fd)),
      timing_(timing),
      connected_at_(os::BootClockNow()),
      heard_at_(connected_at_) {}

void Link::UseTls(std::shared_ptr<const TlsTrust> trust, const std::string& name) {
  tls_.emplace(std::move(trust), name);
}

// Gets the next bytes for the socket ready.
void Link::Fill() {
  out_.clear();
  sent_ = 0;
  if (!tls_.has_value()) return connection_.TakeOutput(&out_);
  if (tls_->ready()) {
    std::string plain;
    connection_.TakeOutput(&plain);
    if (!plain.empty()) {
      absl::Status status = tls_->Send(plain);
      if (!status.ok()) connection_.Lose(Message(status));
    }
  }
  tls_->TakeOutput(&out_);
}

void Link::Flush() {
  blocked_ = false;
  for (;;) {
    if (sent_ == out_.size()) Fill();
    if (out_.empty()) return;
    const ssize_t sent = send(fd_.get(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    if (sent >= 0) {
      sent_ += static_cast<size_t>(sent);
    } else if (errno == EAGAIN) {
      blocked_ = true;
      return;
    } else if (errno != EINTR) {
      // What the server said before it went is still to be read; reading tells of its end.
      sent_ = out_.size();
      blocked_ = true;
      if (errno != EPIPE && errno != ECONNRESET) connection_.Lose(strerror(errno));
      return;
    }
  }
}

void Link::TakePlain(std::string_view plain) {
  heard_at_ = os::BootClockNow();
  pinged_at_.reset();
  connection_.Receive(plain);
}

void Link::Read() {
  char buffer[kReadBytes];
  const ssize_t got = recv(fd_.get(), buffer, sizeof buffer, 0);
  if (got < 0) {
    if (errno != EAGAIN && errno != EINTR) connection_.Lose(strerror(errno));
    return;
  }
  if (got == 0) return connection_.Lose("the server has closed the connection");
  const std::string_view bytes(buffer, static_cast<size_t>(got));
  if (!tls_.has_value()) return TakePlain(bytes);
  std::string plain;
  absl::Status status = tls_->Receive(bytes, &plain);
  if (!plain.empty()) TakePlain(plain);
  if (!status.ok()) {
    connection_.Lose(Message(status));
  } else if (tls_->closed()) {
    connection_.Lose("the server has closed the connection");
  }
}

// When something is to be done although nothing comes.
Instant Link::NextCheck() const {
  if (!connection_.settled()) return connected_at_ + timing_.greeting;
  return pinged_at_.value_or(heard_at_) + timing_.silence;
}

void Link::Check(Instant now) {
  if (now < NextCheck()) return;
  if (!connection_.settled()) return connection_.Lose("the server does not answer in HTTP/2");
  if (pinged_at_.has_value()) return connection_.Lose("the server is silent");
  connection_.Ping();
  pinged_at_ = now;
}

Link::Event Link::Move(const Patience& patience) {
  Flush();
  if (connection_.lost() || connection_.ended()) return Event::kMoved;
  const Patience next = {std::min(patience.deadline, NextCheck()), patience.wake_fd};
  const short events = static_cast<short>(POLLIN | (blocked_ ? POLLOUT : 0));  // NOLINT
  const Readiness readiness = PollOnce(fd_.get(), events, next);
  if (readiness == Readiness::kWoken) return Event::kWoken;
  if (readiness == Readiness::kReady) Read();
  const Instant now = os::BootClockNow();
  Check(now);
  return now >= patience.deadline ? Event::kDeadline : Event::kMoved;
}

bool Link::Refresh() {
  pollfd polled = {fd_.get(), POLLIN, 0};
  // A server that has much to say while nobody asks is not listened to for long.
  for (int i = 0; i < kUnasked; ++i) {
    if (connection_.lost() || poll(&polled, 1, 0) <= 0) break;
    Read();
  }
  Flush();
  return connection_.reusable() && !blocked_ && poll(&polled, 1, 0) <= 0;
}

}  // namespace reeve::http2
