#include "common/http2/message_frames.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "common/base/text.h"

namespace reeve::http2 {

std::string FrameMessage(std::string_view message) {
  std::string frame;
  frame.reserve(kFrameHeaderBytes + message.size());
  frame.push_back('\0');
  for (int shift = 24; shift >= 0; shift -= 8) {
    frame.push_back(static_cast<char>(message.size() >> shift));
  }
  frame.append(message);
  return frame;
}

absl::Status MessageReader::ReadHeader() {
  if (header_[0] != '\0') return absl::InternalError("the answer holds a compressed message");
  body_bytes_ = 0;
  for (size_t i = 1; i < kFrameHeaderBytes; ++i) {
    body_bytes_ = body_bytes_ << 8 | static_cast<uint8_t>(header_[i]);
  }
  if (body_bytes_ <= max_message_bytes_) return absl::OkStatus();
  return absl::ResourceExhaustedError(StrCat("the answer holds a message of ", body_bytes_,
                                             " bytes; at most ", max_message_bytes_, " are taken"));
}

absl::Status MessageReader::Feed(std::string_view bytes, const OnMessage& on_message) {
  while (!bytes.empty()) {
    const bool in_header = header_.size() < kFrameHeaderBytes;
    std::string& part = in_header ? header_ : body_;
    const size_t wanted = in_header ? kFrameHeaderBytes : body_bytes_;
    const size_t taken = std::min(wanted - part.size(), bytes.size());
    part.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    if (in_header && header_.size() == kFrameHeaderBytes) {
      if (absl::Status status = ReadHeader(); !status.ok()) return status;
    }
    if (header_.size() < kFrameHeaderBytes || body_.size() < body_bytes_) continue;
    header_.clear();
    absl::Status status = on_message(std::exchange(body_, {}));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace reeve::http2
