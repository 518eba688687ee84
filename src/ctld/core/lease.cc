#include "ctld/core/lease.h"

#include <algorithm>

#include "common/base/text.h"
#include "ctld/core/cluster_state.h"
#include "ctld/core/job_end.h"

namespace reeve::ctld {
namespace {

constexpr size_t kMaxWitnesses = 7;
// A node that confirms nothing is not remembered without end.
constexpr size_t kMaxUnconfirmed = 64;

std::vector<JobId> LeasedJobsToClear(const State& state, const Node& node) {
  std::vector<JobId> ids;
  for (const auto& [id, use] : node.jobs) {
    const Job* job = state.FindJob(id);
    if (use.completing && job->leased && (job->flags & kJobFlagRequeued) != 0) ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

void SendWelcome(Context& context, const Node& node) {
  Welcome welcome{context.state.settings.lease, {}};
  for (const std::string& name : node.witnesses) {
    const Node* witness = context.state.FindNode(name);
    if (witness == nullptr) continue;
    welcome.witnesses.push_back({name, witness->address, witness->port});
  }
  context.Send(node.name, std::move(welcome));
}

}  // namespace

void Coverage::Registered(absl::Time now) {
  sent_.clear();
  Acknowledging(0, now);
}

void Coverage::Acknowledging(uint64_t heartbeat, absl::Time now) {
  sent_.emplace_back(heartbeat, now);
  if (sent_.size() > kMaxUnconfirmed) sent_.pop_front();
}

void Coverage::Confirmed(uint64_t heartbeat, absl::Time now, absl::Duration covered) {
  const auto found = std::find_if(sent_.begin(), sent_.end(),
                                  [&](const auto& entry) { return entry.first == heartbeat; });
  if (found == sent_.end()) return;
  if (now > until_) since_ = now;
  until_ = std::max(until_, found->second + covered);
  sent_.erase(sent_.begin(), found);  // it may be confirmed once more: the next one is on its way
}

void Coverage::Shift(absl::Duration by) {
  for (auto& [heartbeat, time] : sent_) time += by;
  since_ += by;
  until_ += by;
}

std::vector<std::string> ChooseWitnesses(const std::vector<std::unique_ptr<Node>>& nodes) {
  std::vector<const Node*> there;
  for (const std::unique_ptr<Node>& node : nodes) {
    if (node->base != NodeBase::kFuture) there.push_back(node.get());
  }
  size_t count = std::min(there.size(), kMaxWitnesses);
  if (count > 2 && count % 2 == 0) --count;
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i) names.push_back(there[i * there.size() / count]->name);
  return names;
}

absl::Time CoveredSince(State& state, const std::vector<std::string>& witnesses, absl::Time now) {
  std::vector<absl::Time> since;
  for (const std::string& name : witnesses) {
    const Node* node = state.FindNode(name);
    if (node != nullptr && node->coverage.until() >= now) since.push_back(node->coverage.since());
  }
  const size_t half = (witnesses.size() + 1) / 2;
  if (half == 0 || since.size() < half) return absl::InfiniteFuture();
  std::nth_element(since.begin(), since.begin() + (half - 1), since.end());
  return since[half - 1];
}

void ExpireLease(Context& context, Node& node) {
  const LeaseTerms& terms = node.lease;
  // What is heard again tells itself what runs there.
  if (!terms.enabled() || node.responding) return;
  const std::vector<JobId> jobs = LeasedJobsToClear(context.state, node);
  if (jobs.empty()) return;
  const absl::Time heard = node.last_response_time;
  const absl::Time since =
      std::max(heard, CoveredSince(context.state, node.witnesses, context.now));
  const absl::Time over = since == absl::InfiniteFuture() ? context.now + terms.heartbeat()
                                                          : since + terms.length + terms.margin();
  if (since == absl::InfiniteFuture() || over > context.now) {
    context.state.timers.Add(over, {TimerKind::kLease, {}, node.name, {}});
    return;
  }
  for (JobId id : jobs) {
    context.Log(LogLevel::kWarning,
                StrCat("node ", node.name, ": silent for ",
                       absl::FormatDuration(absl::Floor(context.now - heard, absl::Seconds(1))),
                       ", its lease is over: job ", id.value, " no longer runs there"));
    NodeIsClear(context, *context.state.FindJob(id), node.name);
  }
}

void GrantLease(Context& context, Node& node) {
  node.lease = context.state.settings.lease;
  node.covered = node.lease.covered();
  node.witnesses.clear();
  if (node.lease.enabled()) node.witnesses = ChooseWitnesses(context.state.nodes);
  SendWelcome(context, node);
}

void ChangeLease(Context& context, Node& node) {
  const LeaseTerms& terms = context.state.settings.lease;
  // It may never hear of this: what it was told before binds until it registers again.
  node.lease.length = std::max(node.lease.length, terms.length);
  node.covered = std::min(node.covered, terms.covered());
  SendWelcome(context, node);
  context.Changed(node);
}

}  // namespace reeve::ctld
