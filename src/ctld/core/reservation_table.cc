#include "ctld/core/reservation_table.h"

#include "common/base/text.h"

namespace reeve::ctld {

const Reservation* ReservationTable::Find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second.get();
}

const Reservation& ReservationTable::Put(Reservation reservation) {
  std::unique_ptr<Reservation>& place = by_name_[reservation.name];
  reservation.lane = place != nullptr ? place->lane : ++last_lane_;
  place = std::make_unique<Reservation>(std::move(reservation));
  return *place;
}

void ReservationTable::Remove(std::string_view name) {
  const auto found = by_name_.find(name);
  if (found != by_name_.end()) by_name_.erase(found);
}

void ReservationTable::Index(const absl::flat_hash_map<std::string, NodeIndex>& nodes) {
  on_.clear();
  for (const auto& [name, reservation] : by_name_) {
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
  std::vector<Interval> closed;
  for (const Reservation* other : On(node)) {
    if (other == of) continue;
    if (of != nullptr && of->TakesFromOthers()) continue;
    const std::vector<Interval> times = Occurrences(*other);
    closed.insert(closed.end(), times.begin(), times.end());
    // Nothing is promised beyond what is looked ahead.
    if (other->Period() > absl::ZeroDuration()) closed.push_back({times.back().until, kNever});
  }
  if (of == nullptr) return closed;
  Instant open_until = -kNever;
  for (const Interval& time : Occurrences(*of)) {
    closed.push_back({open_until, time.from});
    open_until = time.until;
  }
  closed.push_back({open_until, kNever});
  return closed;
}

std::string ReservationTable::NewName(const std::string& user) const {
  for (int i = 1;; ++i) {
    std::string name = StrCat(user, "_", i);
    if (Find(name) == nullptr) return name;
  }
}

}  // namespace reeve::ctld
