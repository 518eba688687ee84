// The node's lease, as reevenoded writes it for every stepd of the node: <SlurmdSpoolDir>/lease.
// Of this boot only; not synced.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/lease_terms.h"

namespace reeve::noded {

struct LeaseRecord {
  struct Witness {
    std::string node;
    std::string address;
    uint32_t port = 0;
    friend bool operator==(const Witness&, const Witness&) = default;
  };
  std::string boot_id;
  LeaseTerms terms;
  absl::Duration from;  // on the boot clock
  std::vector<Witness> witnesses;
};

std::string FormatLease(const LeaseRecord& record);
// InvalidArgument for what FormatLease cannot have made.
absl::StatusOr<LeaseRecord> ParseLease(const std::string& text);

std::string LeasePath(const std::string& spool_dir);
absl::Status WriteLease(const std::string& spool_dir, const LeaseRecord& record);
// NotFound when there is none of this boot.
absl::StatusOr<LeaseRecord> ReadLease(const std::string& spool_dir);

}  // namespace reeve::noded
