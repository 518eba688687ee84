#include "noded/pmixd/peer_wire.h"

#include "absl/strings/escaping.h"
#include "common/rpc/sha256.h"

namespace reeve::noded {
namespace {

using rpc::HmacSha256;

std::string Number(uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text.push_back(static_cast<char>(value >> (8 * i)));
  return text;
}

uint32_t Number32(std::string_view bytes) {
  uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

std::string Proof(std::string_view secret, std::string_view purpose, const PeerGreeting& greeting) {
  return HmacSha256(secret, {purpose, Number(greeting.dialler, 4), Number(greeting.acceptor, 4),
                             greeting.acceptor_nonce, greeting.dialler_nonce});
}

std::string Tag(std::string_view key, uint64_t count, std::string_view payload) {
  return HmacSha256(key, {Number(count, 8), payload}).substr(0, kTagBytes);
}

}  // namespace

std::string PeerSecret(std::string_view io_secret) {
  return HmacSha256(io_secret, {"reeve-pmixd: peers"});
}

std::string NamespaceToken(std::string_view io_secret) {
  return absl::BytesToHexString(HmacSha256(io_secret, {"reeve-pmixd: namespace"}).substr(0, 16));
}

std::string DialProof(std::string_view secret, const PeerGreeting& greeting) {
  return Proof(secret, "dial", greeting);
}

std::string AcceptProof(std::string_view secret, const PeerGreeting& greeting) {
  return Proof(secret, "accept", greeting);
}

std::string FrameKey(std::string_view secret, const PeerGreeting& greeting) {
  return Proof(secret, "frames", greeting);
}

bool SameBytes(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

std::string Hello(std::string_view secret, const PeerGreeting& greeting) {
  return Number(greeting.dialler, 4) + greeting.dialler_nonce + DialProof(secret, greeting);
}

std::optional<PeerGreeting> CheckHello(std::string_view secret, uint32_t acceptor,
                                       std::string_view acceptor_nonce, std::string_view hello) {
  if (hello.size() != kHelloBytes) return std::nullopt;
  PeerGreeting greeting{Number32(hello.substr(0, 4)), acceptor, std::string(acceptor_nonce),
                        std::string(hello.substr(4, kNonceBytes))};
  if (!SameBytes(hello.substr(4 + kNonceBytes), DialProof(secret, greeting))) return std::nullopt;
  return greeting;
}

std::string FrameSealer::Seal(std::string_view payload) {
  std::string frame = Number(payload.size(), 4);
  frame.append(payload);
  frame += Tag(key_, count_++, payload);
  return frame;
}

absl::StatusOr<std::optional<std::string>> FrameOpener::Next() {
  const std::string_view left = std::string_view(in_).substr(at_);
  if (left.size() >= 4) {
    const size_t length = Number32(left.substr(0, 4));
    if (length > kMaxPeerFrameBytes) return absl::PermissionDeniedError("a frame is too long");
    if (left.size() >= 4 + length + kTagBytes) {
      const std::string_view payload = left.substr(4, length);
      if (!SameBytes(left.substr(4 + length, kTagBytes), Tag(key_, count_++, payload))) {
        return absl::PermissionDeniedError("a frame is not the peer's");
      }
      at_ += 4 + length + kTagBytes;
      return std::string(payload);
    }
  }
  in_.erase(0, at_);
  at_ = 0;
  return std::nullopt;
}

}  // namespace reeve::noded
