#include "ctld/core/license_pool.h"

#include <algorithm>
#include <utility>

#include "common/base/text.h"
#include "ctld/core/reservation.h"

namespace reeve::ctld {
namespace {

template <typename Entries>
auto FindNamed(Entries& entries, const std::string& name) {
  return std::find_if(entries.begin(), entries.end(),
                      [&](const auto& entry) { return entry.name == name; });
}

}  // namespace

LicenseTerms MakeLicenseTerms(const std::vector<License>& asked,
                              const std::vector<License>& there) {
  LicenseTerms terms;
  for (const License& license : asked) {
    const auto found = FindNamed(there, license.name);
    if (found == there.end() || found->count < license.count) {
      terms.impossible = true;
      continue;
    }
    terms.all.push_back({static_cast<LicenseIndex>(found - there.begin()), license.count});
  }
  return terms;
}

std::string MissingLicenses(const std::vector<License>& asked, const std::vector<License>& there) {
  for (const License& license : asked) {
    const auto found = FindNamed(there, license.name);
    if (found == there.end()) return StrCat("the cluster has no licence ", license.name);
    if (license.count <= found->count) continue;
    return StrCat("asks for ", license.count, " of licence ", license.name, ", the cluster has ",
                  found->count);
  }
  return "";
}

void LicensePool::Configure(const std::vector<License>& all) {
  entries_.clear();
  for (const License& license : all) {
    entries_.push_back({license.name, license.count, 0, {}, {}, false});
  }
  for (const auto& [job, had] : std::exchange(taken_, {})) {
    (void)Take(job, had.licenses, had.lane, had.from_reserve);
  }
  for (Entry& entry : entries_) entry.shrunk = entry.used > entry.total;
}

std::vector<LicenseIndex> LicensePool::Take(JobId job, const std::vector<License>& licenses,
                                            uint32_t lane, const FromReserve& from_reserve) {
  std::vector<LicenseIndex> changed;
  if (licenses.empty()) return changed;
  taken_[job] = {licenses, lane, from_reserve};
  for (const License& license : licenses) {
    const auto found = FindNamed(entries_, license.name);
    if (found == entries_.end()) continue;
    found->used += license.count;
    found->jobs[job] = license.count;
    const size_t term = changed.size();
    if (term < from_reserve.size() && from_reserve[term] > 0) {
      found->kept[job] = {lane, std::min(from_reserve[term], license.count)};
    }
    changed.push_back(static_cast<LicenseIndex>(found - entries_.begin()));
  }
  return changed;
}

std::vector<LicenseIndex> LicensePool::GiveBack(JobId job) {
  std::vector<LicenseIndex> changed;
  const auto taken = taken_.find(job);
  if (taken == taken_.end()) return changed;
  for (const License& license : taken->second.licenses) {
    const auto found = FindNamed(entries_, license.name);
    if (found == entries_.end()) continue;
    found->used -= license.count;
    found->jobs.erase(job);
    found->kept.erase(job);
    if (found->used <= found->total) found->shrunk = false;
    changed.push_back(static_cast<LicenseIndex>(found - entries_.begin()));
  }
  taken_.erase(taken);
  return changed;
}

std::vector<LicenseIndex> LicensePool::HeldBy(JobId job) const {
  std::vector<LicenseIndex> held;
  const auto taken = taken_.find(job);
  if (taken == taken_.end()) return held;
  for (const License& license : taken->second.licenses) {
    const auto found = FindNamed(entries_, license.name);
    if (found == entries_.end()) continue;
    held.push_back(static_cast<LicenseIndex>(found - entries_.begin()));
  }
  return held;
}

FromReserve LicensePool::LeftInReserve(const LicenseTerms& terms,
                                       const Reservation& reservation) const {
  FromReserve left;
  for (const LicenseTerm& term : terms.all) {
    const Entry& entry = entries_[term.license];
    uint32_t taken = 0;
    for (const auto& [job, kept] : entry.kept) {
      if (((kept.lane ^ terms.lane) & ~kOpenLane) == 0) taken += kept.count;
    }
    const uint32_t all = reservation.CountOf(entry.name);
    left.push_back(std::min(term.count, all > taken ? all - taken : 0));
  }
  return left;
}

bool LicensePool::HasFree(const LicenseTerms& terms) const {
  return !terms.impossible &&
         std::all_of(terms.all.begin(), terms.all.end(), [&](const LicenseTerm& term) {
           return entries_[term.license].free() >= term.count;
         });
}

}  // namespace reeve::ctld
