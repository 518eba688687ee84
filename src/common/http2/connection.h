// A client's end of one HTTP/2 connection (RFC 9113), without its socket: bytes that came go in,
// bytes to be sent come out. It carries calls of gRPC, one at a time.
//
// Whatever the server sends, it keeps at most a message's bytes, kMaxHeaderBytes of headers and the
// few frames that HTTP/2 obliges it to answer. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace reeve::http2 {

inline constexpr size_t kMaxMessageBytes = size_t{128} << 20;
inline constexpr size_t kMaxHeaderBytes = size_t{64} << 10;

// What opens a call.
struct CallStart {
  bool tls = false;
  std::string authority;
  std::string path;           // "/package.Service/Method"
  absl::Duration timeout;     // told to the server; InfiniteDuration for none
  std::string metadata_name;  // one header of the user's
  std::string metadata_value;
  // For each message of the answer. An error ends the call with it.
  std::function<absl::Status(std::string message)> on_message;
};

class Connection {
 public:
  explicit Connection(size_t max_message_bytes = kMaxMessageBytes);
  ~Connection();

  // Only when there is no call, or it has ended, and the connection is reusable().
  void StartCall(CallStart start);
  void Send(std::string_view message);  // of the call; queued
  void CloseSending();                  // after all that is queued
  // Ends the call with this status, if it has not ended, and tells the server.
  void Cancel(absl::Status why);

  // Takes what came. on_message runs inside. When the server breaks the rules, or says that it
  // takes no more calls and there is none, lost() becomes true.
  void Receive(std::string_view bytes);
  // The next bytes for the server, nothing when there are none (now).
  void TakeOutput(std::string* out);
  // The bytes come and go no longer: a call that has not ended ends with Unavailable.
  void Lose(std::string_view why);
  void Ping();

  bool ended() const;                  // the call
  const absl::Status& status() const;  // how it ended
  // The server has not looked at the call that ended: it may be made again elsewhere.
  bool unprocessed() const;
  bool settled() const;   // the server has said that it speaks HTTP/2
  bool lost() const;      // there is no more use in it
  bool reusable() const;  // for another call

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reeve::http2
