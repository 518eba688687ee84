// reevedbd put together: store, query threads, RPC server, and the loop that waits for signals.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "common/base/config.h"

namespace reeve::dbd {

// The file that `config` names for the accounting data: ReeveAccountingDatabase, else accounting.db
// in StateSaveLocation.
std::string DatabasePath(const Config& config);

// FailedPrecondition when the configuration asks for no accounting at all.
absl::Status CheckAccountingConfigured(const Config& config);

// Serves until SIGTERM or SIGINT, then finishes what it has begun to write and returns OK. An error
// says why it could not start; nothing has been served then. Call it before any thread is started.
absl::Status RunDaemon(const Config& config);

}  // namespace reeve::dbd
