// MUNGE credentials: who a process is, as its host's munged says.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace reeve::rpc {

struct Identity {
  uid_t uid = static_cast<uid_t>(-1);
  gid_t gid = static_cast<gid_t>(-1);
};

struct Credential {
  Identity identity;
  std::string payload;
  absl::Time encoded_at;
};

// Talks to one munged. Thread-safe; each call opens a Unix socket and blocks for about 100 us.
class Munge {
 public:
  // `socket`: path of munged's socket (slurm.conf's AuthInfo=socket=...); empty for the library's
  // default.
  explicit Munge(std::string socket = "") : socket_(std::move(socket)) {}

  // A fresh credential around `payload` (encrypted). With `only_uid`, nobody but that user and
  // root can open it. Unavailable when munged does not answer.
  absl::StatusOr<std::string> Encode(std::string_view payload,
                                     std::optional<uid_t> only_uid = std::nullopt) const;

  // Unauthenticated for a credential that is forged, expired or has been decoded before;
  // Unavailable when munged does not answer.
  absl::StatusOr<Credential> Decode(const std::string& credential) const;

 private:
  std::string socket_;
};

}  // namespace reeve::rpc
