// What binds a credential to its call, and what seals the messages of a stream.
//
// A credential's payload is  version (1 byte) | SHA-256 of (method NUL request bytes) | key (32
// bytes, streams only). A sealed message is        HMAC-SHA-256 of (direction | counter | body), 16
// bytes | body. MUNGE encrypts the payload, so only those who may open the credential know the key.
// Each direction counts from 0: a message that is dropped, repeated, reordered or changed is
// refused.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace reeve::rpc {

inline constexpr size_t kKeyBytes = 32;

// Random bytes from the kernel, for keys, secrets and request ids.
std::string RandomBytes(size_t count);

std::string Sha256(std::string_view bytes);  // 32 raw bytes

// The payload of a call's credential; `key` is empty for a unary call.
std::string BindCall(std::string_view method, std::string_view request, std::string_view key);

// Unauthenticated unless `payload` was made for this method and these bytes; else the key (maybe
// empty).
absl::StatusOr<std::string> CheckBinding(std::string_view payload, std::string_view method,
                                         std::string_view request);

// Seals what one end sends and opens what it receives; after one message that it refuses, all. Not
// thread-safe: seal in sending order.
class Session {
 public:
  enum class End : char { kClient = 'c', kServer = 's' };
  Session(std::string key, End end) : key_(std::move(key)), end_(end) {}

  std::string Seal(std::string_view body);
  absl::StatusOr<std::string> Open(std::string_view sealed);

 private:
  std::string Mac(End sender, uint64_t counter, std::string_view body) const;

  std::string key_;
  End end_;
  uint64_t sent_ = 0;
  uint64_t received_ = 0;
  bool broken_ = false;  // for receiving
};

}  // namespace reeve::rpc
