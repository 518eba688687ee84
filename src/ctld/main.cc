// reevectld: the controller.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

#ifdef REEVE_MIMALLOC
#include <mimalloc.h>
#endif

#include "common/base/config.h"
#include "common/base/text.h"
#include "common/os/fd.h"
#include "common/os/log.h"
#include "ctld/daemon.h"
#include "reeve_version.h"

namespace {

int Fail(const std::string& why, const std::string& log_file) {
  std::string log = log_file.empty() ? "" : reeve::StrCat(" (log: ", log_file, ")");
  fprintf(stderr, "reevectld: %s%s\n", why.c_str(), log.c_str());
  return 1;
}

// Each connection is a file; a shell's usual 1,024 are few for a cluster.
void RaiseFileLimit() {
  rlimit files = {};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = std::max(files.rlim_cur, std::min<rlim_t>(files.rlim_max, 65536));
  setrlimit(RLIMIT_NOFILE, &files);
}

// A queue is many megabytes of small things: with huge pages its memory is there 2 MiB at a time
// instead of 4 KiB, and a restart takes half as long (docs/performance.md, "A long queue").
void UseHugePages() {
#ifdef REEVE_MIMALLOC
  mi_option_set_enabled_default(mi_option_large_os_pages, true);
#endif
}

}  // namespace

int main(int argc, char** argv) {
  UseHugePages();
  std::string file = reeve::FindConfigPath();
  reeve::ctld::StoreOptions store;
  int option;
  while ((option = getopt(argc, argv, "Df:iVh")) != -1) {
    switch (option) {
      case 'D':
        break;  // staying in the foreground is the only mode
      case 'i':
        store.set_aside_damaged = true;
        break;
      case 'f':
        file = optarg;
        break;
      case 'V':
        printf("reevectld %s\n", REEVE_VERSION);
        return 0;
      default:
        fprintf(stderr,
                "usage: reevectld [-D] [-f slurm.conf] [-i] [-V]\n"
                "  -i  go on without records of the state that are damaged\n");
        return option == 'h' ? 0 : 1;
    }
  }
  absl::StatusOr<reeve::Config> config = reeve::LoadWholeConfig(file);
  if (!config.ok()) return Fail(std::string(config.status().message()), "");
  const std::string log_file = config->slurmctld_log_file;
  const std::string pid_file = config->slurmctld_pid_file;
  absl::Status log = reeve::os::SetUpLog({log_file, config->slurmctld_debug, "reevectld"});
  if (!log.ok()) return Fail(std::string(log.message()), "");
  RaiseFileLimit();
  auto daemon = reeve::ctld::Daemon::Start(*std::move(config), store);
  if (!daemon.ok()) {
    reeve::os::LogError(reeve::Message(daemon.status()));
    return Fail(std::string(daemon.status().message()), log_file);
  }
  absl::Status pid = reeve::os::WritePidFile(pid_file);
  if (!pid.ok()) reeve::os::LogError(reeve::StrCat("SlurmctldPidFile: ", pid.message()));
  (*daemon)->Run();
  if (!pid_file.empty()) unlink(pid_file.c_str());
  return 0;
}
