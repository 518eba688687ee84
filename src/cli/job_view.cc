#include "cli/job_view.h"

#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>

#include "cli/gres_view.h"
#include "common/base/array_spec.h"
#include "common/base/hostlist.h"
#include "common/base/ids.h"
#include "common/base/licenses.h"
#include "common/base/saturating.h"
#include "common/base/task_pattern.h"
#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve::cli {
namespace {

template <class Message>
std::string ShareNodes(const Message& message) {
  std::vector<std::string> names;
  for (const pb::NodeShare& share : message.shares()) names.push_back(share.node());
  return CompressHostlist(names);
}

std::string PendingTasksText(const JobRow& row) {
  absl::StatusOr<IdRanges> tasks = IdRanges::Parse(row.job->array_tasks());
  if (!tasks.ok()) return row.job->array_tasks();
  return FormatArrayTasks(*tasks, row.job->array_limit(), row.context->array_text_max);
}

absl::Duration LimitOf(const pb::Job& job) {
  return job.time_limit() < 0 ? absl::InfiniteDuration() : absl::Seconds(job.time_limit());
}

void AppendTres(std::string_view name, std::string_view value, std::string* tres) {
  if (!tres->empty()) *tres += ',';
  StrAppend(tres, name, "=", value);
}

constexpr int64_t kMicroseconds = 1000000;  // in a second

// The distant future for a job that goes on.
int64_t StandsStillSince(const pb::Job& job) {
  return StateOf(job) == JobState::kSuspended ? job.suspend_time() : INT64_MAX;
}

int64_t RunBetween(int64_t from, int64_t until, int64_t suspended_usec) {
  return std::max<int64_t>(0, SecondsBetween(from, until) - suspended_usec / kMicroseconds);
}

std::string StreamPattern(const pb::Job& job, JobStream stream) {
  const pb::JobSpec& spec = job.spec();
  switch (stream) {
    case JobStream::kInput:
      return spec.std_in().empty() ? "/dev/null" : spec.std_in();
    case JobStream::kError:
      return spec.std_err();
    case JobStream::kOutput:
      break;
  }
  if (!spec.std_out().empty()) return spec.std_out();
  return job.array_job_id() != 0 ? "slurm-%A_%a.out" : "slurm-%j.out";
}

}  // namespace

size_t ArrayTextMax() {
  const char* text = getenv("SLURM_BITSTR_LEN");
  if (text == nullptr) return 64;
  absl::StatusOr<uint64_t> length = ParseUint(text, "SLURM_BITSTR_LEN", 1 << 24);
  return length.ok() ? *length : 64;
}

bool IsPendingArray(const pb::Job& job) {
  return job.array_job_id() != 0 && !job.has_array_task_id() && !job.array_tasks().empty() &&
         StateOf(job) == JobState::kPending;
}

uint32_t ArrayJobId(const pb::Job& job) {
  return job.array_job_id() != 0 ? job.array_job_id() : job.job_id();
}

std::string JobIdText(const JobRow& row) {
  const pb::Job& job = *row.job;
  if (job.het_job_id() != 0) return StrCat(job.het_job_id(), "+", job.het_job_offset());
  if (job.array_job_id() == 0) return StrCat(job.job_id());
  if (row.task.has_value()) return StrCat(job.array_job_id(), "_", *row.task);
  if (job.has_array_task_id()) return StrCat(job.array_job_id(), "_", job.array_task_id());
  if (job.array_tasks().empty()) return StrCat(job.array_job_id());
  return StrCat(job.array_job_id(), "_[", PendingTasksText(row), "]");
}

std::string HetJobIdSet(const pb::Job& job) {
  if (job.het_job_id() == 0) return "N/A";
  return StrCat(job.het_job_id(), "-", job.het_job_id() + job.het_job_size() - 1);
}

bool IsComponentOf(const pb::Job& job, const JobSelector& selector) {
  return job.het_job_id() == selector.job.value && job.het_job_id() != 0 &&
         selector.het_offset.value_or(job.het_job_offset()) == job.het_job_offset();
}

std::string ArrayTaskText(const JobRow& row) {
  const pb::Job& job = *row.job;
  if (row.task.has_value()) return StrCat(*row.task);
  if (job.has_array_task_id()) return StrCat(job.array_task_id());
  if (job.array_job_id() != 0 && !job.array_tasks().empty()) return PendingTasksText(row);
  return "N/A";
}

std::string StepIdText(const StepRow& row) {
  return StrCat(JobIdText(JobRow{row.job, std::nullopt, row.context}), ".",
                ToString(StepId{row.step->step_id()}));
}

std::string StateText(const pb::Job& job) {
  return std::string(DisplayName(StateOf(job), job.flags()));
}

std::string CompactStateText(const pb::Job& job) {
  return std::string(DisplayCompactName(StateOf(job), job.flags()));
}

std::string ReasonText(const pb::Job& job) {
  // Slurm shows this sentence in place of the reason that it explains.
  constexpr std::string_view kLaunchFailed = "launch failed requeued held";
  if (job.state() == pb::JOB_STATE_PENDING && job.reason_detail() == kLaunchFailed) {
    return std::string(kLaunchFailed);
  }
  return job.reason().empty() ? "None" : job.reason();
}

std::string NodesText(const pb::Job& job) {
  const bool completing = (job.flags() & pb::JOB_FLAG_COMPLETING) != 0;
  if (completing && !job.pending_nodes().empty()) {
    std::vector<std::string> names(job.pending_nodes().begin(), job.pending_nodes().end());
    return CompressHostlist(names);
  }
  return ShareNodes(job);
}

std::string NodesText(const pb::Step& step) {
  return ShareNodes(step);
}

std::string NodesOrReason(const pb::Job& job) {
  switch (StateOf(job)) {
    case JobState::kPending:
    case JobState::kFailed:
    case JobState::kTimeout:
    case JobState::kDeadline:
    case JobState::kOutOfMemory:
      return StrCat("(", ReasonText(job), ")");
    default:
      return NodesText(job);
  }
}

std::string PartitionText(const pb::Job& job) {
  const std::string& asked = job.spec().partition();
  if (StateOf(job) == JobState::kPending && asked.find(',') != asked.npos) return asked;
  return job.partition().empty() ? asked : job.partition();
}

int64_t SecondsBetween(int64_t from, int64_t to) {
  int64_t seconds = 0;
  return __builtin_sub_overflow(to, from, &seconds) ? 0 : seconds;
}

int64_t SecondsUsed(const pb::Job& job, int64_t now) {
  if (StateOf(job) == JobState::kPending || job.start_time() == 0) return 0;
  const bool over = IsFinished(StateOf(job)) && job.end_time() != 0;
  const int64_t until = over ? job.end_time() : std::min(now, StandsStillSince(job));
  return RunBetween(job.start_time(), until, job.suspended_usec());
}

int64_t SecondsUsed(const pb::Job& job, const pb::Step& step, int64_t now) {
  const int64_t until =
      step.end_time() != 0 ? step.end_time() : std::min(now, StandsStillSince(job));
  return RunBetween(step.start_time(), until, step.suspended_usec());
}

int64_t SecondsSuspended(const pb::Job& job, int64_t now) {
  return job.suspended_usec() / kMicroseconds +
         std::max<int64_t>(0, SecondsBetween(std::min(now, StandsStillSince(job)), now));
}

int64_t SecondsSuspended(const pb::Job& job, const pb::Step& step, int64_t now) {
  const int64_t since = step.end_time() != 0 ? now : std::min(now, StandsStillSince(job));
  return step.suspended_usec() / kMicroseconds + std::max<int64_t>(0, SecondsBetween(since, now));
}

int64_t SecondsBeforeSuspension(const pb::Job& job) {
  if (job.suspend_time() == 0) return 0;
  return RunBetween(job.start_time(), job.suspend_time(), job.suspended_usec());
}

JobState StateOf(const pb::Job& job, const pb::Step& step) {
  const auto state = static_cast<JobState>(step.state());
  const bool still = state == JobState::kRunning && StateOf(job) == JobState::kSuspended;
  return still ? JobState::kSuspended : state;
}

int64_t StartTime(const pb::Job& job, int64_t now) {
  if (StateOf(job) != JobState::kPending) return job.start_time();
  if (job.planned_start() != 0) return job.planned_start();
  return job.spec().begin_time() > now ? job.spec().begin_time() : 0;
}

int64_t EndTime(const pb::Job& job, int64_t now) {
  if (IsFinished(StateOf(job)) || job.preempt_time() != 0) return job.end_time();
  const int64_t start = StartTime(job, now);
  if (start == 0 || job.time_limit() < 0) return 0;
  return SaturatingAdd(start,
                       SaturatingAdd(job.time_limit(), job.suspended_usec() / kMicroseconds));
}

std::string TimeLimitText(const pb::Job& job) {
  return FormatElapsedShort(LimitOf(job));
}

std::string TimeLeftText(const pb::Job& job, int64_t now) {
  if (job.time_limit() < 0) return "UNLIMITED";
  return FormatElapsedShort(absl::Seconds(job.time_limit() - SecondsUsed(job, now)));
}

uint32_t NumTasks(const pb::Job& job) {
  return job.num_tasks() != 0 ? job.num_tasks() : std::max<uint32_t>(1, job.spec().num_tasks());
}

uint32_t MinCpusPerNode(const pb::Job& job) {
  const pb::JobSpec& spec = job.spec();
  const uint32_t tasks = std::max<uint32_t>(1, spec.ntasks_per_node());
  const uint32_t each = std::max<uint32_t>(1, spec.cpus_per_task());
  return std::max(spec.min_cpus_per_node(), tasks * each);
}

std::string MemoryText(uint64_t mb, bool convert_units) {
  if (convert_units || mb == 0) return FormatMemoryMb(mb);
  return StrCat(mb, "M");
}

std::string MinMemoryText(const JobRow& row) {
  const pb::JobSpec& spec = row.job->spec();
  const uint64_t mb = spec.has_mem_per_cpu_mb() ? spec.mem_per_cpu_mb() : spec.mem_per_node_mb();
  return MemoryText(mb, row.context->convert_units);
}

std::string RequestedTres(const pb::Job& job, const ViewContext& context) {
  const pb::JobSpec& spec = job.spec();
  uint64_t memory = spec.has_mem_per_cpu_mb() ? spec.mem_per_cpu_mb() * job.num_cpus()
                                              : spec.mem_per_node_mb() * job.num_nodes();
  if (spec.has_mem_per_gpu_mb()) memory = spec.mem_per_gpu_mb() * RequestedGpus(job);
  if (memory == 0) {
    auto found = context.partition_memory_mb.find(job.partition());
    if (found != context.partition_memory_mb.end()) memory = found->second * job.num_nodes();
  }
  std::string tres = StrCat("cpu=", job.num_cpus());
  if (memory != 0) AppendTres("mem", MemoryText(memory, context.convert_units), &tres);
  AppendTres("node", StrCat(job.num_nodes()), &tres);
  AppendTres("billing", StrCat(job.num_cpus()), &tres);
  return tres + RequestedGresTres(job);
}

std::string AllocatedTres(const pb::Job& job) {
  if (job.shares().empty()) return "";
  uint64_t cpus = 0;
  uint64_t memory = 0;
  for (const pb::NodeShare& share : job.shares()) {
    cpus += share.cpus();
    memory += share.mem_mb();
  }
  std::string tres = StrCat("cpu=", cpus);
  if (memory != 0) AppendTres("mem", FormatMemoryMb(memory), &tres);
  AppendTres("node", StrCat(job.shares_size()), &tres);
  AppendTres("billing", StrCat(cpus), &tres);
  return tres + AllocatedGresTres(job.shares());
}

std::string LicensesAllocated(const pb::Job& job) {
  if (job.shares_size() == 0) return "";
  const absl::StatusOr<std::vector<License>> licenses = ParseLicenses(job.spec().licenses());
  return licenses.ok() ? FormatLicenses(*licenses) : "";
}

std::string CommandText(const pb::Job& job) {
  if (job.spec().command().empty()) return "(null)";
  std::string text = job.spec().command();
  for (const std::string& argument : job.spec().script_args()) StrAppend(&text, " ", argument);
  return text;
}

std::string StreamText(const JobRow& row, JobStream stream, bool expand) {
  const pb::Job& job = *row.job;
  std::string pattern = StreamPattern(job, stream);
  if (!expand || pattern.empty()) return pattern;
  PatternValues values;
  values.job = JobId{job.job_id()};
  if (job.array_job_id() != 0) values.array_job = JobId{job.array_job_id()};
  if (job.has_array_task_id()) values.array_task = job.array_task_id();
  if (row.task.has_value()) values.array_task = *row.task;
  values.restarts = job.restarts();
  values.node_name = job.batch_host();
  values.user_name = job.user_name();
  values.job_name = job.spec().name();
  absl::StatusOr<std::string> expanded = ExpandFilePattern(pattern, values);
  if (expanded.ok()) pattern = *std::move(expanded);
  return pattern.starts_with('/') ? pattern : StrCat(job.spec().work_dir(), "/", pattern);
}

std::string ExitCodeText(int32_t wait_status) {
  if (WIFSIGNALED(wait_status)) return StrCat("0:", WTERMSIG(wait_status));
  return StrCat(WEXITSTATUS(wait_status), ":0");
}

std::string OrNull(std::string_view text) {
  return text.empty() ? "(null)" : std::string(text);
}

}  // namespace reeve::cli
