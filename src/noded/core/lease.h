// A node's lease: until when what runs here is surely not started elsewhere, and whether the
// controller is away. Pure; docs/decisions/0004-leases.md has the rule. Times are on the node's
// boot clock, as durations since boot: wall clocks jump.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/lease_terms.h"

namespace reeve::noded {

using BootTime = absl::Duration;

class Lease {
 public:
  // `started`: when this daemon began; its silence counts from then.
  explicit Lease(BootTime started) : heard_(started) {}
  // What an earlier daemon of this boot had.
  void Resume(const LeaseTerms& terms, BootTime from, std::vector<std::string> witnesses);

  // ---- the controller ---------------------------------------------------------------------------
  void Registering(BootTime now) { registering_ = now; }
  // Also answers a reconfiguration, on the same stream.
  void Welcomed(const LeaseTerms& terms, std::vector<std::string> witnesses, BootTime now);
  uint64_t Heartbeat(BootTime now);  // its sequence number; it goes out now
  void Acknowledged(uint64_t heartbeat, BootTime now);
  uint64_t acknowledged() const { return acknowledged_; }

  // ---- witnesses --------------------------------------------------------------------------------
  // This node's own answer: it has heard nothing for too long. Never without leases.
  bool Away(BootTime now) const;
  // Whether it is time to ask them.
  bool WantsWitnesses(BootTime now) const { return Away(now) && !asking_ && !witnesses_.empty(); }
  void BeginAsking(BootTime now);
  void EndAsking() { asking_.reset(); }
  // A witness's answer: true once, when enough of them have said that the controller is away and
  // the lease is renewed.
  bool Said(const std::string& witness, bool away, absl::Duration patience, BootTime now);

  // ---- what it is good for ----------------------------------------------------------------------
  bool Held(BootTime now) const;  // launches may be obeyed
  BootTime from() const { return from_; }
  const LeaseTerms& terms() const { return terms_; }
  const std::vector<std::string>& witnesses() const { return witnesses_; }

 private:
  void Renew(BootTime from);

  LeaseTerms terms_;
  std::vector<std::string> witnesses_;
  BootTime from_ = -absl::InfiniteDuration();
  BootTime heard_;  // the newest acknowledgement
  BootTime registering_ = -absl::InfiniteDuration();
  std::map<uint64_t, BootTime> sent_;  // heartbeats on their way
  uint64_t next_ = 1;
  uint64_t acknowledged_ = 0;
  std::optional<BootTime> asking_;  // since when
  std::set<std::string> agree_;
};

}  // namespace reeve::noded
