#include "cli/squeue_rows.h"

#include <algorithm>

#include "cli/job_sort.h"
#include "common/base/array_spec.h"
#include "common/base/hostlist.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

bool Has(const std::vector<std::string>& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool AnyOf(const std::vector<std::string>& wanted, const std::string& comma_list) {
  for (std::string_view part : SplitSkipEmpty(comma_list, ",")) {
    if (Has(wanted, part)) return true;
  }
  return false;
}

// Slurm's default: jobs that are not over yet, completing ones among them.
bool InWantedState(const pb::Job& job, const SqueueOptions& options) {
  if (options.all_states) return true;
  if (options.by_state) return Matches(options.states, StateOf(job), job.flags());
  return !IsFinished(StateOf(job)) || (job.flags() & pb::JOB_FLAG_COMPLETING) != 0;
}

bool OnWantedNode(const pb::Job& job, const SqueueOptions& options) {
  return options.nodes.empty() ||
         std::any_of(job.shares().begin(), job.shares().end(),
                     [&](const pb::NodeShare& share) { return Has(options.nodes, share.node()); });
}

bool OfWantedUser(const pb::Job& job, const SqueueOptions& options) {
  auto has = [&job](const std::vector<uint32_t>& uids) {
    return std::find(uids.begin(), uids.end(), job.uid()) != uids.end();
  };
  return (!options.by_user || has(options.uids)) && !has(options.not_uids);
}

bool PassesFilters(const pb::Job& job, const SqueueOptions& options,
                   const std::vector<std::string>& hidden) {
  if (!InWantedState(job, options) || !OfWantedUser(job, options)) return false;
  if (!options.names.empty() && !Has(options.names, job.spec().name())) return false;
  if (!options.accounts.empty() && !Has(options.accounts, job.account())) return false;
  if (!options.qos.empty() && !Has(options.qos, job.qos())) return false;
  if (!OnWantedNode(job, options)) return false;
  const std::string partition = PartitionText(job);
  if (!options.partitions.empty()) return AnyOf(options.partitions, partition);
  // Jobs asked for by id are shown wherever they are.
  return options.all_partitions || !options.jobs.empty() || !Has(hidden, partition);
}

// Which tasks of a pending array one selector means; empty for none.
IdRanges SelectedTasks(const JobSelector& selector, const IdRanges& tasks) {
  if (selector.array_task.has_value()) {
    return tasks.Intersection(IdRanges::Single(*selector.array_task));
  }
  if (selector.array_tasks.empty()) return tasks;
  absl::StatusOr<IdRanges> wanted = IdRanges::Parse(selector.array_tasks);
  return wanted.ok() ? tasks.Intersection(*wanted) : IdRanges();
}

bool NamesTasks(const JobSelector& selector) {
  return selector.array_task.has_value() || !selector.array_tasks.empty();
}

bool MeansJob(const JobSelector& selector, const pb::Job& job) {
  if (IsComponentOf(job, selector) && !NamesTasks(selector)) return true;
  if (selector.het_offset.has_value()) return false;
  if (job.job_id() == selector.job.value && !NamesTasks(selector)) return true;
  if (job.array_job_id() != selector.job.value) return false;
  if (!NamesTasks(selector)) return true;
  return job.has_array_task_id() &&
         !SelectedTasks(selector, IdRanges::Single(job.array_task_id())).empty();
}

// The tasks of a pending array that are asked for one by one; `whole` when all of it is.
IdRanges AskedTasks(const pb::Job& job, const SqueueOptions& options, bool* whole) {
  absl::StatusOr<IdRanges> tasks = IdRanges::Parse(job.array_tasks(), kHighestTask);
  IdRanges asked;
  *whole = options.jobs.empty();
  if (!tasks.ok()) return asked;
  for (const JobSelector& selector : options.jobs) {
    const bool this_array =
        selector.job.value == job.array_job_id() || selector.job.value == job.job_id();
    if (!this_array) continue;
    if (!NamesTasks(selector)) *whole = true;
    const IdRanges selected = SelectedTasks(selector, *tasks);
    for (const IdRanges::Range& range : selected.ranges()) asked.Insert(range.first, range.last);
  }
  return *whole ? *tasks : asked;
}

void AddRows(const pb::Job& job, const SqueueOptions& options, const ViewContext& context,
             std::vector<JobRow>* rows) {
  if (IsPendingArray(job)) {
    bool whole = false;
    const IdRanges tasks = AskedTasks(job, options, &whole);
    if (whole && !options.one_per_task) {
      rows->push_back(JobRow{&job, std::nullopt, &context});
      return;
    }
    tasks.ForEach([&](uint32_t task) { rows->push_back(JobRow{&job, task, &context}); });
    return;
  }
  const bool asked = options.jobs.empty() ||
                     std::any_of(options.jobs.begin(), options.jobs.end(),
                                 [&job](const JobSelector& s) { return MeansJob(s, job); });
  if (asked) rows->push_back(JobRow{&job, std::nullopt, &context});
}

bool MeansStep(const SqueueOptions& options, const pb::Job& job, const pb::Step& step) {
  if (options.jobs.empty()) return true;
  return std::any_of(options.jobs.begin(), options.jobs.end(), [&](const JobSelector& selector) {
    return MeansJob(selector, job) &&
           (!selector.step.has_value() || selector.step->value == step.step_id());
  });
}

}  // namespace

absl::StatusOr<std::vector<JobRow>> SelectJobs(const std::vector<pb::Job>& jobs,
                                               const SqueueOptions& options,
                                               const std::vector<std::string>& hidden_partitions,
                                               const ViewContext& context) {
  std::vector<JobRow> rows;
  for (const pb::Job& job : jobs) {
    if (PassesFilters(job, options, hidden_partitions)) AddRows(job, options, context, &rows);
  }
  std::stable_sort(rows.begin(), rows.end(), [](const JobRow& a, const JobRow& b) {
    return a.job->job_id() < b.job->job_id();
  });
  absl::Status status = SortJobs(options.sort, &rows);
  if (!status.ok()) return status;
  return rows;
}

absl::StatusOr<std::vector<StepRow>> SelectSteps(const std::vector<pb::Job>& jobs,
                                                 const SqueueOptions& options,
                                                 const std::vector<std::string>& hidden_partitions,
                                                 const ViewContext& context) {
  std::vector<StepRow> rows;
  for (const pb::Job& job : jobs) {
    if (!PassesFilters(job, options, hidden_partitions)) continue;
    for (const pb::Step& step : job.steps()) {
      const bool runs = step.state() == pb::JOB_STATE_RUNNING;
      if (runs && MeansStep(options, job, step)) rows.push_back(StepRow{&job, &step, &context});
    }
  }
  absl::Status status = SortSteps(options.sort, &rows);
  if (!status.ok()) return status;
  return rows;
}

}  // namespace reeve::cli
