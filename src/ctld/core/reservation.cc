#include "ctld/core/reservation.h"

#include <algorithm>
#include <optional>

#include "absl/strings/numbers.h"
#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "common/base/units.h"
#include "ctld/core/errors.h"

namespace reeve::ctld {
namespace {

struct FlagName {
  std::string_view name;
  uint32_t flag;
};
constexpr FlagName kFlagNames[] = {
    {"MAINT", kReservationMaint},
    {"OVERLAP", kReservationOverlap},
    {"IGNORE_JOBS", kReservationIgnoreJobs},
    {"DAILY", kReservationDaily},
    {"WEEKLY", kReservationWeekly},
    {"ANY_NODES", kReservationAnyNodes},
    {"SPEC_NODES", kReservationSpecNodes},
    {"ALL_NODES", kReservationAllNodes},
    {"MAGNETIC", kReservationMagnetic},
    {"FLEX", kReservationFlex},
};
// The same as ANY_NODES, which it is shown as.
constexpr std::string_view kLicenseOnly = "LICENSE_ONLY";
// What follows from the nodes asked for and cannot be set.
constexpr uint32_t kDerivedFlags = kReservationSpecNodes | kReservationAllNodes;
constexpr int kOccurrences = 32;
constexpr int64_t kLastSecond = 253'402'300'799;  // of the year 9999

enum class Sign { kSet, kAdd, kRemove };

Sign TakeSign(std::string_view& value) {
  const Sign sign = value.starts_with('+')   ? Sign::kAdd
                    : value.starts_with('-') ? Sign::kRemove
                                             : Sign::kSet;
  if (sign != Sign::kSet) value.remove_prefix(1);
  return sign;
}

void ChangeNames(std::vector<std::string>& list, std::string_view value) {
  const Sign sign = TakeSign(value);
  if (sign == Sign::kSet) list.clear();
  for (const std::string& name : SplitNames(value)) {
    std::erase(list, name);
    if (sign != Sign::kRemove) list.push_back(name);
  }
}

// "foo:2,bar"; with a sign those are added, replaced or taken out by their names.
absl::Status ChangeLicenses(std::vector<License>& list, std::string_view value) {
  const Sign sign = TakeSign(value);
  const absl::StatusOr<std::vector<License>> named = ParseLicenses(std::string(value));
  if (!named.ok()) return Refuse(kInvalidLicense, Message(named.status()));
  if (sign == Sign::kSet) list.clear();
  for (const License& license : *named) {
    std::erase_if(list, [&](const License& known) { return known.name == license.name; });
    if (sign != Sign::kRemove && license.count > 0) list.push_back(license);
  }
  return absl::OkStatus();
}

absl::Status ChangeFlags(uint32_t& flags, std::string_view value) {
  const Sign sign = TakeSign(value);
  for (const std::string& name : SplitNames(value)) {
    const std::optional<uint32_t> flag = ParseFlag(name);
    if (!flag.has_value() || (*flag & kDerivedFlags) != 0) {
      return Refuse(kUnsupported, StrCat("reservation flag ", name, " is not supported"));
    }
    flags = sign == Sign::kRemove ? flags & ~*flag : flags | *flag;
  }
  return absl::OkStatus();
}

absl::Status ChangeNodes(Reservation& reservation, std::string_view value) {
  const Sign sign = TakeSign(value);
  std::vector<std::string> named;
  const bool all = EqualsIgnoreCase(value, "ALL");
  if (!all) {
    absl::StatusOr<std::vector<std::string>> names = ExpandHostlist(value);
    if (!names.ok() || names->empty()) return Refuse(kInvalidNodeName);
    named = *std::move(names);
  }
  if (sign == Sign::kSet) reservation.nodes.clear();
  for (const std::string& name : named) {
    std::erase(reservation.nodes, name);
    if (sign != Sign::kRemove) reservation.nodes.push_back(name);
  }
  reservation.node_count = 0;
  reservation.flags &= ~kDerivedFlags;
  reservation.flags |= all ? kReservationAllNodes : kReservationSpecNodes;
  return absl::OkStatus();
}

absl::Status ChangeNodeCount(Reservation& reservation, std::string_view value) {
  uint32_t count = 0;
  if (!absl::SimpleAtoi(ToAbsl(value), &count) || count == 0) return Refuse(kInvalidNodeCount);
  reservation.node_count = count;
  reservation.nodes.clear();
  reservation.flags &= ~kDerivedFlags;
  return absl::OkStatus();
}

// "node=2,license/foo=3".
absl::Status ChangeTres(Reservation& reservation, std::string_view value) {
  constexpr std::string_view kOfLicense = "license/";
  std::string licenses;
  for (std::string_view each : Split(value, ",")) {
    const size_t equals = each.find('=');
    const std::string key = ToLower(each.substr(0, equals));
    if (equals == std::string_view::npos) return Refuse(kInvalidTres);
    const std::string_view count = each.substr(equals + 1);
    if (key == "node") {
      if (absl::Status status = ChangeNodeCount(reservation, count); !status.ok()) return status;
    } else if (key.starts_with(kOfLicense)) {
      StrAppend(&licenses, licenses.empty() ? "" : ",",
                each.substr(kOfLicense.size(), equals - kOfLicense.size()), ":", count);
    } else {
      return Refuse(kUnsupported, StrCat("TRES=", key, " of a reservation is not supported"));
    }
  }
  return licenses.empty() ? absl::OkStatus() : ChangeLicenses(reservation.licenses, licenses);
}

absl::StatusOr<absl::Time> ParseSeconds(const std::string& value) {
  int64_t seconds = 0;
  if (!absl::SimpleAtoi(value, &seconds) || seconds <= 0 || seconds > kLastSecond) {
    return Refuse(kInvalidTime);
  }
  return absl::FromUnixSeconds(seconds);
}

absl::Status ChangeOther(Reservation& reservation, const std::string& key,
                         const std::string& value) {
  if (key == "users" || key == "user") {
    ChangeNames(reservation.users, value);
  } else if (key == "accounts" || key == "account") {
    ChangeNames(reservation.accounts, value);
  } else if (key == "flags") {
    return ChangeFlags(reservation.flags, value);
  } else if (key == "nodes") {
    return ChangeNodes(reservation, value);
  } else if (key == "nodecnt") {
    return ChangeNodeCount(reservation, value);
  } else if (key == "groups" || key == "group") {
    ChangeNames(reservation.groups, value);
  } else if (key == "licenses" || key == "license") {
    return ChangeLicenses(reservation.licenses, value);
  } else if (key == "tres") {
    return ChangeTres(reservation, value);
  } else if (key == "partitionname" || key == "partition") {
    reservation.partition = value;
  } else if (key == "features" || key == "feature") {
    reservation.features = value;
  } else if (key == "comment") {
    reservation.comment = value;
  } else {
    return Refuse(kUnsupported, StrCat("a reservation's ", key, " is not supported"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Duration Reservation::Period() const {
  if (Has(kReservationDaily)) return absl::Hours(24);
  if (Has(kReservationWeekly)) return absl::Hours(7 * 24);
  return absl::ZeroDuration();
}

bool Reservation::Covers(std::string_view node) const {
  return Contains(nodes, node);
}

uint32_t Reservation::CountOf(std::string_view license) const {
  for (const License& each : licenses) {
    if (each.name == license) return each.count;
  }
  return 0;
}

// With both lists a user has to be in both, as in Slurm.
bool Reservation::Admits(std::string_view user, std::string_view account,
                         const std::vector<std::string>* user_groups) const {
  const auto in = [](const std::vector<std::string>& list, std::string_view name) {
    return list.empty() || Contains(list, name);
  };
  if (users.empty() && accounts.empty() && groups.empty()) return false;
  const bool in_groups =
      groups.empty() || (user_groups != nullptr &&
                         std::any_of(user_groups->begin(), user_groups->end(),
                                     [&](const std::string& g) { return Contains(groups, g); }));
  return in(users, user) && in(accounts, account) && in_groups;
}

std::vector<Interval> Occurrences(const Reservation& reservation) {
  const absl::Duration period = reservation.Period();
  std::vector<Interval> intervals;
  for (int i = 0; i < (period > absl::ZeroDuration() ? kOccurrences : 1); ++i) {
    intervals.push_back(
        {ToInstant(reservation.start + i * period), ToInstant(reservation.end + i * period)});
  }
  return intervals;
}

std::vector<Interval> TimesOutside(const Reservation& reservation) {
  std::vector<Interval> outside;
  Instant open_until = -kNever;
  for (const Interval& time : Occurrences(reservation)) {
    outside.push_back({open_until, time.from});
    open_until = time.until;
  }
  outside.push_back({open_until, kNever});
  return outside;
}

bool AreApart(const Reservation& a, const Reservation& b) {
  for (const Interval& one : Occurrences(a)) {
    for (const Interval& other : Occurrences(b)) {
      if (one.from < other.until && other.from < one.until) return false;
    }
  }
  return true;
}

std::vector<std::string_view> FlagNames(uint32_t flags) {
  std::vector<std::string_view> names;
  for (const FlagName& known : kFlagNames) {
    if ((flags & known.flag) != 0) names.push_back(known.name);
  }
  return names;
}

std::optional<uint32_t> ParseFlag(std::string_view name) {
  for (const FlagName& known : kFlagNames) {
    if (EqualsIgnoreCase(known.name, name)) return known.flag;
  }
  if (EqualsIgnoreCase(kLicenseOnly, name)) return kReservationAnyNodes;
  return std::nullopt;
}

absl::Status ChangeReservation(Reservation& reservation,
                               const std::vector<ReservationChange>& changes, absl::Time now) {
  std::optional<absl::Duration> duration;
  bool end_given = false;
  const absl::Duration length = reservation.end - reservation.start;
  for (const auto& [key, value] : changes) {
    if (key == "starttime" || key == "endtime") {
      absl::StatusOr<absl::Time> time = ParseSeconds(value);
      if (!time.ok()) return time.status();
      (key == "endtime" ? reservation.end : reservation.start) = *time;
      end_given = end_given || key == "endtime";
    } else if (key == "duration") {
      absl::StatusOr<absl::Duration> parsed = ParseTimeLimit(value);
      if (!parsed.ok() || *parsed <= absl::ZeroDuration()) return Refuse(kInvalidTime);
      duration = *parsed;
    } else if (absl::Status status = ChangeOther(reservation, key, value); !status.ok()) {
      return status;
    }
  }
  if (duration.has_value()) {
    reservation.end = reservation.start + *duration;
  } else if (!end_given) {
    reservation.end = reservation.start + length;  // moved as a whole
  }
  const absl::Duration period = reservation.Period();
  if (reservation.end <= reservation.start || reservation.end <= now) return Refuse(kInvalidTime);
  if (period > absl::ZeroDuration() && reservation.end - reservation.start > period) {
    return Refuse(kInvalidTime);
  }
  if (reservation.users.empty() && reservation.accounts.empty() && reservation.groups.empty()) {
    return Refuse(kReservationInvalid, "Reservation request lacks users, groups or accounts");
  }
  if (!reservation.users.empty() && !reservation.groups.empty()) {
    return Refuse(kReservationInvalid, "a reservation is for users or for groups, not for both");
  }
  // Who is in which groups is known of those who ask for it.
  if (!reservation.groups.empty() && reservation.Has(kReservationMagnetic)) {
    return Refuse(kUnsupported, "Groups= of a MAGNETIC reservation is not supported");
  }
  if (reservation.Has(kReservationDaily) && reservation.Has(kReservationWeekly)) {
    return Refuse(kReservationInvalid);
  }
  return absl::OkStatus();
}

}  // namespace reeve::ctld
