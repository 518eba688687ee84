#include "cli/sacct_rows.h"

#include <algorithm>
#include <optional>
#include <set>

#include "common/base/array_spec.h"
#include "common/base/ids.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

namespace pb = reeve::v1;

bool HasFeature(const std::string& features, std::string_view wanted) {
  const auto all = SplitSkipEmpty(features, "&|,[]()* ");
  return std::find(all.begin(), all.end(), wanted) != all.end();
}

bool Admits(const SacctOptions& options, const pb::Job& job) {
  const Allocation given = AllocationOf(job);
  const uint32_t nodes = given.nodes > 0 ? given.nodes : RequestedNodes(job);
  const uint32_t cpus = given.cpus > 0 ? given.cpus : RequestedCpus(job);
  const uint64_t limit =
      job.time_limit() < 0 ? UINT64_MAX : static_cast<uint64_t>(job.time_limit() / 60);
  if (options.nodes && !options.nodes->Contains(nodes)) return false;
  if (options.cpus && !options.cpus->Contains(cpus)) return false;
  if (options.limit_minutes && !options.limit_minutes->Contains(limit)) return false;
  if (!options.reasons.empty() &&
      std::none_of(options.reasons.begin(), options.reasons.end(),
                   [&](const auto& reason) { return EqualsIgnoreCase(reason, job.reason()); })) {
    return false;
  }
  for (const pb::JobSelectorText& selector : options.request.jobs()) {
    if (!selector.has_het_offset() || selector.job_id() != job.job_id()) continue;
    if (job.het_job_id() + selector.het_offset() != job.job_id()) return false;
  }
  return std::all_of(
      options.constraints.begin(), options.constraints.end(),
      [&](const auto& feature) { return HasFeature(job.spec().features(), feature); });
}

// The steps that -j names of this job; nothing: all of it was asked for.
std::optional<std::set<int32_t>> StepsAsked(const SacctOptions& options, const pb::Job& job) {
  std::set<int32_t> steps;
  for (const pb::JobSelectorText& selector : options.request.jobs()) {
    const bool same_array = job.array_job_id() != 0 && selector.job_id() == job.array_job_id();
    const bool same_het = job.het_job_id() != 0 && selector.job_id() == job.het_job_id();
    if (selector.job_id() != job.job_id() && !same_array && !same_het) continue;
    if (selector.has_array_task_id() && job.has_array_task_id() &&
        selector.array_task_id() != job.array_task_id()) {
      continue;
    }
    if (!selector.has_step_id()) return std::nullopt;
    steps.insert(selector.step_id());
  }
  if (steps.empty()) return std::nullopt;
  return steps;
}

void TruncateTimes(int64_t from, int64_t to, bool over, int64_t* start, int64_t* end) {
  if (*start == 0) return;
  *start = std::max(*start, from);
  *end = over ? std::min(*end, to) : to;
}

void Truncate(const SacctOptions& options, pb::Job* job) {
  const int64_t from = options.window_start, to = options.window_end;
  if (!HasStarted(*job)) return;
  int64_t start = job->start_time(), end = job->end_time();
  TruncateTimes(from, to, RunIsOver(*job), &start, &end);
  job->set_start_time(start);
  job->set_end_time(end);
  for (pb::Step& step : *job->mutable_steps()) {
    start = step.start_time();
    end = step.end_time();
    TruncateTimes(from, to, end != 0, &start, &end);
    step.set_start_time(start);
    step.set_end_time(end);
  }
}

// Batch, extern and interactive before the numbered ones.
std::vector<const pb::Step*> OrderedSteps(const pb::Job& job) {
  std::vector<const pb::Step*> steps;
  for (const pb::Step& step : job.steps()) steps.push_back(&step);
  auto place = [](const pb::Step* step) {
    switch (step->step_id()) {
      case kBatchStep.value:
        return -3;
      case kExternStep.value:
        return -2;
      case kInteractiveStep.value:
        return -1;
      default:
        return step->step_id();
    }
  };
  std::stable_sort(steps.begin(), steps.end(),
                   [&](const auto* a, const auto* b) { return place(a) < place(b); });
  return steps;
}

// What the job is called; several names for the pending tasks of an array with --array.
std::vector<std::string> NamesOf(const SacctOptions& options, const pb::Job& job) {
  if (!options.expand_arrays || job.array_job_id() == 0 || job.has_array_task_id()) {
    return {JobIdText(job, options.array_text_length)};
  }
  std::vector<std::string> names;
  const absl::StatusOr<IdRanges> tasks = IdRanges::Parse(job.array_tasks(), kHighestTask);
  if (tasks.ok()) {
    tasks->ForEach([&](uint32_t task) { names.push_back(StrCat(job.array_job_id(), "_", task)); });
  }
  if (names.empty()) names.push_back(JobIdText(job, options.array_text_length));
  return names;
}

std::vector<std::string> Cells(const SacctRow& row, const SacctContext& context,
                               const std::vector<const SacctField*>& fields) {
  std::vector<std::string> cells;
  cells.reserve(fields.size());
  for (const SacctField* field : fields) {
    cells.push_back(field->value == nullptr ? "" : field->value(row, context));
  }
  return cells;
}

}  // namespace

void AddSacctRows(const pb::QueryAccountingResponse& response, const SacctOptions& options,
                  const SacctContext& context, const std::vector<const SacctField*>& fields,
                  Table* table) {
  for (int i = 0; i < response.jobs_size(); ++i) {
    pb::Job job = response.jobs(i);
    if (!Admits(options, job)) continue;
    if (options.truncate) Truncate(options, &job);
    const auto asked = StepsAsked(options, job);
    SacctRow row{.job = &job, .db_index = i < response.db_index_size() ? response.db_index(i) : 0};
    for (const std::string& name : NamesOf(options, job)) {
      row.job_id = name;
      row.step = nullptr;
      if (!asked || options.allocations) table->AddRow(Cells(row, context, fields));
    }
    if (options.allocations) continue;
    for (const pb::Step* step : OrderedSteps(job)) {
      if (asked && !asked->contains(step->step_id())) continue;
      row.step = step;
      table->AddRow(Cells(row, context, fields));
    }
  }
}

std::string RenderSacct(const Table& table, const SacctOptions& options) {
  if (options.style == SacctOptions::Style::kAligned) {
    return table.Text({.header = options.header, .rule = options.header});
  }
  return table.Parsable({.header = options.header,
                         .delimiter = options.delimiter,
                         .trailing = options.style == SacctOptions::Style::kParsable});
}

}  // namespace reeve::cli
