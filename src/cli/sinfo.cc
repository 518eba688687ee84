// sinfo: partitions and nodes.
#include <unistd.h>

#include <cstdio>

#include "cli/command.h"
#include "cli/controller_client.h"
#include "cli/query_cluster.h"
#include "cli/show_reservation.h"
#include "cli/sinfo_options.h"
#include "cli/sinfo_rows.h"
#include "cli/time_text.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

// What the cluster does not show to this user (PrivateData).
std::string Refusal(const pb::QueryClusterResponse& cluster) {
  if (!cluster.partitions_error().empty()) {
    return StrCat("slurm_load_partitions: ", cluster.partitions_error());
  }
  return cluster.nodes_error().empty() ? "" : StrCat("slurm_load_node: ", cluster.nodes_error());
}

int PrintOnce(const ControllerClient& client, const SinfoOptions& options) {
  absl::StatusOr<pb::QueryClusterResponse> cluster = QueryCluster(client);
  if (!cluster.ok()) {
    fflush(stdout);
    fprintf(stderr, "slurm_load_partitions: %s\n", StatusText(cluster.status()).c_str());
    return 1;
  }
  if (std::string refusal = Refusal(*cluster); !refusal.empty()) {
    fflush(stdout);
    fprintf(stderr, "%s\n", refusal.c_str());
    return 1;
  }
  if (options.verbose) {
    PrintInfo("sinfo", StrCat("cluster ", client.config().cluster_name, ": ", cluster->nodes_size(),
                              " nodes, ", cluster->partitions_size(), " partitions received"));
  }
  const FormatSpec format = options.format_of_all ? FormatOfAll(NodeFields()) : options.format;
  const Layout<NodeRow> layout(format, NodeFields(), options.naming);
  for (const std::string& name : layout.unknown()) {
    fflush(stdout);
    if (options.naming == FieldNaming::kLong) {
      PrintError("sinfo", StrCat("Invalid job format specification: ", name));
    } else {
      fprintf(stderr, "Invalid node format specification: %s\n", name.c_str());
    }
  }
  absl::StatusOr<std::vector<NodeRow>> rows = GroupNodes(*cluster, options, layout.fields());
  if (!rows.ok()) {
    PrintError("sinfo", Message(rows.status()));
    return 1;
  }
  const bool dated = options.long_listing || options.iterate_seconds > 0;
  if (dated && options.header) puts(DateLine(absl::FromUnixSeconds(cluster->time())).c_str());
  Table::TextOptions text;
  text.header = options.header;
  fputs(layout.Fill(*rows).Text(text).c_str(), stdout);
  return 0;
}

int PrintReservations(const ControllerClient& client, const SinfoOptions& options) {
  absl::StatusOr<pb::QueryClusterResponse> cluster = QueryCluster(client);
  if (!cluster.ok()) {
    PrintError("sinfo", Message(cluster.status()));
    return 1;
  }
  if (cluster->reservations().empty()) {
    puts("No reservations in the system");
    return 0;
  }
  const std::vector<pb::Reservation> all(cluster->reservations().begin(),
                                         cluster->reservations().end());
  fputs(ReservationTable(all, cluster->time(), options.header).c_str(), stdout);
  return 0;
}

}  // namespace

int Sinfo(int argc, char** argv) {
  SinfoOptions options;
  if (std::optional<int> code = ReadSinfoOptions(argc, argv, &options)) return *code;
  std::unique_ptr<ControllerClient> client = ControllerClient::CreateOrPrint("sinfo");
  if (client == nullptr) return 1;
  if (options.reservations) return PrintReservations(*client, options);
  int code = PrintOnce(*client, options);
  while (options.iterate_seconds > 0) {
    putchar('\n');
    fflush(stdout);
    sleep(options.iterate_seconds);
    code = PrintOnce(*client, options);
  }
  return code;
}

}  // namespace reeve::cli
