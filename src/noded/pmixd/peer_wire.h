// What two PMIx servers of one step say before they trust each other, and how they seal what
// follows. Pure: bytes in, bytes out.
//
//   acceptor -> dialler   its nonce
//   dialler  -> acceptor  its place among the step's nodes, its nonce, DialProof
//   acceptor -> dialler   AcceptProof
//   dialler  -> acceptor  frames: length (4 bytes, little-endian) | payload | tag
//
// Proofs and tags are HMAC-SHA-256 under keys that only the step's own processes can know; both
// nonces and both places are part of each, and of the key of the frames; tags count.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace reeve::noded {

inline constexpr size_t kNonceBytes = 16;
inline constexpr size_t kProofBytes = 32;
inline constexpr size_t kHelloBytes = 4 + kNonceBytes + kProofBytes;  // the dialler's
inline constexpr size_t kTagBytes = 16;
inline constexpr size_t kMaxPeerFrameBytes = size_t{65}
                                             << 20;  // payload: 64 MiB of data and who they are for

// Of the secret that the launch brings: what peers prove to each other, and 32 hexadecimal digits
// for the step's PMIx namespace.
std::string PeerSecret(std::string_view io_secret);
std::string NamespaceToken(std::string_view io_secret);

struct PeerGreeting {
  uint32_t dialler = 0;
  uint32_t acceptor = 0;
  std::string acceptor_nonce;
  std::string dialler_nonce;
};
std::string DialProof(std::string_view secret, const PeerGreeting& greeting);
std::string AcceptProof(std::string_view secret, const PeerGreeting& greeting);
std::string FrameKey(std::string_view secret, const PeerGreeting& greeting);
bool SameBytes(std::string_view a, std::string_view b);  // in a time that tells nothing

// The dialler's kHelloBytes.
std::string Hello(std::string_view secret, const PeerGreeting& greeting);
// What the acceptor makes of them: the greeting with the dialler's half, or nothing when its proof
// is wrong. `acceptor` and `acceptor_nonce`: its own.
std::optional<PeerGreeting> CheckHello(std::string_view secret, uint32_t acceptor,
                                       std::string_view acceptor_nonce, std::string_view hello);

class FrameSealer {
 public:
  explicit FrameSealer(std::string key) : key_(std::move(key)) {}
  std::string Seal(std::string_view payload);

 private:
  std::string key_;
  uint64_t count_ = 0;
};

class FrameOpener {
 public:
  explicit FrameOpener(std::string key) : key_(std::move(key)) {}
  void Append(std::string_view bytes) { in_.append(bytes); }
  // The next payload; nothing while it is not here completely. Too long or not sealed by the peer:
  // PermissionDenied, and nothing that follows is any good.
  absl::StatusOr<std::optional<std::string>> Next();

 private:
  std::string key_;
  std::string in_;
  size_t at_ = 0;
  uint64_t count_ = 0;
};

}  // namespace reeve::noded
