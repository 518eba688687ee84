// The options of sbatch, srun and salloc: one table of all that Slurm 26.05 has. What Reeve does
// not support is in it too, so that it is refused by its own name.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "reeve/v1/types.pb.h"

namespace reeve::cli {

namespace pb = reeve::v1;

enum Command : unsigned { kSbatch = 1, kSrun = 2, kSalloc = 4 };
inline constexpr unsigned kAllCommands = kSbatch | kSrun | kSalloc;
std::string_view CommandName(Command command);

// Where a value came from; a later one overrides an earlier one.
enum class Source { kScript, kEnvironment, kCommandLine };

enum class Action { kRun, kHelp, kUsage, kVersion, kListMpi };

// What the options say. `spec` is sent as it is; the rest steers the command or its step.
struct JobRequest {
  pb::JobSpec spec;
  Action action = Action::kRun;
  int verbose = 0;
  bool quiet = false;

  std::optional<std::string> export_text;  // --export as typed
  std::string propagate;                   // limits to pass on: ALL, NONE or a list; "": configured
  std::optional<std::string> wrap;
  bool parsable = false;
  bool wait_for_end = false;  // sbatch --wait
  bool test_only = false;     // nothing is submitted
  std::optional<int64_t> immediate_seconds;
  uint32_t ntasks_per_gpu = 0;

  bool no_shell = false;
  bool bell = false;

  // Of srun's step.
  std::optional<uint32_t> job_id;
  std::optional<uint32_t> het_group;  // --het-group: a step of that component
  bool exact = false;
  bool overlap = false;
  bool label = false;
  bool unbuffered = false;
  bool external_launcher = false;
  bool no_kill = false;
  bool disable_status = false;
  bool quit_on_interrupt = false;
  std::optional<bool> kill_on_bad_exit;
  std::optional<int64_t> wait_seconds;  // after the first task's end; 0: for ever
  std::string distribution;
  std::optional<std::string> mpi;  // "none" or "pmix"
  std::string srun_prolog;         // programs: on srun's host, before and after the step
  std::string srun_epilog;
  std::string task_prolog;  // on the nodes, before and after each task
  std::string task_epilog;

  std::map<std::string_view, Source> set_by;  // by long name
  bool WasSet(std::string_view option) const { return set_by.count(option) != 0; }
  bool WasSetBy(std::string_view option, Source source) const {
    auto found = set_by.find(option);
    return found != set_by.end() && found->second == source;
  }
};

// Why a value is refused: `bare` (if any) is printed as it is, then "sbatch: error: MESSAGE".
struct OptionFault {
  std::string message;
  int exit_code = 255;
  std::string bare;
};

enum class Argument { kNone, kRequired, kOptional };

struct OptionRow {
  using Setter = std::optional<OptionFault> (*)(JobRequest& request, const OptionRow& row,
                                                std::string_view value);
  const char* name;
  char letter;  // 0: none
  Argument argument;
  unsigned commands;
  // Variables that stand for the option, blanks between; SBATCH_* are read by sbatch, SALLOC_* by
  // salloc, SLURM_* and SRUN_* by srun. Of several the last one that is set counts.
  const char* variables;
  Setter set;               // null: not supported yet
  const char* placeholder;  // for --help: "N", "FILE"
  const char* help;
};

std::span<const OptionRow> JobOptionTable();

// The row that `command` has under this long name, or null.
const OptionRow* FindJobOption(Command command, std::string_view name);

// The fault of an option that is known and not supported.
OptionFault NotSupported(std::string_view option);

// Combinations that only the whole request shows: --mem beside --mem-per-cpu, and resources of
// which the cluster has none. `has_gres_types`: the configuration has GresTypes.
std::optional<OptionFault> CheckCombinations(JobRequest* request, bool has_gres_types);

}  // namespace reeve::cli
