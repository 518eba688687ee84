// States and times.
#include <algorithm>

#include "cli/job_view.h"
#include "cli/sacct_cells.h"
#include "cli/time_text.h"
#include "common/base/saturating.h"
#include "common/base/text.h"

namespace reeve::cli::cells {
namespace {

std::string Time(int64_t seconds, const Context& context) {
  if (seconds == 0) return "Unknown";
  return TimeText(absl::FromUnixSeconds(seconds), context.time_format, context.now);
}

int64_t StartOf(const Row& row) {
  if (row.step) return row.step->start_time();
  return HasStarted(*row.job) ? row.job->start_time() : 0;
}
// 0 while it goes on: what the controller keeps there for a running job is the end of its limit.
int64_t EndOf(const Row& row) {
  if (row.step) return row.step->end_time();
  return RunIsOver(*row.job) ? row.job->end_time() : 0;
}

int64_t ElapsedSeconds(const Row& row, const Context& context) {
  const int64_t now = absl::ToUnixSeconds(context.now);
  if (row.step) return row.step->start_time() == 0 ? 0 : SecondsUsed(*row.job, *row.step, now);
  return StartOf(row) == 0 ? 0 : SecondsUsed(*row.job, EndOf(row) != 0 ? EndOf(row) : now);
}

// How long the job waited, or has been waiting, while it could have run.
int64_t PlannedSeconds(const Row& row, const Context& context) {
  const v1::Job& job = *row.job;
  if (job.eligible_time() == 0) return 0;
  int64_t until = StartOf(row);
  if (until == 0) until = EndOf(row);
  if (until == 0) until = absl::ToUnixSeconds(context.now);
  return std::max(int64_t{0}, SecondsBetween(job.eligible_time(), until));
}

int64_t CpuSeconds(const Row& row, const Context& context) {
  const Allocation given = row.step ? AllocationOf(*row.step) : AllocationOf(*row.job);
  return SaturatingMultiply(ElapsedSeconds(row, context), given.cpus);
}
int64_t PlannedCpuSeconds(const Row& row, const Context& context) {
  return SaturatingMultiply(PlannedSeconds(row, context), RequestedCpus(*row.job));
}

}  // namespace

std::string DerivedExitCode(const Row& row, const Context&) {
  return row.step ? "" : ExitCodeText(row.job->derived_exit_status());
}
std::string Elapsed(const Row& row, const Context& context) {
  return FormatSeconds(ElapsedSeconds(row, context));
}
std::string ElapsedRaw(const Row& row, const Context& context) {
  return StrCat(ElapsedSeconds(row, context));
}
std::string Eligible(const Row& row, const Context& context) {
  return Time(row.step ? row.step->start_time() : row.job->eligible_time(), context);
}
std::string End(const Row& row, const Context& context) {
  return Time(EndOf(row), context);
}
std::string ExitCode(const Row& row, const Context&) {
  return ExitCodeText(row.step ? row.step->exit_status() : row.job->exit_status());
}
std::string Planned(const Row& row, const Context& context) {
  return row.step ? "" : FormatSeconds(PlannedSeconds(row, context));
}
std::string PlannedCpu(const Row& row, const Context& context) {
  return row.step ? "" : FormatSeconds(PlannedCpuSeconds(row, context));
}
std::string PlannedCpuRaw(const Row& row, const Context& context) {
  return row.step ? "" : StrCat(PlannedCpuSeconds(row, context));
}
std::string Start(const Row& row, const Context& context) {
  // Over and never started is more than not known yet.
  if (StartOf(row) == 0 && EndOf(row) != 0) return "None";
  return Time(StartOf(row), context);
}
std::string State(const Row& row, const Context&) {
  if (!row.step) return JobStateText(*row.job);
  const JobState state = StateOf(*row.job, *row.step);
  return state == JobState::kSuspended ? std::string(LongName(state)) : StepStateText(*row.step);
}
std::string Submit(const Row& row, const Context& context) {
  return Time(row.step ? row.step->start_time() : row.job->submit_time(), context);
}
std::string Suspended(const Row& row, const Context& context) {
  const int64_t now = absl::ToUnixSeconds(context.now);
  if (row.step) return FormatSeconds(SecondsSuspended(*row.job, *row.step, now));
  return FormatSeconds(SecondsSuspended(*row.job, now));
}
std::string TimeLimit(const Row& row, const Context&) {
  if (row.step) return "";
  return row.job->time_limit() < 0 ? "UNLIMITED" : FormatSeconds(row.job->time_limit());
}
std::string TimeLimitRaw(const Row& row, const Context&) {
  if (row.step) return "";
  return row.job->time_limit() < 0 ? "UNLIMITED" : StrCat(row.job->time_limit() / 60);
}
std::string CpuTime(const Row& row, const Context& context) {
  return FormatSeconds(CpuSeconds(row, context));
}
std::string CpuTimeRaw(const Row& row, const Context& context) {
  return StrCat(CpuSeconds(row, context));
}

}  // namespace reeve::cli::cells
