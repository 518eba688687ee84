#include "ctld/core/job_array.h"

#include <algorithm>

#include "ctld/core/cancel.h"
#include "ctld/core/dependency.h"
#include "ctld/core/eligibility.h"
#include "ctld/core/errors.h"
#include "ctld/core/het_job.h"

namespace reeve::ctld {
namespace {

// Tasks of one array that get a place in the plan.
constexpr uint64_t kPlannedTasks = 1000;

void BecomeTask(Job& job) {
  if (job.array->tasks.count() != 1) return;
  job.array_task_id = job.array->tasks.min();
  job.array.Edit().tasks = IdRanges();
}

// Members in the order people expect: pending records first, then by task id.
std::vector<JobId> SortedMembers(const State& state, std::vector<JobId> members) {
  std::sort(members.begin(), members.end(), [&](JobId a, JobId b) {
    const Job* left = state.FindJob(a);
    const Job* right = state.FindJob(b);
    if (left->IsArrayRecord() != right->IsArrayRecord()) return left->IsArrayRecord();
    return std::pair(left->array_task_id, a) < std::pair(right->array_task_id, b);
  });
  return members;
}

// The members that are one of these tasks each, by task id.
std::vector<JobId> SinglesAmong(const ArrayGroup& group, const IdRanges& tasks) {
  std::vector<std::pair<uint32_t, JobId>> found;
  if (tasks.count() <= group.tasks().size()) {
    tasks.ForEach([&](uint32_t task) {
      if (const auto id = group.FindTask(task)) found.emplace_back(task, *id);
    });
  } else {
    for (const auto& entry : group.tasks()) {
      if (tasks.Contains(entry.first)) found.push_back(entry);
    }
  }
  std::sort(found.begin(), found.end());
  std::vector<JobId> ids;
  for (const auto& [task, id] : found) ids.push_back(id);
  return ids;
}

}  // namespace

Job& SplitTasks(Context& context, Job& record, const IdRanges& tasks) {
  if (!record.IsArrayRecord() || record.array->tasks.Difference(tasks).empty()) {
    if (record.IsArrayRecord() && record.array->tasks.count() == 1) {
      BecomeTask(record);
      context.Changed(record);
    }
    return record;
  }
  auto split = std::make_unique<Job>(record);
  split->id = context.state.NextJobId();
  split->array.Edit().tasks = record.array->tasks.Intersection(tasks);
  split->revision = 0;
  BecomeTask(*split);
  record.array.Edit().tasks = record.array->tasks.Difference(tasks);
  context.Changed(record);
  Job& added = context.AddJob(std::move(split));
  WatchDependency(context, added);
  context.Changed(added);
  return added;
}

Job& SplitNextTask(Context& context, Job& record) {
  if (!record.IsArrayRecord()) return record;
  return SplitTasks(context, record, IdRanges::Single(*record.array->tasks.min()));
}

uint64_t TasksToPlan(const State& state, const Job& job) {
  if (!job.IsArrayRecord()) return 1;
  const uint64_t tasks = std::min<uint64_t>(job.array->tasks.count(), kPlannedTasks);
  if (job.array->limit == 0) return tasks;
  const uint32_t running = state.arrays.at(job.array_job_id).running;
  return std::min<uint64_t>(tasks, job.array->limit - std::min(running, job.array->limit));
}

bool BelowArrayLimit(const State& state, const Job& job) {
  if (!job.array_job_id || job.array->limit == 0) return true;
  const auto group = state.arrays.find(job.array_job_id);
  return group == state.arrays.end() || group->second.running < job.array->limit;
}

void SetArrayLimit(Context& context, JobId array, uint32_t limit) {
  const auto group = context.state.arrays.find(array);
  if (group == context.state.arrays.end()) return;
  for (JobId id : group->second.Members()) {
    Job& job = *context.state.FindJob(id);
    if (job.array->limit == limit || job.Finished()) continue;
    job.array.Edit().limit = limit;
    context.Changed(job);
  }
  WakeArray(context, array);
}

void WakeArray(Context& context, JobId array) {
  const auto group = context.state.arrays.find(array);
  if (group == context.state.arrays.end()) return;
  std::vector<JobId> waiting;
  for (JobId id : group->second.pending()) {
    const Job* job = context.state.FindJob(id);
    if (job->reason == Reason::kJobArrayTaskLimit) waiting.push_back(id);
  }
  std::sort(waiting.begin(), waiting.end());
  for (JobId id : waiting) Reconsider(context, *context.state.FindJob(id));
}

bool MayControlArray(const State& state, const Caller& caller, JobId array) {
  const auto group = state.arrays.find(array);
  return group == state.arrays.end() ||
         MayControl(caller, *state.FindJob(group->second.AnyMember()));
}

absl::StatusOr<std::vector<JobId>> ResolvePick(Context& context, const JobPick& pick, bool split) {
  State& state = context.state;
  const auto array = state.arrays.find(pick.job);
  if (array == state.arrays.end()) {
    if (!pick.array_tasks.empty()) return Refuse(kInvalidJobId);
    return ResolveComponents(state, pick);
  }
  if (pick.het_offset.has_value()) return Refuse(kInvalidJobId);
  if (pick.array_tasks.empty()) return SortedMembers(state, array->second.Members());
  absl::StatusOr<IdRanges> tasks = IdRanges::Parse(pick.array_tasks);
  if (!tasks.ok()) return Refuse(kInvalidJobId);
  std::vector<JobId> picked;
  const absl::flat_hash_set<JobId>& records = array->second.records();
  const std::vector<JobId> singles = SinglesAmong(array->second, *tasks);
  for (JobId id : SortedMembers(state, {records.begin(), records.end()})) {
    Job* job = state.FindJob(id);
    const IdRanges meant = job->array->tasks.Intersection(*tasks);
    if (meant.empty()) continue;
    if (!split || !job->Pending()) {
      picked.push_back(id);
      continue;
    }
    if (state.jobs.size() >= state.settings.max_job_count) return Refuse(kTooManyJobs);
    Job& part = SplitTasks(context, *job, meant);
    if (part.Pending() && part.id != id) Reconsider(context, part);
    picked.push_back(part.id);
  }
  picked.insert(picked.end(), singles.begin(), singles.end());
  if (picked.empty()) return Refuse(kInvalidJobId);
  return picked;
}

}  // namespace reeve::ctld
