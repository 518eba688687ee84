// The part of a scheduling pass that has running jobs make room (preempt.h): for whom it is tried,
// in the order of rank, and when it is tried again.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "absl/container/btree_set.h"
#include "absl/time/time.h"
#include "ctld/core/cluster_state.h"
#include "ctld/core/preempt.h"

namespace reeve::ctld {

class RoomMaker {
 public:
  // Begins after the pass has looked at what may start. `looked_at`: those that cannot, where a
  // policy does not look at all; null: it does. A job that should have left has done so after
  // `leave`. Beyond `work_end` (of the plan's work) nothing more is begun.
  RoomMaker(Context& context, const absl::btree_set<ReadyKey>* looked_at, absl::Duration leave,
            uint64_t work_end);

  // The next job that others have been told to make room for: its place in the plan is to be sought
  // anew before Next is called again.
  std::optional<ReadyKey> Next();
  // When somebody has to look again if nothing else happens.
  absl::Time look_again() const { return look_again_; }

 private:
  void FindBlocked();
  bool HasLookedAbove(const ReadyKey& key) const;
  bool TryFor(ShapeQueue& queue, const ReadyKey& key);
  bool TriedInVain(const ShapeQueue& queue, const ReadyKey& key);
  uint64_t Epoch() const;
  void LookAgain(absl::Time when) { look_again_ = std::min(look_again_, when); }

  Context& context_;
  State& state_;
  const absl::btree_set<ReadyKey>* const looked_at_;
  const absl::Duration leave_;
  const uint64_t work_end_;
  const PreemptRules rules_;
  absl::btree_set<ReadyKey> blocked_;  // still to be tried
  absl::Time look_again_ = absl::InfiniteFuture();
};

}  // namespace reeve::ctld
