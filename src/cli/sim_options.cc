#include "cli/sim_options.h"

#include <getopt.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve::cli {

const char kSimUsage[] =
    "usage: reeve sim --trace FILE [options]\n"
    "Replays a log of jobs through the scheduler and tells how jobs would have fared.\n\n"
    "  --trace FILE       SWF 2.2, or what `sacct -a -X -P -o "
    "JobID,User,Partition,Submit,Start,End,\n"
    "                     ReqCPUS,ReqNodes,Timelimit` prints; plain or gzip\n"
    "on what (else on the machine that the trace describes):\n"
    "  --conf FILE        the cluster of a slurm.conf; may be given again, for a column each\n"
    "  --nodes N          N equal nodes\n"
    "  --cpus C           of C CPUs each; 1 otherwise\n"
    "how:\n"
    "  --policy POLICY    reeve, easy or fifo; may be given again, for a column each\n"
    "what if (the same seed gives the same trace):\n"
    "  --arrivals X       jobs come X times as fast\n"
    "  --jobs N           N jobs: copies of the trace laid over each other, or a part of it\n"
    "  --processors P     jobs sized for a machine of P processors\n"
    "  --estimates X      jobs without a requested time ask for 1 to X times their run time\n"
    "  --seed N           1 otherwise\n"
    "  --save FILE        write that trace as SWF\n"
    "output:\n"
    "  --json             the report as JSON\n"
    "  --svg FILE         a picture of the schedule\n"
    "  --help             print this\n";

namespace {

constexpr uint32_t kMostNodes = 65536;
constexpr uint32_t kMostCpus = 4096;
constexpr uint32_t kMostJobs = 10'000'000;

absl::StatusOr<double> ParseFactor(std::string_view text, std::string_view what, double least) {
  constexpr double kMost = 1000;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || !(value >= least && value <= kMost)) {
    return absl::InvalidArgumentError(
        StrCat(what, ": a number from ", least, " to ", kMost, " is wanted, not '", text, "'"));
  }
  return value;
}

template <class Value, class To>
absl::Status Assign(absl::StatusOr<Value> value, To* to) {
  if (!value.ok()) return value.status();
  *to = *value;
  return absl::OkStatus();
}

absl::Status AddPolicy(std::string_view name, SimOptions* options) {
  const std::optional<replay::Policy> policy = replay::ParsePolicy(name);
  if (!policy.has_value()) {
    return absl::InvalidArgumentError(
        StrCat("--policy: there are reeve, easy and fifo, not '", name, "'"));
  }
  options->policies.push_back(*policy);
  return absl::OkStatus();
}

absl::Status ApplyOption(int option, const char* value, SimOptions* options) {
  replay::Reshaping& reshaping = options->reshaping;
  switch (option) {
    case 'h':
      options->help = true;
      return absl::OkStatus();
    case 't':
      options->trace = value;
      return absl::OkStatus();
    case 'f':
      options->confs.emplace_back(value);
      return absl::OkStatus();
    case 'n':
      return Assign(ParseCount(value, "--nodes", kMostNodes), &options->nodes);
    case 'c':
      return Assign(ParseCount(value, "--cpus", kMostCpus), &options->cpus);
    case 'p':
      return AddPolicy(value, options);
    case 'a':
      return Assign(ParseFactor(value, "--arrivals", 0.001), &reshaping.arrivals);
    case 'J':
      return Assign(ParseCount(value, "--jobs", kMostJobs), &reshaping.jobs);
    case 'P':
      return Assign(ParseCount(value, "--processors", kMostNodes), &reshaping.cpus);
    case 'e':
      return Assign(ParseFactor(value, "--estimates", 1), &reshaping.estimates);
    case 's':
      return Assign(ParseUint(value, "--seed", UINT64_MAX), &reshaping.seed);
    case 'w':
      options->save = value;
      return absl::OkStatus();
    case 'g':
      options->svg = value;
      return absl::OkStatus();
    default:
      options->json = true;
      return absl::OkStatus();
  }
}

absl::Status CheckTogether(const SimOptions& options, bool cpus_given) {
  if (options.help) return absl::OkStatus();
  if (options.trace.empty()) return absl::InvalidArgumentError("--trace FILE is missing");
  if (!options.confs.empty() && (options.nodes.has_value() || cpus_given)) {
    return absl::InvalidArgumentError("either --conf, or --nodes and --cpus");
  }
  if (cpus_given && !options.nodes.has_value()) {
    return absl::InvalidArgumentError("--cpus is of the nodes that --nodes counts");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SimOptions> ParseSimOptions(int argc, char** argv) {
  static const option kOptions[] = {{"trace", required_argument, nullptr, 't'},
                                    {"conf", required_argument, nullptr, 'f'},
                                    {"nodes", required_argument, nullptr, 'n'},
                                    {"cpus", required_argument, nullptr, 'c'},
                                    {"policy", required_argument, nullptr, 'p'},
                                    {"arrivals", required_argument, nullptr, 'a'},
                                    {"jobs", required_argument, nullptr, 'J'},
                                    {"processors", required_argument, nullptr, 'P'},
                                    {"estimates", required_argument, nullptr, 'e'},
                                    {"seed", required_argument, nullptr, 's'},
                                    {"save", required_argument, nullptr, 'w'},
                                    {"svg", required_argument, nullptr, 'g'},
                                    {"json", no_argument, nullptr, 'j'},
                                    {"help", no_argument, nullptr, 'h'},
                                    {nullptr, 0, nullptr, 0}};
  SimOptions options;
  bool cpus_given = false;
  opterr = 0;
  optind = 0;
  for (int option; (option = getopt_long(argc, argv, ":h", kOptions, nullptr)) != -1;) {
    if (option == '?' || option == ':') {
      return absl::InvalidArgumentError(
          StrCat(option == ':' ? "a value is missing after " : "unknown option ",
                 argv[std::min(optind, argc) - 1]));
    }
    cpus_given = cpus_given || option == 'c';
    if (absl::Status status = ApplyOption(option, optarg, &options); !status.ok()) return status;
  }
  if (optind < argc) return absl::InvalidArgumentError(StrCat("unexpected: ", argv[optind]));
  if (absl::Status status = CheckTogether(options, cpus_given); !status.ok()) return status;
  return options;
}

}  // namespace reeve::cli
