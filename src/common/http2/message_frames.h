// How gRPC puts messages into the bytes of a call (gRPC over HTTP/2, "Length-Prefixed-Message"):
// a flag (1 byte, 0: not compressed), the length (4 bytes, big endian), the message.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace reeve::http2 {

inline constexpr size_t kFrameHeaderBytes = 5;

// `message` has at most 2^32 - 1 bytes.
std::string FrameMessage(std::string_view message);

// Takes bytes in pieces of any size and gives whole messages. It keeps what has come of one message
// and no more: a length is believed only as far as its bytes are there.
class MessageReader {
 public:
  using OnMessage = std::function<absl::Status(std::string message)>;

  explicit MessageReader(size_t max_message_bytes) : max_message_bytes_(max_message_bytes) {}

  // Internal for a compressed message (nobody was told that we can read one), ResourceExhausted for
  // one that is too long, or what `on_message` says; nothing is to be fed after an error.
  absl::Status Feed(std::string_view bytes, const OnMessage& on_message);

  bool between_messages() const { return header_.empty(); }

 private:
  absl::Status ReadHeader();

  size_t max_message_bytes_;
  std::string header_;  // of the message that is being read
  std::string body_;
  size_t body_bytes_ = 0;
};

}  // namespace reeve::http2
