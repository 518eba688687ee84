#include "cli/show_reservation.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "cli/job_view.h"
#include "cli/record_text.h"
#include "cli/time_text.h"
#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve::cli {
namespace {

namespace pb = reeve::v1;

// Slurm shows a year where there is no end.
constexpr int64_t kNoEnd = int64_t{365} * 24 * 3600;

int64_t EndOf(const pb::Reservation& reservation) {
  return reservation.end() < 0 ? reservation.start() + kNoEnd : reservation.end();
}

std::string DurationText(const pb::Reservation& reservation) {
  return FormatDuration(absl::Seconds(EndOf(reservation) - reservation.start()));
}

std::string StateText(const pb::Reservation& reservation, int64_t now) {
  return reservation.start() <= now && now < EndOf(reservation) ? "ACTIVE" : "INACTIVE";
}

std::string FlagsText(const pb::Reservation& reservation) {
  return Join(reservation.flags(), ",");
}

}  // namespace

std::string ShowReservationText(const pb::Reservation& reservation, int64_t now, bool one_line) {
  RecordText text(one_line);
  text.Line("ReservationName=", reservation.name(),
            " StartTime=", TimeText(reservation.start(), "Unknown"),
            " EndTime=", TimeText(EndOf(reservation), "Unknown"),
            " Duration=", DurationText(reservation));
  text.Line("Nodes=", OrNull(reservation.nodes()), " NodeCnt=", reservation.num_nodes(),
            " CoreCnt=", reservation.cores(), " Features=", OrNull(reservation.features()),
            " PartitionName=", OrNull(reservation.partition()), " Flags=", FlagsText(reservation));
  text.Line("TRES=cpu=", reservation.cpus());
  text.Line("Users=", OrNull(Join(reservation.users(), ",")),
            " Groups=", OrNull(Join(reservation.groups(), ",")),
            " Accounts=", OrNull(Join(reservation.accounts(), ",")),
            " Licenses=", OrNull(reservation.licenses()), " State=", StateText(reservation, now),
            " BurstBuffer=(null)");
  text.Line("MaxStartDelay=(null)");
  if (!reservation.comment().empty()) text.Line("Comment=", reservation.comment());
  return text.Finish();
}

std::string ReservationTable(const std::vector<pb::Reservation>& reservations, int64_t now,
                             bool header) {
  constexpr std::string_view kName = "RESV_NAME";
  size_t width = kName.size();
  for (const pb::Reservation& each : reservations) width = std::max(width, each.name().size());
  std::string table;
  const auto add = [&](std::string_view name, std::string_view state, std::string_view start,
                       std::string_view end, std::string_view duration, std::string_view nodes) {
    absl::StrAppendFormat(&table, "%-*s  %8s  %19s  %19s  %11s  %s\n", static_cast<int>(width),
                          std::string(name), std::string(state), std::string(start),
                          std::string(end), std::string(duration), std::string(nodes));
  };
  if (header) add(kName, "STATE", "START_TIME", "END_TIME", "DURATION", "NODELIST");
  for (const pb::Reservation& each : reservations) {
    add(each.name(), StateText(each, now), TimeText(each.start(), "Unknown"),
        TimeText(EndOf(each), "Unknown"), DurationText(each), each.nodes());
  }
  return table;
}

}  // namespace reeve::cli
