#include "ctld/core/make_room.h"

#include <algorithm>

#include "ctld/core/resume_queue.h"
#include "ctld/core/victims.h"

namespace reeve::ctld {
namespace {

// In one pass so much work goes into looking for victims; what it does not suffice for waits.
constexpr uint64_t kWork = 10'000;
constexpr absl::Duration kRest = absl::Milliseconds(100);
// For one shape it is not tried again sooner than that after it was in vain.
constexpr absl::Duration kPause = absl::Seconds(1);

// Somebody leaves for a job that a controller before this one knew, from a node that is not back
// yet: what that job needs is on its way, though the plan does not show it.
bool SomebodyLeavesUnseen(const State& state) {
  return std::any_of(state.active.begin(), state.active.end(), [&](JobId id) {
    const Job& job = *state.FindJob(id);
    if (!IsSet(job.rare->preempt_time) || PreemptorOf(state, job)) return false;
    return std::any_of(job.shares.begin(), job.shares.end(), [&](const NodeShare& share) {
      const auto node = state.node_index.find(share.node);
      return node != state.node_index.end() && !state.nodes[node->second]->Usable();
    });
  });
}

// Has this pass started the job, or changed it otherwise? Whoever has not been told yet that he
// begins is not told to leave.
bool IsTouched(const Effects& effects, JobId job) {
  return std::find(effects.jobs_changed.begin(), effects.jobs_changed.end(), job) !=
         effects.jobs_changed.end();
}

}  // namespace

RoomMaker::RoomMaker(Context& context, const absl::btree_set<ReadyKey>* looked_at,
                     absl::Duration leave, uint64_t work_end)
    : context_(context),
      state_(context.state),
      looked_at_(looked_at),
      leave_(leave),
      work_end_(std::min(work_end, context.state.plan.work() + kWork)),
      rules_(context.state) {
  ForgetVictims(state_);
  FindBlocked();
}

// The first of each shape that cannot start and ranks above some whose jobs may make room.
void RoomMaker::FindBlocked() {
  const Backlog& backlog = state_.backlog;
  if (!rules_.lowest_tier().has_value() || backlog.by_rank().empty()) return;
  const uint32_t lowest = *rules_.lowest_tier();
  if (backlog.by_rank().begin()->tier <= lowest) return;
  for (const std::unique_ptr<ShapeQueue>& queue : backlog.queues()) {
    if (!queue->waits() || !queue->blocked || queue->head().tier <= lowest) continue;
    if (queue->het) continue;  // nobody ends for one of several components
    // Nobody ends for one that could start elsewhere.
    const Job& first = *state_.FindJob(queue->head().job);
    if (queue->anywhere != nullptr && IsSet(first.rare->switches_since)) continue;
    if (looked_at_ == nullptr || looked_at_->contains(queue->head())) {
      blocked_.insert(queue->head());
    }
  }
}

std::optional<ReadyKey> RoomMaker::Next() {
  while (!blocked_.empty()) {
    const ReadyKey key = *blocked_.begin();
    ShapeQueue* queue = state_.backlog.QueueOf(key);
    if (queue != nullptr && !HasLookedAbove(key)) return std::nullopt;  // in the next pass
    if (queue != nullptr && state_.plan.work() >= work_end_) {
      LookAgain(context_.now + kRest);
      return std::nullopt;
    }
    blocked_.erase(blocked_.begin());
    if (queue == nullptr) continue;
    const bool awaits = AwaitsVictims(state_, key.job);
    const bool tried = !awaits && TryFor(*queue, key);
    if (!awaits && !tried) continue;  // nor for any behind it, which are of the same shape
    const auto next = queue->jobs.upper_bound(key);
    if (next != queue->jobs.end() && (looked_at_ == nullptr || looked_at_->contains(*next))) {
      blocked_.insert(*next);
    }
    if (tried) return key;
  }
  return std::nullopt;
}

// No job of higher rank may still start, or take another place in the plan.
bool RoomMaker::HasLookedAbove(const ReadyKey& key) const {
  const Backlog& backlog = state_.backlog;
  return (backlog.unplanned.empty() || !(*backlog.unplanned.begin() < key)) &&
         (backlog.candidates.empty() || !(backlog.candidates.begin()->first < key));
}

bool RoomMaker::TryFor(ShapeQueue& queue, const ReadyKey& key) {
  if (TriedInVain(queue, key)) return false;
  if (SomebodyLeavesUnseen(state_)) {
    LookAgain(context_.now + kPause);
    return false;
  }
  Victims victims;
  MakeWay way = MakeWay::kStandStill;  // which loses nothing
  if (rules_.AnyStandsStill()) {
    victims = FindVictims(state_, rules_, queue, key, way, context_.now, leave_);
  }
  if (victims.jobs.empty()) {
    const absl::Time again = victims.again;
    way = MakeWay::kEnd;
    victims = FindVictims(state_, rules_, queue, key, way, context_.now, leave_);
    victims.again = std::min(victims.again, again);
  }
  for (JobId victim : victims.jobs) {
    if (!IsTouched(context_.effects, victim)) continue;
    LookAgain(context_.now + kRest);
    return false;
  }
  for (JobId victim : victims.jobs) {
    Job& job = *state_.FindJob(victim);
    if (way == MakeWay::kEnd) PreemptJob(context_, job, key.job);
    if (way == MakeWay::kStandStill) SuspendForOther(context_, job, key.job);
  }
  if (!victims.jobs.empty()) return true;
  queue.preempt_rank = key;
  queue.preempt_epoch = Epoch();
  queue.preempt_tried = ToInstant(context_.now);
  queue.preempt_again = ToInstant(victims.again);
  LookAgain(victims.again);
  return false;
}

bool RoomMaker::TriedInVain(const ShapeQueue& queue, const ReadyKey& key) {
  const Instant now = ToInstant(context_.now);
  if (queue.preempt_tried == -kNever || key < queue.preempt_rank) return false;
  if (queue.preempt_again <= now) return false;
  LookAgain(ToTime(queue.preempt_again));
  if (queue.preempt_epoch == Epoch()) return true;
  const absl::Time pause_ends = ToTime(queue.preempt_tried) + kPause;
  if (pause_ends <= context_.now) return false;
  LookAgain(pause_ends);
  return true;
}

// Moves when there may be more room, or more jobs that could make some. (A plan that is made anew
// in each pass always has more room for a moment.)
uint64_t RoomMaker::Epoch() const {
  const Plan& plan = state_.plan;
  return (looked_at_ == nullptr ? plan.grown_epoch() : plan.room_epoch()) +
         state_.preemption.starts;
}

}  // namespace reeve::ctld
