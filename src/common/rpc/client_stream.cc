#include "common/rpc/client_stream.h"

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "common/base/text.h"
#include "common/rpc/session.h"

namespace reeve::rpc {
namespace {

// What the handle and the thread share.
class Carrier {
 public:
  Carrier(std::shared_ptr<const Dialer> dialer, http2::CallStart start, std::string first,
          std::string key, Stream::Events events, os::UniqueFd wake)
      : dialer_(std::move(dialer)),
        start_(std::move(start)),
        first_(std::move(first)),
        session_(std::move(key), Session::End::kClient),
        events_(std::move(events)),
        wake_(std::move(wake)),
        phase_(dialer_->needs_resolver() ? Phase::kResolving : Phase::kConnecting) {}

  void Send(std::string_view body) {
    std::lock_guard lock(mutex_);
    if (closing_ || cancelled_ || phase_ == Phase::kOver) return;
    outgoing_.push_back(session_.Seal(body));
    if (phase_ == Phase::kCarrying) Wake();
  }

  void CloseSending() {
    std::lock_guard lock(mutex_);
    closing_ = true;
    if (phase_ == Phase::kCarrying) Wake();
  }

  void Cancel() {
    std::lock_guard lock(mutex_);
    cancelled_ = true;
    Wake();
  }

  // The thread's work: all callbacks run inside.
  void Run() {
    absl::Status outcome = Carry();
    {
      std::lock_guard lock(mutex_);
      if (phase_ == Phase::kAbandoned) return;
      phase_ = Phase::kOver;
    }
    events_.on_closed(std::move(outcome));
  }

  // True when the thread is still asking a resolver, which nothing interrupts: it will call nobody
  // any more, and ends some time.
  bool Abandon() {
    {
      std::lock_guard lock(mutex_);
      if (phase_ != Phase::kResolving) return false;
      phase_ = Phase::kAbandoned;
    }
    events_.on_closed(absl::CancelledError("cancelled"));
    events_ = {};
    return true;
  }

 private:
  enum class Phase { kResolving, kAbandoned, kConnecting, kCarrying, kOver };

  void Wake() {
    const uint64_t one = 1;
    (void)!write(wake_.get(), &one, sizeof one);  // full: it is awake anyhow
  }

  // False: there is nobody left to go on for.
  bool Enter(Phase phase) {
    std::lock_guard lock(mutex_);
    if (phase_ == Phase::kAbandoned || cancelled_) return false;
    phase_ = phase;
    return true;
  }

  absl::Status Carry() {
    absl::StatusOr<std::vector<http2::SocketAddress>> addresses = dialer_->Resolve();
    if (!Enter(Phase::kConnecting)) return absl::CancelledError("cancelled");
    if (!addresses.ok()) return addresses.status();
    const http2::Patience patience = {absl::InfiniteDuration(), wake_.get()};
    absl::StatusOr<std::unique_ptr<http2::Link>> link = dialer_->Connect(*addresses, patience);
    if (!link.ok()) return link.status();
    if (!Enter(Phase::kCarrying)) return absl::CancelledError("cancelled");
    http2::Connection& connection = (*link)->connection();
    start_.on_message = [this](std::string sealed) { return Deliver(sealed); };
    connection.StartCall(std::move(start_));
    connection.Send(first_);
    while (!connection.ended()) {
      Pass(connection);
      if ((*link)->Move(patience) == http2::Link::Event::kWoken) DrainWake();
    }
    (*link)->Refresh();  // a server that does not know of the end yet is told
    return connection.status();
  }

  absl::Status Deliver(std::string_view sealed) {
    absl::StatusOr<std::string> body = session_.Open(sealed);
    if (!body.ok()) return body.status();
    events_.on_message(*std::move(body));
    return absl::OkStatus();
  }

  void DrainWake() {
    uint64_t count = 0;
    (void)!read(wake_.get(), &count, sizeof count);
  }

  // Hands over what others have asked for.
  void Pass(http2::Connection& connection) {
    std::deque<std::string> outgoing;
    bool closing = false, cancelled = false;
    {
      std::lock_guard lock(mutex_);
      outgoing.swap(outgoing_);
      closing = closing_;
      cancelled = cancelled_;
    }
    if (cancelled) return connection.Cancel(absl::CancelledError("cancelled"));
    for (const std::string& sealed : outgoing) connection.Send(sealed);
    if (closing) connection.CloseSending();
  }

  const std::shared_ptr<const Dialer> dialer_;
  http2::CallStart start_;
  const std::string first_;
  Session session_;  // Seal under mutex_, Open on the thread: the counters are apart
  Stream::Events events_;
  const os::UniqueFd wake_;
  std::mutex mutex_;
  Phase phase_;
  std::deque<std::string> outgoing_;  // sealed
  bool closing_ = false;
  bool cancelled_ = false;
};

class Handle : public Stream {
 public:
  Handle(std::shared_ptr<Carrier> carrier, std::thread thread)
      : carrier_(std::move(carrier)), thread_(std::move(thread)) {}
  ~Handle() override {
    carrier_->Cancel();
    if (carrier_->Abandon()) {
      thread_.detach();
    } else {
      thread_.join();
    }
  }
  void Send(const google::protobuf::MessageLite& message) override {
    carrier_->Send(message.SerializeAsString());
  }
  void CloseSending() override { carrier_->CloseSending(); }
  void Cancel() override { carrier_->Cancel(); }

 private:
  std::shared_ptr<Carrier> carrier_;
  std::thread thread_;
};

// Signals are for the threads that the program has made for itself.
absl::StatusOr<std::thread> StartWithoutSignals(std::function<void()> work) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread;
  try {
    thread = std::thread(std::move(work));
  } catch (const std::system_error&) {
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (!thread.joinable()) return absl::UnavailableError("cannot start a thread for a stream");
  return thread;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Stream>> StartClientStream(std::shared_ptr<const Dialer> dialer,
                                                          http2::CallStart start, std::string first,
                                                          std::string key, Stream::Events events) {
  os::UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return absl::UnavailableError("no descriptor for a stream");
  auto carrier = std::make_shared<Carrier>(std::move(dialer), std::move(start), std::move(first),
                                           std::move(key), std::move(events), std::move(wake));
  absl::StatusOr<std::thread> thread = StartWithoutSignals([carrier] { carrier->Run(); });
  if (!thread.ok()) return thread.status();
  return std::make_unique<Handle>(std::move(carrier), *std::move(thread));
}

}  // namespace reeve::rpc
