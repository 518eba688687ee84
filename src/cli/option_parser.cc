#include "cli/option_parser.h"

#include <getopt.h>

#include <cstdio>
#include <cstdlib>

#include "cli/command.h"
#include "cli/option_values.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

constexpr int kFirstLong = 1000;  // getopt's value for row i is kFirstLong + i

// The table in getopt's form.
struct GetoptTable {
  std::string letters = "+";
  std::vector<option> longs;
};

GetoptTable MakeGetoptTable(Command command) {
  GetoptTable table;
  int value = kFirstLong;
  for (const OptionRow& row : JobOptionTable()) {
    int own = value++;
    if ((row.commands & command) == 0) continue;
    int has_argument = row.argument == Argument::kNone       ? no_argument
                       : row.argument == Argument::kRequired ? required_argument
                                                             : optional_argument;
    table.longs.push_back({row.name, has_argument, nullptr, own});
    if (row.letter == 0) continue;
    table.letters += row.letter;
    if (row.argument != Argument::kNone) table.letters += ':';
    if (row.argument == Argument::kOptional) table.letters += ':';
  }
  table.longs.push_back({});
  return table;
}

const OptionRow* RowOf(Command command, int value) {
  std::span<const OptionRow> rows = JobOptionTable();
  if (value >= kFirstLong) return &rows[static_cast<size_t>(value - kFirstLong)];
  for (const OptionRow& row : rows) {
    if ((row.commands & command) != 0 && row.letter == value) return &row;
  }
  return nullptr;
}

std::string_view PrefixOwner(std::string_view variable, Command command) {
  static constexpr struct {
    std::string_view prefix;
    Command command;
  } kPrefixes[] = {{"SBATCH_", kSbatch}, {"SALLOC_", kSalloc}, {"SLURM_", kSrun}, {"SRUN_", kSrun}};
  for (const auto& [prefix, owner] : kPrefixes) {
    if (owner == command && variable.substr(0, prefix.size()) == prefix) return prefix;
  }
  return "";
}

std::optional<OptionFault> Apply(const OptionRow& row, std::string_view value, Source source,
                                 JobRequest* request) {
  if (row.set == nullptr) return NotSupported(StrCat("--", row.name));
  std::optional<OptionFault> fault = row.set(*request, row, value);
  if (!fault) request->set_by[row.name] = source;
  return fault;
}

std::string OptionSynopsis(const OptionRow& row) {
  std::string left = row.letter != 0 ? StrCat("-", std::string(1, row.letter), ", ") : "    ";
  StrAppend(&left, "--", row.name);
  if (row.argument == Argument::kRequired) StrAppend(&left, "=", row.placeholder);
  if (row.argument == Argument::kOptional && row.placeholder[0] != '\0') {
    StrAppend(&left, "[=", row.placeholder, "]");
  }
  return left;
}

void PrintUsageLine(Command command) {
  const char* operands = command == kSbatch ? "[script [arguments]]"
                         : command == kSrun ? "command [arguments]"
                                            : "[command [arguments]]";
  printf("usage: %s [options] %s\n", std::string(CommandName(command)).c_str(), operands);
}

void PrintHelp(Command command) {
  PrintUsageLine(command);
  for (const OptionRow& row : JobOptionTable()) {
    if ((row.commands & command) == 0 || row.help == nullptr) continue;
    printf("  %-34s %s\n", OptionSynopsis(row).c_str(), row.help);
  }
  puts("\nOther options of Slurm are known by name and refused until they do something.");
}

}  // namespace

std::optional<ParsedArguments> ParseArguments(Command command, int argc, char** argv) {
  GetoptTable table = MakeGetoptTable(command);
  ParsedArguments parsed;
  optind = 0;  // GNU: start afresh, with a new table
  opterr = 1;
  int value = 0;
  while ((value = getopt_long(argc, argv, table.letters.c_str(), table.longs.data(), nullptr)) !=
         -1) {
    const OptionRow* row = value == '?' ? nullptr : RowOf(command, value);
    if (row == nullptr) {
      fprintf(stderr, "Try \"%s --help\" for more information\n",
              std::string(CommandName(command)).c_str());
      return std::nullopt;
    }
    parsed.options.push_back({row, optarg != nullptr ? optarg : ""});
  }
  parsed.first_operand = optind;
  return parsed;
}

std::optional<int> ApplyOptions(Command command, const std::vector<ParsedOption>& options,
                                Source source, JobRequest* request) {
  for (const ParsedOption& option : options) {
    std::optional<OptionFault> fault = Apply(*option.row, option.value, source, request);
    if (fault) return PrintFault(command, *fault);
  }
  return std::nullopt;
}

namespace {

// A variable that stands for a part of an option.
std::optional<int> ApplySwitchWait(Command command, const GetVariable& get_variable,
                                   JobRequest* request) {
  for (const char* variable : {"SBATCH_WAIT4SWITCH", "SALLOC_WAIT4SWITCH", "SLURM_WAIT4SWITCH"}) {
    if (PrefixOwner(variable, command).empty()) continue;
    const char* value = get_variable(variable);
    if (value == nullptr || *value == '\0') continue;
    std::optional<OptionFault> fault = SetSwitchWait(*request, value);
    if (!fault) continue;
    StrAppend(&fault->message, " (from ", variable, " in the environment)");
    return PrintFault(command, *fault);
  }
  return std::nullopt;
}

}  // namespace

std::optional<int> ApplyEnvironment(Command command, const GetVariable& get_variable,
                                    JobRequest* request) {
  for (const OptionRow& row : JobOptionTable()) {
    if ((row.commands & command) == 0) continue;
    for (std::string_view variable : SplitSkipEmpty(row.variables, " ")) {
      if (PrefixOwner(variable, command).empty()) continue;
      const char* value = get_variable(std::string(variable).c_str());
      // An empty variable is as good as none, as tools that clear one this way expect.
      if (value == nullptr || *value == '\0') continue;
      std::optional<OptionFault> fault = Apply(row, value, Source::kEnvironment, request);
      if (fault) {
        StrAppend(&fault->message, " (from ", variable, " in the environment)");
        return PrintFault(command, *fault);
      }
    }
  }
  return ApplySwitchWait(command, get_variable, request);
}

int PrintFault(Command command, const OptionFault& fault) {
  if (!fault.bare.empty()) fprintf(stderr, "%s\n", fault.bare.c_str());
  PrintError(CommandName(command), fault.message);
  return fault.exit_code;
}

std::optional<int> PrintActionAnswer(Command command, const JobRequest& request) {
  switch (request.action) {
    case Action::kRun:
      return std::nullopt;
    case Action::kHelp:
      PrintHelp(command);
      return 0;
    case Action::kUsage:
      PrintUsageLine(command);
      return 0;
    case Action::kVersion:
      PrintSlurmVersion();
      return 0;
    case Action::kListMpi:
      puts(
          "MPI plugin types are...\n\tnone\n\tpmix\nspecific pmix plugin versions available: "
          "pmix_v4");
      return 0;
  }
  return std::nullopt;
}

void PrintSettings(Command command, const JobRequest& request) {
  if (request.verbose == 0) return;
  PrintInfo(CommandName(command), "asked for:");
  for (const auto& [name, source] : request.set_by) {
    std::string_view from = source == Source::kScript        ? "script"
                            : source == Source::kEnvironment ? "environment"
                                                             : "command line";
    PrintInfo(CommandName(command), StrCat("  --", name, " (", from, ")"));
  }
  PrintInfo(CommandName(command), StrCat("request: ", request.spec.ShortDebugString()));
}

}  // namespace reeve::cli
