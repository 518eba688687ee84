#include "cli/sacct_options.h"

#include <getopt.h>

#include <cstring>

#include "cli/job_view.h"
#include "cli/sacct_option_values.h"
#include "cli/time_text.h"
#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve::cli {
namespace {

namespace pb = reeve::v1;
using namespace sacct;  // NOLINT: the values of its options

constexpr char kDefaultFormat[] = "jobid,jobname,partition,account,alloccpus,state,exitcode";
constexpr char kBriefFormat[] = "jobid,state,exitcode";
constexpr char kLongFormat[] =
    "jobid,jobidraw,jobname,partition,maxvmsize,maxvmsizenode,maxvmsizetask,avevmsize,maxrss,"
    "maxrssnode,maxrsstask,averss,maxpages,maxpagesnode,maxpagestask,avepages,mincpu,mincpunode,"
    "mincputask,avecpu,ntasks,alloccpus,elapsed,state,exitcode,avecpufreq,reqcpufreqmin,"
    "reqcpufreqmax,reqcpufreqgov,reqmem,consumedenergy,maxdiskread,maxdiskreadnode,"
    "maxdiskreadtask,avediskread,maxdiskwrite,maxdiskwritenode,maxdiskwritetask,avediskwrite,"
    "reqtres,alloctres,tresusageinave,tresusageinmax,tresusageinmaxnode,tresusageinmaxtask,"
    "tresusageinmin,tresusageinminnode,tresusageinmintask,tresusageintot,tresusageoutmax,"
    "tresusageoutmaxnode,tresusageoutmaxtask,tresusageoutave,tresusageouttot";

// What has a letter has its code; the others count from here.
enum LongOption {
  kUnits = 1000,
  kNoConvert,
  kName,
  kDelimiter,
  kLocal,
  kUsage,
  kUseLocalUid,
  kArray,
  kExpandPatterns,
  kUnsupported,
};

constexpr option kOptions[] = {
    {"accounts", required_argument, nullptr, 'A'},
    {"allclusters", no_argument, nullptr, 'L'},
    {"allocations", no_argument, nullptr, 'X'},
    {"allusers", no_argument, nullptr, 'a'},
    {"array", no_argument, nullptr, kArray},
    {"associations", required_argument, nullptr, 'x'},
    {"batch-script", no_argument, nullptr, 'B'},
    {"brief", no_argument, nullptr, 'b'},
    {"clusters", required_argument, nullptr, 'M'},
    {"completion", no_argument, nullptr, 'c'},
    {"constraints", required_argument, nullptr, 'C'},
    {"delimiter", required_argument, nullptr, kDelimiter},
    {"duplicates", no_argument, nullptr, 'D'},
    {"endtime", required_argument, nullptr, 'E'},
    {"env-vars", no_argument, nullptr, kUnsupported},
    {"expand-patterns", no_argument, nullptr, kExpandPatterns},
    {"federation", no_argument, nullptr, kUnsupported},
    {"file", required_argument, nullptr, 'f'},
    {"flags", required_argument, nullptr, 'F'},
    {"format", required_argument, nullptr, 'o'},
    {"gid", required_argument, nullptr, 'g'},
    {"group", required_argument, nullptr, 'g'},
    {"help", no_argument, nullptr, 'h'},
    {"helpformat", no_argument, nullptr, 'e'},
    {"jobs", required_argument, nullptr, 'j'},
    {"json", optional_argument, nullptr, kUnsupported},
    {"local", no_argument, nullptr, kLocal},
    {"long", no_argument, nullptr, 'l'},
    {"name", required_argument, nullptr, kName},
    {"ncpus", required_argument, nullptr, 'I'},
    {"nnodes", required_argument, nullptr, 'i'},
    {"noconvert", no_argument, nullptr, kNoConvert},
    {"nodelist", required_argument, nullptr, 'N'},
    {"noheader", no_argument, nullptr, 'n'},
    {"parsable", no_argument, nullptr, 'p'},
    {"parsable2", no_argument, nullptr, 'P'},
    {"partition", required_argument, nullptr, 'r'},
    {"qos", required_argument, nullptr, 'q'},
    {"reason", required_argument, nullptr, 'R'},
    {"starttime", required_argument, nullptr, 'S'},
    {"state", required_argument, nullptr, 's'},
    {"timelimit-max", required_argument, nullptr, 'K'},
    {"timelimit-min", required_argument, nullptr, 'k'},
    {"truncate", no_argument, nullptr, 'T'},
    {"uid", required_argument, nullptr, 'u'},
    {"units", required_argument, nullptr, kUnits},
    {"usage", no_argument, nullptr, kUsage},
    {"use-local-uid", no_argument, nullptr, kUseLocalUid},
    {"user", required_argument, nullptr, 'u'},
    {"verbose", no_argument, nullptr, 'v'},
    {"version", no_argument, nullptr, 'V'},
    {"wckeys", required_argument, nullptr, 'W'},
    {"whole-hetjob", optional_argument, nullptr, kUnsupported},
    {"yaml", optional_argument, nullptr, kUnsupported},
    {nullptr, 0, nullptr, 0},
};
constexpr char kLetters[] = "A:aBbC:cDE:eF:f:g:hI:i:j:K:k:LlM:N:no:PpR:q:r:S:s:Tu:VvW:Xx:";

// What was typed, before the defaults that depend on all of it.
struct Typed {
  bool all_users = false;
  bool local = false;
  bool brief = false;
  bool long_format = false;
  int verbose = 0;
  std::optional<int64_t> start, end;
  std::optional<uint64_t> limit_min, limit_max;
};

template <class Names>
void AddNames(std::string_view text, Names* names) {
  for (std::string_view name : SplitSkipEmpty(text, ",")) *names->Add() = std::string(name);
}
void AddNames(std::string_view text, std::vector<std::string>* names) {
  for (std::string_view name : SplitSkipEmpty(text, ",")) names->emplace_back(name);
}

// One option that has no value.
void ApplyFlag(int code, SacctOptions* options, Typed* typed) {
  using Action = SacctOptions::Action;
  switch (code) {
    case 'a':
      typed->all_users = true;
      break;
    case 'b':
      typed->brief = true;
      break;
    case 'D':
      options->request.set_duplicates(true);
      break;
    case 'e':
      options->action = Action::kFieldList;
      break;
    case 'h':
      options->action = Action::kHelp;
      break;
    case 'L':
      options->all_clusters = true;
      break;
    case 'l':
      typed->long_format = true;
      break;
    case 'n':
      options->header = false;
      break;
    case 'P':
      options->style = SacctOptions::Style::kParsable2;
      break;
    case 'p':
      options->style = SacctOptions::Style::kParsable;
      break;
    case 'T':
      options->truncate = true;
      break;
    case 'V':
      options->action = Action::kVersion;
      break;
    case 'v':
      ++typed->verbose;
      break;
    case 'X':
      options->allocations = true;
      break;
    case kArray:
      options->expand_arrays = true;
      break;
    case kExpandPatterns:
      options->expand_patterns = true;
      break;
    case kLocal:
      typed->local = true;
      break;
    case kNoConvert:
      options->units.convert = false;
      break;
    case kUsage:
      options->action = Action::kUsage;
      break;
    case kUseLocalUid:
      options->use_local_uid = true;
      break;
    default:
      break;
  }
}

Fault ApplyValue(int code, std::string_view value, absl::Time now, SacctOptions* options,
                 Typed* typed) {
  pb::QueryAccountingRequest& request = options->request;
  switch (code) {
    case 'A':
      AddNames(value, request.mutable_accounts());
      break;
    case 'C':
      AddNames(value, &options->constraints);
      break;
    case 'E':
      return SetTime(value, now, &typed->end);
    case 'g':
      return AddGroups(value, &request);
    case 'I':
      return SetRange(value, "ncpus", &options->cpus);
    case 'i':
      return SetRange(value, "nnodes", &options->nodes);
    case 'j':
      return AddJobs(value, &request);
    case 'K':
      return SetLimit(value, &typed->limit_max);
    case 'k':
      return SetLimit(value, &typed->limit_min);
    case 'M':
      if (EqualsIgnoreCase(value, "all")) {
        options->all_clusters = true;
      } else {
        AddNames(value, &options->clusters);
      }
      break;
    case 'N':
      request.set_node_list(std::string(value));
      break;
    case 'o':
      if (!options->format.empty()) options->format += ',';
      options->format += value;
      break;
    case 'q':
      AddNames(value, request.mutable_qos());
      break;
    case 'R':
      AddNames(value, &options->reasons);
      break;
    case 'r':
      AddNames(value, request.mutable_partitions());
      break;
    case 'S':
      return SetTime(value, now, &typed->start);
    case 's':
      return AddStates(value, &request);
    case 'u':
      return AddUsers(value, &request);
    case kDelimiter:
      options->delimiter = std::string(value);
      break;
    case kName:
      AddNames(value, request.mutable_names());
      break;
    case kUnits:
      return SetUnit(value, &options->units);
    default:
      break;
  }
  return kFine;
}

// "--completion" for -c: what a refusal names.
std::string OptionName(int code, int index) {
  if (code == kUnsupported) return StrCat("--", std::string_view(kOptions[index].name));
  for (const option& known : kOptions) {
    if (known.name != nullptr && known.val == code) {
      return StrCat("-", std::string(1, static_cast<char>(code)), ", --",
                    std::string_view(known.name));
    }
  }
  return std::string(1, static_cast<char>(code));
}

bool IsUnsupported(int code) {
  return code == kUnsupported || (code < kUnits && strchr("BcFfWx", code) != nullptr);
}

Fault ReadArguments(int argc, char** argv, absl::Time now, SacctOptions* options, Typed* typed) {
  optind = 0;  // a test reads several command lines
  int code, index = 0;
  while ((code = getopt_long(argc, argv, kLetters, kOptions, &index)) != -1) {
    if (code == '?') return SacctFault{};
    if (IsUnsupported(code)) return Error(StrCat(OptionName(code, index), " is not supported yet"));
    if (optarg == nullptr) {
      ApplyFlag(code, options, typed);
    } else if (Fault fault = ApplyValue(code, optarg, now, options, typed)) {
      return fault;
    }
  }
  if (optind < argc) return Error(StrCat("unexpected argument: ", std::string_view(argv[optind])));
  return kFine;
}

std::string Stamp(int64_t seconds) {
  return FormatTimestamp(absl::FromUnixSeconds(seconds));
}

// sacct(1), DEFAULT TIME WINDOW. An end that nobody typed lies a second ahead, so that what was
// submitted in this very second is inside.
Fault SetWindow(absl::Time now_time, const Typed& typed, SacctOptions* options) {
  pb::QueryAccountingRequest& request = options->request;
  const bool jobs = request.jobs_size() > 0, states = request.states_size() > 0;
  const int64_t now = absl::ToUnixSeconds(now_time);
  const absl::CivilDay today = absl::ToCivilDay(now_time, absl::LocalTimeZone());
  const int64_t midnight = absl::ToUnixSeconds(absl::FromCivil(today, absl::LocalTimeZone()));
  const int64_t start = typed.start.value_or(jobs ? 0 : states ? now : midnight);
  const int64_t end = typed.end.value_or(states && typed.start ? start + 1 : now + 1);
  if (end < start) {
    return Error(
        StrCat("Start time (", Stamp(start), ") requested is after end time (", Stamp(end), ")."));
  }
  options->window_start = start;
  options->window_end = end;
  request.set_start_time(start);
  // With -j alone jobs that can't run yet are shown as well.
  if (!jobs || states || typed.end) request.set_end_time(end);
  if (typed.verbose > 0) {
    const std::string what = states ? Join(request.states(), ",") : "Eligible";
    options->notes.push_back(StrCat("Jobs ", what, " in the time window from ",
                                    DateLine(absl::FromUnixSeconds(start)), " to ",
                                    DateLine(absl::FromUnixSeconds(end))));
  }
  return kFine;
}

Fault Complete(const Typed& typed, const SacctEnvironment& environment, SacctOptions* options) {
  if (options->format.empty()) {
    const char* variable = environment.variable("SACCT_FORMAT");
    options->format = typed.long_format                            ? kLongFormat
                      : typed.brief                                ? kBriefFormat
                      : variable != nullptr && variable[0] != '\0' ? variable
                                                                   : kDefaultFormat;
  }
  if (const char* format = environment.variable("SLURM_TIME_FORMAT")) options->time_format = format;
  if (typed.local && (options->all_clusters || !options->clusters.empty())) {
    return Error("--local contradicts --clusters and --allclusters");
  }
  if (typed.all_users) {
    options->request.clear_uids();
  } else if (options->request.uids_size() == 0 && environment.uid != 0) {
    options->request.add_uids(environment.uid);
  }
  if (typed.limit_min) {  // -K without -k means nothing, sacct(1)
    options->limit_minutes =
        NumberRange{*typed.limit_min, typed.limit_max.value_or(*typed.limit_min)};
  }
  return SetWindow(environment.now, typed, options);
}

}  // namespace

std::variant<SacctOptions, SacctFault> ParseSacctOptions(int argc, char** argv,
                                                         const SacctEnvironment& environment) {
  SacctOptions options;
  options.array_text_length = ArrayTextMax();
  Typed typed;
  Fault fault = ReadArguments(argc, argv, environment.now, &options, &typed);
  if (!fault && options.action == SacctOptions::Action::kShow) {
    fault = Complete(typed, environment, &options);
  }
  if (fault) return *std::move(fault);
  return options;
}

}  // namespace reeve::cli
