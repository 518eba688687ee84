// Who may be where while reservations are there, and what becomes of a job's nodes.
#include <algorithm>

#include "ctld/core/reservation.h"
#include "ctld/core/shape.h"
#include "tests/sim/oracle.h"

namespace reeve::sim {

void Oracle::CheckReservations(const ctld::Controller& core, const ctld::Job& job) {
  const ctld::Reservation* own = core.FindReservation(job.spec->reservation);
  const absl::Time from = job.start_time, until = job.end_time;
  const std::string what = StrCat("job ", job.id.value, " started ");
  if (!job.spec->reservation.empty() && own == nullptr) {
    return scene_->Violation("reservation", what, "in one that there is not");
  }
  if (own != nullptr && !own->Has(ctld::kReservationFlex) &&
      (from < own->start || own->end < until)) {
    scene_->Violation("reservation", what, "outside of the time of ", own->name);
  }
  if (own != nullptr && job.spec->wishes().drawn_in &&
      !own->Admits(job.owner->user_name, job.account)) {
    scene_->Violation("reservation", what, "in ", own->name, ", which is not for it");
  }
  for (const ctld::NodeShare& share : job.shares) {
    const bool inside = own != nullptr && own->Covers(share.node);
    if (own != nullptr && !own->IsOpen() && !inside) {
      scene_->Violation("reservation", what, "on ", share.node, ", outside of ", own->name);
    }
    for (const ctld::Reservation* other : core.Reservations()) {
      if (other == own || !other->Covers(share.node)) continue;
      if (inside && own->TakesFromOthers()) continue;
      if (until <= other->start || other->end <= from) continue;
      scene_->Violation("reservation", what, "on ", share.node, " in the time of ", other->name);
    }
  }
}

// What others have kept and not used is still there.
void Oracle::CheckKeptLicenses(const ctld::Controller& core, const ctld::Job& job) {
  const absl::Time now = scene_->clock.now();
  for (const License& asked : job.shape->licenses) {
    std::map<std::string, int64_t> used;  // by reservation
    int64_t left = 0;
    for (const License& there : core.settings().licenses) {
      if (there.name == asked.name) left = there.count;
    }
    core.ForEachJob([&](const ctld::Job& other) {
      if (!other.HoldsResources()) return;
      for (const License& license : other.shape->licenses) {
        if (license.name != asked.name) continue;
        used[other.spec->reservation] += license.count;
        left -= license.count;
      }
    });
    for (const ctld::Reservation* other : core.Reservations()) {
      if (other->name == job.spec->reservation || !other->ActiveAt(now)) continue;
      left -= std::max<int64_t>(other->CountOf(asked.name) - used[other->name], 0);
    }
    if (left < 0) {
      scene_->Violation("reservation", "job ", job.id.value, " started with licences ", asked.name,
                        " that are kept for others");
    }
  }
}

void Oracle::CheckNodes(const ctld::Job& job) {
  std::set<std::string> nodes;
  for (const ctld::NodeShare& share : job.shares) nodes.insert(share.node);
  std::set<std::string>& before = nodes_[{job.id, job.restarts}];
  if (!before.empty() && !std::includes(before.begin(), before.end(), nodes.begin(), nodes.end())) {
    scene_->Violation("resize", "job ", job.id.value, " has got other nodes while it runs");
  }
  const bool fewer = nodes.size() < before.size();
  if (fewer && (!ctld::IsSet(job.rare->resize_time) || nodes.empty())) {
    scene_->Violation("resize", "job ", job.id.value, " has lost nodes that it did not give back");
  }
  before = std::move(nodes);
}

}  // namespace reeve::sim
