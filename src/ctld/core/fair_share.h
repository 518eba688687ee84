// What each user has used, and what share of the cluster he is due: CPU seconds that fade with
// PriorityDecayHalfLife. There are no accounts yet: all users have equal shares of one tree.
//
// Usage is kept in closed form: what a user had at one moment, and how many CPUs his jobs run on
// since. So a job costs something when it begins and when it ends, and nothing in between.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "common/base/config_priority.h"

namespace reeve::ctld {

// What the store keeps of a user.
struct StoredUsage {
  uint32_t uid = 0;
  double cpu_seconds = 0;
  absl::Time at;
};

// The last moment up to `now` at which usage was reset; the infinite past when it never is.
absl::Time LastReset(UsageReset reset, absl::Time now, absl::TimeZone zone);

class FairShare {
 public:
  // With other settings; usage up to now has faded by the old ones.
  void Configure(const PriorityConfig& config, absl::Time now);
  void Restore(const StoredUsage& stored);
  // A job of the user runs on so many CPUs; what it has used since then is added.
  void Began(uint32_t uid, uint32_t cpus, absl::Time since, absl::Time now);
  void Ended(uint32_t uid, uint32_t cpus, absl::Time now);
  void ClockJumped(absl::Duration by);

  double UsageOf(uint32_t uid, absl::Time now) const;  // CPU seconds
  // As it was when a job of the user last began or ended; unset: nothing is known of him.
  std::optional<StoredUsage> RecordOf(uint32_t uid) const;
  uint32_t RunningCpus(uint32_t uid) const;
  // Forgets users of whom next to nothing is left. Returns them.
  std::vector<uint32_t> Forget(absl::Time now);

  // Of each user that is known here or named, from 0 to 1, where less use is nearer to 1. Users
  // that have used nothing have 1; they are left out.
  absl::flat_hash_map<uint32_t, double> Factors(const std::vector<uint32_t>& others,
                                                absl::Time now) const;

 private:
  struct User {
    double cpu_seconds = 0;
    absl::Time at = absl::InfinitePast();
    uint64_t cpus = 0;
  };
  // What is left of `used` after `from`..`to`, with what `cpus` have added.
  double Carry(double used, double cpus, absl::Time from, absl::Time to) const;
  void Bring(User& user, absl::Time now) const;

  PriorityConfig config_;
  absl::flat_hash_map<uint32_t, User> users_;
};

}  // namespace reeve::ctld
