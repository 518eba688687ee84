// The client's side of a connection to a daemon: gRPC's protocol by common/http2, without gRPC's
// library, whose start would cost a command more than all of its own work.
//
// A unary call carries a MUNGE credential over its method and the raw bytes of its request. A
// stream is opened by one that also holds a session key: every later message, in both
// directions, is sealed with it (see session.h), and only the daemon's user can have opened the
// credential, so a sealed answer proves who answered.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/rpc/munge.h"
#include "google/protobuf/message_lite.h"

namespace reeve::rpc {

// An open bidirectional stream. Thread-safe. Destroying it cancels the stream and waits until no
// callback runs any more; never destroy it inside its own callback.
class Stream {
 public:
  // Both run on a thread of the stream's own, one at a time.
  struct Events {
    std::function<void(std::string message)> on_message;
    std::function<void(absl::Status status)> on_closed;  // once, last
  };
  virtual ~Stream() = default;
  virtual void Send(const google::protobuf::MessageLite& message) = 0;  // queued; never blocks
  virtual void CloseSending() = 0;                                      // after all that is queued
  virtual void Cancel() = 0;
};

// Where a daemon is, and how it proves to be it.
struct Target {
  Target(std::string a) : address(std::move(a)) {}  // in plain text
  Target(const char* a) : address(a) {}
  Target(std::string a, std::string ca, std::string n)
      : address(std::move(a)), ca_cert_file(std::move(ca)), name(std::move(n)) {}

  std::string address;       // "host:port", "1.2.3.4:6817" or "unix:/path"
  std::string ca_cert_file;  // empty: no TLS
  std::string name;          // that its certificate carries
};

class Dialer;

// Thread-safe. A unary call runs on the thread that makes it, and takes its connection for as long
// as it lasts.
class Channel {
 public:
  // Connects when first used.
  Channel(Target target, Munge munge);
  ~Channel();

  // `method`: "Controller/SubmitJob". `server_uid`: only this user (or root) may read the
  // credential.
  template <class Response>
  absl::StatusOr<Response> Call(std::string_view method,
                                const google::protobuf::MessageLite& request,
                                absl::Duration timeout = absl::Seconds(10)) const {
    Response response;
    absl::Status status = CallRaw(method, request, timeout, [&](std::string_view bytes) {
      return response.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
    });
    if (!status.ok()) return status;
    return response;
  }

  // Calls `on_message` for each answer as it comes; false from it ends the call with DataLoss.
  // A daemon that says it is asked too much (IsBackoff) is asked again after a pause that grows,
  // for five minutes.
  // The status of the daemon otherwise; Unavailable when it can't be reached (and munged: with
  // a message that says so), DeadlineExceeded after `timeout` (asking a resolver for the daemon's
  // name may take longer), ResourceExhausted for an answer with a message that is longer than
  // http2::kMaxMessageBytes.
  absl::Status CallRaw(std::string_view method, const google::protobuf::MessageLite& request,
                       absl::Duration timeout,
                       const std::function<bool(std::string_view)>& on_message) const;

  // `first` opens the stream and is what the credential covers. `server_uid`: the only user who
  // may open the credential (besides root). An error that comes later arrives in on_closed.
  absl::StatusOr<std::unique_ptr<Stream>> OpenStream(std::string_view method,
                                                     const google::protobuf::MessageLite& first,
                                                     std::optional<uid_t> server_uid,
                                                     Stream::Events events) const;

  const std::string& target() const { return target_.address; }

 private:
  absl::Status CallOnce(std::string_view method, const std::string& request, absl::Duration timeout,
                        const std::function<bool(std::string_view)>& on_message) const;

  Target target_;
  Munge munge_;
  std::shared_ptr<Dialer> dialer_;  // streams outlive the channel
};

// True when the call may have not reached the daemon at all, or the daemon is away: worth
// repeating with the same request id.
bool IsRetryable(const absl::Status& status);

// True when the daemon wants the call again later: it has too much of this user's to do.
bool IsBackoff(const absl::Status& status);

}  // namespace reeve::rpc
