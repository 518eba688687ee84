#include "ctld/core/priority_round.h"

#include <algorithm>
#include <cmath>

#include "ctld/core/priority.h"

namespace reeve::ctld {
namespace {

// Jobs looked at in one slice, and from one to the next: a million take 40 seconds.
constexpr size_t kSlice = 500;
constexpr absl::Duration kBetweenSlices = absl::Milliseconds(20);
// A user's factor is another one when it has moved by that.
constexpr double kNoticedFactor = 0.001;

void WakeAt(Context& context, absl::Time when) {
  context.state.timers.Add(when, {TimerKind::kPriorities, {}, {}, {}});
}

bool Moved(double before, double after) {
  // The ends count exactly: who has used nothing is before all others.
  return before != after && (std::abs(before - after) >= kNoticedFactor || after == 1);
}

// True when jobs of somebody have another priority.
bool WorkOutShares(Context& context) {
  State& state = context.state;
  for (uint32_t uid : state.fair_share.Forget(context.now)) {
    context.effects.usage_to_store.push_back(uid);
  }
  std::vector<uint32_t> users;
  for (const auto& [uid, jobs] : state.jobs_of_user) users.push_back(uid);
  const auto factors = state.fair_share.Factors(users, context.now);
  const auto& before = state.book->fair_share;
  absl::flat_hash_map<uint32_t, double> next;
  bool moved = false;
  for (const auto& [uid, factor] : factors) {
    const bool noticed = Moved(state.book->FairShareOf(uid), factor);
    moved = moved || noticed;
    next[uid] = noticed ? factor : state.book->FairShareOf(uid);
  }
  for (const auto& [uid, factor] : before) moved = moved || !factors.contains(uid);
  if (!moved) return false;
  auto book = std::make_shared<PriorityBook>(*state.book);
  book->fair_share = std::move(next);
  state.book = std::move(book);
  context.effects.priorities_changed = true;
  return true;
}

void BeginRound(Context& context) {
  PriorityRound& round = context.state.round;
  round.going = true;
  round.next_slice = context.now;
  round.behind = kLastRank;
  round.sinks_from = absl::InfiniteFuture();
  WakeAt(context, context.now);
}

void Calculate(Context& context) {
  State& state = context.state;
  PriorityRound& round = state.round;
  round.next = context.now + state.settings.priority.calc_period;
  WakeAt(context, round.next);
  bool wanted = round.first_sinks <= context.now;
  if (state.settings.priority.weight_fair_share > 0) wanted = WorkOutShares(context) || wanted;
  if (wanted) BeginRound(context);
}

void LookAt(Context& context, const Job& job) {
  State& state = context.state;
  state.round.sinks_from = std::min(state.round.sinks_from, SinksFrom(*state.book, AskOf(job)));
  bool moved = false;
  for (const ReadyKey& key : state.backlog.KeysOf(job.id)) {
    const double score = NewKeyOf(state, job, key.partition, context.now).score;
    moved = moved || std::abs(score - key.score) >= kNoticedPoints;
  }
  if (moved) context.AddReady(job);
}

void GoOn(Context& context) {
  State& state = context.state;
  PriorityRound& round = state.round;
  for (size_t i = 0; i < kSlice; ++i) {
    const auto next = state.backlog.by_rank().lower_bound(round.behind);
    if (next == state.backlog.by_rank().begin()) {
      round.going = false;
      round.first_sinks = round.sinks_from;
      return;
    }
    round.behind = *std::prev(next);
    LookAt(context, *state.FindJob(round.behind.job));
  }
  round.next_slice = context.now + kBetweenSlices;
  WakeAt(context, round.next_slice);
}

}  // namespace

void PlanPriorities(Context& context) {
  State& state = context.state;
  const PriorityConfig& config = state.settings.priority;
  state.fair_share.Configure(config, context.now);
  state.round = PriorityRound();
  if (!config.multifactor || (config.weight_age == 0 && config.weight_fair_share == 0)) return;
  if (config.weight_fair_share > 0) WorkOutShares(context);
  state.round.first_sinks = absl::InfinitePast();  // not known
  state.round.next = context.now + config.calc_period;
  WakeAt(context, state.round.next);
}

void PrioritiesDue(Context& context) {
  PriorityRound& round = context.state.round;
  // Timers of settings that were changed find nothing to do.
  if (round.next <= context.now) Calculate(context);
  if (round.going && round.next_slice <= context.now) GoOn(context);
}

void UsageBegan(Context& context, const Job& job, absl::Time since) {
  context.state.fair_share.Began(job.owner->uid, job.num_cpus, since, context.now);
}

void UsageEnded(Context& context, const Job& job) {
  context.state.fair_share.Ended(job.owner->uid, job.num_cpus, context.now);
  StoreUsage(context, job);
}

void StoreUsage(Context& context, const Job& job) {
  if (context.state.settings.priority.weight_fair_share > 0) {
    context.effects.usage_to_store.push_back(job.owner->uid);
  }
}

}  // namespace reeve::ctld
