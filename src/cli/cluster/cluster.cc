#include "cli/cluster/cluster.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "cli/cluster/keeper.h"
#include "cli/cluster/verbs.h"
#include "cli/command.h"
#include "common/base/text.h"

namespace reeve::cluster {
namespace {

struct Verb {
  std::string_view name;
  int (*run)(int argc, char** argv);
};
constexpr Verb kVerbs[] = {
    {"up", Up},     {"down", Down},     {"env", Env},          {"shell", Shell},
    {"exec", Exec}, {"status", Status}, {"keeper", KeeperVerb}};

constexpr char kUsage[] =
    "usage: reeve cluster VERB [--dir D] [arguments]\n"
    "\n"
    "A whole cluster on this machine: controller, accounting and N nodes, each on a virtual host\n"
    "with a name and an address of its own. D is the cluster's folder: $REEVE_CLUSTER, else\n"
    "reeve/cluster in ~/.local/state; every folder is a cluster of its own.\n"
    "\n"
    "  up [--nodes N] [--cpus C] [--memory MB] [--gres LIST] [--tls] [--set Key=Value ...]\n"
    "                   start it, or what of it does not run; returns when every node is idle\n"
    "  env              print the exports for using it:  eval \"$(reeve cluster env)\"\n"
    "  shell [CMD...]   enter its login host, on the nodes' network\n"
    "  exec NODE -- CMD run CMD on a virtual host (a node, ctl or login)\n"
    "  status           what runs\n"
    "  down [--keep]    stop it and delete its folder; with --keep, jobs' records and logs stay\n"
    "                   and `up` brings it back\n";

}  // namespace

int ClusterMain(int argc, char** argv) {
  std::string_view name = argc > 1 ? argv[1] : "";
  if (name == "help" || name == "--help" || name == "-h") {
    fputs(kUsage, stdout);
    return 0;
  }
  for (const Verb& verb : kVerbs) {
    if (verb.name == name) return verb.run(argc - 1, argv + 1);
  }
  if (!name.empty()) fprintf(stderr, "reeve cluster: error: no such verb: %s\n", argv[1]);
  fputs(kUsage, stderr);
  return 1;
}

int Fail(std::string_view verb, std::string_view text) {
  fflush(stdout);
  for (std::string_view line : SplitSkipEmpty(text, "\n")) {
    fprintf(stderr, "reeve cluster %.*s: error: %.*s\n", static_cast<int>(verb.size()), verb.data(),
            static_cast<int>(line.size()), line.data());
  }
  return 1;
}

absl::StatusOr<LeadingOptions> ParseLeadingOptions(int argc, char** argv) {
  LeadingOptions options;
  for (; options.used < argc; ++options.used) {
    std::string_view argument = argv[options.used];
    if (argument.starts_with("--dir=")) {
      options.folder = argument.substr(6);
    } else if (argument == "--dir") {
      if (++options.used == argc) return absl::InvalidArgumentError("--dir needs a folder");
      options.folder = argv[options.used];
    } else {
      break;
    }
  }
  return options;
}

absl::StatusOr<os::UniqueFd> LockFolder(const Layout& layout) {
  absl::StatusOr<os::UniqueFd> lock = os::OpenFile(layout.LockFile(), O_RDWR | O_CREAT);
  if (!lock.ok()) return lock.status();
  while (flock(lock->get(), LOCK_EX) != 0) {
    if (errno != EINTR) return os::ErrnoStatus(errno, "lock " + layout.LockFile());
  }
  return lock;
}

int KeeperVerb(int argc, char** argv) {
  if (argc != 5 || strcmp(argv[1], "--dir") != 0 || strcmp(argv[3], "--ready-fd") != 0) {
    return Fail("keeper", "it is started by `reeve cluster up`");
  }
  return RunKeeper(argv[2], atoi(argv[4]));
}

}  // namespace reeve::cluster

namespace reeve::cli {

int ClusterMain(int argc, char** argv) {
  return cluster::ClusterMain(argc, argv);
}
int Doctor(int argc, char** argv) {
  return cluster::Doctor(argc, argv);
}

}  // namespace reeve::cli
