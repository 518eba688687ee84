#include "cli/squeue_options.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "cli/command.h"
#include "cli/command_options.h"
#include "cli/job_id_list.h"
#include "cli/user_lookup.h"
#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve::cli {
namespace {

constexpr char kHelp[] =
    "Usage: squeue [options]\n"
    "Lists the jobs that wait and run.\n\n"
    "Which jobs:\n"
    "  -j, --jobs=LIST        these ids: 12, 12_3, 12_[1-4]\n"
    "  -u, --user=LIST        of these users; --me: yours; --notme: all but yours\n"
    "  -t, --states=LIST      in these states, or \"all\" (default: not yet over)\n"
    "  -p, --partition=LIST   in these partitions\n"
    "  -n, --name=LIST        with these names\n"
    "  -w, --nodelist=HOSTS   on these nodes\n"
    "  -A, --account=LIST     of these accounts\n"
    "  -q, --qos=LIST         of these QOS\n"
    "  -R, --reservation=NAME of this reservation\n"
    "  -a, --all              of hidden partitions too\n"
    "How:\n"
    "  -h, --noheader         no line of titles\n"
    "  -l, --long             more columns\n"
    "  -r, --array            one line for each task of an array\n"
    "  -s, --steps[=LIST]     steps rather than jobs\n"
    "      --start            when pending jobs are expected to start\n"
    "      --only-job-state   ids and states only\n"
    "  -o, --format=FORMAT    columns by letters: \"%.18i %.9P %T\"\n"
    "  -O, --Format=FIELDS    columns by names: JobID:.12,State\n"
    "  -S, --sort=KEYS        by letters of -o, '-' in front for descending\n"
    "  -i, --iterate=SECONDS  again and again\n"
    "      --noconvert        sizes in MiB\n"
    "      --expand-patterns  file names with their %j and the like replaced\n"
    "  -v, --verbose          say what was received\n"
    "  -V, --version          print the version\n"
    "      --help             this text; --usage: the same in short\n";

constexpr char kUsage[] =
    "Usage: squeue [-ahlrsvV] [-A accounts] [-i seconds] [-j jobs] [-n names] [-o format]\n"
    "              [-O fields] [-p partitions] [-q qos] [-S keys] [-t states] [-u users]\n"
    "              [-w nodes] [--start] [--me] [--notme] [--noconvert] [--only-job-state]\n";

// States that Slurm knows and that no job of ours is ever in: they may be asked for.
constexpr std::string_view kNeverStates[] = {
    "RESIZING",  "RS", "RESV_DEL_HOLD", "RD", "REQUEUE_FED", "RF", "REVOKED", "RV",
    "SIGNALING", "SI", "STAGE_OUT",     "SO", "STOPPED",     "ST"};

constexpr char kStateNames[] =
    "PENDING,RUNNING,SUSPENDED,COMPLETED,CANCELLED,FAILED,TIMEOUT,NODE_FAIL,PREEMPTED,BOOT_FAIL,"
    "DEADLINE,OUT_OF_MEMORY,COMPLETING,CONFIGURING,RESIZING,RESV_DEL_HOLD,REQUEUED,REQUEUE_FED,"
    "REQUEUE_HOLD,REVOKED,SIGNALING,SPECIAL_EXIT,STAGE_OUT,STOPPED";

// Options as typed; what is given on the command line replaces what the environment said.
struct Typed {
  std::optional<std::string> jobs, steps, users, names, partitions, accounts, qos, nodes, states,
      sort, format, long_format, iterate, reservation;
  bool me = false;
  bool not_me = false;
};

void TakeVariable(const char* name, std::optional<std::string>* target) {
  std::string value = Environment(name);
  if (!value.empty()) *target = std::move(value);
}

void ReadEnvironment(Typed* typed, SqueueOptions* options) {
  TakeVariable("SQUEUE_ACCOUNT", &typed->accounts);
  TakeVariable("SQUEUE_NAMES", &typed->names);
  TakeVariable("SQUEUE_PARTITION", &typed->partitions);
  TakeVariable("SQUEUE_QOS", &typed->qos);
  TakeVariable("SQUEUE_SORT", &typed->sort);
  TakeVariable("SQUEUE_STATES", &typed->states);
  TakeVariable("SQUEUE_USERS", &typed->users);
  options->all_partitions = getenv("SQUEUE_ALL") != nullptr;
  options->one_per_task = getenv("SQUEUE_ARRAY") != nullptr;
}

using Apply = std::function<std::optional<int>(const std::string&)>;

Apply Store(std::optional<std::string>* target) {
  return [target](const std::string& value) {
    *target = value;
    return std::nullopt;
  };
}

std::vector<CommandOption> OptionTable(Typed* typed, SqueueOptions* options) {
  auto clear = [](bool* target) -> Apply {
    return [target](const std::string&) {
      *target = false;
      return std::nullopt;
    };
  };
  auto format = [typed](const std::string& value) {  // the last of -o and -O counts
    typed->format = value;
    typed->long_format.reset();
    return std::nullopt;
  };
  auto long_format = [typed](const std::string& value) {
    typed->long_format = value;
    typed->format.reset();
    return std::nullopt;
  };
  auto steps = [typed, options](const std::string& value) {
    options->steps = true;
    typed->steps = value;
    return std::nullopt;
  };
  using enum Argument;
  return {
      {"account", 'A', kRequired, Store(&typed->accounts)},
      {"accounts", 0, kRequired, Store(&typed->accounts)},
      {"all", 'a', kNone, StoreTrue(&options->all_partitions)},
      {"array", 'r', kNone, StoreTrue(&options->one_per_task)},
      {"array-unique", 0, kNone, nullptr},
      {"clusters", 'M', kRequired, nullptr},
      {"expand-patterns", 0, kNone, StoreTrue(&options->expand_patterns)},
      {"federation", 0, kNone, nullptr},
      {"format", 'o', kRequired, format},
      {"Format", 'O', kRequired, long_format},
      {"help", 0, kNone, PrintAndExit(kHelp)},
      {"hide", 0, kNone, clear(&options->all_partitions)},
      {"iterate", 'i', kRequired, Store(&typed->iterate)},
      {"jobs", 'j', kOptional, Store(&typed->jobs)},
      {"json", 0, kOptional, nullptr},
      {"licenses", 'L', kRequired, nullptr},
      {"local", 0, kNone, DoNothing()},  // there is no federation
      {"long", 'l', kNone, StoreTrue(&options->long_listing)},
      {"me", 0, kNone, StoreTrue(&typed->me)},
      {"name", 'n', kRequired, Store(&typed->names)},
      {"noconvert", 0, kNone, clear(&options->convert_units)},
      {"nodelist", 'w', kRequired, Store(&typed->nodes)},
      {"nodes", 0, kRequired, Store(&typed->nodes)},
      {"noheader", 'h', kNone, clear(&options->header)},
      {"notme", 0, kNone, StoreTrue(&typed->not_me)},
      {"only-job-state", 0, kNone, StoreTrue(&options->only_job_state)},
      {"partition", 'p', kRequired, Store(&typed->partitions)},
      {"partitions", 0, kRequired, Store(&typed->partitions)},
      {"priority", 'P', kNone, nullptr},
      {"qos", 'q', kRequired, Store(&typed->qos)},
      {"reservation", 'R', kRequired, Store(&typed->reservation)},
      {"running-over", 0, kRequired, nullptr},
      {"running-under", 0, kRequired, nullptr},
      {"sibling", 0, kNone, nullptr},
      {"sort", 'S', kRequired, Store(&typed->sort)},
      {"start", 0, kNone, StoreTrue(&options->start)},
      {"states", 't', kRequired, Store(&typed->states)},
      {"steps", 's', kOptional, steps},
      {"usage", 0, kNone, PrintAndExit(kUsage)},
      {"user", 'u', kRequired, Store(&typed->users)},
      {"users", 0, kRequired, Store(&typed->users)},
      {"verbose", 'v', kNone, StoreTrue(&options->verbose)},
      {"version", 'V', kNone, PrintVersionAndExit()},
      {"yaml", 0, kOptional, nullptr},
  };
}

std::vector<std::string> List(const std::optional<std::string>& text) {
  std::vector<std::string> list;
  if (!text.has_value()) return list;
  for (std::string_view part : SplitSkipEmpty(*text, ",")) list.emplace_back(Strip(part));
  return list;
}

// False after an error has been printed, as for the next ones.
bool TakeIds(const std::string& text, bool step_list, SqueueOptions* options) {
  for (const std::string& id : SplitJobIds(text)) {
    absl::StatusOr<JobSelector> selector = ParseJobSelector(id);
    if (!selector.ok()) {
      PrintError("squeue", StrCat("Invalid job id: ", id));
      return false;
    }
    if (!step_list) selector->step.reset();
    options->jobs.push_back(*std::move(selector));
  }
  return true;
}

void TakeUsers(const Typed& typed, SqueueOptions* options) {
  if (typed.users.has_value() && !typed.users->empty()) {
    options->by_user = true;
    for (const std::string& user : List(typed.users)) {
      if (std::optional<uint32_t> uid = FindUid(user)) {
        options->uids.push_back(*uid);
      } else {
        PrintError("squeue", StrCat("Invalid user: ", user, "\n"));
      }
    }
  }
  if (typed.me) {
    options->by_user = true;
    options->uids = {getuid()};
  }
  if (typed.not_me) options->not_uids = {getuid()};
}

bool TakeStates(const Typed& typed, SqueueOptions* options) {
  for (const std::string& name : List(typed.states)) {
    if (EqualsIgnoreCase(name, "all")) {
      options->all_states = true;
      continue;
    }
    options->by_state = true;
    const bool never = std::any_of(std::begin(kNeverStates), std::end(kNeverStates),
                                   [&name](auto known) { return EqualsIgnoreCase(known, name); });
    if (never) continue;
    absl::StatusOr<StateFilter> state = ParseStateName(name);
    if (!state.ok()) {
      PrintError("squeue", StrCat("Invalid job state specified: ", name));
      PrintError("squeue", StrCat("Valid job states include: ", kStateNames, "\n"));
      return false;
    }
    options->states.push_back(*state);
  }
  if (options->start && !typed.states.has_value()) {
    options->by_state = true;
    options->states.push_back(StateFilter{JobState::kPending, 0});
  }
  return true;
}

bool TakeNodes(const Typed& typed, SqueueOptions* options) {
  if (!typed.nodes.has_value()) return true;
  absl::StatusOr<std::vector<std::string>> nodes = ExpandHostlist(*typed.nodes);
  if (!nodes.ok()) {
    PrintError("squeue", Message(nodes.status()));
    return false;
  }
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  for (std::string& node : *nodes) {
    if (node == "localhost") node = host;
  }
  options->nodes = *std::move(nodes);
  return true;
}

std::string DefaultFormat(const SqueueOptions& options) {
  if (options.only_job_state) return "%.18i %T";
  if (options.steps) return "%.15i %.8j %.9P %.8u %.9M %N";
  if (options.start) return "%.18i %.9P %.8j %.8u %.2t %.19S %.6D %20Y %R";
  if (options.long_listing) return "%.18i %.9P %.8j %.8u %.8T %.10M %.9l %.6D %R";
  return "%.18i %.9P %.8j %.8u %.2t %.10M %.6D %R";
}

bool TakeFormat(Typed typed, SqueueOptions* options) {
  const bool own_format = options->long_listing || options->start || options->only_job_state;
  if (!typed.format && !typed.long_format && !own_format) {
    TakeVariable("SQUEUE_FORMAT", &typed.format);
    if (!typed.format) TakeVariable("SQUEUE_FORMAT2", &typed.long_format);
  }
  if (typed.format.has_value() && EqualsIgnoreCase(*typed.format, "%all")) {
    options->format_of_all = true;
    return true;
  }
  options->naming = typed.long_format ? FieldNaming::kLong : FieldNaming::kLetter;
  absl::StatusOr<FormatSpec> format =
      typed.long_format ? ParseLongFormat(*typed.long_format)
                        : ParsePercentFormat(typed.format.value_or(DefaultFormat(*options)));
  if (!format.ok()) {
    PrintError("squeue", Message(format.status()));
    return false;
  }
  options->format = *std::move(format);
  return true;
}

bool TakeIterate(const Typed& typed, SqueueOptions* options) {
  if (!typed.iterate.has_value()) return true;
  absl::StatusOr<uint64_t> seconds = ParseUint(*typed.iterate, "--iterate", 1 << 30);
  if (!seconds.ok() || *seconds == 0) {
    PrintError("squeue", StrCat("--iterate=", *typed.iterate, "\n"));
    return false;
  }
  options->iterate_seconds = static_cast<uint32_t>(*seconds);
  return true;
}

std::string DefaultSort(const SqueueOptions& options) {
  if (options.steps) return "P,i";
  return options.start ? "S" : "P,t,-p";
}

}  // namespace

std::optional<int> ReadSqueueOptions(int argc, char** argv, SqueueOptions* options) {
  if (RefuseEnvironment(
          "squeue", {"SQUEUE_FEDERATION", "SQUEUE_LICENSES", "SQUEUE_PRIORITY", "SQUEUE_SIBLING",
                     "SLURM_CLUSTERS", "SLURM_JSON", "SLURM_YAML"})) {
    return 1;
  }
  Typed typed;
  ReadEnvironment(&typed, options);
  std::vector<std::string> operands;
  if (auto code = ReadOptions(argc, argv, OptionTable(&typed, options), &operands)) return code;
  if (!operands.empty()) {
    PrintError("squeue", StrCat("Unrecognized option: ", operands.front()));
    fputs(kUsage, stderr);
    return 1;
  }
  if (typed.jobs && !TakeIds(*typed.jobs, false, options)) return 1;
  if (typed.steps && !TakeIds(*typed.steps, true, options)) return 1;
  TakeUsers(typed, options);
  options->names = List(typed.names);
  options->partitions = List(typed.partitions);
  options->accounts = List(typed.accounts);
  options->qos = List(typed.qos);
  options->reservation = typed.reservation.value_or("");
  options->sort = typed.sort && !typed.sort->empty() ? *typed.sort : DefaultSort(*options);
  const bool good = TakeStates(typed, options) && TakeNodes(typed, options) &&
                    TakeIterate(typed, options) && TakeFormat(std::move(typed), options);
  return good ? std::nullopt : std::optional<int>(1);
}

}  // namespace reeve::cli
