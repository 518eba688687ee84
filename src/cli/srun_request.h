// What srun asks the controller for: its wishes for a step, from options and an outer job's
// environment, and where the tasks' stdio goes. No calls are made here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/job_options.h"
#include "common/base/config.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::cli {

// Lets the command line and the inherited environment agree as srun does: fewer tasks than nodes
// means fewer nodes (said in `warnings`), and what was typed beats what an outer job left.
// `in_job`: a step of a job that exists. Refuses what a step does not have yet.
std::optional<OptionFault> SettleStepRequest(bool in_job, JobRequest* request,
                                             std::vector<std::string>* warnings);

// Where one of the three standard streams goes.
struct StreamRoute {
  enum class Kind {
    kSrun,     // srun's own descriptor, every task
    kOneTask,  // srun's own descriptor, one task
    kFile,     // a file that srun opens
    kNode,     // files that the nodes open: the pattern differs by task or node
    kNone,
  };
  Kind kind = Kind::kSrun;
  uint32_t task = 0;
  std::string pattern;
};
StreamRoute RouteStream(const std::string& value);

struct StepStdio {
  StreamRoute in;
  StreamRoute out;
  StreamRoute err;
};
StepStdio RouteStdio(const pb::JobSpec& spec);

struct StepOrigin {
  int argc;
  char** argv;
  std::vector<std::string> command;      // the program and its arguments
  std::vector<std::string> environment;  // NAME=value, already filtered by --export
  uint32_t job_id;
};
pb::CreateStepRequest MakeStepRequest(const JobRequest& request, const StepOrigin& origin,
                                      const StepStdio& stdio);

// The name that a step or an interactive job has without --job-name.
// What --mpi= and MpiDefault= may name, in our own words: "none" or "pmix".
std::optional<std::string> MpiType(std::string_view name);
// MpiDefault= of slurm.conf: the type of a step whose srun does not say one.
std::string DefaultMpiType(const Config& config);

std::string ProgramName(const std::string& command);

}  // namespace reeve::cli
