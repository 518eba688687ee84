// The components of a heterogeneous job, as a command line and a script name them: `-n1 : -n4 CMD`,
// `#SBATCH hetjob` between the lines of one component and those of the next.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/option_parser.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::cli {

struct ComponentArguments {
  std::vector<std::vector<ParsedOption>> components;  // one at least
  int first_operand = 0;  // index in argv: of the words behind the last component's options
};

// As ParseArguments, of components that a lone ":" stands between.
std::optional<ComponentArguments> ParseComponents(Command command, int argc, char** argv);

// A first look at what steers the command, wherever it stands: --help, --wrap, --quiet. An exit
// code after an error has been printed.
std::optional<int> ReadTyped(Command command, const std::vector<std::vector<ParsedOption>>& typed,
                             JobRequest* request);

// One request for each component that the script or the command line has: of each its own part of
// the script, then the environment, then its own part of the command line. An exit code after an
// error has been printed.
std::optional<int> ReadComponents(Command command,
                                  const std::vector<std::vector<ParsedOption>>& from_script,
                                  const std::vector<std::vector<ParsedOption>>& typed,
                                  const GetVariable& get_variable,
                                  std::vector<JobRequest>* requests);

// CheckCombinations of each, and what several cannot have yet. A variable's --signal=B: is the
// first one's alone, as the script is.
std::optional<OptionFault> CheckComponents(std::span<JobRequest> requests, bool has_gres_types);

// The specifications, the first one's and those behind it.
void PutComponents(std::span<const JobRequest> requests, pb::SubmitJobRequest* submit);

}  // namespace reeve::cli
