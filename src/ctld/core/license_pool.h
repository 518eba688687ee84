// Licences of the cluster: how many there are and which jobs have some now. When they will be free
// is the plan's to know: license_plan.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "common/base/ids.h"
#include "common/base/licenses.h"

namespace reeve::ctld {

struct Reservation;

using LicenseIndex = uint32_t;  // place in Settings::licenses

struct LicenseTerm {
  LicenseIndex license = 0;
  uint32_t count = 0;
};

// What a job asks for, found in the configuration.
struct LicenseTerms {
  std::vector<LicenseTerm> all;
  bool impossible = false;  // one that there is not, or more than there are
  uint32_t lane = 0;        // of the reservation whose jobs' licences it may have; 0: of none

  bool Any() const { return impossible || !all.empty(); }
};
// Of each of the terms so many are of those that its reservation keeps; empty: none.
using FromReserve = absl::InlinedVector<uint32_t, 1>;
LicenseTerms MakeLicenseTerms(const std::vector<License>& asked, const std::vector<License>& there);

// "asks for 5 of licence foo, the cluster has 2", "the cluster has no licence foo"; empty when
// there are enough of all.
std::string MissingLicenses(const std::vector<License>& asked, const std::vector<License>& there);

class LicensePool {
 public:
  struct Entry {
    std::string name;
    uint32_t total = 0;
    uint32_t used = 0;
    absl::flat_hash_map<JobId, uint32_t> jobs;
    // What of that is kept by a reservation (its lane in the plan) for its jobs.
    struct Kept {
      uint32_t lane = 0;
      uint32_t count = 0;
    };
    absl::flat_hash_map<JobId, Kept> kept;
    // Jobs have more than there are: there were more when they started.
    bool shrunk = false;

    uint32_t free() const { return used < total ? total - used : 0; }
  };

  // What jobs have stays with them, in the order of the new list.
  void Configure(const std::vector<License>& all);
  // Names that are not configured count for nobody. Returns those that changed.
  // With `from_reserve` of that lane's reservation; it is of the licences that are configured.
  std::vector<LicenseIndex> Take(JobId job, const std::vector<License>& licenses, uint32_t lane = 0,
                                 const FromReserve& from_reserve = {});
  std::vector<LicenseIndex> GiveBack(JobId job);

  std::vector<LicenseIndex> HeldBy(JobId job) const;  // of which it has some
  const std::vector<Entry>& entries() const { return entries_; }
  bool HasFree(const LicenseTerms& terms) const;
  // Of each of the terms, as many as jobs of that lane's reservation, which keeps so many, have not
  // taken from it.
  FromReserve LeftInReserve(const LicenseTerms& terms, const Reservation& reservation) const;

 private:
  struct Taken {
    std::vector<License> licenses;
    uint32_t lane = 0;
    FromReserve from_reserve;
  };
  std::vector<Entry> entries_;
  absl::flat_hash_map<JobId, Taken> taken_;
};

}  // namespace reeve::ctld
