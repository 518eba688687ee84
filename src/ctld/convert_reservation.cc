#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "ctld/convert.h"

namespace reeve::ctld {

pb::Reservation ToProto(const Reservation& reservation) {
  pb::Reservation out;
  out.set_name(reservation.name);
  out.set_start(absl::ToUnixSeconds(reservation.start));
  out.set_end(reservation.end == absl::InfiniteFuture() ? -1
                                                        : absl::ToUnixSeconds(reservation.end));
  out.set_nodes(CompressHostlist(reservation.nodes));
  out.set_num_nodes(static_cast<uint32_t>(reservation.nodes.size()));
  out.set_asked_nodes(reservation.node_count);
  for (const std::string& user : reservation.users) out.add_users(user);
  for (const std::string& account : reservation.accounts) out.add_accounts(account);
  for (const std::string& group : reservation.groups) out.add_groups(group);
  out.set_licenses(FormatLicenses(reservation.licenses));
  out.set_partition(reservation.partition);
  out.set_features(reservation.features);
  out.set_comment(reservation.comment);
  for (std::string_view flag : FlagNames(reservation.flags)) out.add_flags(std::string(flag));
  return out;
}

absl::StatusOr<Reservation> FromProto(const pb::Reservation& in) {
  Reservation reservation;
  reservation.name = in.name();
  reservation.start = absl::FromUnixSeconds(in.start());
  reservation.end = in.end() < 0 ? absl::InfiniteFuture() : absl::FromUnixSeconds(in.end());
  if (!in.nodes().empty()) {
    absl::StatusOr<std::vector<std::string>> nodes = ExpandHostlist(in.nodes());
    if (!nodes.ok()) return absl::DataLossError(StrCat("reservation ", in.name(), ": bad nodes"));
    reservation.nodes = *std::move(nodes);
  }
  reservation.node_count = in.asked_nodes();
  reservation.users = {in.users().begin(), in.users().end()};
  reservation.accounts = {in.accounts().begin(), in.accounts().end()};
  reservation.groups = {in.groups().begin(), in.groups().end()};
  absl::StatusOr<std::vector<License>> licenses = ParseLicenses(in.licenses());
  if (!licenses.ok()) return absl::DataLossError(StrCat("reservation ", in.name(), ": licences"));
  reservation.licenses = *std::move(licenses);
  reservation.partition = in.partition();
  reservation.features = in.features();
  reservation.comment = in.comment();
  for (const std::string& name : in.flags()) {
    const std::optional<uint32_t> flag = ParseFlag(name);
    if (!flag) return absl::DataLossError(StrCat("reservation ", in.name(), ": flag ", name));
    reservation.flags |= *flag;
  }
  const absl::Duration period = reservation.Period();
  constexpr int64_t kMost = int64_t{1} << 40;
  if (reservation.name.empty() || in.start() < 0 || in.start() > kMost || in.end() > kMost ||
      reservation.end <= reservation.start ||
      (period > absl::ZeroDuration() && reservation.end - reservation.start > period)) {
    return absl::DataLossError(StrCat("reservation ", in.name(), ": is for no time"));
  }
  return reservation;
}

}  // namespace reeve::ctld
