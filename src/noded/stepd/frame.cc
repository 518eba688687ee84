#include "noded/stepd/frame.h"

#include <errno.h>
#include <sys/socket.h>

#include <cstring>
#include <optional>

namespace reeve::noded {
namespace {

constexpr size_t kReadBytes = 256 << 10;

uint32_t DecodeLength(const char* bytes) {
  const auto* b = reinterpret_cast<const unsigned char*>(bytes);
  return b[0] | b[1] << 8 | b[2] << 16 | static_cast<uint32_t>(b[3]) << 24;
}

void AppendLength(uint32_t length, std::string* out) {
  for (int shift = 0; shift < 32; shift += 8) out->push_back(static_cast<char>(length >> shift));
}

}  // namespace

// Shared with the loop's handler and the frame being delivered, so that a callback may destroy the
// connection.
struct FrameConnection::State : std::enable_shared_from_this<State> {
  os::EventLoop* loop;
  os::UniqueFd socket;
  Events events;
  size_t max_frame_bytes;
  std::string in;
  std::string out;
  size_t out_offset = 0;
  bool paused = false;
  bool deaf = false;  // the other side reads no more
  std::optional<uint32_t> watched;
  std::function<void()> on_flushed;

  size_t Queued() const { return out.size() - out_offset; }

  void Rewatch() {
    if (!socket) return;
    const uint32_t wanted =
        (paused ? 0u : uint32_t{EPOLLIN}) | (Queued() > 0 ? uint32_t{EPOLLOUT} : 0u);
    if (watched == wanted) return;
    watched = wanted;
    std::weak_ptr<State> self = weak_from_this();
    loop->Watch(socket.get(), wanted,
                [self](uint32_t ready) {
                  if (auto state = self.lock()) state->OnReady(ready);
                })
        .IgnoreError();
  }

  void Close() {
    if (!socket) return;
    loop->Unwatch(socket.get());
    socket.reset();
    out.clear();
    out_offset = 0;
  }

  void Broken() {
    if (!socket) return;
    Close();
    auto closed = std::move(events.on_closed);
    events = {};
    if (closed) closed();
  }

  void OnReady(uint32_t ready) {
    if (ready & EPOLLOUT) Write();
    if (socket && (ready & EPOLLIN) && !paused) Read();
    // A hang-up may come with data that is still to be read; only then is it the end.
    if (socket && !(ready & EPOLLIN) && (ready & (EPOLLHUP | EPOLLERR))) Broken();
  }

  void Read() {
    char buffer[kReadBytes];
    ssize_t got = recv(socket.get(), buffer, sizeof(buffer), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return Broken();
    in.append(buffer, static_cast<size_t>(got));
    Deliver();
  }

  void Deliver() {
    auto self = shared_from_this();
    size_t at = 0;
    while (socket && in.size() - at >= 4) {
      uint32_t length = DecodeLength(in.data() + at);
      if (length > max_frame_bytes) return Broken();
      if (in.size() - at - 4 < length) break;
      std::string frame = in.substr(at + 4, length);
      at += 4 + length;
      if (events.on_frame) {
        auto handler = events.on_frame;  // stays alive while it runs
        handler(frame);
      }
    }
    in.erase(0, std::min(at, in.size()));
  }

  void Write() {
    while (Queued() > 0) {
      ssize_t sent =
          send(socket.get(), out.data() + out_offset, Queued(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && errno == EAGAIN) break;
      if (sent < 0) {
        // The other side has gone, but its last words may still wait to be read.
        deaf = true;
        out_offset = out.size();
        break;
      }
      out_offset += sent;
    }
    if (Queued() == 0) {
      out.clear();
      out_offset = 0;
    } else if (out_offset > kReadBytes) {
      out.erase(0, out_offset);
      out_offset = 0;
    }
    Rewatch();
    if (Queued() == 0 && on_flushed) std::exchange(on_flushed, nullptr)();
  }
};

FrameConnection::FrameConnection(os::EventLoop* loop, os::UniqueFd socket, Events events,
                                 size_t max_frame_bytes)
    : state_(std::make_shared<State>()) {
  state_->loop = loop;
  state_->socket = std::move(socket);
  state_->events = std::move(events);
  state_->max_frame_bytes = max_frame_bytes;
  state_->Rewatch();
}

FrameConnection::~FrameConnection() {
  state_->events = {};
  state_->Close();
}

void FrameConnection::Send(const google::protobuf::MessageLite& message) {
  if (!state_->socket || state_->deaf) return;
  bool idle = state_->Queued() == 0;
  AppendLength(static_cast<uint32_t>(message.ByteSizeLong()), &state_->out);
  message.AppendToString(&state_->out);
  // What the socket takes at once needs no round of the loop, which alone reports failures.
  if (idle) state_->Write();
}

size_t FrameConnection::queued_bytes() const {
  return state_->Queued();
}

void FrameConnection::PauseReading(bool pause) {
  if (state_->paused == pause) return;
  state_->paused = pause;
  state_->Rewatch();
}

void FrameConnection::OnFlushed(std::function<void()> fn) {
  if (!state_->socket || state_->Queued() == 0) return fn();
  state_->on_flushed = std::move(fn);
}

}  // namespace reeve::noded
