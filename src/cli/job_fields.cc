#include "cli/job_fields.h"

#include <sys/wait.h>

#include "absl/strings/str_format.h"
#include "cli/gres_view.h"
#include "cli/time_text.h"
#include "common/base/units.h"

namespace reeve::cli {
namespace {

const pb::JobSpec& Spec(const JobRow& row) {
  return row.job->spec();
}

template <const char* kText>
std::string Always(const JobRow&) {
  return kText;
}
constexpr char kNull[] = "(null)";
constexpr char kNotAvailable[] = "N/A";
constexpr char kNoFederation[] = "NA";
constexpr char kZero[] = "0";
constexpr char kNoTime[] = "0:00";
constexpr char kNotSet[] = "NotSet";
constexpr char kEmpty[] = "";

std::string EndTimeText(const JobRow& row) {
  const int64_t end = EndTime(*row.job, row.context->now);
  if (end != 0) return TimeText(end, "N/A");
  // A start is known, an end is not: there is no limit.
  return StartTime(*row.job, row.context->now) != 0 ? "NONE" : "N/A";
}

std::string NormalizedPriority(const JobRow& row) {
  return absl::StrFormat("%.14f", row.job->priority() / 4294967295.0);
}

std::string OverSubscribeText(const JobRow& row) {
  if (Spec(row).exclusive_user()) return "USER";
  if (Spec(row).exclusive()) return "NO";
  return Spec(row).oversubscribe() || row.job->share_limit() > 1 ? "YES" : "OK";
}

std::string PendingSeconds(const JobRow& row) {
  const bool pending = StateOf(*row.job) == JobState::kPending || row.job->start_time() == 0;
  return StrCat(
      SecondsBetween(row.job->submit_time(), pending ? row.context->now : row.job->start_time()));
}

std::string OrNotAvailable(std::string text) {
  return text.empty() ? kNotAvailable : text;
}

std::string OrStar(uint32_t count) {
  return count == 0 ? "*" : StrCat(count);
}

std::string CountOrNone(uint32_t count) {
  return count == 0 ? kNotAvailable : StrCat(count);
}

std::string TresText(const JobRow& row) {
  const std::string allocated = AllocatedTres(*row.job);
  return allocated.empty() ? RequestedTres(*row.job, *row.context) : allocated;
}

bool Requeues(const JobRow& row) {
  if (!Spec(row).batch()) return false;
  return Spec(row).has_requeue() ? Spec(row).requeue() : row.context->default_requeue;
}

template <JobStream kStream>
std::string Stream(const JobRow& row) {
  std::string text = StreamText(row, kStream, row.context->expand_patterns);
  // Without a file of its own, standard error goes where standard output does.
  if (text.empty()) text = StreamText(row, JobStream::kOutput, row.context->expand_patterns);
  return text;
}

std::string ExitStatusText(int32_t status) {
  return StrCat(WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

using Row = JobRow;

std::string HetText(const pb::Job& job, uint32_t number) {
  return job.het_job_id() == 0 ? kNotAvailable : StrCat(number);
}

// Letters in the order in which %all prints them. Durations are never cut.
constexpr ViewField<JobRow> kJobFields[] = {
    {'a', "Account", "ACCOUNT", [](const Row& r) { return OrNull(r.job->account()); }},
    {'b', "tres-per-node Gres", "TRES_PER_NODE",
     [](const Row& r) { return OrNotAvailable(TresPerNode(Spec(r))); }},
    {'c', "MinCpus", "MIN_CPUS", [](const Row& r) { return StrCat(MinCpusPerNode(*r.job)); }},
    {'d', "MinTmpDisk", "MIN_TMP_DISK",
     [](const Row& r) { return MemoryText(Spec(r).tmp_disk_mb(), r.context->convert_units); }},
    {'e', "EndTime", "END_TIME", EndTimeText},
    {'f', "Feature", "FEATURES", [](const Row& r) { return OrNull(Spec(r).features()); }},
    {'g', "GroupName", "GROUP", [](const Row& r) { return r.job->group_name(); }},
    {'h', "OverSubscribe", "OVER_SUBSCRIBE", OverSubscribeText},
    {'i', "JobArrayID", "JOBID", JobIdText},
    {'j', "Name", "NAME", [](const Row& r) { return Spec(r).name(); }},
    {'k', "Comment", "COMMENT", [](const Row& r) { return OrNull(Spec(r).comment()); }},
    {'l', "TimeLimit", "TIME_LIMIT", [](const Row& r) { return TimeLimitText(*r.job); },
     Overflow::kKeep},
    {'m', "MinMemory", "MIN_MEMORY", MinMemoryText},
    {'n', "ReqNodes", "REQ_NODES", [](const Row& r) { return Spec(r).req_nodes(); }},
    {'o', "Command", "COMMAND", [](const Row& r) { return CommandText(*r.job); }},
    {'p', "Priority", "PRIORITY", NormalizedPriority},
    {'q', "QOS", "QOS", [](const Row& r) { return OrNull(r.job->qos()); }},
    {'r', "Reason", "REASON", [](const Row& r) { return ReasonText(*r.job); }},
    {'s', "SelectJobInfo", "", Always<kEmpty>},
    {'t', "StateCompact", "ST", [](const Row& r) { return CompactStateText(*r.job); }},
    {'u', "UserName", "USER", [](const Row& r) { return r.job->user_name(); }},
    {'v', "Reservation", "RESERVATION", [](const Row& r) { return OrNull(Spec(r).reservation()); }},
    {'w', "WCKey", "WCKEY", Always<kNull>},
    {'x', "ExcNodes", "EXC_NODES", [](const Row& r) { return Spec(r).exc_nodes(); }},
    {'y', "Nice", "NICE", [](const Row& r) { return StrCat(Spec(r).nice()); }},
    {'z', "SCT", "S:C:T",
     [](const Row& r) {
       const pb::CpuWishes& cpus = Spec(r).cpus();
       return StrCat(OrStar(cpus.sockets_per_node()), ":", OrStar(cpus.cores_per_socket()), ":",
                     OrStar(cpus.threads_per_core()));
     }},
    {'A', "JobID", "JOBID", [](const Row& r) { return StrCat(r.job->job_id()); }},
    {'B', "BatchHost", "EXEC_HOST",
     [](const Row& r) { return r.job->batch_host().empty() ? "n/a" : r.job->batch_host(); }},
    {'C', "NumCPUs", "CPUS", [](const Row& r) { return StrCat(r.job->num_cpus()); }},
    {'D', "NumNodes", "NODES", [](const Row& r) { return StrCat(r.job->num_nodes()); }},
    {'E', "Dependency", "DEPENDENCY", [](const Row& r) { return OrNull(r.job->dependency()); }},
    {'F', "ArrayJobID", "ARRAY_JOB_ID", [](const Row& r) { return StrCat(ArrayJobId(*r.job)); }},
    {'G', "GroupID", "GROUP", [](const Row& r) { return StrCat(r.job->gid()); }},
    {'H', "Sockets", "SOCKETS_PER_NODE",
     [](const Row& r) { return OrStar(Spec(r).cpus().sockets_per_node()); }},
    {'I', "Cores", "CORES_PER_SOCKET",
     [](const Row& r) { return OrStar(Spec(r).cpus().cores_per_socket()); }},
    {'J', "Threads", "THREADS_PER_CORE",
     [](const Row& r) { return OrStar(Spec(r).cpus().threads_per_core()); }},
    {'K', "ArrayTaskID", "ARRAY_TASK_ID", ArrayTaskText},
    {'L', "TimeLeft", "TIME_LEFT",
     [](const Row& r) { return TimeLeftText(*r.job, r.context->now); }, Overflow::kKeep},
    {'M', "TimeUsed", "TIME",
     [](const Row& r) {
       return FormatElapsedShort(absl::Seconds(SecondsUsed(*r.job, r.context->now)));
     },
     Overflow::kKeep},
    {'N', "NodeList", "NODELIST", [](const Row& r) { return NodesText(*r.job); }},
    {'O', "Contiguous", "CONTIGUOUS",
     [](const Row& r) { return StrCat(Spec(r).contiguous() ? 1 : 0); }},
    {'P', "Partition", "PARTITION", [](const Row& r) { return PartitionText(*r.job); }},
    {'Q', "PriorityLong", "PRIORITY", [](const Row& r) { return StrCat(r.job->priority()); }},
    {'R', "ReasonList", "NODELIST(REASON)", [](const Row& r) { return NodesOrReason(*r.job); }},
    {'S', "StartTime", "START_TIME",
     [](const Row& r) { return TimeText(StartTime(*r.job, r.context->now), "N/A"); }},
    {'T', "State", "STATE", [](const Row& r) { return StateText(*r.job); }},
    {'U', "UserID", "UID", [](const Row& r) { return StrCat(r.job->uid()); }},
    {'V', "SubmitTime", "SUBMIT_TIME",
     [](const Row& r) { return TimeText(r.job->submit_time(), "N/A"); }},
    {'W', "Licenses", "LICENSES", [](const Row& r) { return OrNull(Spec(r).licenses()); }},
    {'X', "CoreSpec", "CORE_SPEC", Always<kNotAvailable>},
    {'Y', "SchedNodes", "SCHEDNODES", [](const Row& r) { return OrNull(r.job->sched_nodes()); }},
    {'Z', "WorkDir", "WORK_DIR", [](const Row& r) { return Spec(r).work_dir(); }},

    {0, "AccrueTime", "ACCRUE_TIME",
     [](const Row& r) { return TimeText(r.job->accrue_time(), "N/A"); }},
    {0, "admin_comment", "ADMIN_COMMENT", Always<kNull>},
    {0, "AllocNodes", "ALLOC_NODES", [](const Row& r) { return OrNull(Spec(r).submit_host()); }},
    {0, "AllocSID", "ALLOC_SID", [](const Row& r) { return StrCat(Spec(r).alloc_sid()); }},
    {0, "AssocID", "ASSOC_ID", Always<kZero>},
    {0, "BatchFlag", "BATCH_FLAG", [](const Row& r) { return StrCat(Spec(r).batch() ? 1 : 0); }},
    {0, "BoardsPerNode", "BOARDS_PER_NODE", Always<kZero>},
    {0, "BurstBuffer", "BURST_BUFFER", Always<kNull>},
    {0, "BurstBufferState", "BURST_BUFFER_STATE", Always<kNull>},
    {0, "Cluster", "CLUSTER", [](const Row& r) { return r.context->cluster; }},
    {0, "ClusterFeature", "CLUSTER_FEATURES", Always<kNull>},
    {0, "Container", "CONTAINER", Always<kNull>},
    {0, "ContainerID", "CONTAINER_ID", Always<kNull>},
    {0, "cpus-per-task", "CPUS_PER_TASK",
     [](const Row& r) { return StrCat(std::max<uint32_t>(1, Spec(r).cpus_per_task())); }},
    {0, "cpus-per-tres", "CPUS_PER_TRES",
     [](const Row& r) { return OrNotAvailable(CpusPerTres(Spec(r))); }},
    {0, "Deadline", "DEADLINE", [](const Row& r) { return TimeText(Spec(r).deadline(), "N/A"); }},
    {0, "DelayBoot", "DELAY_BOOT", Always<kNoTime>},
    {0, "DerivedEC", "DERIVED_EC",
     [](const Row& r) { return ExitStatusText(r.job->derived_exit_status()); }},
    {0, "EligibleTime", "ELIGIBLE_TIME",
     [](const Row& r) { return TimeText(r.job->eligible_time(), "N/A"); }},
    {0, "exit_code", "EXIT_CODE",
     [](const Row& r) { return ExitStatusText(r.job->exit_status()); }},
    {0, "HetJobID", "HET_JOB_ID",
     [](const Row& r) { return HetText(*r.job, r.job->het_job_id()); }},
    {0, "HetJobIDSet", "HET_JOB_ID_SET", [](const Row& r) { return HetJobIdSet(*r.job); }},
    {0, "HetJobOffset", "HET_JOB_OFFSET",
     [](const Row& r) { return HetText(*r.job, r.job->het_job_offset()); }},
    {0, "LastSchedEval", "LAST_SCHED_EVAL",
     [](const Row& r) { return TimeText(r.job->last_sched_time(), "N/A"); }},
    {0, "LicensesAlloc", "LICENSES_ALLOC",
     [](const Row& r) { return OrNull(LicensesAllocated(*r.job)); }},
    {0, "MaxCPUs", "MAX_CPUS", [](const Row& r) { return StrCat(r.job->num_cpus()); }},
    {0, "MaxNodes", "MAX_NODES",
     [](const Row& r) {
       return StrCat(Spec(r).has_max_nodes() ? Spec(r).max_nodes() : r.job->num_nodes());
     }},
    {0, "MCSLabel", "MCSLABEL", Always<kNull>},
    {0, "mem-per-tres", "MEM_PER_TRES",
     [](const Row& r) { return OrNotAvailable(MemPerTres(Spec(r))); }},
    {0, "MinTime", "TIME_MIN",
     [](const Row& r) { return FormatElapsedShort(absl::Seconds(Spec(r).time_min())); },
     Overflow::kKeep},
    {0, "Network", "NETWORK", Always<kNull>},
    {0, "NTPerBoard", "NTASKS_PER_BOARD", Always<kZero>},
    {0, "NTPerCore", "NTASKS_PER_CORE",
     [](const Row& r) { return CountOrNone(Spec(r).cpus().ntasks_per_core()); }},
    {0, "NTPerNode", "NTASKS_PER_NODE",
     [](const Row& r) { return StrCat(Spec(r).ntasks_per_node()); }},
    {0, "NTPerSocket", "NTASKS_PER_SOCKET",
     [](const Row& r) { return CountOrNone(Spec(r).cpus().ntasks_per_socket()); }},
    {0, "NumTasks", "TASKS", [](const Row& r) { return StrCat(NumTasks(*r.job)); }},
    {0, "Origin", "ORIGIN", Always<kNoFederation>},
    {0, "OriginRaw", "ORIGIN_RAW", Always<kNoFederation>},
    {0, "PendingTime", "PENDING_TIME", PendingSeconds},
    {0, "PreemptTime", "PREEMPT_TIME",
     [](const Row& r) { return TimeText(r.job->preempt_time(), "N/A"); }},
    {0, "Prefer", "PREFER", Always<kNull>},
    {0, "Profile", "PROFILE", Always<kNotSet>},
    {0, "Reboot", "REBOOT", Always<kZero>},
    {0, "ReqSwitch", "REQ_SWITCH", [](const Row& r) { return StrCat(Spec(r).switches()); }},
    {0, "Requeue", "REQUEUE", [](const Row& r) { return StrCat(Requeues(r) ? 1 : 0); }},
    {0, "ResizeTime", "RESIZE_TIME", Always<kNotAvailable>},
    {0, "RestartCnt", "RESTART_COUNT", [](const Row& r) { return StrCat(r.job->restarts()); }},
    {0, "SiblingsActive", "ACTIVE_SIBLINGS", Always<kNoFederation>},
    {0, "SiblingsActiveRaw", "ACTIVE_SIBLINGS_RAW", Always<kNoFederation>},
    {0, "SiblingsViable", "VIABLE_SIBLINGS", Always<kNoFederation>},
    {0, "SiblingsViableRaw", "VIALBLE_SIBLINGS_RAW", Always<kNoFederation>},
    {0, "SPerBoard", "SOCKETS_PER_BOARD", Always<kZero>},
    {0, "STDERR", "STDERR", Stream<JobStream::kError>},
    {0, "STDIN", "STDIN", Stream<JobStream::kInput>},
    {0, "STDOUT", "STDOUT", Stream<JobStream::kOutput>},
    {0, "SubmitLine", "SUBMIT_LINE", [](const Row& r) { return OrNull(Spec(r).submit_line()); }},
    {0, "system_comment", "SYSTEM_COMMENT", Always<kNull>},
    {0, "tres-alloc tres", "TRES_ALLOC", TresText},
    {0, "tres-bind", "TRES_BIND",
     [](const Row& r) {
       return Spec(r).gpu_bind().empty() ? kNotAvailable : StrCat("gpu:", Spec(r).gpu_bind());
     }},
    {0, "tres-freq", "TRES_FREQ", Always<kNotAvailable>},
    {0, "tres-per-job", "TRES_PER_JOB",
     [](const Row& r) { return OrNotAvailable(TresPerJob(Spec(r))); }},
    {0, "tres-per-socket", "TRES_PER_SOCKET", Always<kNotAvailable>},
    {0, "tres-per-task", "TRES_PER_TASK",
     [](const Row& r) { return OrNotAvailable(TresPerTask(Spec(r))); }},
    {0, "Wait4Switch", "WAIT4SWITCH",
     [](const Row& r) { return FormatElapsedShort(absl::Seconds(Spec(r).switches_wait())); }},
};

std::string StepNull(const StepRow&) {
  return kNull;
}

uint32_t StepCpus(const pb::Step& step) {
  uint32_t cpus = 0;
  for (const pb::NodeShare& share : step.shares()) cpus += share.cpus();
  return cpus;
}

constexpr ViewField<StepRow> kStepFields[] = {
    {'b', "tres-per-node", "TRES_PER_JOB", StepNull},
    {'i', "StepID", "STEPID", StepIdText},
    {'j', "StepName", "NAME", [](const StepRow& r) { return r.step->name(); }},
    {'l', "TimeLimit", "TIME_LIMIT",
     [](const StepRow& r) {
       return FormatElapsedShort(r.step->has_time_limit() ? absl::Seconds(r.step->time_limit())
                                                          : absl::InfiniteDuration());
     },
     Overflow::kKeep},
    {'u', "UserName", "USER", [](const StepRow& r) { return r.job->user_name(); }},
    {'A', "NumTasks", "TASKS", [](const StepRow& r) { return StrCat(r.step->num_tasks()); }},
    {'M', "TimeUsed", "TIME",
     [](const StepRow& r) {
       return FormatElapsedShort(absl::Seconds(SecondsUsed(*r.job, *r.step, r.context->now)));
     },
     Overflow::kKeep},
    {'N', "Nodes", "NODELIST", [](const StepRow& r) { return NodesText(*r.step); }},
    {'P', "Partition", "PARTITION", [](const StepRow& r) { return r.job->partition(); }},
    {'S', "StartTime", "START_TIME",
     [](const StepRow& r) { return TimeText(r.step->start_time(), "N/A"); }},
    {'U', "UserID", "UID", [](const StepRow& r) { return StrCat(r.job->uid()); }},

    {0, "ArrayJobID", "ARRAY_JOB_ID",
     [](const StepRow& r) { return StrCat(r.job->array_job_id()); }},
    {0, "ArrayTaskID", "ARRAY_TASK_ID",
     [](const StepRow& r) {
       return r.job->has_array_task_id() ? StrCat(r.job->array_task_id()) : "N/A";
     }},
    {0, "Cluster", "CLUSTER", [](const StepRow& r) { return r.context->cluster; }},
    {0, "Container", "CONTAINER", StepNull},
    {0, "ContainerID", "CONTAINER_ID", StepNull},
    {0, "CPUFreq", "CPU_FREQ", [](const StepRow&) -> std::string { return "0-0:0"; }},
    {0, "JobID", "JOB_ID", [](const StepRow& r) { return StrCat(r.job->job_id()); }},
    {0, "mem-per-tres", "MEM_PER_TRES", StepNull},
    {0, "Network", "NETWORK", StepNull},
    {0, "NumCPUs", "NUM_CPUS", [](const StepRow& r) { return StrCat(StepCpus(*r.step)); }},
    {0, "StepState", "STATE",
     [](const StepRow& r) {
       return std::string(LongName(static_cast<JobState>(r.step->state())));
     }},
    {0, "tres-bind", "TRES_BIND", StepNull},
    {0, "tres-per-step", "TRES_PER_STEP", StepNull},
    {0, "tres-per-job", "TRES_PER_STEP", StepNull},
};

}  // namespace

bool NeedsBriefSpecOnly(const ViewField<JobRow>& field) {
  constexpr std::string_view kLetters = "aegijlpqrtuyABCDEFGKLMNPQRSTUVY";
  return field.letter != 0 && kLetters.find(field.letter) != kLetters.npos;
}

std::span<const ViewField<JobRow>> JobFields() {
  return kJobFields;
}
std::span<const ViewField<StepRow>> StepFields() {
  return kStepFields;
}

}  // namespace reeve::cli
