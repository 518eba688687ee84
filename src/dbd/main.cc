// reevedbd [-D] [-f slurm.conf]
#include <getopt.h>

#include <cstdio>
#include <string>

#include "common/base/text.h"
#include "common/os/log.h"
#include "common/rpc/endpoints.h"
#include "dbd/daemon.h"
#include "reeve_version.h"

namespace {

constexpr char kUsage[] =
    "Usage: reevedbd [-D] [-f FILE]\n"
    "Keeps the accounting records of a Reeve cluster.\n"
    "  -D        stay in the foreground (it always does)\n"
    "  -f FILE   configuration, instead of $SLURM_CONF or /etc/reeve/slurm.conf\n"
    "  -h        this text\n"
    "  -V        the version\n";

int CannotStart(const absl::Status& status, std::string_view log) {
  const std::string line = reeve::StrCat("reevedbd: cannot start: ", reeve::Message(status),
                                         " (its log: ", log.empty() ? "standard error" : log, ")");
  fprintf(stderr, "%s\n", line.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::string path;
  int option;
  while ((option = getopt(argc, argv, "Df:hV")) != -1) {
    switch (option) {
      case 'D':
        break;
      case 'f':
        path = optarg;
        break;
      case 'h':
        fputs(kUsage, stdout);
        return 0;
      case 'V':
        printf("reevedbd %s\n", REEVE_VERSION);
        return 0;
      default:
        fputs(kUsage, stderr);
        return 1;
    }
  }
  if (optind < argc) {
    fputs(kUsage, stderr);
    return 1;
  }

  absl::StatusOr<reeve::Config> config = reeve::rpc::LoadOrFetchConfig(path);
  if (!config.ok()) return CannotStart(config.status(), "");
  reeve::os::LogOptions log;
  log.file = config->accounting_log_file;
  log.level = config->slurmctld_debug;
  log.program = "reevedbd";
  absl::Status status = reeve::os::SetUpLog(log);
  if (status.ok()) status = reeve::dbd::RunDaemon(*config);
  return status.ok() ? 0 : CannotStart(status, log.file);
}
