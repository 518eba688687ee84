// What the store gave back at start, as the core takes it.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "ctld/core/controller.h"
#include "ctld/state_store.h"

namespace reeve::ctld {

// DataLoss for a record that no controller wrote: it names the record and what is wrong with it.
absl::StatusOr<Snapshot> ToSnapshot(const StoredState& stored, uint32_t first_job_id);

}  // namespace reeve::ctld
