// Messages over a local stream socket: 4 bytes of length (little-endian), then one message.
//
// A FrameConnection belongs to its loop's thread. Destroying it, also inside one of its own
// callbacks, closes the socket and ends the callbacks.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/os/event_loop.h"
#include "common/os/fd.h"
#include "google/protobuf/message_lite.h"

namespace reeve::noded {

inline constexpr size_t kMaxFrameBytes = size_t{64} << 20;

class FrameConnection {
 public:
  struct Events {
    std::function<void(std::string_view frame)> on_frame;
    // Once: the other side has gone or sent nonsense. Nothing more is read or written.
    std::function<void()> on_closed;
  };
  // A longer frame than `max_frame_bytes` is nonsense.
  FrameConnection(os::EventLoop* loop, os::UniqueFd socket, Events events,
                  size_t max_frame_bytes = kMaxFrameBytes);
  ~FrameConnection();
  FrameConnection(const FrameConnection&) = delete;
  FrameConnection& operator=(const FrameConnection&) = delete;

  void Send(const google::protobuf::MessageLite& message);  // queued, never blocks
  size_t queued_bytes() const;
  void PauseReading(bool pause);
  // Calls back once all that is queued is in the kernel's hands; at once when it already is.
  void OnFlushed(std::function<void()> fn);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace reeve::noded
