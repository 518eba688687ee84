#include <cstdio>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "common/base/config.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

constexpr char kUsage[] =
    "Usage: reeve check-config [-v] [FILE]\n"
    "Reads FILE (else $SLURM_CONF, else /etc/reeve/slurm.conf) and prints what is wrong with it.\n"
    "  -v, --verbose  also print notes: keys that are satisfied by design, doubtful settings\n"
    "  -h, --help     print this\n";

void Print(FILE* stream, std::string_view line) {
  std::fwrite(line.data(), 1, line.size(), stream);
  std::fputc('\n', stream);
}

}  // namespace

int CheckConfig(int argc, char** argv) {
  bool verbose = false;
  std::string path;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "-v" || argument == "--verbose") {
      verbose = true;
    } else if (argument == "-h" || argument == "--help") {
      std::fputs(kUsage, stdout);
      return 0;
    } else if (argument.starts_with('-') || !path.empty()) {
      Print(stderr, StrCat("reeve check-config: unexpected argument '", argument, "'"));
      std::fputs(kUsage, stderr);
      return 2;
    } else {
      path = std::string(argument);
    }
  }
  if (path.empty()) path = FindConfigPath();
  absl::StatusOr<Config> config = LoadWholeConfig(path);
  if (!config.ok()) {
    Print(stderr, Message(config.status()));
    return 1;
  }
  if (verbose) {
    for (const std::string& note : config->notes) Print(stdout, note);
  }
  Print(stdout, StrCat(path, ": good: cluster ", config->cluster_name, ", ", config->nodes.size(),
                       " nodes, ", config->partitions.size(), " partitions"));
  return 0;
}

}  // namespace reeve::cli
