// Reading gzip files that are in memory.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace reeve::replay {

bool IsGzip(std::string_view data);

// The content of all members of the file. InvalidArgument when it is damaged or ends too early,
// ResourceExhausted past `limit` bytes.
absl::StatusOr<std::string> Gunzip(std::string_view data, size_t limit);

}  // namespace reeve::replay
