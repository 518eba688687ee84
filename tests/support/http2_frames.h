// Frames of HTTP/2 (RFC 9113) by hand, as a server would send them, right or wrong.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace reeve::testing {

enum FrameType : uint8_t {
  kDataFrame = 0,
  kHeadersFrame = 1,
  kResetFrame = 3,
  kSettingsFrame = 4,
  kPushFrame = 5,
  kPingFrame = 6,
  kGoawayFrame = 7,
  kWindowFrame = 8,
  kContinuationFrame = 9,
};
inline constexpr uint8_t kEndStream = 1, kAck = 1, kEndHeaders = 4;

inline std::string BigEndian(uint64_t number, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text.push_back(static_cast<char>(number >> (8 * i)));
  return text;
}

inline std::string FrameHead(size_t size, FrameType type, uint8_t flags, uint32_t stream) {
  return BigEndian(size, 3) + BigEndian(type, 1) + BigEndian(flags, 1) + BigEndian(stream, 4);
}
inline std::string Frame(FrameType type, uint8_t flags, uint32_t stream,
                         std::string_view payload = "") {
  return FrameHead(payload.size(), type, flags, stream) + std::string(payload);
}

inline std::string Settings(const std::vector<std::pair<uint16_t, uint32_t>>& settings = {}) {
  std::string payload;
  for (const auto& [id, value] : settings) payload += BigEndian(id, 2) + BigEndian(value, 4);
  return Frame(kSettingsFrame, 0, 0, payload);
}

// HPACK (RFC 7541) without a table: literal names and values.
using HeaderList = std::vector<std::pair<std::string, std::string>>;
inline std::string HpackText(std::string_view text) {
  std::string out;
  size_t size = text.size();
  if (size < 127) return std::string(1, static_cast<char>(size)) + std::string(text);
  out.push_back(127);
  for (size -= 127; size >= 128; size >>= 7) out.push_back(static_cast<char>((size & 127) | 128));
  out.push_back(static_cast<char>(size));
  return out + std::string(text);
}
inline std::string Hpack(const HeaderList& headers) {
  std::string block;
  for (const auto& [name, value] : headers) {
    block += std::string(1, '\0') + HpackText(name) + HpackText(value);
  }
  return block;
}
inline std::string Headers(uint32_t stream, const HeaderList& headers, uint8_t flags = 0) {
  return Frame(kHeadersFrame, static_cast<uint8_t>(kEndHeaders | flags), stream, Hpack(headers));
}

// The parts of an ordinary answer of gRPC.
inline std::string AnswerStart(uint32_t stream = 1) {
  return Headers(stream, {{":status", "200"}, {"content-type", "application/grpc"}});
}
inline std::string AnswerData(std::string_view bytes, uint32_t stream = 1) {
  return Frame(kDataFrame, 0, stream, bytes);
}
inline std::string AnswerEnd(const std::string& status, const std::string& message = "",
                             uint32_t stream = 1) {
  HeaderList trailers = {{"grpc-status", status}};
  if (!message.empty()) trailers.emplace_back("grpc-message", message);
  return Headers(stream, trailers, kEndStream);
}
// gRPC's framing of a message.
inline std::string GrpcMessage(std::string_view message) {
  return std::string(1, '\0') + BigEndian(message.size(), 4) + std::string(message);
}
inline std::string Answer(std::string_view message, uint32_t stream = 1) {
  return AnswerStart(stream) + AnswerData(GrpcMessage(message), stream) +
         AnswerEnd("0", "", stream);
}

// What a client has sent, taken apart; a frame that is not whole yet is left out.
struct SeenFrame {
  uint8_t type;
  uint8_t flags;
  uint32_t stream;
  std::string payload;
};
inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
inline std::vector<SeenFrame> SeenFrames(std::string_view bytes) {
  std::vector<SeenFrame> frames;
  if (bytes.starts_with(kPreface)) bytes.remove_prefix(kPreface.size());
  const auto number = [&bytes](size_t at, size_t size) {
    uint32_t value = 0;
    for (size_t i = at; i < at + size; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
    return value;
  };
  while (bytes.size() >= 9 && bytes.size() >= 9 + number(0, 3)) {
    const uint32_t size = number(0, 3);
    frames.push_back({static_cast<uint8_t>(bytes[3]), static_cast<uint8_t>(bytes[4]), number(5, 4),
                      std::string(bytes.substr(9, size))});
    bytes.remove_prefix(9 + size);
  }
  return frames;
}

}  // namespace reeve::testing
