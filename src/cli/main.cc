// The one client binary: finds the command by the name it was called by, or by its first argument.
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string_view>

#include "cli/command.h"
#include "reeve_version.h"

namespace {

using reeve::cli::Main;

struct Command {
  std::string_view name;
  Main run;
  bool slurm_named;  // may be called by its own name; --version speaks of Slurm
};

constexpr Command kCommands[] = {
    // Slurm's
    {"sbatch", reeve::cli::Sbatch, true},
    {"srun", reeve::cli::Srun, true},
    {"salloc", reeve::cli::Salloc, true},
    {"squeue", reeve::cli::Squeue, true},
    {"sinfo", reeve::cli::Sinfo, true},
    {"scancel", reeve::cli::Scancel, true},
    {"scontrol", reeve::cli::Scontrol, true},
    {"sacct", reeve::cli::Sacct, true},
    {"sprio", reeve::cli::Sprio, true},
    // our own
    {"cluster", reeve::cli::ClusterMain, false},
    {"doctor", reeve::cli::Doctor, false},
    {"explain", reeve::cli::Explain, false},
    {"check-config", reeve::cli::CheckConfig, false},
    {"sim", reeve::cli::Sim, false},
    {"bench", reeve::cli::Bench, false},
};

bool IsVersionFlag(std::string_view argument) {
  return argument == "--version" || argument == "-V";
}

void PrintUsage(FILE* out) {
  fputs(
      "usage: reeve VERB [arguments]\n\n"
      "  cluster       start, enter and stop an embedded cluster\n"
      "  doctor        find what keeps Reeve from working here\n"
      "  explain       say why a job is not running and when it will\n"
      "  check-config  read slurm.conf and say what is wrong with it\n"
      "  sim           replay a log of jobs: what would another policy or cluster make of it\n"
      "  bench         how many submissions and queries a second the controller takes\n"
      "  version       print the version\n\n"
      "and Slurm's commands, also by their own names:\n"
      "  sbatch srun salloc squeue sinfo scancel scontrol sacct sprio\n",
      out);
}

int RunCommand(const Command& command, int argc, char** argv) {
  // Clients ask for the version often: it costs no more than the start of the process.
  if (command.slurm_named && argc > 1 && IsVersionFlag(argv[1])) {
    reeve::cli::PrintSlurmVersion();
    return 0;
  }
  return command.run(argc, argv);
}

const Command* FindCommand(std::string_view name) {
  for (const Command& command : kCommands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

int Dispatch(int argc, char** argv) {
  static char own_name[] = "reeve";
  if (argc == 0) return 1;
  char* slash = strrchr(argv[0], '/');
  if (slash != nullptr) argv[0] = slash + 1;
  if (const Command* command = FindCommand(argv[0]); command != nullptr && command->slurm_named) {
    return RunCommand(*command, argc, argv);
  }
  argv[0] = own_name;
  if (argc < 2) {
    PrintUsage(stderr);
    return 1;
  }
  std::string_view verb = argv[1];
  if (verb == "version" || IsVersionFlag(verb)) {
    puts("reeve " REEVE_VERSION " (speaks Slurm " REEVE_SLURM_VERSION ")");
    return 0;
  }
  if (verb == "help" || verb == "--help" || verb == "-h") {
    PrintUsage(stdout);
    return 0;
  }
  const Command* command = FindCommand(verb);
  if (command == nullptr) {
    fprintf(stderr, "reeve: error: no such verb: %s\n", argv[1]);
    PrintUsage(stderr);
    return 1;
  }
  return RunCommand(*command, argc - 1, argv + 1);
}

}  // namespace

int main(int argc, char** argv) {
  int code = Dispatch(argc, argv);
  // A full disk or a closed pipe must not look like success.
  bool written = fflush(stdout) == 0 && ferror(stdout) == 0;
  fflush(stderr);
  // Not through exit: taking gRPC's static objects apart takes longer than a command's own work.
  _exit(written || code != 0 ? code : 1);
}
