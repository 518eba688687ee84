// The reservations there are, by name and by node.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "ctld/core/ready_key.h"
#include "ctld/core/reservation.h"

namespace reeve::ctld {

class ReservationTable {
 public:
  using ByName = std::map<std::string, std::unique_ptr<Reservation>, std::less<>>;
  const ByName& all() const { return by_name_; }
  const Reservation* Find(std::string_view name) const;

  // Adds it, or replaces the one of its name. A new one gets a lane.
  const Reservation& Put(Reservation reservation);
  void Remove(std::string_view name);
  // Nodes have got other places.
  void Index(const absl::flat_hash_map<std::string, NodeIndex>& nodes);

  const std::vector<const Reservation*>& On(NodeIndex node) const;  // in the order of their names
  // When jobs of that reservation may have nothing of the node; null: jobs of none. Those of open
  // reservations are planned beside jobs of none: what is closed to the latter only is a gate.
  std::vector<Interval> ClosedTo(NodeIndex node, const Reservation* of) const;
  // On the tracks of jobs without a reservation: a time that is theirs who are of these lanes.
  struct Gate {
    Interval time;
    std::vector<uint32_t> open_to;
  };
  std::vector<Gate> GatesOn(NodeIndex node) const;
  const std::vector<const Reservation*>& magnetic() const { return magnetic_; }  // by name
  const Reservation* OfLane(uint32_t lane) const;  // null: there is none
  // Name of a new one of that user: "alice_1".
  std::string NewName(const std::string& user) const;

 private:
  // Somebody plans on the tracks of jobs without a reservation whom those of others do not stop.
  bool AnyOpenTaker(NodeIndex node) const;

  ByName by_name_;
  absl::flat_hash_map<NodeIndex, std::vector<const Reservation*>> on_;
  std::vector<const Reservation*> magnetic_;
  uint32_t last_lane_ = 0;  // 0: of jobs without a reservation
};

}  // namespace reeve::ctld
