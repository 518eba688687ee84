// Frames over a Unix socket: any bytes in any pieces give the frames that a plain reading gives, an
// end is told once, and a callback may pause or destroy the connection.
#include <sys/socket.h>

#include <memory>

#include "noded/stepd/frame.h"
#include "reeve/v1/stepd.pb.h"
#include "tests/fuzz/check.h"

namespace reeve::noded {
namespace {

using fuzz::Bytes;
using fuzz::Expect;

struct Plain {
  std::vector<std::string> frames;
  bool broken = false;  // a length beyond what may be sent
};

Plain ReadPlainly(std::string_view bytes) {
  Plain plain;
  while (bytes.size() >= 4) {
    uint32_t length = 0;
    for (int i = 3; i >= 0; --i) length = length << 8 | static_cast<uint8_t>(bytes[i]);
    if (length > kMaxFrameBytes) {
      plain.broken = true;
      return plain;
    }
    if (bytes.size() - 4 < length) return plain;
    plain.frames.emplace_back(bytes.substr(4, length));
    bytes.remove_prefix(4 + length);
  }
  return plain;
}

class Receiver {
 public:
  Receiver(os::UniqueFd socket, size_t leave_after) : leave_after_(leave_after) {
    connection_ = std::make_unique<FrameConnection>(
        &loop_, std::move(socket),
        FrameConnection::Events{[this](std::string_view frame) { OnFrame(frame); },
                                [this] {
                                  Expect(!closed_, "closed twice");
                                  closed_ = true;
                                }});
  }
  void Settle() {
    for (int i = 0; i < 64 && loop_.RunOnce(); ++i) {
    }
  }
  void Pause(bool pause) {
    if (connection_ != nullptr) connection_->PauseReading(pause);
  }
  void Echo(const v1::StepdRequest& request) {
    if (connection_ != nullptr) connection_->Send(request);
  }

  std::vector<std::string> frames;
  bool closed() const { return closed_; }
  bool left() const { return connection_ == nullptr; }

 private:
  void OnFrame(std::string_view frame) {
    Expect(!closed_ && connection_ != nullptr, "a frame after the end");
    frames.emplace_back(frame);
    if (frames.size() == leave_after_) connection_.reset();
  }

  os::EventLoop loop_;
  size_t leave_after_;
  bool closed_ = false;
  std::unique_ptr<FrameConnection> connection_;
};

void Send(int fd, std::string_view piece, Receiver& receiver) {
  while (!piece.empty()) {
    const ssize_t sent = send(fd, piece.data(), piece.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent <= 0) return;  // the receiver has left
    piece.remove_prefix(static_cast<size_t>(sent));
    receiver.Settle();
  }
}

void Check(Bytes bytes) {
  int ends[2];
  Expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "no sockets");
  os::UniqueFd ours(ends[0]);
  const uint32_t choice = bytes.Byte();
  const size_t leave_after = (choice & 1) != 0 ? 1 + (choice >> 4) : 0;
  Receiver receiver{os::UniqueFd(ends[1]), leave_after};
  const uint32_t piece = 1 + bytes.Below(64);
  const std::string_view all = bytes.Rest();
  for (size_t at = 0; at < all.size(); at += piece) {
    receiver.Pause((choice & 2) != 0 && at % 3 == 0);
    Send(ours.get(), all.substr(at, piece), receiver);
    receiver.Pause(false);
    receiver.Settle();
  }
  if ((choice & 4) != 0) receiver.Echo(v1::StepdRequest());
  receiver.Settle();
  const Plain plain = ReadPlainly(all);
  if (!receiver.left()) {
    Expect(receiver.frames == plain.frames, receiver.frames.size(), " frames of ",
           plain.frames.size());
    Expect(receiver.closed() == plain.broken, "nonsense goes on, or sense ends");
    ours.reset();
    receiver.Settle();
    Expect(receiver.closed(), "the end was not told");
  } else {
    Expect(receiver.frames.size() == leave_after && !receiver.closed(), "called after it left");
  }
  // What a stepd makes of each of them.
  for (const std::string& frame : plain.frames) {
    v1::StepdRequest request;
    (void)request.ParseFromString(frame);
    v1::StepdEvent event;
    (void)event.ParseFromString(frame);
  }
}

}  // namespace
}  // namespace reeve::noded

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::noded::Check(reeve::fuzz::Bytes(data, size));
  return 0;
}
