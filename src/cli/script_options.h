// The #SBATCH lines of a batch script.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace reeve::cli {

// One part for each component: those of a heterogeneous job are set apart by lines of `#SBATCH
// hetjob` (or packjob). Of each the words of all #SBATCH lines up to the first line that is neither
// blank nor a comment, in order. Words are split at blanks; ' and " quote, \ takes the next
// character as it is, and an unquoted # ends the line. InvalidArgument for a quote that is not
// closed.
absl::StatusOr<std::vector<std::vector<std::string>>> ScriptOptionWords(std::string_view script);

}  // namespace reeve::cli
