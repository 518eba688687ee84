// TLS of the channels (TLSType, TLSParameters): which files belong to whom, and the name that a
// daemon's certificate must carry.
//
// A file that TLSParameters does not name is looked for beside slurm.conf, else in /etc/reeve:
// ca_cert.pem, ctld_cert.pem, ctld_cert_key.pem, and dbd_ and slurmd_ likewise. Clients need the
// CA's certificate only. Who calls is still told by MUNGE; TLS adds that nobody listens, and that
// the daemon is the one it was taken for.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/config.h"

namespace reeve::rpc {

struct KeyPair {
  std::string cert_pem;  // the daemon's certificate, then those between it and the CA's
  std::string key_pem;
};

// Empty without TLS.
std::string CaCertFile(const Config& config);

// What the certificates are for: SlurmctldHost, AccountingStorageHost (the controller's name when
// both are on one host) and NodeHostname.
std::string ControllerName(const Config& config);
std::string AccountingName(const Config& config);

// nullopt without TLS. Otherwise files that fit each other, the name and the time of day; an error
// says which does not.
absl::StatusOr<std::optional<KeyPair>> ControllerKeyPair(const Config& config);
absl::StatusOr<std::optional<KeyPair>> AccountingKeyPair(const Config& config);
absl::StatusOr<std::optional<KeyPair>> NodeKeyPair(const Config& config, const NodeConfig& node);

}  // namespace reeve::rpc
