// What squeue was asked for, by its options and its environment.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/format_spec.h"
#include "cli/view_field.h"
#include "common/base/ids.h"
#include "common/base/job_state.h"

namespace reeve::cli {

struct SqueueOptions {
  bool header = true;
  bool one_per_task = false;  // --array
  bool all_partitions = false;
  bool long_listing = false;
  bool steps = false;
  bool start = false;
  bool verbose = false;
  bool convert_units = true;
  bool expand_patterns = false;
  bool only_job_state = false;
  uint32_t iterate_seconds = 0;

  std::vector<JobSelector> jobs;   // --jobs; with `steps` also --steps' own list
  std::vector<std::string> names;  // each list: empty is no restriction
  std::vector<std::string> partitions;
  std::vector<std::string> accounts;
  std::vector<std::string> qos;
  std::string reservation;  // jobs of that one; empty: no restriction
  std::vector<std::string> nodes;
  bool by_user = false;  // `uids` restricts, even when it is empty
  std::vector<uint32_t> uids;
  std::vector<uint32_t> not_uids;
  bool all_states = false;
  bool by_state = false;  // `states` restricts; else what is not over is shown
  std::vector<StateFilter> states;
  std::string sort;  // never empty

  FormatSpec format;
  bool format_of_all = false;  // -o %all
  FieldNaming naming = FieldNaming::kLetter;
};

// Fills `options` from the environment and the command line. An exit code when that is all.
std::optional<int> ReadSqueueOptions(int argc, char** argv, SqueueOptions* options);

}  // namespace reeve::cli
