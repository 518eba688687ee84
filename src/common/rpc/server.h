// The server's side: every RPC arrives here as raw bytes, is authenticated (MUNGE) and authorized
// (authorization.h) in this one place, and only then handed to its handler. No gRPC header is
// needed to write a handler.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/rpc/authorization.h"
#include "common/rpc/munge.h"
#include "common/rpc/server_limits.h"
#include "common/rpc/tls.h"
#include "google/protobuf/message_lite.h"

namespace reeve::rpc {

// One call that waits for its answer. Thread-safe; may be kept and answered later from any
// thread. Dropping the last reference without Finish answers Internal.
class Call {
 public:
  virtual ~Call() = default;
  virtual const Identity& identity() const = 0;
  virtual Role role() const = 0;  // the highest the caller has
  virtual const std::string& request() const = 0;
  virtual std::string peer() const = 0;  // "ipv4:10.0.0.1:40000", "unix:..."
  // Queues one answer; a unary method sends exactly one.
  virtual void WriteBytes(std::string message) = 0;  // a serialized one
  void Write(const google::protobuf::MessageLite& message) {
    WriteBytes(message.SerializeAsString());
  }
  virtual void Finish(absl::Status status) = 0;  // once
  virtual bool cancelled() const = 0;            // the client has gone
  // Runs `fn` once, on a gRPC thread, if the client goes before the answer (perhaps at once).
  virtual void OnGone(std::function<void()> fn) { (void)fn; }
  virtual size_t queued_bytes() const { return 0; }  // written and not yet handed to the network
  // Runs `fn` once, on a thread for handlers, when at most `bytes` are queued or nobody waits for
  // the answer any more. How a long answer is written to a slow reader: a part, then this.
  virtual void OnRoom(size_t bytes, std::function<void()> fn) { (void)bytes, fn(); }

  void Reply(const google::protobuf::MessageLite& message) {
    Write(message);
    Finish(absl::OkStatus());
  }
  // Parses the request, or answers InvalidArgument and returns false.
  bool Parse(google::protobuf::MessageLite* request);
};
// Runs on one of the server's threads for handlers, which it must not block for long.
using UnaryHandler = std::function<void(std::shared_ptr<Call>)>;

// One stream of a client that has been let in. Thread-safe.
class ServerStream {
 public:
  struct Events {  // both on a gRPC thread, one at a time
    std::function<void(std::string message)> on_message;
    std::function<void()> on_closed;  // once, last: the client has gone or Finish was called
  };
  virtual ~ServerStream() = default;
  virtual const Identity& identity() const = 0;
  virtual Role role() const = 0;
  virtual const std::string& first_message() const = 0;
  virtual std::string peer() const = 0;
  virtual void Send(const google::protobuf::MessageLite& message) = 0;  // queued; never blocks
  virtual size_t queued_bytes() const = 0;  // not yet handed to the network
  virtual void Finish(absl::Status status) = 0;
};
// Called once per stream after its first message; returns what is to be called for the next ones.
using StreamHandler = std::function<ServerStream::Events(std::shared_ptr<ServerStream>)>;

// Where a daemon's services put their handlers.
class Handlers {
 public:
  virtual ~Handlers() = default;
  // `method`: "Controller/SubmitJob".
  virtual void Handle(std::string_view method, UnaryHandler handler) = 0;
  virtual void HandleStream(std::string_view method, StreamHandler handler) = 0;
};

class Server : public Handlers {
 public:
  struct Options {
    std::vector<std::string> listen;  // "0.0.0.0:6817", "unix:/path"
    Munge munge;
    Trust trust;
    Limits limits = {};
    std::optional<KeyPair> tls = {};  // for every address; without it, plain text
  };
  explicit Server(Options options);
  ~Server() override;  // Stop()

  // Before Start. A method without a line in the authorization table aborts.
  void Handle(std::string_view method, UnaryHandler handler) override;
  void HandleStream(std::string_view method, StreamHandler handler) override;

  absl::Status Start();  // Unavailable names the address that can't be bound
  void Stop();           // no new calls; open ones are cancelled; returns when no handler runs

  // From any thread; hold for calls that come from now on.
  void SetTrust(Trust trust);
  void SetRate(RateLimit rate);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reeve::rpc
