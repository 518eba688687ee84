#include "cli/command.h"

#include <cstdio>

#include "reeve_version.h"

namespace reeve::cli {

void PrintError(std::string_view command, std::string_view message) {
  fflush(stdout);
  fprintf(stderr, "%.*s: error: %.*s\n", static_cast<int>(command.size()), command.data(),
          static_cast<int>(message.size()), message.data());
}

void PrintInfo(std::string_view command, std::string_view message) {
  fflush(stdout);
  fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(command.size()), command.data(),
          static_cast<int>(message.size()), message.data());
}

void PrintSlurmVersion() {
  puts("slurm " REEVE_SLURM_VERSION);
}

}  // namespace reeve::cli
