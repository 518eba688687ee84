// reeve_emulator: every node of a slurm.conf in one process, to measure a controller alone.
//
//   reeve_emulator --conf FILE [--run SECONDS] [--at-once N]
//
// Each node has a connection and a stream of its own and speaks as reevenoded does; what it
// launches is a timer of --run seconds (0; "inf": until it is told to end). At most N nodes (32)
// register at the same time. Prints "registered N SECONDS" when all have, and then, a second
// apart while something changes, "steps STARTED ENDED LOST_STREAMS". Ends on SIGTERM and SIGINT.
#include <getopt.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "absl/strings/numbers.h"
#include "common/base/text.h"
#include "common/os/log.h"
#include "common/rpc/endpoints.h"
#include "common/rpc/trust.h"
#include "tests/emulator/emulated_node.h"

namespace reeve::emulator {
namespace {

struct Options {
  std::string conf;
  absl::Duration run_time = absl::ZeroDuration();
  size_t at_once = 32;
};

class Emulator {
 public:
  Emulator(const Options& options, Config config, uid_t slurm_user)
      : options_(options), config_(std::move(config)) {
    site_.loop = &loop_;
    site_.config = &config_;
    site_.slurm_user = slurm_user;
    site_.run_time = options.run_time;
    site_.boot_id = StrCat("emulated-", getpid(), "-", absl::ToUnixNanos(absl::Now()));
    site_.first_report_id = static_cast<uint64_t>(absl::ToUnixNanos(absl::Now()));
  }

  void Run() {
    for (int signal : {SIGTERM, SIGINT}) {
      loop_.OnSignal(signal, [this] { loop_.Stop(); });
    }
    ::signal(SIGPIPE, SIG_IGN);
    for (const NodeConfig& node : config_.nodes) AddNode(node);
    for (size_t i = 0; i < options_.at_once; ++i) StartNext();
    Tell();
    loop_.Run();
  }

 private:
  // Half of the connections a server has may come from one address: they come from two.
  rpc::Target TargetOf(size_t index) const {
    return StrCat(index % 2 == 0 ? "127.0.0.1:" : "[::1]:", config_.slurmctld_port);
  }

  void AddNode(const NodeConfig& node) {
    const size_t index = nodes_.size();
    welcomed_.push_back(false);
    nodes_.push_back(std::make_unique<EmulatedNode>(&site_, node, TargetOf(index),
                                                    [this, index] { OnWelcome(index); }));
  }

  void StartNext() {
    if (next_ < nodes_.size()) nodes_[next_++]->Start();
  }

  void OnWelcome(size_t index) {
    if (welcomed_[index]) return;
    welcomed_[index] = true;
    if (++registered_ == nodes_.size()) {
      printf("registered %zu %.3f\n", registered_, absl::ToDoubleSeconds(absl::Now() - began_));
      fflush(stdout);
    }
    StartNext();
  }

  void Tell() {
    loop_.After(absl::Seconds(1), [this] { Tell(); });
    const uint64_t sum = site_.started + site_.ended + site_.lost;
    if (sum == told_) return;
    told_ = sum;
    printf("steps %lu %lu %lu\n", site_.started, site_.ended, site_.lost);
    fflush(stdout);
  }

  const Options options_;
  const Config config_;
  os::EventLoop loop_;
  Site site_;
  const absl::Time began_ = absl::Now();
  size_t next_ = 0;
  size_t registered_ = 0;
  uint64_t told_ = 0;
  std::vector<bool> welcomed_;
  std::vector<std::unique_ptr<EmulatedNode>> nodes_;
};

bool Parse(int argc, char** argv, Options* options) {
  static const option kOptions[] = {{"conf", required_argument, nullptr, 'f'},
                                    {"run", required_argument, nullptr, 'r'},
                                    {"at-once", required_argument, nullptr, 'n'},
                                    {nullptr, 0, nullptr, 0}};
  for (int option; (option = getopt_long(argc, argv, "f:", kOptions, nullptr)) != -1;) {
    double seconds = 0;
    switch (option) {
      case 'f':
        options->conf = optarg;
        break;
      case 'r':
        if (!absl::SimpleAtod(optarg, &seconds) || !(seconds >= 0)) return false;
        options->run_time = absl::Seconds(seconds);
        break;
      case 'n':
        if (!absl::SimpleAtoi(optarg, &options->at_once) || options->at_once == 0) return false;
        break;
      default:
        return false;
    }
  }
  return optind == argc && !options->conf.empty();
}

void RaiseFileLimit() {
  rlimit files = {};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

int Fail(const absl::Status& status) {
  fprintf(stderr, "reeve_emulator: %s\n", std::string(Message(status)).c_str());
  return 1;
}

int Main(int argc, char** argv) {
  Options options;
  if (!Parse(argc, argv, &options)) {
    fputs("usage: reeve_emulator --conf FILE [--run SECONDS|inf] [--at-once N]\n", stderr);
    return 2;
  }
  RaiseFileLimit();
  absl::StatusOr<Config> config = LoadConfig(options.conf);
  if (!config.ok()) return Fail(config.status());
  absl::StatusOr<uid_t> slurm_user = rpc::FindUid(config->slurm_user);
  if (!slurm_user.ok()) return Fail(slurm_user.status());
  Emulator(options, *std::move(config), *slurm_user).Run();
  fflush(stdout);
  _exit(0);  // thousands of streams are closed by the kernel at once
}

}  // namespace
}  // namespace reeve::emulator

int main(int argc, char** argv) {
  return reeve::emulator::Main(argc, argv);
}
