#include "cli/show_job.h"

#include <algorithm>

#include "cli/gres_view.h"
#include "cli/record_text.h"
#include "cli/time_text.h"
#include "common/base/hostlist.h"
#include "common/base/ids.h"
#include "common/base/switches.h"
#include "common/base/units.h"

namespace reeve::cli {
namespace {

std::string LimitText(bool limited, int64_t seconds) {
  return FormatDuration(limited ? absl::Seconds(seconds) : absl::InfiniteDuration());
}

std::string IdentityLine(const JobRow& row) {
  const pb::Job& job = *row.job;
  std::string line = StrCat("JobId=", job.job_id());
  if (job.array_job_id() != 0) {
    StrAppend(&line, " ArrayJobId=", job.array_job_id(), " ArrayTaskId=", ArrayTaskText(row));
    if (job.array_limit() != 0) StrAppend(&line, " ArrayTaskThrottle=", job.array_limit());
  }
  if (job.het_job_id() != 0) {
    StrAppend(&line, " HetJobId=", job.het_job_id(), " HetJobOffset=", job.het_job_offset());
  }
  return StrCat(line, " JobName=", job.spec().name());
}

void AddState(const JobRow& row, const ShowOptions& options, RecordText* text) {
  const pb::Job& job = *row.job;
  const pb::JobSpec& spec = job.spec();
  if (job.het_job_id() != 0) text->Line("HetJobIdSet=", HetJobIdSet(job));
  text->Line("UserId=", job.user_name(), "(", job.uid(), ") GroupId=", job.group_name(), "(",
             job.gid(), ") MCS_label=N/A");
  text->Line("Priority=", job.priority(), " Nice=", spec.nice(), " Account=", OrNull(job.account()),
             " QOS=", OrNull(job.qos()));
  text->Line("JobState=", StateText(job), " Reason=", ReplaceAll(ReasonText(job), " ", "_"),
             " Dependency=", OrNull(job.dependency()));
  if (options.details && !job.reason_detail().empty()) {
    text->Line("ReasonDetail=", ReplaceAll(job.reason_detail(), " ", "_"));
  }
  const bool requeue = spec.has_requeue() ? spec.requeue() : row.context->default_requeue;
  text->Line("Requeue=", requeue && spec.batch() ? 1 : 0, " Restarts=", job.restarts(),
             " BatchFlag=", spec.batch() ? 1 : 0,
             " Reboot=0 ExitCode=", ExitCodeText(job.exit_status()));
  if (options.details) text->Line("DerivedExitCode=", ExitCodeText(job.derived_exit_status()));
}

// Where jobs make room for others: from when on this run of the job may have to.
std::optional<int64_t> PreemptEligibleTime(const JobRow& row) {
  const pb::Job& job = *row.job;
  const std::optional<int64_t>& exempt = row.context->preempt_exempt_time;
  const bool has_run = StateOf(job) != JobState::kPending && job.start_time() != 0;
  if (!has_run || (!exempt.has_value() && job.preempt_time() == 0)) return std::nullopt;
  return job.start_time() + exempt.value_or(0);
}

void AddTimes(const JobRow& row, RecordText* text) {
  const pb::Job& job = *row.job;
  const int64_t now = row.context->now;
  text->Line("RunTime=", LimitText(true, SecondsUsed(job, now)),
             " TimeLimit=", LimitText(job.time_limit() >= 0, job.time_limit()), " TimeMin=",
             job.spec().has_time_min() ? LimitText(true, job.spec().time_min()) : "N/A");
  text->Line("SubmitTime=", TimeText(job.submit_time(), "Unknown"),
             " EligibleTime=", TimeText(job.eligible_time(), "Unknown"));
  text->Line("AccrueTime=", TimeText(job.accrue_time(), "Unknown"));
  if (job.resize_time() != 0) text->Line("ResizeTime=", TimeText(job.resize_time(), "None"));
  text->Line("StartTime=", TimeText(StartTime(job, now), "Unknown"),
             " EndTime=", TimeText(EndTime(job, now), "Unknown"),
             " Deadline=", TimeText(job.spec().deadline(), "N/A"));
  if (const std::optional<int64_t> eligible = PreemptEligibleTime(row)) {
    text->Line("PreemptEligibleTime=", TimeText(*eligible, "Unknown"),
               " PreemptTime=", TimeText(job.preempt_time(), "None"));
  }
  text->Line("SuspendTime=", TimeText(job.suspend_time(), "None"),
             " SecsPreSuspend=", SecondsBeforeSuspension(job),
             " LastSchedEval=", TimeText(job.last_sched_time(), "Unknown"), " Scheduler=Main");
}

// "3-3" while it may still become another number.
std::string NumNodesText(const pb::Job& job) {
  const pb::JobSpec& spec = job.spec();
  const bool open = StateOf(job) == JobState::kPending && job.array_job_id() == 0;
  if (!open) return StrCat(job.num_nodes());
  if (spec.has_max_nodes()) return StrCat(job.num_nodes(), "-", spec.max_nodes());
  return NumTasks(job) > 1 ? StrCat(job.num_nodes())
                           : StrCat(job.num_nodes(), "-", job.num_nodes());
}

std::string OrAny(uint32_t count) {
  return count == 0 ? "*" : StrCat(count);
}

// With --details, what the job has on each node, like nodes together.
void AddNodeShares(const pb::Job& job, RecordText* text) {
  text->Line("JOB_GRES=", OrNull(GresTotals(job.shares())));
  std::vector<bool> done(static_cast<size_t>(job.shares_size()), false);
  for (int i = 0; i < job.shares_size(); ++i) {
    if (done[static_cast<size_t>(i)]) continue;
    const pb::NodeShare& share = job.shares(i);
    std::vector<std::string> alike;
    for (int k = i; k < job.shares_size(); ++k) {
      const pb::NodeShare& other = job.shares(k);
      if (other.cores() != share.cores() || other.mem_mb() != share.mem_mb()) continue;
      if (GresWithIds(other) != GresWithIds(share)) continue;
      alike.push_back(other.node());
      done[static_cast<size_t>(k)] = true;
    }
    text->DeepLine("Nodes=", CompressHostlist(alike), " CPU_IDs=", share.cores(),
                   " Mem=", share.mem_mb(), " GRES=", GresWithIds(share));
  }
}

void AddResources(const JobRow& row, const ShowOptions& options, RecordText* text) {
  const pb::Job& job = *row.job;
  const pb::JobSpec& spec = job.spec();
  text->Line("Partition=", PartitionText(job), " AllocNode:Sid=", spec.submit_host(), ":",
             spec.alloc_sid());
  text->Line("ReqNodeList=", OrNull(spec.req_nodes()), " ExcNodeList=", OrNull(spec.exc_nodes()));
  text->Line("NodeList=", NodesText(job));
  if (StateOf(job) == JobState::kPending && !job.sched_nodes().empty()) {
    text->Line("SchedNodeList=", job.sched_nodes());
  }
  if (!job.batch_host().empty()) text->Line("BatchHost=", job.batch_host());
  text->Line("NumNodes=", NumNodesText(job), " NumCPUs=", job.num_cpus(),
             " NumTasks=", NumTasks(job),
             " CPUs/Task=", std::max<uint32_t>(1, spec.cpus_per_task()),
             " ReqB:S:C:T=0:0:", OrAny(spec.cpus().cores_per_socket()), ":",
             OrAny(spec.cpus().threads_per_core()));
  text->Line("ReqTRES=", RequestedTres(job, *row.context));
  text->Line("AllocTRES=", OrNull(AllocatedTres(job)));
  text->Line("Socks/Node=", OrAny(spec.cpus().sockets_per_node()),
             " NtasksPerN:B:S:C=", spec.ntasks_per_node(),
             ":0:", OrAny(spec.cpus().ntasks_per_socket()), ":",
             OrAny(spec.cpus().ntasks_per_core()), " CoreSpec=*");
  if (options.details && job.shares_size() > 0) AddNodeShares(job, text);
  text->Line("MinCPUsNode=", MinCpusPerNode(job),
             spec.has_mem_per_cpu_mb() ? " MinMemoryCPU=" : " MinMemoryNode=", MinMemoryText(row),
             " MinTmpDiskNode=", MemoryText(spec.tmp_disk_mb(), true));
  text->Line("Features=", OrNull(spec.features()), " DelayBoot=00:00:00");
  if (!spec.reservation().empty()) text->Line("Reservation=", spec.reservation());
  const bool shares = spec.oversubscribe() || job.share_limit() > 1;
  text->Line("OverSubscribe=", shares ? "YES" : "NO", " Exclusive=",
             spec.exclusive_user() ? "USER"
             : spec.exclusive()    ? "NODE"
                                   : "NO",
             " Contiguous=", spec.contiguous() ? 1 : 0, " Licenses=", OrNull(spec.licenses()),
             " LicensesAlloc=", OrNull(LicensesAllocated(job)), " Network=(null)");
}

void AddFiles(const JobRow& row, RecordText* text) {
  const pb::Job& job = *row.job;
  const pb::JobSpec& spec = job.spec();
  text->Line("Command=", CommandText(job));
  text->Line("SubmitLine=", OrNull(spec.submit_line()));
  text->Line("WorkDir=", spec.work_dir());
  if (!spec.comment().empty()) text->Line("Comment=", spec.comment());
  if (spec.batch()) {
    text->Line("StdErr=", StreamText(row, JobStream::kError, true));
    text->Line("StdIn=", StreamText(row, JobStream::kInput, true));
    text->Line("StdOut=", StreamText(row, JobStream::kOutput, true));
  }
  const auto line = [&](std::string_view key, const std::string& value) {
    if (!value.empty()) text->Line(key, value);
  };
  if (spec.switches() > 0) {
    text->Line("Switches=", FormatSwitches(spec.switches(), absl::Seconds(spec.switches_wait())));
  }
  line("CpusPerTres=", CpusPerTres(spec));
  line("MemPerTres=", MemPerTres(spec));
  line("TresBind=", spec.gpu_bind().empty() ? "" : StrCat("gpu:", spec.gpu_bind()));
  line("TresPerJob=", TresPerJob(spec));
  line("TresPerNode=", TresPerNode(spec));
  line("TresPerTask=", TresPerTask(spec));
}

}  // namespace

std::string ShowJobText(const JobRow& row, const ShowOptions& options) {
  RecordText text(options.one_line);
  text.Line(IdentityLine(row));
  AddState(row, options, &text);
  AddTimes(row, &text);
  AddResources(row, options, &text);
  AddFiles(row, &text);
  return text.Finish();
}

std::string ShowStepText(const StepRow& row, const ShowOptions& options) {
  const pb::Step& step = *row.step;
  // The batch step runs within the job's own resources and asks for none.
  const bool counted = step.step_id() >= 0;
  uint64_t cpus = 0;
  uint64_t memory = 0;
  for (const pb::NodeShare& share : step.shares()) {
    cpus += counted ? share.cpus() : 0;
    memory += counted ? share.mem_mb() : 0;
  }
  RecordText text(options.one_line);
  text.Line("StepId=", StepIdText(row), " UserId=", row.job->uid(),
            " StartTime=", TimeText(step.start_time(), "Unknown"),
            " TimeLimit=", LimitText(step.has_time_limit(), step.time_limit()));
  text.Line("State=", std::string(LongName(StateOf(*row.job, step))),
            " Partition=", row.job->partition(), " NodeList=", NodesText(step));
  text.Line("Nodes=", step.shares_size(), " CPUs=", cpus, " Tasks=", step.num_tasks(),
            " Name=", step.name(), " Network=(null)");
  text.Line("TRES=", counted
                         ? StrCat("cpu=", cpus, ",mem=", FormatMemoryMb(memory),
                                  ",node=", step.shares_size(), AllocatedGresTres(step.shares()))
                         : "(null)");
  text.Line("ResvPorts=(null)");
  const bool cyclic = step.dist().starts_with("cyclic");
  text.Line("CPUFreqReq=Default", !counted ? "" : cyclic ? " Dist=Cyclic" : " Dist=Block");
  text.Line("SrunHost:Pid=", counted ? OrNull(step.submit_host()) : "(null)", ":",
            counted ? step.srun_pid() : 0);
  if (counted && step.cpus_per_task() > 1) text.Line("TresPerTask=cpu=", step.cpus_per_task());
  return text.Finish();
}

}  // namespace reeve::cli
