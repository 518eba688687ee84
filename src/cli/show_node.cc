#include "cli/show_node.h"

#include "absl/strings/str_format.h"
#include "cli/record_text.h"
#include "cli/time_text.h"
#include "common/base/units.h"

namespace reeve::cli {
namespace {

std::string DurationText(bool given, int64_t seconds, const char* otherwise) {
  return given ? FormatDuration(absl::Seconds(seconds)) : otherwise;
}

std::string ListText(const std::string& list, const char* otherwise) {
  return list.empty() ? otherwise : list;
}

std::string MemoryLimits(const pb::Partition& p) {
  auto amount = [](bool given, uint64_t mb) { return given ? StrCat(mb) : "UNLIMITED"; };
  const std::string defaults =
      p.has_def_mem_per_cpu_mb()
          ? StrCat("DefMemPerCPU=", p.def_mem_per_cpu_mb())
          : StrCat("DefMemPerNode=", amount(p.has_def_mem_per_node_mb(), p.def_mem_per_node_mb()));
  const std::string most =
      p.has_max_mem_per_cpu_mb()
          ? StrCat("MaxMemPerCPU=", p.max_mem_per_cpu_mb())
          : StrCat("MaxMemPerNode=", amount(p.has_max_mem_per_node_mb(), p.max_mem_per_node_mb()));
  return StrCat(defaults, " ", most);
}

const char* YesNo(bool value) {
  return value ? "YES" : "NO";
}

}  // namespace

std::string ShowNodeText(const pb::Node& node, uint32_t default_port, const ShowOptions& options) {
  const bool reported = node.start_time() != 0;
  RecordText text(options.one_line);
  // Two lines end in a blank, as Slurm's do.
  text.Line("NodeName=", node.name(), node.arch().empty() ? "" : StrCat(" Arch=", node.arch()),
            " CoresPerSocket=", node.cores_per_socket(), " ");
  text.Line("CPUAlloc=", node.alloc_cpus(), " CPUEfctv=", node.cpus(), " CPUTot=", node.cpus(),
            " CPULoad=", reported ? absl::StrFormat("%.2f", node.cpu_load()) : "N/A");
  text.Line("AvailableFeatures=", OrNull(node.features()));
  text.Line("ActiveFeatures=", OrNull(node.features()));
  text.Line("Gres=", OrNull(node.gres()));
  if (options.details && !node.gres().empty()) text.Line("GresUsed=", node.gres_used());
  const bool own_port = node.port() != 0 && node.port() != default_port;
  text.Line("NodeAddr=", node.address(), " NodeHostName=", node.hostname(),
            own_port ? StrCat(" Port=", node.port()) : "",
            node.version().empty() ? "" : StrCat(" Version=", node.version()));
  if (!node.os().empty()) text.Line("OS=", node.os(), " ");
  text.Line("RealMemory=", node.real_memory_mb(), " AllocMem=", node.alloc_mem_mb(),
            " FreeMem=", reported ? StrCat(node.free_mem_mb()) : "N/A", " Sockets=", node.sockets(),
            " Boards=", node.boards());
  text.Line("State=", CompleteNodeStateText(node), " ThreadsPerCore=", node.threads_per_core(),
            " TmpDisk=", node.tmp_disk_mb(), " Weight=", node.weight(), " Owner=N/A MCS_label=N/A");
  if (node.partitions_size() > 0) text.Line("Partitions=", Join(node.partitions(), ","), " ");
  text.Line("BootTime=", TimeText(node.boot_time(), "None"),
            " SlurmdStartTime=", TimeText(node.start_time(), "None"));
  text.Line("LastBusyTime=", TimeText(node.last_busy_time(), "Unknown"),
            " ResumeAfterTime=None SuspendTime=INFINITE");
  text.Line("CfgTRES=", NodeConfiguredTres(node));
  text.Line("AllocTRES=", NodeAllocatedTres(node));
  text.Line("CurrentWatts=0 AveWatts=0");
  if (!node.reason().empty()) {
    text.Line("Reason=", node.reason(), " [", ListText(node.reason_user(), "root"), "@",
              TimeText(node.reason_time(), "Unknown"), "]");
  }
  if (node.clock_skew() != 0) {
    text.Line("ClockSkew=", node.clock_skew() > 0 ? "+" : "", node.clock_skew(), "s");
  }
  if (!node.reservation().empty()) text.Line("ReservationName=", node.reservation());
  if (!node.comment().empty()) text.Line("Comment=", node.comment());
  return text.Finish();
}

std::string ShowPartitionText(const pb::Partition& partition, bool all_nodes,
                              const ShowOptions& options) {
  const pb::Partition& p = partition;
  RecordText text(options.one_line);
  text.Line("PartitionName=", p.name());
  text.Line("AllowGroups=", ListText(p.allow_groups(), "ALL"),
            p.deny_accounts().empty()
                ? StrCat(" AllowAccounts=", ListText(p.allow_accounts(), "ALL"))
                : StrCat(" DenyAccounts=", p.deny_accounts()),
            " AllowQos=", ListText(p.allow_qos(), "ALL"));
  text.Line("AllocNodes=ALL Default=", YesNo(p.is_default()), " QoS=N/A");
  const bool whole = p.oversubscribe() == "EXCLUSIVE";
  text.Line("DefaultTime=", DurationText(p.has_default_time(), p.default_time(), "NONE"),
            " DisableRootJobs=", YesNo(p.disable_root_jobs()), " Exclusive=",
            whole                ? "NODE"
            : p.exclusive_user() ? "USER"
                                 : "NO",
            " GraceTime=", p.grace_time(), " Hidden=", YesNo(p.hidden()));
  text.Line("MaxNodes=", p.has_max_nodes() ? StrCat(p.max_nodes()) : "UNLIMITED",
            " MaxTime=", DurationText(p.has_max_time(), p.max_time(), "UNLIMITED"),
            " MinNodes=", p.min_nodes(), " LLN=", YesNo(p.lln()),
            " MaxCPUsPerNode=UNLIMITED MaxCPUsPerSocket=UNLIMITED");
  if (all_nodes) text.Line("NodeSets=ALL");
  text.Line("Nodes=", OrNull(p.nodes()));
  text.Line("PriorityJobFactor=", p.priority_job_factor(), " PriorityTier=", p.priority_tier(),
            " RootOnly=", YesNo(p.root_only()),
            " ReqResv=NO OverSubscribe=", ListText(p.oversubscribe(), "NO"));
  text.Line("OverTimeLimit=NONE PreemptMode=", ListText(p.preempt_mode(), "OFF"));
  text.Line("State=", ListText(p.state(), "UP"), " TotalCPUs=", p.total_cpus(),
            " TotalNodes=", p.total_nodes(), " SelectTypeParameters=NONE");
  text.Line("JobDefaults=(null)");
  text.Line(MemoryLimits(p));
  text.Line("TRES=", PartitionTres(p));
  return text.Finish();
}

}  // namespace reeve::cli
