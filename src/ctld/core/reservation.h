// Nodes set aside for some users for a time. Pure data and what follows from it; the table and the
// events are in reservations.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/licenses.h"
#include "ctld/core/track.h"

namespace reeve::ctld {

// Bits of Reservation::flags. kMaint and kOverlap may be where another one is already, and take its
// nodes from it.
enum ReservationFlag : uint32_t {
  kReservationMaint = 1U << 0,
  kReservationOverlap = 1U << 1,
  kReservationIgnoreJobs = 1U << 2,  // running jobs on its nodes do not keep it from being made
  kReservationDaily = 1U << 3,
  kReservationWeekly = 1U << 4,
  // Its nodes are of whatever partition; its jobs may use others beside them. (LICENSE_ONLY too.)
  kReservationAnyNodes = 1U << 5,
  kReservationSpecNodes = 1U << 6,  // its nodes were named
  kReservationAllNodes = 1U << 7,   // Nodes=ALL
  kReservationMagnetic = 1U << 8,   // tried for jobs that may use it and asked for none
  // Its jobs may begin before it, end after it and use other nodes: it keeps others out, and that
  // is all.
  kReservationFlex = 1U << 9,
};

// In lanes of reservations whose jobs are planned on the tracks of jobs without one (plan.h).
constexpr uint32_t kOpenLane = 1U << 31;

struct Reservation {
  // Of the plan's tracks (plan.h); its own while it is there. With kOpenLane when it IsOpen.
  uint32_t lane = 0;
  std::string name;
  absl::Time start;
  absl::Time end;  // the infinite future: until it is deleted
  std::vector<std::string> nodes;
  uint32_t node_count = 0;  // asked for without names
  std::vector<std::string> users;
  std::vector<std::string> accounts;
  std::vector<std::string> groups;  // in the place of users
  std::vector<License> licenses;    // of the cluster; kept for its jobs
  std::string partition;            // the nodes that may be chosen; empty: the default one
  std::string features;
  std::string comment;
  uint32_t flags = 0;

  bool Has(uint32_t flag) const { return (flags & flag) != 0; }
  // Where another one is already it takes the nodes from it.
  bool TakesFromOthers() const { return Has(kReservationMaint | kReservationOverlap); }
  // Its jobs may use nodes that are not its own.
  bool IsOpen() const { return Has(kReservationFlex | kReservationAnyNodes); }
  // It has licences and nothing else.
  bool WithoutNodes() const {
    return nodes.empty() && node_count == 0 && !Has(kReservationAllNodes);
  }
  uint32_t CountOf(std::string_view license) const;
  absl::Duration Period() const;  // from one start to the next; zero: there is one only
  bool Covers(std::string_view node) const;
  bool ActiveAt(absl::Time now) const { return start <= now && now < end; }
  // `user_groups`: those of the user; null: nothing is known of them.
  bool Admits(std::string_view user, std::string_view account,
              const std::vector<std::string>* user_groups = nullptr) const;
};

// [from, until), in the order of time; of those that come back the next ones of about a month.
std::vector<Interval> Occurrences(const Reservation& reservation);
// The times outside of all of these.
std::vector<Interval> TimesOutside(const Reservation& reservation);
// At no time do both have their nodes.
bool AreApart(const Reservation& a, const Reservation& b);
std::vector<std::string_view> FlagNames(uint32_t flags);   // "MAINT", "SPEC_NODES"
std::optional<uint32_t> ParseFlag(std::string_view name);  // in any case

// What scontrol sets: a key in small letters and a value. Times are seconds since the epoch,
// durations Slurm's time limits. Lists and flags may be changed by "+=" and "-=", which are put
// before the value ("+alice"). InvalidArgument in Slurm's words or with the name of what is not
// supported; then the reservation may be half changed.
using ReservationChange = std::pair<std::string, std::string>;
absl::Status ChangeReservation(Reservation& reservation,
                               const std::vector<ReservationChange>& changes, absl::Time now);

}  // namespace reeve::ctld
