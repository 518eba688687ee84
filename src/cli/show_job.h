// `scontrol show job` and `scontrol show step`: the texts. Pure.
#pragma once

#include <string>

#include "cli/job_view.h"

namespace reeve::cli {

struct ShowOptions {
  bool one_line = false;
  bool details = false;
};

// One record with its line ends. A task of a pending array that is shown by itself has `task` set.
std::string ShowJobText(const JobRow& row, const ShowOptions& options);
std::string ShowStepText(const StepRow& row, const ShowOptions& options);

}  // namespace reeve::cli
