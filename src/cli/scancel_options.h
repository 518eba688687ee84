// What scancel was asked for, by its options and its environment.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::cli {

namespace pb = reeve::v1;

struct ScancelOptions {
  bool verbose = false;
  bool quiet = false;
  bool interactive = false;
  std::vector<std::string> typed_ids;  // in step with `jobs`
  std::vector<JobSelector> jobs;
  pb::CancelJobsRequest filters;  // everything but the jobs
  std::string filters_text;       // "job_name=x state=PENDING ": for messages; empty for none
};

std::optional<int> ReadScancelOptions(int argc, char** argv, ScancelOptions* options);

}  // namespace reeve::cli
