#include "cli/bench_options.h"

#include <getopt.h>

#include <algorithm>
#include <string_view>

#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve::cli {

const char kBenchUsage[] =
    "usage: reeve bench submit [options] [-- sbatch options]\n"
    "       reeve bench query squeue|sinfo|job [options]\n"
    "Asks the controller as fast as it answers, from one process, and tells how fast that was.\n\n"
    "  --channels C   connections; 4 otherwise\n"
    "  --pipeline P   requests on the way at once on each; 2 otherwise\n"
    "  --json         the figures as JSON\n"
    "  --help         print this\n"
    "submit: an accepted job is on the controller's disk\n"
    "  --jobs N       10000 otherwise\n"
    "  --batch B      jobs in a request; 100 otherwise; 1: the requests that sbatch makes\n"
    "  --hold         they do not start\n"
    "  --keep         do not cancel them at the end\n"
    "query:\n"
    "  --seconds S    for how long; 5 otherwise\n"
    "  --job ID       which job to ask about; the first one in the queue otherwise\n";

namespace {

constexpr uint32_t kMostChannels = 1000;
constexpr uint32_t kMostPipelined = 200;
constexpr uint32_t kMostBatched = 1000;
constexpr uint32_t kMostJobs = 100'000'000;
constexpr uint32_t kMostSeconds = 86400;

absl::Status Assign(absl::StatusOr<uint32_t> value, uint32_t* to) {
  if (!value.ok()) return value.status();
  *to = *value;
  return absl::OkStatus();
}

absl::Status ApplyOption(int option, const char* value, BenchOptions* options) {
  switch (option) {
    case 'c':
      return Assign(ParseCount(value, "--channels", kMostChannels), &options->channels);
    case 'p':
      return Assign(ParseCount(value, "--pipeline", kMostPipelined), &options->pipeline);
    case 'n':
      return Assign(ParseCount(value, "--jobs", kMostJobs), &options->jobs);
    case 'b':
      return Assign(ParseCount(value, "--batch", kMostBatched), &options->batch);
    case 's':
      return Assign(ParseCount(value, "--seconds", kMostSeconds), &options->seconds);
    case 'i':
      return Assign(ParseCount(value, "--job", UINT32_MAX), &options->job_id);
    case 'H':
      options->hold = true;
      break;
    case 'k':
      options->keep = true;
      break;
    case 'j':
      options->json = true;
      break;
    default:
      options->help = true;
  }
  return absl::OkStatus();
}

// Takes the words that say what to do, which end before the first option.
absl::StatusOr<int> ParseLoad(int argc, char** argv, BenchOptions* options) {
  const std::string_view kind = argc > 1 ? argv[1] : "";
  if (kind == "submit") return 2;
  if (kind != "query") return absl::InvalidArgumentError("submit or query?");
  const std::string_view what = argc > 2 ? argv[2] : "";
  if (what == "squeue") {
    options->load = BenchLoad::kSqueue;
  } else if (what == "sinfo") {
    options->load = BenchLoad::kSinfo;
  } else if (what == "job") {
    options->load = BenchLoad::kJob;
  } else {
    return absl::InvalidArgumentError("query what: squeue, sinfo or job?");
  }
  return 3;
}

// Options of the other kind would be silently without effect.
absl::Status CheckTogether(const std::string& given, const BenchOptions& options) {
  const bool submits = options.load == BenchLoad::kSubmit;
  const std::string_view others = submits ? "si" : "nbHk";
  if (given.find_first_of(others) != given.npos) {
    return absl::InvalidArgumentError(submits ? "--seconds and --job are of queries"
                                              : "--jobs, --batch, --hold and --keep are of submit");
  }
  if (options.job_id != 0 && options.load != BenchLoad::kJob) {
    return absl::InvalidArgumentError("--job is of `query job`");
  }
  if (!submits && !options.sbatch_words.empty()) {
    return absl::InvalidArgumentError(StrCat("unexpected: ", options.sbatch_words.front()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<BenchOptions> ParseBenchOptions(int argc, char** argv) {
  static const option kOptions[] = {{"channels", required_argument, nullptr, 'c'},
                                    {"pipeline", required_argument, nullptr, 'p'},
                                    {"jobs", required_argument, nullptr, 'n'},
                                    {"batch", required_argument, nullptr, 'b'},
                                    {"seconds", required_argument, nullptr, 's'},
                                    {"job", required_argument, nullptr, 'i'},
                                    {"hold", no_argument, nullptr, 'H'},
                                    {"keep", no_argument, nullptr, 'k'},
                                    {"json", no_argument, nullptr, 'j'},
                                    {"help", no_argument, nullptr, 'h'},
                                    {nullptr, 0, nullptr, 0}};
  BenchOptions options;
  if (argc > 1 && (argv[1] == std::string_view("--help") || argv[1] == std::string_view("-h"))) {
    options.help = true;
    return options;
  }
  absl::StatusOr<int> first = ParseLoad(argc, argv, &options);
  if (!first.ok()) return first.status();
  std::string given;
  opterr = 0;
  optind = *first;
  for (int option; (option = getopt_long(argc, argv, "+:h", kOptions, nullptr)) != -1;) {
    if (option == '?' || option == ':') {
      return absl::InvalidArgumentError(
          StrCat(option == ':' ? "a value is missing after " : "unknown option ",
                 argv[std::min(optind, argc) - 1]));
    }
    given.push_back(static_cast<char>(option));
    if (absl::Status status = ApplyOption(option, optarg, &options); !status.ok()) return status;
  }
  const bool after_dashes = optind > *first && argv[optind - 1] == std::string_view("--");
  if (optind < argc && !after_dashes) {
    return absl::InvalidArgumentError(StrCat("unexpected: ", argv[optind]));
  }
  options.sbatch_words.assign(argv + optind, argv + argc);
  if (absl::Status status = CheckTogether(given, options); !status.ok()) return status;
  return options;
}

}  // namespace reeve::cli
