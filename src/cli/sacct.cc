// sacct: what the accounting daemon knows about jobs and their steps.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "absl/time/clock.h"
#include "cli/command.h"
#include "cli/sacct_fields.h"
#include "cli/sacct_options.h"
#include "cli/sacct_rows.h"
#include "common/base/text.h"
#include "common/rpc/client.h"
#include "common/rpc/endpoints.h"

namespace reeve::cli {
namespace {

namespace pb = reeve::v1;

constexpr char kCommand[] = "sacct";
constexpr absl::Duration kPatience = absl::Minutes(5);  // a year of jobs takes a while to print

constexpr char kUsageLine[] = "Usage: sacct [options]   (sacct --help tells which)\n";
constexpr char kHelp[] =
    "Usage: sacct [options]\n"
    "Shows jobs and their steps, running and finished, from the accounting data.\n\n"
    "Which jobs:\n"
    "  -j, --jobs=LIST            ids: 12, 12_3, 12_[1-4], 12.batch, 12.0\n"
    "  -a, --allusers             of all users (what root sees anyway)\n"
    "  -u, --user=LIST            of these users, names or numbers\n"
    "  -g, --group=LIST           of these groups\n"
    "  -A, --accounts=LIST        of these accounts\n"
    "  -r, --partition=LIST       of these partitions\n"
    "  -q, --qos=LIST             of these QOS\n"
    "      --name=LIST            with these names\n"
    "  -s, --state=LIST           in these states within the time window\n"
    "  -S, --starttime=TIME       start of the window: now-2days, today, 08:30, 2026-11-22T08:30\n"
    "  -E, --endtime=TIME         its end\n"
    "  -N, --nodelist=HOSTLIST    that ran on any of these nodes\n"
    "  -i, --nnodes=MIN[-MAX]     on so many nodes\n"
    "  -I, --ncpus=MIN[-MAX]      on so many CPUs\n"
    "  -k, --timelimit-min=TIME   with this limit, with -K at least this one\n"
    "  -K, --timelimit-max=TIME   and at most this one\n"
    "  -C, --constraints=LIST     that asked for all of these features\n"
    "  -R, --reason=LIST          that waited for one of these reasons\n"
    "  -M, --clusters=LIST        of these clusters, 'all' for each\n"
    "  -L, --allclusters          of all clusters\n"
    "      --local                of this cluster alone (the default)\n"
    "  -D, --duplicates           also earlier runs of requeued jobs\n"
    "  -X, --allocations          jobs without their steps\n"
    "      --array                a line for each pending task of an array\n\n"
    "What is printed:\n"
    "  -o, --format=LIST          fields, each with %WIDTH (%-WIDTH: left-aligned) if wanted\n"
    "  -e, --helpformat           the names of all fields\n"
    "  -b, --brief                jobid,state,exitcode\n"
    "  -l, --long                 many fields\n"
    "  -p, --parsable             fields end in '|'\n"
    "  -P, --parsable2            '|' between fields\n"
    "      --delimiter=TEXT       instead of '|'\n"
    "  -n, --noheader             no header\n"
    "      --units=K|M|G|T|P      sizes in this unit\n"
    "      --noconvert            sizes as they were recorded\n"
    "  -T, --truncate             times cut to the window\n"
    "      --expand-patterns      file names with %j and its like replaced\n"
    "      --use-local-uid        the UID that the user's name has here\n\n"
    "  -v, --verbose   -V, --version   -h, --help   --usage\n"
    "Environment: SACCT_FORMAT SLURM_BITSTR_LEN SLURM_CONF SLURM_TIME_FORMAT\n";

int PrintFault(const SacctFault& fault) {
  for (const std::string& line : fault.lines) fprintf(stderr, "%s\n", line.c_str());
  return 1;
}

void ChooseClusters(const Config& config, SacctOptions* options) {
  if (options->all_clusters) return;
  if (options->clusters.empty()) options->clusters.push_back(config.cluster_name);
  for (const std::string& name : options->clusters) options->request.add_clusters(name);
}

int PrintQueryError(const absl::Status& status) {
  const bool away = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
  PrintError(kCommand, away ? StrCat("Problem talking to the database: ", Message(status))
                            : std::string(Message(status)));
  return 1;
}

int Show(SacctOptions options, absl::Time now) {
  absl::StatusOr<SacctColumns> columns = ResolveSacctFormat(options.format);
  if (!columns.ok()) {
    PrintError(kCommand, Message(columns.status()));
    return 1;
  }
  absl::StatusOr<Config> config = rpc::LoadOrFetchConfig();
  if (!config.ok()) {
    PrintError(kCommand, Message(config.status()));
    return 1;
  }
  if (!config->accounting) {
    fprintf(stderr, "Slurm accounting storage is disabled\n");
    return 1;
  }
  for (const std::string& note : options.notes) PrintInfo(kCommand, note);
  ChooseClusters(*config, &options);

  const SacctContext context{.config = &*config,
                             .now = now,
                             .time_format = options.time_format,
                             .units = options.units,
                             .expand_patterns = options.expand_patterns,
                             .use_local_uid = options.use_local_uid};
  Table table(columns->columns);
  rpc::Channel channel(rpc::AccountingTarget(*config), rpc::MungeOf(*config));
  absl::Status status = channel.CallRaw(
      "Accounting/QueryAccounting", options.request, kPatience, [&](std::string_view bytes) {
        pb::QueryAccountingResponse response;
        if (!response.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return false;
        AddSacctRows(response, options, context, columns->fields, &table);
        return true;
      });
  if (!status.ok()) return PrintQueryError(status);
  const std::string text = RenderSacct(table, options);
  fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

}  // namespace

int Sacct(int argc, char** argv) {
  const absl::Time now = absl::Now();
  auto parsed = ParseSacctOptions(
      argc, argv,
      {.variable = [](const char* name) { return getenv(name); }, .uid = getuid(), .now = now});
  if (const auto* fault = std::get_if<SacctFault>(&parsed)) return PrintFault(*fault);
  SacctOptions& options = std::get<SacctOptions>(parsed);
  switch (options.action) {
    case SacctOptions::Action::kHelp:
      fputs(kHelp, stdout);
      return 0;
    case SacctOptions::Action::kUsage:
      fputs(kUsageLine, stdout);
      return 0;
    case SacctOptions::Action::kVersion:
      PrintSlurmVersion();
      return 0;
    case SacctOptions::Action::kFieldList:
      fputs(SacctFieldList().c_str(), stdout);
      return 0;
    case SacctOptions::Action::kShow:
      break;
  }
  return Show(std::move(options), now);
}

}  // namespace reeve::cli
