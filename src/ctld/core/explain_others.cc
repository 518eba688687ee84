#include "ctld/core/explain_others.h"

#include <algorithm>
#include <optional>

#include "absl/container/btree_map.h"
#include "common/base/hostlist.h"
#include "ctld/core/priority.h"

namespace reeve::ctld {
namespace {

constexpr uint32_t kMostCounted = 10'000;  // jobs ahead
constexpr size_t kMostNodes = 1000;        // whose jobs are looked at

PriorityFactors InPoints(PriorityFactors parts, const PriorityConfig& weights) {
  parts.age *= weights.weight_age;
  parts.assoc *= weights.weight_assoc;
  parts.fair_share *= weights.weight_fair_share;
  parts.job_size *= weights.weight_job_size;
  parts.partition *= weights.weight_partition;
  parts.qos *= weights.weight_qos;
  parts.tres_cpu *= weights.weight_cpu;
  parts.tres_mem *= weights.weight_mem;
  return parts;
}

}  // namespace

absl::Time ExpectedEnd(const State& state, JobId id, absl::Time now) {
  const Job* job = state.FindJob(id);
  if (job == nullptr || !job->Active()) return now;     // is being cleared away
  if (job->Suspended()) return absl::InfiniteFuture();  // until somebody resumes it
  if (job->time_limit == absl::InfiniteDuration() && !IsSet(job->rare->preempt_time)) {
    return absl::InfiniteFuture();
  }
  return job->end_time;
}

bool MayName(const Sight& sight, const Job& job) {
  return !sight.jobs_of.has_value() || *sight.jobs_of == job.owner->uid;
}

std::string NamesOf(const State& state, const std::vector<NodeIndex>& nodes) {
  std::vector<std::string> names;
  for (NodeIndex index : nodes) names.push_back(state.nodes[index]->name);
  return CompressHostlist(names);
}

Ahead CountAhead(const State& state, const ReadyKey& key, const Sight& sight, absl::Time now) {
  Ahead ahead;
  std::optional<ReadyKey> first;
  for (const std::unique_ptr<ShapeQueue>& queue : state.backlog.queues()) {
    if (queue->partition != key.partition || queue->jobs.empty()) continue;
    if (queue->judged && !queue->verdict.can_run_later) continue;
    if (!(queue->head() < key)) continue;
    if (!first.has_value() || queue->head() < *first) first = queue->head();
    for (auto it = queue->jobs.begin(); it != queue->jobs.end() && *it < key; ++it) {
      ahead.more = ahead.more || ahead.jobs == kMostCounted;
      if (ahead.more) break;
      ahead.jobs++;
      const Job& job = *state.FindJob(it->job);
      const uint64_t tasks = job.IsArrayRecord() ? job.array->tasks.count() : 1;
      ahead.cpus += tasks * queue->shape->TotalCpus();
    }
  }
  if (!first.has_value()) return ahead;
  const Job& job = *state.FindJob(first->job);
  if (!MayName(sight, job)) return ahead;
  ahead.first = job.id;
  ahead.first_label = JobLabel(job);
  // A higher tier comes first whatever the priorities are.
  if (!state.settings.priority.multifactor || first->tier != key.tier) return ahead;
  const PriorityBook::Partition& partition = state.book->partitions[key.partition];
  const auto factors = [&](const Job& of) {
    return FactorsOf(*state.book, AskOf(of), partition, now);
  };
  const PriorityConfig& weights = state.book->config;
  const auto priority = [&](const Job& of, const PriorityFactors& parts) {
    return of.priority_fixed ? of.priority : ShownPriority(parts.Sum(weights));
  };
  const Job& own = *state.FindJob(key.job);
  ahead.own_priority = priority(own, factors(own));
  ahead.first_priority = priority(job, factors(job));
  // A number that an operator has set has no parts.
  const bool set = own.priority_fixed || job.priority_fixed;
  ahead.own = set ? PriorityFactors() : InPoints(factors(own), weights);
  ahead.of_first = set ? PriorityFactors() : InPoints(factors(job), weights);
  return ahead;
}

std::vector<NodeIndex> NextToBeFree(const State& state, const ShapeQueue& queue) {
  std::vector<NodeIndex> nodes;
  NodeBits::ForEachInBoth(queue.fits, state.plan.usable(), 0, [&](size_t place) {
    const NodeIndex node = state.plan.NodeAt(place);
    if (!state.nodes[node]->jobs.empty()) nodes.push_back(node);
    return true;
  });
  const std::vector<std::string>& required = queue.shape->req_nodes;
  const auto rank = [&](NodeIndex node) {
    const bool needed = std::count(required.begin(), required.end(), state.nodes[node]->name) > 0;
    return std::pair(!needed, state.plan.track(node, 0).first_end());
  };
  std::stable_sort(nodes.begin(), nodes.end(),
                   [&](NodeIndex a, NodeIndex b) { return rank(a) < rank(b); });
  if (nodes.size() > queue.shape->min_nodes) nodes.resize(queue.shape->min_nodes);
  return nodes;
}

namespace {

// Those of others that begin before `start`.
std::vector<Busy> FindReservations(const State& state, const std::vector<NodeIndex>& nodes,
                                   uint32_t lane, Instant start, const Sight& sight) {
  absl::btree_map<std::string, std::vector<NodeIndex>> found;
  for (NodeIndex node : nodes) {
    for (const Reservation* reservation : state.reservations.On(node)) {
      if (reservation->lane == lane || ToInstant(reservation->start) >= start) continue;
      found[reservation->name].push_back(node);
    }
  }
  std::vector<Busy> all;
  for (const auto& [name, taken] : found) {
    const Reservation& reservation = *state.reservations.Find(name);
    Busy busy{.label = "reservation " + name, .from = reservation.start, .until = reservation.end};
    busy.num_nodes = static_cast<uint32_t>(taken.size());
    if (sight.nodes) busy.nodes = NamesOf(state, taken);
    all.push_back(std::move(busy));
  }
  return all;
}

}  // namespace

Busy BusyWith(const State& state, JobId id, absl::Time from, absl::Time until, const Sight& sight) {
  Busy busy{.from = from, .until = until};
  const Job* job = state.FindJob(id);
  if (job == nullptr) return busy;
  if (MayName(sight, *job)) {
    busy.job = id;
    busy.label = JobLabel(*job);
  }
  busy.preempted = !IsSet(from) && IsSet(job->rare->preempt_time);
  busy.suspended = !IsSet(from) && job->Suspended();
  return busy;
}

std::vector<Busy> FindBusy(const State& state, const std::vector<NodeIndex>& nodes, uint32_t lane,
                           const ReadyKey& key, Instant start, const Sight& sight, absl::Time now) {
  struct Found {
    Busy busy;
    std::vector<NodeIndex> nodes;
  };
  absl::btree_map<std::pair<JobId, Instant>, Found> found;  // of each job what begins at one time
  for (size_t i = 0; i < std::min(nodes.size(), kMostNodes); ++i) {
    const NodeIndex index = nodes[i];
    for (const auto& [id, use] : state.nodes[index]->jobs) {
      Found& here = found[{id, Instant{0}}];
      if (here.nodes.empty()) {
        here.busy = BusyWith(state, id, absl::UnixEpoch(), ExpectedEnd(state, id, now), sight);
      }
      here.nodes.push_back(index);
    }
    for (const Track::Hold& hold : state.plan.track(index, lane).holds()) {
      if (!(hold.rank < key) || hold.from >= start) continue;
      Found& here = found[{hold.rank.job, hold.from}];
      if (here.nodes.empty()) {
        here.busy = BusyWith(state, hold.rank.job, ToTime(hold.from), ToTime(hold.until), sight);
      }
      here.nodes.push_back(index);
    }
  }
  std::vector<Busy> all = FindReservations(state, nodes, lane, start, sight);
  for (auto& [id, here] : found) {
    here.busy.num_nodes = static_cast<uint32_t>(here.nodes.size());
    if (sight.nodes) here.busy.nodes = NamesOf(state, here.nodes);
    all.push_back(std::move(here.busy));
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Busy& a, const Busy& b) { return a.until < b.until; });
  return all;
}

}  // namespace reeve::ctld
