// squeue --sort: keys by the letters of -o, each with an optional '+' or '-'.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "cli/job_view.h"

namespace reeve::cli {

// "P,t,-p". Rows that are equal by all keys stay in the order in which they are (squeue starts with
// ascending job ids). InvalidArgument, with the text, for a key that no job field has.
absl::Status SortJobs(std::string_view keys, std::vector<JobRow>* rows);
absl::Status SortSteps(std::string_view keys, std::vector<StepRow>* rows);

}  // namespace reeve::cli
