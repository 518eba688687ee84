// reeve cluster up
#include <getopt.h>
#include <signal.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <set>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "cli/cluster/certificates.h"
#include "cli/cluster/conf_writer.h"
#include "cli/cluster/daemons.h"
#include "cli/cluster/progress.h"
#include "cli/cluster/readiness.h"
#include "cli/cluster/verbs.h"
#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve::cluster {
namespace {

constexpr char kVerb[] = "up";

struct Request {
  std::string folder;
  UpOptions options;
};

absl::Status AddSetting(std::string_view text, UpOptions* options) {
  size_t equals = text.find('=');
  if (equals == 0 || equals == std::string_view::npos) {
    return absl::InvalidArgumentError(StrCat("--set wants Key=Value, not '", text, "'"));
  }
  options->settings.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  return absl::OkStatus();
}

absl::Status Assign(absl::StatusOr<uint32_t> value, uint32_t* to) {
  if (!value.ok()) return value.status();
  *to = *value;
  return absl::OkStatus();
}

absl::Status ApplyOption(int option, const char* value, Request* request) {
  UpOptions* options = &request->options;
  switch (option) {
    case 'd':
      request->folder = value;
      return absl::OkStatus();
    case 'n':
      return Assign(ParseCount(value, "--nodes", kMaxNodes), &options->nodes);
    case 'c':
      return Assign(ParseCount(value, "--cpus", 4096), &options->cpus);
    case 'm': {
      absl::StatusOr<uint64_t> memory = ParseMemoryMb(value);
      if (!memory.ok()) return Annotate(memory.status(), "--memory");
      if (*memory == 0) return absl::InvalidArgumentError("--memory must be at least 1 (MB)");
      options->memory_mb = *memory;
      return absl::OkStatus();
    }
    case 'g':
      options->gres = value;
      return absl::OkStatus();
    case 't':
      options->tls = true;
      return absl::OkStatus();
    default:
      return AddSetting(value, options);
  }
}

absl::StatusOr<Request> ParseRequest(int argc, char** argv) {
  static const option kOptions[] = {
      {"dir", required_argument, nullptr, 'd'},  {"nodes", required_argument, nullptr, 'n'},
      {"cpus", required_argument, nullptr, 'c'}, {"memory", required_argument, nullptr, 'm'},
      {"gres", required_argument, nullptr, 'g'}, {"set", required_argument, nullptr, 's'},
      {"tls", no_argument, nullptr, 't'},        {nullptr, 0, nullptr, 0}};
  Request request;
  opterr = 0;
  optind = 0;
  int index = 0;
  for (int option; (option = getopt_long(argc, argv, "+:", kOptions, &index)) != -1;) {
    if (option == '?' || option == ':') {
      return absl::InvalidArgumentError(
          StrCat(option == ':' ? "a value is missing after " : "unknown option ",
                 argv[std::min(optind, argc) - 1]));
    }
    if (absl::Status status = ApplyOption(option, optarg, &request); !status.ok()) return status;
    if (option == 'd') continue;
    StrAppend(&request.options.given, " --", kOptions[index].name);
    if (optarg != nullptr) StrAppend(&request.options.given, " ", optarg);
  }
  if (optind < argc) return absl::InvalidArgumentError(StrCat("unexpected: ", argv[optind]));
  request.options.given = Strip(request.options.given);
  if (request.options.given.find('\n') != std::string::npos) {
    return absl::InvalidArgumentError("a line break in an option");
  }
  return request;
}

absl::Status WriteKey(const Layout& layout) {
  std::string key(1024, '\0');
  for (size_t done = 0; done < key.size();) {
    ssize_t size = getrandom(&key[done], std::min<size_t>(256, key.size() - done), 0);
    if (size < 0) return os::ErrnoStatus(errno, "getrandom");
    done += size;
  }
  return os::WriteFileAtomically(layout.MungeKey(), key, 0600);
}

// Writes the configuration of a new cluster, or reads that of an old one.
absl::StatusOr<Config> PrepareConfig(const Layout& layout, const UpOptions& options) {
  if (!os::PathExists(layout.MungeKey())) {
    if (absl::Status status = WriteKey(layout); !status.ok()) return status;
  }
  absl::StatusOr<std::string> old = os::ReadFile(layout.Conf());
  if (old.ok()) {
    if (!options.given.empty() && options.given != OptionsOf(*old)) {
      return absl::FailedPreconditionError(
          StrCat(layout.folder, " already holds a cluster, made with '", OptionsOf(*old),
                 "'; take it down first (reeve cluster down --dir ", layout.folder,
                 "), edit its slurm.conf, or choose another --dir"));
    }
    return LoadConfig(layout.Conf());
  }
  if (!absl::IsNotFound(old.status())) return old.status();
  std::string text = WriteConf(layout, options, ThisMachine());
  absl::StatusOr<Config> config = ParseConfig(text, "slurm.conf");
  if (!config.ok()) return config.status();
  absl::Status status = os::WriteFileAtomically(layout.Conf(), text, 0644);
  if (!status.ok()) return status;
  return LoadConfig(layout.Conf());
}

// True when this call has started the keeper.
absl::StatusOr<bool> EnsureKeeper(const Layout& layout) {
  if (KeeperClient::Connect(layout).ok()) return false;
  if (absl::Status status = SweepLeftovers(layout); !status.ok()) return status;
  if (absl::Status status = LaunchKeeper(layout); !status.ok()) {
    (void)SweepLeftovers(layout);  // what it had begun
    return status;
  }
  return true;
}

std::string OvercommitNote(const Config& config) {
  if (!IsOvercommitted(config)) return "";
  return absl::StrFormat(
      "The nodes declare %d CPUs together, this machine has %d: tasks are not bound to cores.\n",
      DeclaredCpus(config), ThisMachine().cpus);
}

void PrintSummary(const Layout& layout, const Config& config, bool was_up, absl::Duration took) {
  std::vector<std::string> names;
  for (const NodeConfig& node : config.nodes) names.push_back(node.name);
  std::string ready = absl::StrFormat(
      "Cluster %s: %d node%s idle (%s), %.1f s", config.cluster_name, names.size(),
      names.size() == 1 ? "" : "s", CompressHostlist(names), absl::ToDoubleSeconds(took));
  if (was_up) ready += ", was up already";
  printf("%s\n", ready.c_str());
  if (!isatty(STDOUT_FILENO)) return;
  Layout usual = FindLayout("").value_or(Layout{});
  std::string dir = usual.folder == layout.folder ? "" : " --dir " + layout.folder;
  printf("%s", OvercommitNote(config).c_str());
  printf(
      "  use it from this shell:  eval \"$(reeve cluster env%s)\"\n"
      "  enter its login host:    reeve cluster shell%s\n"
      "  take it down:            reeve cluster down%s\n",
      dir.c_str(), dir.c_str(), dir.c_str());
}

// On failure of a cluster that this call has started: nothing of it stays.
int GiveUp(const Layout& layout, bool started, const absl::Status& why) {
  Fail(kVerb, Message(why));
  if (!started) return 1;
  absl::StatusOr<KeeperClient> keeper = KeeperClient::Connect(layout);
  absl::Status status = keeper.ok() ? keeper->Stop() : SweepLeftovers(layout);
  if (!status.ok()) Fail(kVerb, Message(status));
  return 1;
}

}  // namespace

int Up(int argc, char** argv) {
  absl::Time began = absl::Now();
  absl::StatusOr<Request> request = ParseRequest(argc, argv);
  if (!request.ok()) return Fail(kVerb, Message(request.status()));
  absl::StatusOr<Layout> layout = FindLayout(request->folder);
  if (!layout.ok()) return Fail(kVerb, Message(layout.status()));
  if (absl::Status status = CreateFolders(*layout); !status.ok())
    return Fail(kVerb, Message(status));
  absl::StatusOr<os::UniqueFd> lock = LockFolder(*layout);
  if (!lock.ok()) return Fail(kVerb, Message(lock.status()));

  absl::StatusOr<Config> config = PrepareConfig(*layout, request->options);
  if (!config.ok()) return Fail(kVerb, Message(config.status()));
  if (absl::Status status = EnsureCertificates(*layout, *config); !status.ok()) {
    return Fail(kVerb, Message(status));
  }
  absl::StatusOr<HostsPlan> plan = PlanHosts(*config);
  if (!plan.ok()) return Fail(kVerb, Message(plan.status()));
  absl::StatusOr<std::vector<DaemonSpec>> daemons = PlanDaemons(*layout, *config);
  if (!daemons.ok()) return Fail(kVerb, Message(daemons.status()));

  Progress progress;
  progress.Show(absl::StrFormat("creating %d virtual hosts", plan->nodes.size() + 2));
  absl::StatusOr<bool> started = EnsureKeeper(*layout);
  if (!started.ok()) return Fail(kVerb, Message(started.status()));
  absl::Status status = StartAndWait(*layout, *config, *daemons, &progress);
  progress.Clear();
  if (!status.ok()) return GiveUp(*layout, *started, status);
  PrintSummary(*layout, *config, !*started, absl::Now() - began);
  return 0;
}

}  // namespace reeve::cluster
