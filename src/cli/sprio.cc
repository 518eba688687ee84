// sprio: what the priorities of pending jobs are made of.
#include <cstdio>

#include "cli/command.h"
#include "cli/command_options.h"
#include "cli/controller_client.h"
#include "cli/job_id_list.h"
#include "cli/job_query.h"
#include "cli/sprio_rows.h"
#include "cli/user_lookup.h"
#include "common/base/config_values.h"
#include "common/base/ids.h"

namespace reeve::cli {
namespace {

constexpr char kHelp[] =
    "Usage: sprio [options]\n"
    "Shows what the priorities of pending jobs are made of (PriorityType=priority/multifactor).\n\n"
    "Which jobs:\n"
    "  -j, --jobs=LIST        these ids\n"
    "  -u, --user=LIST        of these users\n"
    "  -p, --partition=LIST   in these partitions\n"
    "How:\n"
    "  -h, --noheader         no line of titles\n"
    "  -l, --long             all columns\n"
    "  -n, --norm             factors from 0 to 1 rather than points\n"
    "  -o, --format=FORMAT    columns by letters: \"%.15i %9r %.10Y\"\n"
    "  -S, --sort=KEYS        by letters of -o, '-' in front for descending (default: i)\n"
    "  -w, --weights          the weights, and no job\n"
    "  -v, --verbose          say what was received\n"
    "  -V, --version          print the version\n"
    "      --help             this text; --usage: the same in short\n";

constexpr char kUsage[] =
    "Usage: sprio [-hlnvVw] [-j jobs] [-o format] [-p partitions] [-S keys] [-u users]\n";

struct SprioOptions {
  SprioShape shape;
  bool header = true;
  bool weights = false;
  bool verbose = false;
  std::string jobs, users, partitions, format;
  std::string sort = "i";
};

std::vector<CommandOption> OptionTable(SprioOptions* options) {
  using enum Argument;
  const auto no_header = [options](const std::string&) {
    options->header = false;
    return std::optional<int>();
  };
  return {
      {"clusters", 'M', kRequired, nullptr},
      {"federation", 0, kNone, nullptr},
      {"format", 'o', kRequired, StoreText(&options->format)},
      {"help", 0, kNone, PrintAndExit(kHelp)},
      {"jobs", 'j', kOptional, StoreText(&options->jobs)},
      {"local", 0, kNone, DoNothing()},  // there is no federation
      {"long", 'l', kNone, StoreTrue(&options->shape.long_listing)},
      {"noheader", 'h', kNone, no_header},
      {"norm", 'n', kNone, StoreTrue(&options->shape.norm)},
      {"partition", 'p', kRequired, StoreText(&options->partitions)},
      {"partitions", 0, kRequired, StoreText(&options->partitions)},
      {"sibling", 0, kNone, nullptr},
      {"sort", 'S', kRequired, StoreText(&options->sort)},
      {"usage", 0, kNone, PrintAndExit(kUsage)},
      {"user", 'u', kRequired, StoreText(&options->users)},
      {"users", 0, kRequired, StoreText(&options->users)},
      {"verbose", 'v', kNone, StoreTrue(&options->verbose)},
      {"version", 'V', kNone, PrintVersionAndExit()},
      {"weights", 'w', kNone, StoreTrue(&options->weights)},
  };
}

std::vector<std::string> List(std::string_view text) {
  std::vector<std::string> list;
  for (std::string_view part : SplitSkipEmpty(text, ",")) list.emplace_back(Strip(part));
  return list;
}

// False after an error has been printed.
bool MakeRequest(const SprioOptions& options, pb::QueryJobsRequest* request) {
  request->set_with_priorities(true);
  for (const std::string& text : List(options.jobs)) {
    absl::StatusOr<JobSelector> selector = ParseJobSelector(text);
    if (!selector.ok() || selector->het_offset.has_value()) {
      PrintError("sprio", StrCat("Invalid job id: ", text));
      return false;
    }
    request->add_jobs()->set_job_id(selector->job.value);
  }
  for (const std::string& user : List(options.users)) {
    const std::optional<uint32_t> uid = FindUid(user);
    if (!uid.has_value()) {
      PrintError("sprio", StrCat("Invalid user: ", user));
      return false;
    }
    request->add_uids(*uid);
  }
  return true;
}

// The controller's: its configuration is what counts, should ours be an older one.
absl::StatusOr<PriorityConfig> FindWeights(const ControllerClient& client) {
  absl::StatusOr<pb::ShowConfigResponse> answer =
      client.Call<pb::ShowConfigResponse>("Controller/ShowConfig", pb::ShowConfigRequest());
  if (!answer.ok()) return answer.status();
  Config config;
  for (const pb::ConfigEntry& entry : answer->entries()) {
    if (!entry.key().starts_with("Priority")) continue;
    const ValueBinding* binding = FindConfigValue(entry.key());
    if (binding != nullptr) binding->set(config, Strip(entry.value())).IgnoreError();
  }
  return config.priority;
}

int Print(const SprioOptions& options, const PriorityConfig& weights,
          const std::vector<SprioRow>& rows) {
  const std::string text =
      options.format.empty() ? SprioFormat(weights, options.shape) : options.format;
  absl::StatusOr<FormatSpec> format = ParsePercentFormat(text);
  if (!format.ok()) {
    PrintError("sprio", Message(format.status()));
    return 1;
  }
  const Layout<SprioRow> layout(*format, SprioFields(), FieldNaming::kLetter);
  for (const std::string& name : layout.unknown()) {
    PrintError("sprio", StrCat("Invalid job format specification: ", name));
  }
  Table::TextOptions table;
  table.header = options.header;
  fputs(layout.Fill(rows).Text(table).c_str(), stdout);
  return 0;
}

}  // namespace

int Sprio(int argc, char** argv) {
  if (RefuseEnvironment("sprio", {"SLURM_CLUSTERS", "SPRIO_FEDERATION", "SPRIO_SIBLING"})) return 1;
  SprioOptions options;
  std::vector<std::string> operands;
  if (auto code = ReadOptions(argc, argv, OptionTable(&options), &operands)) return *code;
  if (!operands.empty()) {
    PrintError("sprio", StrCat("Unrecognized option: ", operands.front()));
    fputs(kUsage, stderr);
    return 1;
  }
  if (options.format.empty() && !options.shape.long_listing && !options.shape.norm) {
    options.format = Environment("SPRIO_FORMAT");
  }
  options.shape.by_user = !options.users.empty();
  pb::QueryJobsRequest request;
  if (!MakeRequest(options, &request)) return 1;
  std::unique_ptr<ControllerClient> client = ControllerClient::CreateOrPrint("sprio");
  if (client == nullptr) return 1;
  absl::StatusOr<PriorityConfig> weights = FindWeights(*client);
  if (!weights.ok()) {
    PrintError("sprio", StatusText(weights.status()));
    return 1;
  }
  if (!weights->multifactor) {
    PrintError("sprio", "PriorityType is priority/basic here: first come, first served");
    return 1;
  }
  if (options.weights) return Print(options, *weights, {SprioRow{nullptr, nullptr, &*weights}});
  absl::StatusOr<JobsAnswer> answer = QueryJobs(*client, request);
  if (absl::IsNotFound(answer.status())) answer = JobsAnswer();  // no such id
  if (!answer.ok()) {
    PrintError("sprio", StatusText(answer.status()));
    return 1;
  }
  if (options.verbose) PrintInfo("sprio", StrCat(answer->jobs.size(), " job records received"));
  absl::StatusOr<std::vector<SprioRow>> rows =
      SprioRows(answer->jobs, List(options.partitions), *weights, options.sort);
  if (!rows.ok()) {
    PrintError("sprio", Message(rows.status()));
    return 1;
  }
  if (rows->empty() && (!options.jobs.empty() || !options.users.empty())) {
    puts("Unable to find jobs matching user/id(s) specified");
    return 0;
  }
  return Print(options, *weights, *rows);
}

}  // namespace reeve::cli
