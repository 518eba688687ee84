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
};
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

absl::Status ChangeFlags(uint32_t& flags, std::string_view value) {
  const Sign sign = TakeSign(value);
  if (sign == Sign::kSet) flags &= kDerivedFlags;
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
    uint32_t count = 0;
    if (!absl::SimpleAtoi(value, &count) || count == 0) return Refuse(kInvalidNodeCount);
    reservation.node_count = count;
    reservation.nodes.clear();
    reservation.flags &= ~kDerivedFlags;
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

// With both lists a user has to be in both, as in Slurm.
bool Reservation::Admits(std::string_view user, std::string_view account) const {
  const auto in = [](const std::vector<std::string>& list, std::string_view name) {
    return list.empty() || Contains(list, name);
  };
  if (users.empty() && accounts.empty()) return false;
  return in(users, user) && in(accounts, account);
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
  if (reservation.users.empty() && reservation.accounts.empty()) {
    return Refuse(kReservationInvalid, "Reservation request lacks users or accounts");
  }
  if (reservation.Has(kReservationDaily) && reservation.Has(kReservationWeekly)) {
    return Refuse(kReservationInvalid);
  }
  return absl::OkStatus();
}

}  // namespace reeve::ctld
