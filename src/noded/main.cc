// reevenoded [-D] [-f slurm.conf] [-N nodename] [--conf-server host[:port]]
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include <string>

#include "common/base/text.h"
#include "common/os/fd.h"
#include "common/os/log.h"
#include "common/rpc/endpoints.h"
#include "noded/daemon.h"
#include "reeve_version.h"

namespace reeve::noded {
namespace {

constexpr char kUsage[] =
    "usage: reevenoded [-D] [-f slurm.conf] [-N nodename] [--conf-server host[:port]]\n"
    "  -D             stay in the foreground (it always does)\n"
    "  -f FILE        the configuration; default $SLURM_CONF, else /etc/reeve/slurm.conf\n"
    "  -N NODENAME    this node's name; default: found by the host's name\n"
    "  --conf-server  ask this controller for the configuration\n"
    "  --ca-cert-file the certificate to know that controller by, where TLS is on\n"
    "  -V             print the version\n";

struct Arguments {
  std::string config_path;
  std::string node;
  std::string conf_server;
  std::string ca_cert_file;
};

// 0: go on; else the exit code + 1.
int Parse(int argc, char** argv, Arguments* arguments) {
  static const option kLong[] = {{"ca-cert-file", required_argument, nullptr, 'a'},
                                 {"conf-server", required_argument, nullptr, 'c'},
                                 {"help", no_argument, nullptr, 'h'},
                                 {"version", no_argument, nullptr, 'V'},
                                 {nullptr, 0, nullptr, 0}};
  for (int choice; (choice = getopt_long(argc, argv, "Df:N:hV", kLong, nullptr)) != -1;) {
    switch (choice) {
      case 'D':
        break;
      case 'f':
        arguments->config_path = optarg;
        break;
      case 'N':
        arguments->node = optarg;
        break;
      case 'a':
        arguments->ca_cert_file = optarg;
        break;
      case 'c':
        arguments->conf_server = optarg;
        break;
      case 'h':
        fputs(kUsage, stdout);
        return 1;
      case 'V':
        printf("slurm %s\n", REEVE_SLURM_VERSION);
        return 1;
      default:
        fputs(kUsage, stderr);
        return 2;
    }
  }
  if (optind == argc) return 0;
  fprintf(stderr, "reevenoded: unexpected argument %s\n%s", argv[optind], kUsage);
  return 2;
}

// Clients on a node without slurm.conf get the one that the daemon fetched: jobs find it by
// SLURM_CONF.
absl::Status KeepFetchedConfig(DaemonOptions* options) {
  if (!options->config.path.empty()) return absl::OkStatus();
  if (absl::Status status = PrepareSpool(options->spool_dir); !status.ok()) return status;
  std::string path = options->spool_dir + "/slurm.conf";
  options->config.path = path;
  return os::WriteFileAtomically(path, options->config.text, 0644);
}

absl::StatusOr<DaemonOptions> Prepare(const Arguments& arguments) {
  DaemonOptions options;
  absl::StatusOr<Config> config =
      rpc::LoadOrFetchConfig(arguments.config_path, arguments.conf_server, arguments.ca_cert_file);
  if (!config.ok()) return config.status();
  options.config = *std::move(config);
  absl::StatusOr<NodeConfig> node = FindOwnNode(options.config, arguments.node);
  if (!node.ok()) return node.status();
  options.node = *std::move(node);
  auto expand = [&](const std::string& path) {
    return ExpandNodePath(path, options.node.name, options.node.hostname);
  };
  options.spool_dir = expand(options.config.slurmd_spool_dir);
  options.log.file = expand(options.config.slurmd_log_file);
  options.log.level = options.config.slurmd_debug;
  options.log.program = "reevenoded";
  absl::StatusOr<std::string> stepd = FindStepd();
  if (!stepd.ok()) return stepd.status();
  options.stepd_program = *std::move(stepd);
  if (absl::Status status = KeepFetchedConfig(&options); !status.ok()) return status;
  if (absl::Status status = os::SetUpLog(options.log); !status.ok()) return status;
  return options;
}

int Fail(const absl::Status& status, const std::string& log) {
  os::LogError(StrCat("cannot start: ", Message(status)));
  if (!log.empty()) {
    fprintf(stderr, "reevenoded: %s (log: %s)\n", std::string(Message(status)).c_str(),
            log.c_str());
  }
  return 1;
}

int Main(int argc, char** argv) {
  Arguments arguments;
  if (int stop = Parse(argc, argv, &arguments); stop != 0) return stop - 1;
  absl::StatusOr<DaemonOptions> options = Prepare(arguments);
  if (!options.ok()) {
    fprintf(stderr, "reevenoded: %s\n", std::string(Message(options.status())).c_str());
    return 1;
  }
  std::string log = options->log.file;
  const std::string pid_file =
      ExpandNodePath(options->config.slurmd_pid_file, options->node.name, options->node.hostname);
  Daemon daemon(*std::move(options));
  if (absl::Status status = daemon.Start(); !status.ok()) return Fail(status, log);
  if (absl::Status pid = os::WritePidFile(pid_file); !pid.ok()) {
    os::LogError(StrCat("SlurmdPidFile: ", Message(pid)));
  }
  daemon.Run();
  if (!pid_file.empty()) unlink(pid_file.c_str());
  return 0;
}

}  // namespace
}  // namespace reeve::noded

int main(int argc, char** argv) {
  return reeve::noded::Main(argc, argv);
}
