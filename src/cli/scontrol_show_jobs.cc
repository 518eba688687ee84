// scontrol show job, scontrol show step.
#include <algorithm>
#include <cstdio>

#include "cli/job_query.h"
#include "cli/scontrol.h"
#include "common/base/array_spec.h"
#include "common/base/ids.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

bool IsHidden(const ControllerClient& client, const pb::Job& job) {
  const PartitionConfig* partition = client.config().FindPartition(job.partition());
  return partition != nullptr && partition->hidden;
}

// The array's own record first, then its tasks, the newest first: Slurm's order.
void SortArray(std::vector<pb::Job>* jobs) {
  std::stable_sort(jobs->begin(), jobs->end(), [](const pb::Job& a, const pb::Job& b) {
    const bool a_task = a.has_array_task_id();
    const bool b_task = b.has_array_task_id();
    return a_task != b_task ? !a_task : a_task && a.job_id() > b.job_id();
  });
}

std::vector<uint32_t> TasksOf(const JobSelector& selector) {
  std::vector<uint32_t> tasks;
  if (selector.array_task.has_value()) tasks.push_back(*selector.array_task);
  absl::StatusOr<IdRanges> ranges = IdRanges::Parse(selector.array_tasks);
  if (ranges.ok()) ranges->ForEach([&tasks](uint32_t task) { tasks.push_back(task); });
  return tasks;
}

// The row that shows one task of an array: its own record, or its place in the pending array.
std::optional<JobRow> FindTask(const JobsAnswer& answer, uint32_t task,
                               const ViewContext& context) {
  for (const pb::Job& job : answer.jobs) {
    if (job.has_array_task_id() && job.array_task_id() == task) {
      return JobRow{&job, std::nullopt, &context};
    }
    absl::StatusOr<IdRanges> pending = IdRanges::Parse(job.array_tasks());
    if (pending.ok() && pending->Contains(task)) return JobRow{&job, task, &context};
  }
  return std::nullopt;
}

int PrintTasks(const ScontrolSession& session, const JobsAnswer& answer,
               const JobSelector& selector, const ViewContext& context) {
  int code = 0;
  for (uint32_t task : TasksOf(selector)) {
    std::optional<JobRow> row = FindTask(answer, task, context);
    if (!row.has_value()) {
      if (!session.settings().quiet) printf("Job %u_%u not found\n", selector.job.value, task);
      code = 1;
      continue;
    }
    fputs(ShowJobText(*row, session.settings().show).c_str(), stdout);
  }
  return code;
}

}  // namespace

int ShowJobs(ScontrolSession& session, const std::string& id) {
  pb::QueryJobsRequest request;
  request.set_with_finished(true);
  JobSelector selector;
  if (!id.empty()) {
    absl::StatusOr<JobSelector> parsed = ParseJobSelector(id);
    if (!parsed.ok() || parsed->step.has_value()) {
      session.Complain("scontrol_print_job error: Invalid job id specified");
      return 1;
    }
    selector = *std::move(parsed);
    request.add_jobs()->set_job_id(selector.job.value);
  }
  const ControllerClient* client = session.client();
  if (client == nullptr) return 1;
  absl::StatusOr<JobsAnswer> answer = QueryJobs(*client, request);
  if (!answer.ok()) return session.Fail("slurm_load_jobs error", answer.status());
  if (!id.empty()) SortArray(&answer->jobs);
  const ViewContext context = MakeContext(*client, answer->time);
  if (!TasksOf(selector).empty()) return PrintTasks(session, *answer, selector, context);
  bool any = false;
  for (const pb::Job& job : answer->jobs) {
    if (selector.het_offset.has_value() && !IsComponentOf(job, selector)) continue;
    if (id.empty() && !session.settings().all && IsHidden(*client, job)) continue;
    any = true;
    const JobRow row{&job, std::nullopt, &context};
    fputs(ShowJobText(row, session.settings().show).c_str(), stdout);
  }
  if (!any && selector.het_offset.has_value()) {
    if (!session.settings().quiet) printf("Job %s not found\n", id.c_str());
    return 1;
  }
  if (!any && !session.settings().quiet) puts("No jobs in the system");
  return 0;
}

int ShowSteps(ScontrolSession& session, const std::string& id) {
  pb::QueryJobsRequest request;
  request.set_with_steps(true);
  JobSelector selector;
  if (!id.empty()) {
    absl::StatusOr<JobSelector> parsed = ParseJobSelector(id);
    if (!parsed.ok()) {
      session.Complain("slurm_get_job_steps error: Invalid job id specified");
      return 1;
    }
    selector = *std::move(parsed);
    request.add_jobs()->set_job_id(selector.job.value);
  }
  const ControllerClient* client = session.client();
  if (client == nullptr) return 1;
  absl::StatusOr<JobsAnswer> answer = QueryJobs(*client, request);
  if (!answer.ok()) return session.Fail("slurm_get_job_steps error", answer.status());
  const ViewContext context = MakeContext(*client, answer->time);
  const std::vector<uint32_t> tasks = TasksOf(selector);
  bool any = false;
  for (const pb::Job& job : answer->jobs) {
    const bool wanted_task =
        tasks.empty() || std::find(tasks.begin(), tasks.end(), job.array_task_id()) != tasks.end();
    if (!wanted_task) continue;
    if (selector.het_offset.has_value() && !IsComponentOf(job, selector)) continue;
    for (const pb::Step& step : job.steps()) {
      if (step.state() != pb::JOB_STATE_RUNNING) continue;
      if (selector.step.has_value() && selector.step->value != step.step_id()) continue;
      any = true;
      fputs(ShowStepText(StepRow{&job, &step, &context}, session.settings().show).c_str(), stdout);
    }
  }
  if (any) return 0;
  if (!session.settings().quiet) {
    if (id.empty()) {
      puts("No job steps in the system");
    } else {
      printf("Job step %s not found\n", id.c_str());
    }
  }
  return id.empty() ? 0 : 1;
}

}  // namespace reeve::cli
