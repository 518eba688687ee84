#include "ctld/core/priority.h"

#include <algorithm>
#include <cmath>

#include "ctld/core/eligibility.h"

namespace reeve::ctld {
namespace {
uint32_t Clamp(int64_t priority) {
  return static_cast<uint32_t>(std::clamp<int64_t>(priority, 1, UINT32_MAX - 2));
}
}  // namespace

uint32_t PeekPriority(const State& state, int32_t nice) {
  return Clamp(int64_t{state.counters.next_priority} - nice);
}

uint32_t NextPriority(State& state, int32_t nice) {
  const uint32_t priority = PeekPriority(state, nice);
  if (state.counters.next_priority > 1) state.counters.next_priority--;
  state.counters_moved = true;
  return priority;
}

uint32_t AdjustPriority(uint32_t priority, int32_t old_nice, int32_t new_nice) {
  if (priority == 0) return 0;
  return Clamp(int64_t{priority} + old_nice - new_nice);
}

namespace {

// The job's pending companions that its user may put it before, the first in the queue first.
std::vector<Job*> Companions(const Context& context, const Job& job) {
  std::vector<Job*> mine;
  for (JobId id : context.state.jobs_of_user[job.owner->uid]) {
    Job* other = context.state.FindJob(id);
    if (other->Pending() && !other->Held() && other->partition == job.partition) {
      mine.push_back(other);
    }
  }
  return mine;
}

// Each of those before it takes the priority of the next one.
void DealAnew(Context& context, Job& job) {
  std::vector<Job*> mine = Companions(context, job);
  std::sort(mine.begin(), mine.end(), [](const Job* a, const Job* b) {
    return a->priority != b->priority ? a->priority > b->priority : a->id < b->id;
  });
  const auto at = std::find(mine.begin(), mine.end(), &job);
  if (at == mine.end()) return;
  const uint32_t top = mine.front()->priority;
  for (auto it = mine.begin(); it != at; ++it) {
    const uint32_t next = (*(it + 1))->priority;
    if ((*it)->priority == next) continue;
    (*it)->priority = next;
    context.Changed(**it);
    Reconsider(context, **it);
  }
  // Jobs that shared the top priority must come after it.
  job.priority = mine.size() > 1 && mine[0] != &job && mine[0]->priority == top
                     ? Clamp(int64_t{top} + 1)
                     : top;
  context.Changed(job);
  Reconsider(context, job);
}

// Gives the job so many points more, or fewer: by its nice value, or by the number it was given.
void Raise(Context& context, Job& job, double points) {
  constexpr double kMost = 2'147'483'645;
  if (job.priority_fixed) {
    job.priority = Clamp(std::llround(std::clamp(job.priority + points, 0.0, 2 * kMost)));
  } else {
    auto spec = std::make_shared<JobSpec>(*job.spec);
    spec->nice = static_cast<int32_t>(std::clamp(spec->nice - points, -kMost, kMost));
    job.spec = std::move(spec);
  }
  context.Changed(job);
  Reconsider(context, job);
}

// The same in whole points of nice. Those before it lose at least one each, and all of them
// together no less than it gains: nobody gets ahead of other users so.
void ShiftNice(Context& context, Job& job) {
  const PartitionIndex partition = context.state.PartitionsOf(job).front();
  std::vector<std::pair<ReadyKey, Job*>> mine;
  for (Job* other : Companions(context, job)) {
    mine.emplace_back(KeyOf(context.state, *other, partition, context.now), other);
  }
  std::sort(mine.begin(), mine.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  const auto at = std::find_if(mine.begin(), mine.end(),
                               [&](const auto& entry) { return entry.second == &job; });
  if (at == mine.begin() || at == mine.end()) return;
  for (auto it = mine.begin(); it != at; ++it) {
    const double gap = it->first.score - (it + 1)->first.score;
    Raise(context, *it->second, -std::max(1.0, std::ceil(gap)));
  }
  Raise(context, job, std::floor(mine.front().first.score - at->first.score));
}

}  // namespace

void MoveToTop(Context& context, Job& job) {
  if (!context.state.settings.priority.multifactor) return DealAnew(context, job);
  if (!context.state.PartitionsOf(job).empty()) ShiftNice(context, job);
}

PriorityAsk AskOf(const Job& job) {
  PriorityAsk ask;
  ask.uid = job.owner->uid;
  ask.cpus = job.num_cpus;
  ask.nodes = job.num_nodes;
  if (job.shape != nullptr) {
    ask.mem_per_node_mb = job.shape->mem_per_node_mb;
    ask.mem_per_cpu_mb = job.shape->mem_per_cpu_mb;
  }
  ask.time_limit = job.time_limit;
  ask.submit_time = absl::ToUnixSeconds(job.submit_time);
  ask.accrue_time = absl::ToUnixSeconds(job.accrue_time);
  ask.nice = job.spec->nice;
  if (job.priority_fixed) ask.fixed = job.priority;
  return ask;
}

ReadyKey KeyOf(const State& state, const Job& job, PartitionIndex partition, absl::Time now) {
  for (const ReadyKey& key : state.backlog.KeysOf(job.id)) {
    if (key.partition == partition) return key;
  }
  return NewKeyOf(state, job, partition, now);
}

ReadyKey NewKeyOf(const State& state, const Job& job, PartitionIndex partition, absl::Time now) {
  const double score =
      state.settings.priority.multifactor
          ? ScoreOf(*state.book, AskOf(job), state.book->partitions[partition], now)
          : job.priority;
  return {state.partitions[partition].facts.priority_tier, score, job.id, partition};
}

uint32_t PriorityOf(const State& state, const Job& job, absl::Time now) {
  if (!state.settings.priority.multifactor || !job.Pending() || job.Held() || job.priority_fixed) {
    return job.priority;
  }
  uint32_t highest = 0;
  for (PartitionIndex partition : state.PartitionsOf(job)) {
    const double sum = FactorsOf(*state.book, AskOf(job), state.book->partitions[partition], now)
                           .Sum(state.book->config);
    highest = std::max(highest, ShownPriority(sum));
  }
  return highest == 0 ? 1 : highest;  // its partitions are gone
}

std::shared_ptr<const PriorityBook> MakeBook(const State& state) {
  auto book = std::make_shared<PriorityBook>();
  book->config = state.settings.priority;
  if (state.book != nullptr) book->fair_share = state.book->fair_share;
  for (const std::unique_ptr<Node>& node : state.nodes) {
    if (node->base == NodeBase::kFuture) continue;
    book->nodes++;
    book->cpus += node->cpus;
  }
  for (const PartitionEntry& entry : state.partitions) {
    const Partition& facts = entry.facts;
    PriorityBook::Partition& partition = book->partitions.emplace_back();
    partition.name = facts.name;
    partition.job_factor = facts.priority_job_factor;
    partition.nodes = static_cast<uint32_t>(entry.nodes.size());
    partition.cpus = facts.total_cpus;
    partition.mem_mb = facts.total_mem_mb;
    partition.max_time = facts.max_time;
    const bool own = facts.def_mem_per_cpu_mb || facts.def_mem_per_node_mb;
    partition.def_mem_per_cpu_mb =
        own ? facts.def_mem_per_cpu_mb : state.settings.def_mem_per_cpu_mb;
    partition.def_mem_per_node_mb =
        own ? facts.def_mem_per_node_mb : state.settings.def_mem_per_node_mb;
    book->highest_job_factor = std::max(book->highest_job_factor, facts.priority_job_factor);
  }
  return book;
}

}  // namespace reeve::ctld
