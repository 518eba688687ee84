// Whom a cluster trusts, from its configuration and the users this host knows.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/base/config.h"
#include "common/rpc/authorization.h"

namespace reeve::rpc {

// "slurm" or "64030". NotFound names the user.
absl::StatusOr<uid_t> FindUid(const std::string& user);

// SlurmUser, SlurmdUser, ReeveOperators and ReeveAdministrators. NotFound names key and user.
absl::StatusOr<Trust> TrustOf(const Config& config);

}  // namespace reeve::rpc
