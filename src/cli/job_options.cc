#include "cli/job_options.h"

#include <array>
#include <limits>

#include "cli/cpu_options.h"
#include "cli/option_values.h"
#include "common/base/gres.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

using enum Argument;
constexpr unsigned kAll = kAllCommands;
constexpr unsigned kBatchAndRun = kSbatch | kSrun;

// ---- setters that many rows share -------------------------------------------------------------

// A text field of the spec: SetText<&pb::JobSpec::mutable_account>.
template <auto kField>
Fault SetText(JobRequest& request, const OptionRow&, std::string_view value) {
  *(request.spec.*kField)() = value;
  return kFine;
}

// A file name pattern; "none" is the null device.
template <auto kField>
Fault SetFile(JobRequest& request, const OptionRow&, std::string_view value) {
  *(request.spec.*kField)() =
      EqualsIgnoreCase(value, "none") ? std::string_view("/dev/null") : value;
  return kFine;
}

// A count of at least one.
template <auto kField>
Fault SetCount(JobRequest& request, const OptionRow& row, std::string_view value) {
  uint32_t count = 0;
  if (Fault fault = ParseCount(row, value, 1, &count)) return fault;
  (request.spec.*kField)(count);
  return kFine;
}

template <auto kField, bool kValue = true>
Fault SetFlag(JobRequest& request, const OptionRow&, std::string_view) {
  (request.spec.*kField)(kValue);
  return kFine;
}

template <auto kMember>
Fault SetOwnFlag(JobRequest& request, const OptionRow&, std::string_view) {
  request.*kMember = true;
  return kFine;
}

template <auto kMember>
Fault SetOwnText(JobRequest& request, const OptionRow&, std::string_view value) {
  request.*kMember = std::string(value);
  return kFine;
}

template <Action kAction>
Fault SetAction(JobRequest& request, const OptionRow&, std::string_view) {
  request.action = kAction;
  return kFine;
}

// [TYPE:]COUNT of GPUs.
template <auto kField>
Fault SetGpus(JobRequest& request, const OptionRow& row, std::string_view value) {
  if (value.find(',') != value.npos) {
    return NotSupported(StrCat("--", row.name, " with several types"));
  }
  if (!ParseGpus(value).ok()) {
    return OptionFault{StrCat(kInvalidGres, ": --", row.name, "=", value), 1};
  }
  *(request.spec.*kField)() = value;
  return kFine;
}

Fault AddVerbosity(JobRequest& request, const OptionRow&, std::string_view) {
  ++request.verbose;
  return kFine;
}

// What Reeve does in any case.
Fault Satisfied(JobRequest&, const OptionRow&, std::string_view) {
  return kFine;
}

using Spec = pb::JobSpec;
using Request = JobRequest;

// ---- the table --------------------------------------------------------------------------------

constexpr auto kTable = std::to_array<OptionRow>({
    {"account", 'A', kRequired, kAll, "SBATCH_ACCOUNT SALLOC_ACCOUNT SLURM_ACCOUNT",
     SetText<&Spec::mutable_account>, "NAME", "charge this account"},
    {"array", 'a', kRequired, kSbatch, "SBATCH_ARRAY_INX", SetText<&Spec::mutable_array>, "IDS",
     "a job array: 0-15, 1,3,5-7, 0-99:10%4"},
    {"begin", 'b', kRequired, kAll, "", SetBegin, "TIME", "not before: 16:00, tomorrow, now+1hour"},
    {"bell", 0, kNone, kSalloc, "SALLOC_BELL", SetOwnFlag<&Request::bell>, "",
     "ring when the allocation is granted"},
    {"chdir", 'D', kRequired, kAll, "SLURM_WORKING_DIR SLURM_REMOTE_CWD", SetChdir, "DIR",
     "working directory"},
    {"comment", 0, kRequired, kAll, "", SetText<&Spec::mutable_comment>, "TEXT", "a remark"},
    {"constraint", 'C', kRequired, kAll, "SBATCH_CONSTRAINT SALLOC_CONSTRAINT SLURM_CONSTRAINT",
     SetText<&Spec::mutable_features>, "LIST", "features that the nodes must have"},
    {"contiguous", 0, kNone, kAll, "", SetFlag<&Spec::set_contiguous>, "", "neighbouring nodes"},
    {"cores-per-socket", 0, kRequired, kAll, "", SetCpuWish<&pb::CpuWishes::set_cores_per_socket>,
     "N", "nodes with so many cores a socket"},
    {"cpu-bind", 0, kRequired, kSrun, "SLURM_CPU_BIND", SetCpuBind, "none",
     "binding of tasks: only none"},
    {"cpus-per-gpu", 0, kRequired, kAll,
     "SBATCH_CPUS_PER_GPU SALLOC_CPUS_PER_GPU SLURM_CPUS_PER_GPU",
     SetCount<&Spec::set_cpus_per_gpu>, "N", "CPUs for each GPU"},
    {"cpus-per-task", 'c', kRequired, kAll, "SLURM_CPUS_PER_TASK",
     SetCount<&Spec::set_cpus_per_task>, "N", "CPUs for each task"},
    {"deadline", 0, kRequired, kAll, "", SetDeadline, "TIME",
     "give up when it cannot end by then: 16:00, now+2hours"},
    {"dependency", 'd', kRequired, kAll, "SLURM_DEPENDENCY", SetText<&Spec::mutable_dependency>,
     "LIST", "after:ID, afterok:ID, afterany:ID"},
    {"disable-status", 'X', kNone, kSrun, "SLURM_DISABLE_STATUS",
     SetOwnFlag<&Request::disable_status>, "", "Ctrl-C goes to the tasks at once"},
    {"distribution", 'm', kRequired, kAll, "SBATCH_DISTRIBUTION SLURM_DISTRIBUTION",
     SetDistribution, "N[:S[:C]]",
     "how tasks are spread over nodes, sockets, cores: block, cyclic"},
    {"epilog", 0, kRequired, kSrun, "SLURM_EPILOG", SetOwnText<&Request::srun_epilog>, "PROGRAM",
     "run it here after the step; none"},
    {"error", 'e', kRequired, kBatchAndRun, "SBATCH_ERROR SRUN_ERROR",
     SetFile<&Spec::mutable_std_err>, "FILE", "standard error (default: with the output)"},
    {"exact", 0, kNone, kSrun, "SLURM_EXACT", SetOwnFlag<&Request::exact>, "",
     "a step gets the CPUs it asks for and no more"},
    {"exclude", 'x', kRequired, kAll, "", SetText<&Spec::mutable_exc_nodes>, "NODES",
     "nodes to avoid"},
    {"exclusive", 0, kOptional, kAll, "SBATCH_EXCLUSIVE SALLOC_EXCLUSIVE SLURM_EXCLUSIVE",
     SetExclusive, "user", "whole nodes, or none of other users; for a step: its own CPUs"},
    {"export", 0, kRequired, kBatchAndRun, "SBATCH_EXPORT SLURM_EXPORT_ENV SRUN_EXPORT_ENV",
     SetOwnText<&Request::export_text>, "ALL|NONE|LIST", "environment to pass on; NAME=value sets"},
    {"external-launcher", 0, kNone, kSrun, "", SetOwnFlag<&Request::external_launcher>, "",
     "for launchers of other programs: whole nodes, no limits on the step"},
    {"extra-node-info", 'B', kRequired, kAll, "", SetExtraNodeInfo, "S[:C[:T]]",
     "nodes with so many sockets, cores and threads"},
    {"gpu-bind", 0, kRequired, kAll, "SBATCH_GPU_BIND SALLOC_GPU_BIND SLURM_GPU_BIND", SetGpuBind,
     "KIND", "GPUs that each task sees: none, per_task:N, single:TASKS"},
    {"gpus", 'G', kRequired, kAll, "SBATCH_GPUS SALLOC_GPUS SLURM_GPUS",
     SetGpus<&Spec::mutable_gpus>, "[TYPE:]N", "GPUs in all"},
    {"gpus-per-node", 0, kRequired, kAll,
     "SBATCH_GPUS_PER_NODE SALLOC_GPUS_PER_NODE SLURM_GPUS_PER_NODE",
     SetGpus<&Spec::mutable_gpus_per_node>, "[TYPE:]N", "GPUs on each node"},
    {"gpus-per-task", 0, kRequired, kAll,
     "SBATCH_GPUS_PER_TASK SALLOC_GPUS_PER_TASK SLURM_GPUS_PER_TASK",
     SetGpus<&Spec::mutable_gpus_per_task>, "[TYPE:]N", "GPUs for each task, which sees no others"},
    {"gres", 0, kRequired, kAll, "SBATCH_GRES SALLOC_GRES SLURM_GRES SLURM_STEP_GRES", SetGres,
     "LIST", "generic resources on each node: gpu:2, gpu:a100:1,nic; none"},
    {"gres-flags", 0, kRequired, kAll, "SBATCH_GRES_FLAGS SALLOC_GRES_FLAGS SLURM_GRES_FLAGS",
     SetGresFlags, "disable-binding", "CPUs may be far from the GPUs"},
    {"help", 'h', kNone, kAll, "", SetAction<Action::kHelp>, "", "this text"},
    {"het-group", 0, kRequired, kSrun, "", SetHetGroup, "N",
     "a step of that component of a heterogeneous job"},
    {"hint", 0, kRequired, kAll, "SBATCH_HINT SALLOC_HINT SLURM_HINT", SetHint, "WORDS",
     "nomultithread, compute_bound, memory_bound, multithread"},
    {"hold", 'H', kNone, kAll, "", SetFlag<&Spec::set_hold>, "", "do not start until released"},
    {"ignore-pbs", 0, kNone, kSbatch, "SBATCH_IGNORE_PBS", Satisfied, "",
     "leave #PBS lines alone (always so)"},
    {"immediate", 'I', kOptional, kSrun | kSalloc, "SALLOC_IMMEDIATE SLURM_IMMEDIATE", SetImmediate,
     "SECONDS", "give up when there is no room now (or soon)"},
    {"input", 'i', kRequired, kBatchAndRun, "SBATCH_INPUT SRUN_INPUT",
     SetFile<&Spec::mutable_std_in>, "FILE", "standard input; none"},
    {"job-name", 'J', kRequired, kAll, "SBATCH_JOB_NAME SLURM_JOB_NAME",
     SetText<&Spec::mutable_name>, "NAME", "the job's name"},
    {"jobid", 0, kRequired, kSrun, "SLURM_JOB_ID", SetJobId, "ID", "a step of this running job"},
    {"kill-on-bad-exit", 'K', kOptional, kSrun, "SLURM_KILL_BAD_EXIT", SetKillOnBadExit, "0|1",
     "end the step when a task fails"},
    {"kill-on-invalid-dep", 0, kRequired, kSbatch, "", SetKillOnInvalidDep, "yes|no",
     "cancel when a dependency can never hold"},
    {"label", 'l', kNone, kSrun, "SLURM_LABELIO", SetOwnFlag<&Request::label>, "",
     "put the task's number before each line"},
    {"licenses", 'L', kRequired, kAll, "", SetText<&Spec::mutable_licenses>, "LIST",
     "licences of the cluster: foo:4,bar"},
    {"mail-type", 0, kRequired, kAll, "", SetMailType, "NONE", "only NONE"},
    {"mem", 0, kRequired, kAll, "SBATCH_MEM_PER_NODE SALLOC_MEM_PER_NODE SLURM_MEM_PER_NODE",
     SetMem, "SIZE", "memory on each node; 0: all"},
    {"mem-per-cpu", 0, kRequired, kAll, "SBATCH_MEM_PER_CPU SALLOC_MEM_PER_CPU SLURM_MEM_PER_CPU",
     SetMemPerCpu, "SIZE", "memory for each CPU"},
    {"mem-per-gpu", 0, kRequired, kAll, "SBATCH_MEM_PER_GPU SALLOC_MEM_PER_GPU SLURM_MEM_PER_GPU",
     SetMemPerGpu, "SIZE", "memory for each GPU"},
    {"mincpus", 0, kRequired, kAll, "", SetCount<&Spec::set_min_cpus_per_node>, "N",
     "least CPUs of a node"},
    {"mpi", 0, kRequired, kSrun, "SLURM_MPI_TYPE", SetMpi, "TYPE",
     "none, pmix; list: what there is"},
    {"nice", 0, kOptional, kAll, "", SetNice, "N", "lower the priority (default by 100)"},
    {"no-bell", 0, kNone, kSalloc, "SALLOC_NO_BELL", Satisfied, "", "stay silent (the default)"},
    {"no-kill", 'k', kOptional, kSrun, "SLURM_NO_KILL", SetNoKill, "off",
     "go on when a node fails"},
    {"no-requeue", 0, kNone, kSbatch, "SBATCH_NO_REQUEUE", SetFlag<&Spec::set_requeue, false>, "",
     "never run again"},
    {"no-shell", 0, kNone, kSalloc, "", SetOwnFlag<&Request::no_shell>, "",
     "leave the allocation and return"},
    {"nodelist", 'w', kRequired, kAll, "", SetText<&Spec::mutable_req_nodes>, "NODES",
     "nodes that must be among them"},
    {"nodes", 'N', kRequired, kAll, "SLURM_JOB_NUM_NODES SLURM_NNODES", SetNodes, "MIN[-MAX]",
     "number of nodes, or a list of them: 2,4-8:2"},
    {"ntasks", 'n', kRequired, kAll, "SLURM_NPROCS SLURM_NTASKS", SetCount<&Spec::set_num_tasks>,
     "N", "number of tasks"},
    {"ntasks-per-core", 0, kRequired, kAll, "SLURM_NTASKS_PER_CORE",
     SetCpuWish<&pb::CpuWishes::set_ntasks_per_core>, "N", "no more tasks on a core"},
    {"ntasks-per-gpu", 0, kRequired, kAll, "SLURM_NTASKS_PER_GPU", SetNtasksPerGpu, "N",
     "tasks for each GPU, which see no other"},
    {"ntasks-per-node", 0, kRequired, kAll, "SLURM_NTASKS_PER_NODE",
     SetCount<&Spec::set_ntasks_per_node>, "N", "tasks on each node"},
    {"ntasks-per-socket", 0, kRequired, kAll, "SLURM_NTASKS_PER_SOCKET",
     SetCpuWish<&pb::CpuWishes::set_ntasks_per_socket>, "N", "no more tasks on a socket"},
    {"open-mode", 0, kRequired, kBatchAndRun, "SBATCH_OPEN_MODE SLURM_OPEN_MODE", SetOpenMode,
     "append|truncate", "what to do with output files that exist"},
    {"output", 'o', kRequired, kBatchAndRun, "SBATCH_OUTPUT SRUN_OUTPUT",
     SetFile<&Spec::mutable_std_out>, "FILE", "standard output; %j %x %A %a %t %N"},
    {"overcommit", 'O', kNone, kAll, "SBATCH_OVERCOMMIT SALLOC_OVERCOMMIT SLURM_OVERCOMMIT",
     SetFlag<&Spec::set_overcommit>, "", "several tasks a CPU"},
    {"overlap", 0, kNone, kSrun, "SLURM_OVERLAP", SetOwnFlag<&Request::overlap>, "",
     "share CPUs with other steps of the job"},
    {"oversubscribe", 's', kNone, kAll, "", SetFlag<&Spec::set_oversubscribe>, "",
     "share nodes with other jobs"},
    {"parsable", 0, kNone, kSbatch, "", SetOwnFlag<&Request::parsable>, "",
     "print the job's number alone"},
    {"partition", 'p', kRequired, kAll, "SBATCH_PARTITION SALLOC_PARTITION SLURM_PARTITION",
     SetText<&Spec::mutable_partition>, "NAMES", "partition to run in"},
    {"priority", 0, kRequired, kAll, "", SetPriority, "N", "a fixed priority"},
    {"prolog", 0, kRequired, kSrun, "SLURM_PROLOG", SetOwnText<&Request::srun_prolog>, "PROGRAM",
     "run it here before the step; none"},
    {"propagate", 0, kOptional, kBatchAndRun, "", SetPropagate, "ALL|NONE|LIST",
     "resource limits to pass on"},
    {"qos", 'q', kRequired, kAll, "SBATCH_QOS SALLOC_QOS SLURM_QOS", SetText<&Spec::mutable_qos>,
     "NAME", "quality of service"},
    {"quiet", 'Q', kNone, kAll, "", SetOwnFlag<&Request::quiet>, "", "only errors"},
    {"quit-on-interrupt", 0, kNone, kSrun, "", SetOwnFlag<&Request::quit_on_interrupt>, "",
     "the first Ctrl-C ends the step"},
    {"requeue", 0, kNone, kSbatch, "SBATCH_REQUEUE", SetFlag<&Spec::set_requeue>, "",
     "run again after a node's failure"},
    {"reservation", 0, kRequired, kAll, "SBATCH_RESERVATION SALLOC_RESERVATION SLURM_RESERVATION",
     SetText<&Spec::mutable_reservation>, "NAME", "run in this reservation"},
    {"signal", 0, kRequired, kSbatch, "SBATCH_SIGNAL", SetSignal, "[B:]SIG[@SECONDS]",
     "a signal for its steps, or its script's shell, before its end"},
    {"signal", 0, kRequired, kSrun | kSalloc, "SALLOC_SIGNAL SLURM_SIGNAL", SetSignalOfSteps,
     "SIG[@SECONDS]", "a signal for its steps before its end"},
    {"sockets-per-node", 0, kRequired, kAll, "", SetCpuWish<&pb::CpuWishes::set_sockets_per_node>,
     "N", "nodes with so many sockets"},
    {"switches", 0, kRequired, kAll, "SBATCH_REQ_SWITCH SALLOC_REQ_SWITCH SLURM_REQ_SWITCH",
     SetSwitches, "N[@TIME]", "wait that long at most for nodes on N leaf switches"},
    {"task-epilog", 0, kRequired, kSrun, "SLURM_TASK_EPILOG", SetOwnText<&Request::task_epilog>,
     "PROGRAM", "run it after each task"},
    {"task-prolog", 0, kRequired, kSrun, "SLURM_TASK_PROLOG", SetOwnText<&Request::task_prolog>,
     "PROGRAM", "run it before each task; its output may set variables"},
    {"test-only", 0, kNone, kBatchAndRun, "", SetOwnFlag<&Request::test_only>, "",
     "only say when and where it would start"},
    {"threads-per-core", 0, kRequired, kAll,
     "SBATCH_THREADS_PER_CORE SALLOC_THREADS_PER_CORE SLURM_THREADS_PER_CORE",
     SetCpuWish<&pb::CpuWishes::set_threads_per_core>, "N",
     "nodes with so many threads a core, of which no more are used"},
    {"time", 't', kRequired, kAll, "SBATCH_TIMELIMIT SALLOC_TIMELIMIT SLURM_TIMELIMIT", SetTime,
     "TIME", "limit: minutes, H:M:S, D-H"},
    {"time-min", 0, kRequired, kAll, "", SetTimeMin, "TIME",
     "the limit may be lowered to that to start earlier"},
    {"tmp", 0, kRequired, kAll, "", SetTmp, "SIZE", "temporary disk on each node"},
    {"tres-per-task", 0, kRequired, kAll,
     "SBATCH_TRES_PER_TASK SALLOC_TRES_PER_TASK SLURM_TRES_PER_TASK", SetTresPerTask, "cpu=N",
     "as --cpus-per-task"},
    {"unbuffered", 'u', kNone, kSrun, "SLURM_UNBUFFEREDIO", SetOwnFlag<&Request::unbuffered>, "",
     "write output as it comes, not by lines"},
    {"usage", 0, kNone, kAll, "", SetAction<Action::kUsage>, "", "a short form of this text"},
    {"use-min-nodes", 0, kNone, kAll,
     "SBATCH_USE_MIN_NODES SALLOC_USE_MIN_NODES SLURM_USE_MIN_NODES",
     SetFlag<&Spec::set_use_min_nodes>, "", "of several numbers of nodes the smallest that does"},
    {"verbose", 'v', kNone, kAll, "", AddVerbosity, "", "say what is asked for"},
    {"version", 'V', kNone, kAll, "", SetAction<Action::kVersion>, "", "print the version"},
    {"wait", 'W', kNone, kSbatch, "SBATCH_WAIT", SetOwnFlag<&Request::wait_for_end>, "",
     "return when the job has ended, with its exit code"},
    {"wait", 'W', kRequired, kSrun, "SLURM_WAIT", SetWaitSeconds, "SECONDS",
     "end the other tasks this long after the first has ended"},
    {"wrap", 0, kRequired, kSbatch, "", SetOwnText<&Request::wrap>, "COMMAND",
     "submit this shell command"},

    // Known, and refused by name.
    {"acctg-freq", 0, kRequired, kAll, "SBATCH_ACCTG_FREQ SALLOC_ACCTG_FREQ SLURM_ACCTG_FREQ"},
    {"async", 0, kNone, kSrun, ""},
    {"batch", 0, kRequired, kSbatch, "SBATCH_BATCH"},
    {"bb", 0, kRequired, kAll, ""},
    {"bbf", 0, kRequired, kAll, "SALLOC_BURST_BUFFER SLURM_BURST_BUFFER"},
    {"bcast", 0, kOptional, kSrun, "SLURM_BCAST"},
    {"bcast-exclude", 0, kRequired, kSrun, "SLURM_BCAST_EXCLUDE"},
    {"cluster-constraint", 0, kRequired, kAll, ""},
    {"clusters", 'M', kRequired, kAll, "SBATCH_CLUSTERS SALLOC_CLUSTERS SLURM_CLUSTERS"},
    {"compress", 0, kOptional, kSrun, "SLURM_COMPRESS"},
    {"consolidate-segments", 0, kNone, kAll, ""},
    {"container", 0, kRequired, kAll, "SBATCH_CONTAINER SALLOC_CONTAINER SRUN_CONTAINER"},
    {"container-id", 0, kRequired, kAll,
     "SBATCH_CONTAINER_ID SALLOC_CONTAINER_ID SRUN_CONTAINER_ID"},
    {"core-spec", 'S', kRequired, kAll, "SBATCH_CORE_SPEC SALLOC_CORE_SPEC SLURM_CORE_SPEC"},
    {"cpu-freq", 0, kRequired, kAll, "SLURM_CPU_FREQ_REQ"},
    {"delay-boot", 0, kRequired, kAll, "SBATCH_DELAY_BOOT SALLOC_DELAY_BOOT SLURM_DELAY_BOOT"},
    {"export-file", 0, kRequired, kSbatch, ""},
    {"extra", 0, kRequired, kAll, ""},
    {"get-user-env", 0, kOptional, kSbatch, "SBATCH_GET_USER_ENV"},
    {"gid", 0, kRequired, kSbatch, ""},
    {"gpu-freq", 0, kRequired, kAll, "SBATCH_GPU_FREQ SALLOC_GPU_FREQ SLURM_GPU_FREQ"},
    {"gpus-per-socket", 0, kRequired, kAll, ""},
    {"ignore-signals", 0, kRequired, kSrun, ""},
    {"kill-command", 'K', kOptional, kSalloc, "SALLOC_KILL_CMD"},
    {"mail-user", 0, kRequired, kAll, ""},
    {"mcs-label", 0, kRequired, kAll, ""},
    {"mem-bind", 0, kRequired, kAll, "SBATCH_MEM_BIND SALLOC_MEM_BIND SLURM_MEM_BIND"},
    {"mem-update", 0, kRequired, kAll, ""},
    {"msg-timeout", 0, kRequired, kSrun, ""},
    {"multi-prog", 0, kNone, kSrun, ""},
    {"network", 0, kRequired, kAll, "SBATCH_NETWORK SALLOC_NETWORK SLURM_NETWORK"},
    {"no-allocate", 'Z', kNone, kSrun, ""},
    {"no-kill", 'k', kOptional, kSbatch | kSalloc, "SBATCH_NO_KILL SALLOC_NO_KILL"},
    {"nodefile", 'F', kRequired, kAll, ""},
    {"oom-kill-step", 0, kOptional, kAll, "SLURM_OOMKILLSTEP"},
    {"parsable", 0, kNone, kSrun, ""},
    {"prefer", 0, kRequired, kAll, ""},
    {"preserve-env", 'E', kNone, kSrun, ""},
    {"profile", 0, kRequired, kAll, "SBATCH_PROFILE SALLOC_PROFILE SLURM_PROFILE"},
    {"pty", 0, kOptional, kSrun, ""},
    {"reboot", 0, kNone, kAll, ""},
    {"relative", 'r', kRequired, kSrun, ""},
    {"resources", 0, kRequired, kAll, ""},
    {"resv-ports", 0, kOptional, kAll, "SLURM_RESV_PORTS"},
    {"runtime", 0, kRequired, kAll, "SBATCH_RUNTIME SALLOC_RUNTIME SRUN_RUNTIME"},
    {"segment", 0, kRequired, kAll, "SBATCH_SEGMENT_SIZE SALLOC_SEGMENT_SIZE SRUN_SEGMENT_SIZE"},
    {"send-libs", 0, kOptional, kSrun, "SLURM_SEND_LIBS"},
    {"slurmd-debug", 0, kRequired, kSrun, ""},
    {"spread-job", 0, kNone, kAll, "SBATCH_SPREAD_JOB SALLOC_SPREAD_JOB SLURM_SPREAD_JOB"},
    {"spread-segments", 0, kNone, kAll, ""},
    {"stepmgr", 0, kNone, kAll, ""},
    {"thread-spec", 0, kRequired, kAll, "SBATCH_THREAD_SPEC SALLOC_THREAD_SPEC SLURM_THREAD_SPEC"},
    {"threads", 'T', kRequired, kSrun, "SLURM_THREADS"},
    {"treewidth", 0, kRequired, kSrun, ""},
    {"tres-bind", 0, kRequired, kAll, "SBATCH_TRES_BIND SALLOC_TRES_BIND SLURM_TRES_BIND"},
    {"uid", 0, kRequired, kSbatch, ""},
    {"wait-all-nodes", 0, kRequired, kSbatch | kSalloc,
     "SBATCH_WAIT_ALL_NODES SALLOC_WAIT_ALL_NODES"},
    {"wait-for-children", 0, kNone, kSrun, ""},
    {"wckey", 0, kRequired, kAll, "SBATCH_WCKEY SALLOC_WCKEY SLURM_WCKEY"},
    {"x11", 0, kOptional, kSrun | kSalloc, ""},
});

}  // namespace

std::string_view CommandName(Command command) {
  switch (command) {
    case kSbatch:
      return "sbatch";
    case kSrun:
      return "srun";
    case kSalloc:
      return "salloc";
  }
  return "";
}

std::span<const OptionRow> JobOptionTable() {
  return kTable;
}

const OptionRow* FindJobOption(Command command, std::string_view name) {
  for (const OptionRow& row : kTable) {
    if ((row.commands & command) != 0 && row.name == name) return &row;
  }
  return nullptr;
}

OptionFault NotSupported(std::string_view option) {
  return {StrCat(option, " is not supported yet")};
}

namespace {

bool AsksForGres(const pb::JobSpec& spec) {
  const absl::StatusOr<std::vector<Gres>> list = ParseGres(spec.gres());
  return (list.ok() && !list->empty()) || !spec.gpus().empty() || !spec.gpus_per_node().empty() ||
         !spec.gpus_per_task().empty();
}

// GPUs that are asked for on each node.
uint64_t GpusOnNode(const pb::JobSpec& spec) {
  uint64_t count = 0;
  const absl::StatusOr<std::vector<Gres>> list = ParseGres(spec.gres());
  for (const Gres& gres : list.ok() ? *list : std::vector<Gres>()) {
    if (gres.name == kGpu) count += gres.count;
  }
  const absl::StatusOr<Gres> gpus = ParseGpus(spec.gpus_per_node());
  return count + (gpus.ok() ? gpus->count : 0);
}

// A GPU for each task: of those that are asked for, or as many as there are tasks. Where several
// share one, it is to be known how many GPUs a node has.
Fault SettleTasksPerGpu(JobRequest& request) {
  for (const char* other : {"ntasks-per-node", "gpus-per-task"}) {
    if (!request.WasSet(other)) continue;
    return OptionFault{StrCat("--", other, " is mutually exclusive with --ntasks-per-gpu"), 1};
  }
  const bool counted = request.spec.has_num_tasks() || request.spec.has_min_nodes();
  if (!AsksForGres(request.spec) && !counted) return OptionFault{std::string(kInvalidGres), 1};
  const uint32_t tasks = request.ntasks_per_gpu;
  if (tasks == 1) {
    request.spec.set_gpus_per_task("1");
    return kFine;
  }
  const uint64_t gpus = GpusOnNode(request.spec);
  if (gpus == 0 || gpus * tasks > std::numeric_limits<int32_t>::max()) {
    return NotSupported(StrCat("--ntasks-per-gpu=", tasks, " without a number of GPUs of a node"));
  }
  request.spec.set_ntasks_per_node(static_cast<uint32_t>(gpus * tasks));
  if (request.spec.gpu_bind().empty()) request.spec.set_gpu_bind(StrCat("single:", tasks));
  return kFine;
}

Fault CheckGres(JobRequest& request, bool has_gres_types) {
  if (request.ntasks_per_gpu > 0) {
    if (Fault fault = SettleTasksPerGpu(request)) return fault;
  }
  const pb::JobSpec& spec = request.spec;
  if (AsksForGres(spec) && !has_gres_types) return OptionFault{std::string(kInvalidGres), 1};
  if (spec.has_mem_per_gpu_mb() && (spec.has_mem_per_node_mb() || spec.has_mem_per_cpu_mb())) {
    const Source gpu = request.set_by["mem-per-gpu"];
    const Source other =
        std::max(request.WasSet("mem") ? request.set_by["mem"] : Source::kScript,
                 request.WasSet("mem-per-cpu") ? request.set_by["mem-per-cpu"] : Source::kScript);
    if (gpu == other) {
      return OptionFault{"--mem, --mem-per-cpu, and --mem-per-gpu are mutually exclusive.", 1};
    }
    if (gpu < other) {
      request.spec.clear_mem_per_gpu_mb();
    } else {
      request.spec.clear_mem_per_node_mb();
      request.spec.clear_mem_per_cpu_mb();
    }
  }
  if (spec.has_cpus_per_gpu() && spec.has_cpus_per_task()) {
    return OptionFault{"--cpus-per-task and --cpus-per-gpu are mutually exclusive", 1};
  }
  return kFine;
}

}  // namespace

std::optional<OptionFault> CheckCombinations(JobRequest* request, bool has_gres_types) {
  // Of two ways to say one thing, the one from the stronger source counts.
  if (request->WasSet("mem") && request->WasSet("mem-per-cpu")) {
    Source mem = request->set_by["mem"];
    Source mem_per_cpu = request->set_by["mem-per-cpu"];
    if (mem == mem_per_cpu) {
      return OptionFault{"--mem, --mem-per-cpu, and --mem-per-gpu are mutually exclusive.", 1};
    }
    if (mem > mem_per_cpu) {
      request->spec.clear_mem_per_cpu_mb();
    } else {
      request->spec.clear_mem_per_node_mb();
    }
  }
  if (request->exact && request->overlap) {
    return OptionFault{"--exact and --overlap are mutually exclusive.", 1};
  }
  if (std::optional<OptionFault> fault = CheckGres(*request, has_gres_types)) return fault;
  SettleCpuWishes(request);
  return std::nullopt;
}

}  // namespace reeve::cli
