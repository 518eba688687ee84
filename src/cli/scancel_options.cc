#include "cli/scancel_options.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "cli/command.h"
#include "cli/command_options.h"
#include "cli/job_id_list.h"
#include "cli/signal_name.h"
#include "cli/user_lookup.h"
#include "common/base/hostlist.h"
#include "common/base/job_state.h"
#include "common/base/text.h"
#include "common/os/fd.h"

namespace reeve::cli {
namespace {

constexpr char kHelp[] =
    "Usage: scancel [options] [ID ...]\n"
    "Ends or signals jobs (12), array tasks (12_3, 12_[1-4]) and steps (12.0).\n\n"
    "Restricting, or selecting when no id is given:\n"
    "  -u, --user=USER         of this user; --me: yours\n"
    "  -n, --name=NAME         with this name\n"
    "  -p, --partition=NAME    in this partition\n"
    "  -A, --account=NAME      of this account\n"
    "  -q, --qos=NAME          of this QOS\n"
    "  -t, --state=STATE       PENDING, RUNNING or SUSPENDED\n"
    "  -w, --nodelist=HOSTS    on one of these nodes (a list, or a file with a '/' in its name)\n"
    "Doing:\n"
    "  -s, --signal=SIGNAL     send this signal to the steps instead of ending the job\n"
    "  -b, --batch             signal the batch script only\n"
    "  -f, --full              signal the batch script and its children too\n"
    "  -i, --interactive       ask about each\n"
    "  -Q, --quiet             no message about jobs that are over\n"
    "  -v, --verbose           say what is done\n"
    "  -V, --version           print the version\n"
    "      --help              this text\n";

struct Typed {
  std::string account, name, partition, qos, state, user, nodes, signal;
  bool me = false;
  bool batch = false;
  bool full = false;
};

void ReadEnvironment(Typed* typed, ScancelOptions* options) {
  typed->account = Environment("SCANCEL_ACCOUNT");
  typed->name = Environment("SCANCEL_NAME");
  typed->partition = Environment("SCANCEL_PARTITION");
  typed->qos = Environment("SCANCEL_QOS");
  typed->state = Environment("SCANCEL_STATE");
  typed->user = Environment("SCANCEL_USER");
  typed->batch = getenv("SCANCEL_BATCH") != nullptr;
  typed->full = getenv("SCANCEL_FULL") != nullptr;
  options->interactive = getenv("SCANCEL_INTERACTIVE") != nullptr;
  options->verbose = getenv("SCANCEL_VERBOSE") != nullptr;
}

std::vector<CommandOption> OptionTable(Typed* typed, ScancelOptions* options) {
  using enum Argument;
  return {
      {"account", 'A', kRequired, StoreText(&typed->account)},
      {"admin-comment", 0, kRequired, nullptr},
      {"batch", 'b', kNone, StoreTrue(&typed->batch)},
      {"clusters", 'M', kRequired, nullptr},
      {"cron", 'c', kNone, nullptr},
      {"ctld", 0, kNone, DoNothing()},  // signals go through the controller anyway
      {"full", 'f', kNone, StoreTrue(&typed->full)},
      {"help", 0, kNone, PrintAndExit(kHelp)},
      {"hurry", 'H', kNone, DoNothing()},  // there are no burst buffers to stage out
      {"interactive", 'i', kNone, StoreTrue(&options->interactive)},
      {"jobname", 'n', kRequired, StoreText(&typed->name)},
      {"me", 0, kNone, StoreTrue(&typed->me)},
      {"name", 0, kRequired, StoreText(&typed->name)},
      {"nodelist", 'w', kRequired, StoreText(&typed->nodes)},
      {"partition", 'p', kRequired, StoreText(&typed->partition)},
      {"qos", 'q', kRequired, StoreText(&typed->qos)},
      {"quiet", 'Q', kNone, StoreTrue(&options->quiet)},
      {"reservation", 'R', kRequired, nullptr},
      {"sibling", 0, kRequired, nullptr},
      {"signal", 's', kRequired, StoreText(&typed->signal)},
      {"state", 't', kRequired, StoreText(&typed->state)},
      {"usage", 0, kNone, PrintAndExit(kHelp)},
      {"user", 'u', kRequired, StoreText(&typed->user)},
      {"verbose", 'v', kNone, StoreTrue(&options->verbose)},
      {"version", 'V', kNone, PrintVersionAndExit()},
      {"wckey", 0, kRequired, nullptr},
  };
}

// False after an error has been printed, as for the next ones.
bool TakeIds(const std::vector<std::string>& operands, ScancelOptions* options) {
  for (const std::string& operand : operands) {
    for (const std::string& id : SplitJobIds(operand)) {
      absl::StatusOr<JobSelector> selector = ParseJobSelector(id);
      if (!selector.ok()) {
        PrintError("scancel", StrCat("Invalid job id ", id));
        return false;
      }
      options->typed_ids.push_back(id);
      options->jobs.push_back(*std::move(selector));
    }
  }
  return true;
}

bool TakeState(const Typed& typed, ScancelOptions* options) {
  if (typed.state.empty()) return true;
  absl::StatusOr<StateFilter> state = ParseStateName(typed.state);
  const bool good = state.ok() && state->state.has_value() && !IsFinished(*state->state);
  if (!good) {
    fprintf(stderr, "Invalid job state specified: %s\n", typed.state.c_str());
    fputs("Valid job states are PENDING, RUNNING, and SUSPENDED\n", stderr);
    return false;
  }
  options->filters.set_state(static_cast<pb::JobState>(*state->state));
  return true;
}

bool TakeSignal(const Typed& typed, ScancelOptions* options) {
  if (typed.signal.empty()) return true;
  std::optional<int> signal = ParseSignal(typed.signal);
  if (!signal.has_value()) {
    fprintf(stderr, "Unknown job signal: %s\n", typed.signal.c_str());
    return false;
  }
  options->filters.set_signal(*signal);
  return true;
}

bool TakeUser(const Typed& typed, ScancelOptions* options) {
  if (typed.me) options->filters.set_uid(getuid());
  if (typed.user.empty()) return true;
  std::optional<uint32_t> uid = FindUid(typed.user);
  if (!uid.has_value()) {
    PrintError("scancel", StrCat("Invalid user name: ", typed.user));
    return false;
  }
  options->filters.set_uid(*uid);
  return true;
}

bool TakeNodes(const Typed& typed, ScancelOptions* options) {
  if (typed.nodes.empty()) return true;
  std::string list = typed.nodes;
  if (list.find('/') != list.npos) {
    absl::StatusOr<std::string> file = os::ReadFile(list, 16 << 20);
    if (!file.ok()) {
      PrintError("scancel", Message(file.status()));
      return false;
    }
    list = Join(SplitSkipEmpty(*file, " \t\r\n"), ",");
  }
  absl::StatusOr<std::vector<std::string>> nodes = ExpandHostlist(list);
  if (!nodes.ok()) {
    PrintError("scancel", Message(nodes.status()));
    return false;
  }
  options->filters.set_node_list(list);
  return true;
}

void DescribeFilters(const Typed& typed, ScancelOptions* options) {
  auto describe = [options](const char* name, std::string_view value) {
    if (!value.empty()) StrAppend(&options->filters_text, name, "=", value, " ");
  };
  describe("account", typed.account);
  describe("job_name", typed.name);
  describe("nodelist", typed.nodes);
  describe("partition", typed.partition);
  describe("qos", typed.qos);
  if (options->filters.has_state()) {
    describe("state", LongName(static_cast<JobState>(options->filters.state())));
  }
  describe("user_name", typed.me ? UserNameOf(getuid()) : typed.user);
}

}  // namespace

std::optional<int> ReadScancelOptions(int argc, char** argv, ScancelOptions* options) {
  if (RefuseEnvironment("scancel", {"SCANCEL_CRON", "SCANCEL_WCKEY", "SLURM_CLUSTERS"})) return 1;
  Typed typed;
  ReadEnvironment(&typed, options);
  std::vector<std::string> operands;
  if (auto code = ReadOptions(argc, argv, OptionTable(&typed, options), &operands)) return code;
  const bool good = TakeState(typed, options) && TakeSignal(typed, options) &&
                    TakeUser(typed, options) && TakeNodes(typed, options) &&
                    TakeIds(operands, options);
  if (!good) return 1;
  options->filters.set_account(typed.account);
  options->filters.set_name(typed.name);
  options->filters.set_partition(typed.partition);
  options->filters.set_qos(typed.qos);
  options->filters.set_batch_only(typed.batch && !typed.full);
  options->filters.set_full(typed.full);
  DescribeFilters(typed, options);
  if (options->jobs.empty() && options->filters_text.empty()) {
    PrintError("scancel", "No job identification provided");
    return 1;
  }
  return std::nullopt;
}

}  // namespace reeve::cli
