// Reading the options of sbatch, srun and salloc: the command line by getopt_long (whose habits and
// messages are Slurm's), the environment, and what they make of a JobRequest.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/job_options.h"

namespace reeve::cli {

struct ParsedOption {
  const OptionRow* row;
  std::string value;
};

struct ParsedArguments {
  std::vector<ParsedOption> options;
  int first_operand = 0;  // index in argv: reading stops at the first word that is no option
};

// Options from argv[1] on; argv[0] is named in messages. nullopt after an error has been printed
// with `Try "sbatch --help"`: exit code 255.
std::optional<ParsedArguments> ParseArguments(Command command, int argc, char** argv);

using GetVariable = std::function<const char*(const char* name)>;

// Each takes the options into `request`; an exit code after an error has been printed.
std::optional<int> ApplyOptions(Command command, const std::vector<ParsedOption>& options,
                                Source source, JobRequest* request);
std::optional<int> ApplyEnvironment(Command command, const GetVariable& get_variable,
                                    JobRequest* request);

// Prints the fault and returns its exit code.
int PrintFault(Command command, const OptionFault& fault);

// --help, --usage, --version, --mpi=list: prints and returns the exit code; nullopt for kRun.
std::optional<int> PrintActionAnswer(Command command, const JobRequest& request);

// With --verbose, what was asked for, on stderr.
void PrintSettings(Command command, const JobRequest& request);

}  // namespace reeve::cli
