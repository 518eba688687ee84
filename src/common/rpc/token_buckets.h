// The rate of each user's requests (SlurmctldParameters=rl_...): a bucket of tokens, one a request,
// refilled at a steady rate. Pure; not thread-safe.
#pragma once

#include <sys/types.h>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "common/base/config.h"

namespace reeve::rpc {

class TokenBuckets {
 public:
  explicit TokenBuckets(RateLimit limit) : limit_(limit) {}

  // False when the user has no token left. With the table full, users who are not in it are not
  // limited.
  bool Take(uid_t user, absl::Time now);
  // Whether a refusal at `now` is to be logged.
  bool ShouldLog(absl::Time now);

  size_t size() const { return buckets_.size(); }

 private:
  struct Bucket {
    uint32_t tokens = 0;
    absl::Time refilled;
  };
  void Refill(Bucket& bucket, absl::Time now) const;
  void DropFull(absl::Time now);

  RateLimit limit_;
  absl::flat_hash_map<uid_t, Bucket> buckets_;
  absl::Time last_log_ = absl::InfinitePast();
};

}  // namespace reeve::rpc
