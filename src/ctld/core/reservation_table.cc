#include "ctld/core/reservation_table.h"

#include <algorithm>

#include "common/base/text.h"

namespace reeve::ctld {
namespace {

// Nothing is promised beyond what is looked ahead.
std::vector<Interval> TimesTaken(const Reservation& reservation) {
  std::vector<Interval> times = Occurrences(reservation);
  if (reservation.Period() > absl::ZeroDuration()) times.push_back({times.back().until, kNever});
  return times;
}

}  // namespace

const Reservation* ReservationTable::Find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second.get();
}

const Reservation& ReservationTable::Put(Reservation reservation) {
  std::unique_ptr<Reservation>& place = by_name_[reservation.name];
  const uint32_t own = place != nullptr ? place->lane & ~kOpenLane : ++last_lane_;
  reservation.lane = own | (reservation.IsOpen() ? kOpenLane : 0);
  place = std::make_unique<Reservation>(std::move(reservation));
  return *place;
}

void ReservationTable::Remove(std::string_view name) {
  const auto found = by_name_.find(name);
  if (found != by_name_.end()) by_name_.erase(found);
}

void ReservationTable::Index(const absl::flat_hash_map<std::string, NodeIndex>& nodes) {
  on_.clear();
  magnetic_.clear();
  for (const auto& [name, reservation] : by_name_) {
    if (reservation->Has(kReservationMagnetic)) magnetic_.push_back(reservation.get());
    for (const std::string& node : reservation->nodes) {
      const auto found = nodes.find(node);
      if (found != nodes.end()) on_[found->second].push_back(reservation.get());
    }
  }
}

const std::vector<const Reservation*>& ReservationTable::On(NodeIndex node) const {
  static const std::vector<const Reservation*> kNone;
  const auto found = on_.find(node);
  return found == on_.end() ? kNone : found->second;
}

std::vector<Interval> ReservationTable::ClosedTo(NodeIndex node, const Reservation* of) const {
  if (of != nullptr && of->IsOpen()) of = nullptr;
  std::vector<Interval> closed;
  if (of == nullptr && AnyOpenTaker(node)) return closed;  // all of them are gates
  for (const Reservation* other : On(node)) {
    if (other == of) continue;
    if (of == nullptr && other->IsOpen()) continue;  // a gate
    if (of != nullptr && of->TakesFromOthers()) continue;
    const std::vector<Interval> times = TimesTaken(*other);
    closed.insert(closed.end(), times.begin(), times.end());
  }
  if (of == nullptr) return closed;
  const std::vector<Interval> outside = TimesOutside(*of);
  closed.insert(closed.end(), outside.begin(), outside.end());
  return closed;
}

bool ReservationTable::AnyOpenTaker(NodeIndex node) const {
  const std::vector<const Reservation*>& here = On(node);
  return std::any_of(here.begin(), here.end(), [](const Reservation* each) {
    return each->IsOpen() && each->TakesFromOthers();
  });
}

std::vector<ReservationTable::Gate> ReservationTable::GatesOn(NodeIndex node) const {
  std::vector<Gate> gates;
  const bool any_taker = AnyOpenTaker(node);
  for (const Reservation* reservation : On(node)) {
    if (!reservation->IsOpen() && !any_taker) continue;
    std::vector<uint32_t> open_to;
    for (const Reservation* other : On(node)) {
      const bool own = other == reservation;
      if (other->IsOpen() && (own || other->TakesFromOthers())) open_to.push_back(other->lane);
    }
    for (const Interval& time : TimesTaken(*reservation)) gates.push_back({time, open_to});
  }
  return gates;
}

const Reservation* ReservationTable::OfLane(uint32_t lane) const {
  for (const auto& [name, reservation] : by_name_) {
    if (reservation->lane == lane) return reservation.get();
  }
  return nullptr;
}

std::string ReservationTable::NewName(const std::string& user) const {
  for (int i = 1;; ++i) {
    std::string name = StrCat(user, "_", i);
    if (Find(name) == nullptr) return name;
  }
}

}  // namespace reeve::ctld
