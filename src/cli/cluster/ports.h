// Who listens where.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace reeve::cluster {

// Connects to a gRPC target ("host:port", "unix:/path") and closes at once.
absl::Status TryConnect(const std::string& target, absl::Duration timeout);

// The program that listens on a TCP port of this host: "slurmctld (pid 312)", "another user's
// program"; "" when none does.
std::string ListenerOf(uint16_t port);

}  // namespace reeve::cluster
