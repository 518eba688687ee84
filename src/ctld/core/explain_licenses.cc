#include "ctld/core/explain_licenses.h"

#include <algorithm>
#include <tuple>

#include "common/base/text.h"
#include "ctld/core/explain_others.h"

namespace reeve::ctld {
namespace {

Busy Holder(Busy busy, const LicensePool::Entry& entry, int64_t count) {
  busy.license = StrCat(entry.name, ":", count);
  return busy;
}

}  // namespace

std::vector<LicenseCount> CountLicenses(const State& state, const ShapeQueue& queue,
                                        const ReadyKey& key, absl::Time now) {
  const Instant from = ToInstant(now);
  const Instant until = from + queue.terms.least_time;
  std::vector<LicenseCount> counts;
  for (const License& license : queue.shape->licenses) {
    LicenseCount count{license.name, license.count, 0, 0, 0};
    const std::vector<LicensePool::Entry>& entries = state.licenses.entries();
    for (LicenseIndex i = 0; i < entries.size(); ++i) {
      if (entries[i].name != license.name) continue;
      count.total = entries[i].total;
      count.free_now = entries[i].free();
      const int32_t least = state.plan.licenses().LeastFree(i, key, Track::View::kHigher, from,
                                                            until, queue.terms.licenses.lane);
      count.free_throughout = std::min<uint32_t>(count.free_now, std::max(least, 0));
    }
    counts.push_back(std::move(count));
  }
  return counts;
}

std::vector<Busy> FindLicenseHolders(const State& state, const ShapeQueue& queue,
                                     const ReadyKey& key, Instant start, const Sight& sight,
                                     absl::Time now) {
  std::vector<Busy> holders;
  const Instant until = ToInstant(now) + queue.terms.least_time;
  for (const LicenseTerm& term : queue.terms.licenses.all) {
    const LicensePool::Entry& entry = state.licenses.entries()[term.license];
    const LicensePlan& plan = state.plan.licenses();
    const int64_t least = plan.LeastFree(term.license, key, Track::View::kHigher, ToInstant(now),
                                         until, queue.terms.licenses.lane);
    if (least >= term.count) continue;
    for (const auto& [name, reservation] : state.reservations.all()) {
      const uint32_t kept = reservation->CountOf(entry.name);
      const bool own = reservation->lane == queue.terms.licenses.lane;
      if (kept == 0 || own || ToInstant(reservation->start) >= std::max(start, until)) continue;
      holders.push_back(Holder(
          {.label = "reservation " + name, .from = reservation->start, .until = reservation->end},
          entry, kept));
    }
    for (const auto& [id, count] : entry.jobs) {
      const absl::Time end = ExpectedEnd(state, id, now);
      holders.push_back(Holder(BusyWith(state, id, absl::UnixEpoch(), end, sight), entry, count));
    }
    for (const Track::Hold& hold : plan.track(term.license).holds()) {
      if (!(hold.rank < key) || hold.from >= std::max(start, until)) continue;
      holders.push_back(
          Holder(BusyWith(state, hold.rank.job, ToTime(hold.from), ToTime(hold.until), sight),
                 entry, hold.room.cpus));
    }
  }
  std::stable_sort(holders.begin(), holders.end(), [](const Busy& a, const Busy& b) {
    return std::tie(a.until, a.job, a.license) < std::tie(b.until, b.job, b.license);
  });
  return holders;
}

}  // namespace reeve::ctld
