// A certificate authority for one embedded cluster or one test, and what it issues. Not for
// clusters that are to be trusted for long: nothing is ever revoked.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/rpc/tls.h"

namespace reeve::rpc {

class ThrowawayCa {
 public:
  static absl::StatusOr<ThrowawayCa> Make();
  // One that was made before, from its two files.
  static absl::StatusOr<ThrowawayCa> Read(const KeyPair& pair);
  ~ThrowawayCa();
  ThrowawayCa(ThrowawayCa&&) noexcept;

  // The CA's own.
  absl::StatusOr<KeyPair> Own() const;
  // For the daemon of this host name.
  absl::StatusOr<KeyPair> Issue(const std::string& name) const;

 private:
  struct Parts;
  explicit ThrowawayCa(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace reeve::rpc
