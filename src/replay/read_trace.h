// A trace file of either format, plain or gzip, told apart by its content.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "replay/trace.h"

namespace reeve::replay {

// `data` is the file's content, `name` what messages call it, `zone` that of sacct's times. Errors
// begin with the name and, for a fault of the content, the line.
absl::StatusOr<Trace> ReadTrace(std::string_view data, std::string_view name, absl::TimeZone zone);

}  // namespace reeve::replay
