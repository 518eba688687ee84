#include "common/rpc/token_buckets.h"

#include <algorithm>

namespace reeve::rpc {

void TokenBuckets::Refill(Bucket& bucket, absl::Time now) const {
  const int64_t periods = (now - bucket.refilled) / limit_.refill_period;
  if (periods <= 0) return;
  const int64_t whole = limit_.bucket_size / limit_.refill_rate + 1;  // periods that fill it
  const uint64_t added = static_cast<uint64_t>(std::min(periods, whole)) * limit_.refill_rate;
  bucket.tokens =
      static_cast<uint32_t>(std::min<uint64_t>(bucket.tokens + added, limit_.bucket_size));
  bucket.refilled += periods * limit_.refill_period;
}

// A full bucket says what no bucket says.
void TokenBuckets::DropFull(absl::Time now) {
  absl::erase_if(buckets_, [&](auto& entry) {
    Refill(entry.second, now);
    return entry.second.tokens >= limit_.bucket_size;
  });
}

bool TokenBuckets::Take(uid_t user, absl::Time now) {
  if (!limit_.enabled) return true;
  auto found = buckets_.find(user);
  if (found == buckets_.end()) {
    if (buckets_.size() >= limit_.table_size) DropFull(now);
    if (buckets_.size() >= limit_.table_size) return true;
    found = buckets_.emplace(user, Bucket{limit_.bucket_size, now}).first;
  }
  Bucket& bucket = found->second;
  Refill(bucket, now);
  if (bucket.tokens == 0) return false;
  --bucket.tokens;
  return true;
}

bool TokenBuckets::ShouldLog(absl::Time now) {
  if (limit_.log_every == absl::InfiniteDuration()) return false;
  if (now - last_log_ < limit_.log_every) return false;
  last_log_ = now;
  return true;
}

}  // namespace reeve::rpc
