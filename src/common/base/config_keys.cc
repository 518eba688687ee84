#include "common/base/config_keys.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "common/base/text.h"

namespace reeve {
namespace {

constexpr KeyClass H = KeyClass::kHonoured;
constexpr KeyClass S = KeyClass::kSatisfied;
constexpr KeyClass SL = KeyClass::kSatisfiedList;
constexpr KeyClass U = KeyClass::kUnsupported;
constexpr KeyClass R = KeyClass::kRuntime;
constexpr std::string_view kNull = "(null)";

// clang-format off
constexpr ConfigKey kMainKeys[] = {
    {"AccountingStorageBackupHost", U, kNull},
    {"AccountingStorageEnforce", U, "none", "none|0"},
    {"AccountingStorageHost", H, "-"},
    {"AccountingStorageExternalHost", U, kNull},
    {"AccountingStorageParameters", U, kNull},
    {"AccountingStoragePass", U},
    {"AccountingStoragePort", H, "-"},
    {"AccountingStorageTRES", SL, "cpu,mem,energy,node,billing,fs/disk,vmem,pages", "cpu|mem|energy|node|billing|fs/disk|vmem|pages|gres/gpu", "these are always tracked"},
    {"AccountingStorageType", H, "-"},
    {"AccountingStorageUser", U},
    {"AccountingStoreFlags", SL, kNull, "job_comment", "comments are always stored"},
    {"AcctGatherEnergyType", U, kNull, "acct_gather_energy/none|none"},
    {"AcctGatherFilesystemType", U, kNull, "acct_gather_filesystem/none|none"},
    {"AcctGatherInterconnectType", U, kNull, "acct_gather_interconnect/none|none"},
    {"AcctGatherNodeFreq", U, "0 sec", "0"},
    {"AcctGatherProfileType", U, kNull, "acct_gather_profile/none|none"},
    {"AllowSpecResourcesUsage", U, "no", "no|0"},
    {"AuthAltTypes", U, kNull},
    {"AuthAltParameters", U, kNull},
    {"AuthInfo", H, "-"},
    {"AuthType", S, "auth/munge", "auth/munge", "identity comes from MUNGE"},
    {"BackupAddr", H},
    {"BackupController", H},
    {"BatchStartTimeout", S, "10 sec", "*", "a launch is never taken for lost because of its age: its node says what became of it"},
    {"BcastExclude", U, "/lib,/usr/lib,/lib64,/usr/lib64", "/lib,/usr/lib,/lib64,/usr/lib64"},
    {"BcastParameters", U, kNull},
    {"BOOT_TIME", R, ""},
    {"BurstBufferType", U, kNull, "burst_buffer/none|none"},
    {"CertgenParameters", U, kNull},
    {"CertgenType", U, kNull},
    {"CertmgrParameters", U, kNull},
    {"CertmgrType", U, kNull},
    {"CliFilterParameters", U, kNull},
    {"CliFilterPlugins", U, kNull, "cli_filter/none|none"},
    {"ClusterName", H, "-"},
    {"CommunicationParameters", U, kNull},
    {"CompleteWait", U, "0 sec", "0"},
    {"ControlAddr", H},
    {"ControlMachine", H},
    {"CoreSpecPlugin", U, "", "core_spec/none|none"},
    {"CpuFreqDef", U, "Unknown"},
    {"CpuFreqGovernors", U, "OnDemand,Performance,UserSpace", "OnDemand,Performance,UserSpace"},
    {"CredType", S, "auth/munge", "auth/munge|cred/munge", "requests carry MUNGE credentials"},
    {"DataParserParameters", U, kNull},
    {"DebugFlags", U, kNull, "none"},
    {"DefCpuPerGPU", U, "", "0"},
    {"DefMemPerCPU", H, "-"},
    {"DefMemPerGPU", U, "", "0|UNLIMITED"},
    {"DefMemPerNode", H, "-"},
    {"DependencyParameters", U, kNull},
    {"DisableRootJobs", H, "-"},
    {"EioTimeout", U, "60", "60"},
    {"EnforcePartLimits", H, "-"},
    {"Epilog", H, "-"},
    {"EpilogMsgTime", S, "2000 usec", "*", "messages of nodes are batched on one stream each"},
    {"EpilogSlurmctld", U},
    {"ExtSensorsFreq", U, "", "0"},
    {"ExtSensorsType", U, "", "ext_sensors/none|none"},
    {"FairShareDampeningFactor", H, "-"},
    {"FederationParameters", U, kNull},
    {"FirstJobId", H, "-"},
    {"GetEnvTimeout", U, "", "2"},
    {"GresTypes", H, "-"},
    {"GpuFreqDef", U, kNull},
    {"GroupUpdateForce", U, "1", "1"},
    {"GroupUpdateTime", U, "600 sec", "600"},
    {"HASH_VAL", R, "Match"},
    {"HashPlugin", S, "hash/k12", "hash/k12|hash/sha3", "requests are covered by a digest of their bytes"},
    {"HealthCheckInterval", H, "-"},
    {"HealthCheckNodeState", H, "-"},
    {"HealthCheckProgram", H, "-"},
    {"HealthCheckTimeout", U, "0 sec", "0|60"},
    {"HttpParserType", U, kNull},
    {"InactiveLimit", U, "0 sec", "0"},
    {"InteractiveStepOptions", U, "--interactive --preserve-env --pty $SHELL", "--interactive --preserve-env --pty $SHELL"},
    {"JobAcctGatherFrequency", U, "30", "30|task=30|0|task=0"},
    {"JobAcctGatherType", S, "jobacct_gather/linux", "jobacct_gather/linux|jobacct_gather/cgroup|jobacct_gather/none|none", "what a step used is always counted"},
    {"JobAcctGatherParams", U, kNull},
    {"JobCompHost", U, "localhost", "localhost"},
    {"JobCompLoc", U, kNull},
    {"JobCompParams", U, kNull},
    {"JobCompPass", U, kNull},
    {"JobCompPort", U, "0", "0"},
    {"JobCompType", S, kNull, "jobcomp/none|none", "no log of finished jobs beside accounting"},
    {"JobCompUser", U, "root", "root"},
    {"JobContainerType", U, "", "job_container/none|none"},
    {"JobDefaults", U, kNull},
    {"JobFileAppend", U, "0", "0"},
    {"JobRequeue", H, "-"},
    {"JobSubmitPlugins", U, kNull, "none"},
    {"KillOnBadExit", H, "-"},
    {"KillWait", H, "-"},
    {"LaunchParameters", U, kNull, "none"},
    {"LaunchType", S, "", "launch/slurm", "steps are started through the node daemons"},
    {"LicenseParameters", U, kNull},
    {"Licenses", H, "-"},
    {"LogTimeFormat", S, "iso8601_ms", "iso8601_ms", "the format of the logs"},
    {"MailDomain", U, kNull},
    {"MailProg", U, "/bin/mail", "/bin/mail|/usr/bin/mail"},
    {"MaxArraySize", H, "-"},
    {"MaxBatchRequeue", U, "5", "5"},
    {"MaxDBDMsgs", S, "UNLIMITED", "*", "records wait on disk for the accounting daemon, without a bound"},
    {"MaxJobCount", H, "-"},
    {"MaxJobId", H, "-"},
    {"MaxMemPerCPU", H, "-"},
    {"MaxMemPerNode", H, "-"},
    {"MaxNodeCount", U, "-"},
    {"MaxStepCount", H, "-"},
    {"MaxTasksPerNode", H, "-"},
    {"MCSPlugin", U, kNull, "mcs/none|none"},
    {"MCSParameters", U, kNull},
    {"MessageTimeout", H, "-"},
    {"MetricsAuthUsers", U, kNull},
    {"MetricsParameters", U, kNull},
    {"MetricsType", U, kNull},
    {"MinJobAge", H, "-"},
    {"MpiDefault", U, kNull, "none|mpi/none|pmix|mpi/pmix|pmix_v4|mpi/pmix_v4"},
    {"MpiParams", U, kNull},
    {"MULTIPLE_SLURMD", R, "yes"},
    {"NamespaceType", U, kNull, "namespace/none|none"},
    {"NEXT_JOB_ID", R, ""},
    {"NodeFeaturesPlugins", U, kNull},
    {"OverTimeLimit", H, "-"},
    {"PluginDir", S, kNull, "*", "there are no plugins to load"},
    {"PlugStackConfig", U, kNull},
    {"PowerParameters", U},
    {"PowerPlugin", U, "", "power/none|none"},
    {"PreemptMode", H, "-"},
    {"PreemptParameters", U, kNull},
    {"PreemptType", H, "-"},
    {"PreemptExemptTime", H, "-"},
    {"PrEpParameters", U, kNull},
    {"PrEpPlugins", U, "prep/script", "prep/script"},
    {"PriorityParameters", U, kNull},
    {"PrioritySiteFactorParameters", U, kNull},
    {"PrioritySiteFactorPlugin", U, kNull, "site_factor/none|none"},
    {"PriorityDecayHalfLife", H, "-"},
    {"PriorityCalcPeriod", H, "-"},
    {"PriorityFavorSmall", H, "-"},
    {"PriorityFlags", H, "-"},
    {"PriorityMaxAge", H, "-"},
    {"PriorityType", H, "-"},
    {"PriorityUsageResetPeriod", H, "-"},
    {"PriorityWeightAge", H, "-"},
    {"PriorityWeightAssoc", H, "-"},
    {"PriorityWeightFairShare", H, "-"},
    {"PriorityWeightJobSize", H, "-"},
    {"PriorityWeightPartition", H, "-"},
    {"PriorityWeightQOS", H, "-"},
    {"PriorityWeightTRES", H, "-"},
    {"PrivateData", H, "-"},
    {"ProctrackType", S, "proctrack/cgroup", "proctrack/cgroup|proctrack/linuxproc|proctrack/pgid", "a step's processes are tracked by cgroup where there is one, else by their tree"},
    {"Prolog", H, "-"},
    {"PrologEpilogTimeout", H, "-"},
    {"PrologFlags", H, "-"},
    {"PrologSlurmctld", U},
    {"PropagatePrioProcess", U, "0", "0"},
    {"PropagateResourceLimits", S, "ALL", "ALL", "jobs get the limits of the shell they were submitted from"},
    {"PropagateResourceLimitsExcept", U, kNull},
    {"RebootProgram", U, kNull},
    {"ReconfigFlags", U, kNull},
    {"ReeveAccountingDatabase", H, "-"},
    {"ReeveAccountingLogFile", H, "-"},
    {"ReeveAdministrators", H, "-"},
    {"ReeveCheckNodeAddress", H, "-"},
    {"ReeveOperators", H, "-"},
    {"ReeveSocketDir", H, "-"},
    {"RequeueExit", U, kNull},
    {"RequeueExitHold", U, kNull},
    {"ResumeFailProgram", U, kNull},
    {"ResumeProgram", U, kNull},
    {"ResumeRate", U, "300 nodes/min", "300"},
    {"ResumeTimeout", U, "60 sec", "60"},
    {"ResvEpilog", U, kNull},
    {"ResvOverRun", U, "0 min", "0"},
    {"ResvProlog", U, kNull},
    {"ReturnToService", H, "-"},
    {"RoutePlugin", S, "", "route/default", "the controller reaches every node over its own stream"},
    {"SchedulerParameters", H, "-"},
    {"SchedulerTimeSlice", U, "30 sec", "30"},
    {"SchedulerType", H, "-"},
    {"ScronParameters", U, kNull},
    {"SelectType", S, "select/cons_tres", "select/cons_tres|select/cons_res", "CPUs and memory are consumable"},
    {"SelectTypeParameters", H, "-"},
    {"SlurmUser", H, "-"},
    {"SlurmctldAddr", U, kNull},
    {"SlurmctldDebug", H, "-"},
    {"SlurmctldHost", H, "-"},
    {"SlurmctldHttpAuthParameters", U, kNull},
    {"SlurmctldLogFile", H, "-"},
    {"SlurmctldPlugstack", U},
    {"SlurmctldPort", H, "-"},
    {"SlurmctldSyslogDebug", U, kNull, "quiet"},
    {"SlurmctldPrimaryOffProg", U, kNull},
    {"SlurmctldPrimaryOnProg", U, kNull},
    {"SlurmctldTimeout", S, "120 sec", "*", "it times a backup controller's takeover; there is one controller"},
    {"SlurmctldParameters", H, "-"},
    {"SlurmdDebug", H, "-"},
    {"SlurmdHttpAuthParameters", U, kNull},
    {"SlurmdLogFile", H, "-"},
    {"SlurmdParameters", H, "-"},
    {"SlurmdPidFile", H, "-"},
    {"SlurmdPort", H, "-"},
    {"SlurmdSpoolDir", H, "-"},
    {"SlurmdSyslogDebug", U, kNull, "quiet"},
    {"SlurmdTimeout", H, "-"},
    {"SlurmdUser", H, "-"},
    {"SlurmSchedLogFile", U, kNull},
    {"SlurmSchedLogLevel", U, "0", "0"},
    {"SlurmctldPidFile", H, "-"},
    {"SLURM_CONF", R, "-"},
    {"SLURM_VERSION", R, "-"},
    {"SrunEpilog", H, "-"},
    {"SrunPortRange", S, "0-0", "*", "srun opens no ports: it dials the nodes"},
    {"SrunProlog", H, "-"},
    {"StateSaveLocation", H, "-"},
    {"SuspendExcNodes", U, kNull},
    {"SuspendExcParts", U, kNull},
    {"SuspendExcStates", U, kNull},
    {"SuspendProgram", U, kNull},
    {"SuspendRate", U, "60 nodes/min", "60"},
    {"SuspendTime", U, "INFINITE", "INFINITE|-1"},
    {"SuspendTimeout", U, "30 sec", "30"},
    {"SwitchParameters", U, kNull},
    {"SwitchType", U, kNull, "switch/none|none"},
    {"TaskEpilog", H, "-"},
    {"TaskPlugin", SL, kNull, "task/none|none|task/cgroup|cgroup|task/affinity|affinity", "tasks are confined and bound as far as the node can"},
    {"TaskPluginParam", U, "(null type)"},
    {"TaskProlog", H, "-"},
    {"TCPTimeout", U, "2 sec", "2"},
    {"TLSParameters", H, "-"},
    {"TLSType", H, "-"},
    {"TmpFS", H, "-"},
    {"TopologyParam", U, kNull},
    {"TopologyPlugin", H, "-"},
    {"TrackWCKey", U, "no", "no|0"},
    {"TreeWidth", S, "16", "*", "the controller reaches every node over its own stream"},
    {"UsePam", U, "no", "no|0"},
    {"UnkillableStepProgram", U, kNull},
    {"UnkillableStepTimeout", U, "60 sec", "60"},
    {"UrlParserType", U, kNull},
    {"VSizeFactor", U, "0 percent", "0"},
    {"WaitTime", U, "0 sec", "0"},
    {"X11Parameters", U, kNull},
    // Kinds of lines that are not read.
    {"DownNodes", U},
    {"FrontendName", U},
    {"NodeSet", U},
    {"NodeName", H},
    {"PartitionName", H},
};

constexpr ConfigKey kNodeKeys[] = {
    {"NodeName", H},
    {"BcastAddr", U},
    {"Boards", H},
    {"CoreSpecCount", U, "", "0"},
    {"CoresPerSocket", H},
    {"CpuBind", U, "", "none"},
    {"CPUs", H},
    {"CpuSpecList", U},
    {"Feature", H},
    {"Features", H},
    {"Gres", H},
    {"GresConf", U},
    {"MemSpecLimit", U, "", "0"},
    {"NodeAddr", H},
    {"NodeHostname", H},
    {"Parameters", U},
    {"Port", H},
    {"Procs", H},
    {"RealMemory", H},
    {"Reason", H},
    {"RestrictedCoresPerGPU", U, "", "0"},
    {"Sockets", H},
    {"SocketsPerBoard", H},
    {"State", H},
    {"ThreadsPerCore", H},
    {"TmpDisk", H},
    {"Topology", U},
    {"TRESWeights", U},
    {"Weight", H},
};

constexpr ConfigKey kPartitionKeys[] = {
    {"PartitionName", H},
    {"AllocNodes", U, "", "ALL"},
    {"AllowAccounts", H},
    {"AllowGroups", H},
    {"AllowQos", H},
    {"Alternate", U, "", "NONE"},
    {"CpuBind", U, "", "none"},
    {"DefCpuPerGPU", U, "", "0"},
    {"Default", H},
    {"DefaultTime", H},
    {"DefMemPerCPU", H},
    {"DefMemPerGPU", U, "", "0|UNLIMITED"},
    {"DefMemPerNode", H},
    {"DenyAccounts", H},
    {"DenyQos", U},
    {"DisableRootJobs", H},
    {"ExclusiveTopo", U, "", "NO"},
    {"ExclusiveUser", H},
    {"GraceTime", H},
    {"Hidden", H},
    {"JobDefaults", U},
    {"LLN", H},
    {"MaxCPUsPerNode", U, "", "UNLIMITED|INFINITE|-1"},
    {"MaxCPUsPerSocket", U, "", "UNLIMITED|INFINITE|-1"},
    {"MaxMemPerCPU", H},
    {"MaxMemPerNode", H},
    {"MaxNodes", H},
    {"MaxTime", H},
    {"MinNodes", H},
    {"Nodes", H},
    {"OverSubscribe", H},
    {"OverTimeLimit", U, "", "0"},
    {"PowerDownOnIdle", U, "", "NO"},
    {"PreemptMode", H},
    {"Priority", U, "", "1"},
    {"PriorityJobFactor", H},
    {"PriorityTier", H},
    {"QOS", U, "", "N/A"},
    {"ReqResv", U, "", "NO"},
    {"ResumeTimeout", U, "", "GLOBAL"},
    {"RootOnly", H},
    {"SelectTypeParameters", U, "", "NONE"},
    {"Shared", H},
    {"State", H},
    {"SuspendTime", U, "", "GLOBAL"},
    {"SuspendTimeout", U, "", "GLOBAL"},
    {"Topology", U},
    {"TRESBillingWeights", U},
};
// clang-format on

// Levenshtein's distance without regard to case.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = absl::ascii_tolower(a[i - 1]) == absl::ascii_tolower(b[j - 1]);
      const size_t changed = diagonal + (same ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row[b.size()];
}

bool MatchesOne(std::string_view value, std::string_view pattern) {
  if (pattern == "*") return true;
  if (pattern.ends_with("=*"))
    return StartsWithIgnoreCase(value, pattern.substr(0, pattern.size() - 1));
  return EqualsIgnoreCase(value, pattern);
}

bool MatchesAny(std::string_view value, std::string_view accepted) {
  for (std::string_view pattern : SplitSkipEmpty(accepted, "|")) {
    if (MatchesOne(value, pattern)) return true;
  }
  return false;
}

}  // namespace

std::span<const ConfigKey> ConfigKeys() {
  return kMainKeys;
}
std::span<const ConfigKey> NodeKeys() {
  return kNodeKeys;
}
std::span<const ConfigKey> PartitionKeys() {
  return kPartitionKeys;
}

const ConfigKey* FindConfigKey(std::span<const ConfigKey> keys, std::string_view name) {
  for (const ConfigKey& key : keys) {
    if (key.key_class != KeyClass::kRuntime && EqualsIgnoreCase(key.name, name)) return &key;
  }
  return nullptr;
}

std::string UnknownKeyMessage(std::span<const ConfigKey> keys, std::string_view name) {
  const std::string_view shown = name.substr(0, 60);
  const ConfigKey* nearest = nullptr;
  size_t best = shown.size() / 2 + 1;  // farther away is no likely slip
  for (const ConfigKey& key : keys) {
    if (key.key_class == KeyClass::kRuntime) continue;
    const size_t distance = EditDistance(shown, key.name);
    if (distance < best) {
      best = distance;
      nearest = &key;
    }
  }
  if (nearest == nullptr) return StrCat("unknown key '", shown, "'");
  return StrCat("unknown key '", shown, "'; did you mean ", nearest->name, "?");
}

absl::Status CheckFixedValue(const ConfigKey& key, std::string_view value) {
  if (value.empty() || value == kNull) return absl::OkStatus();
  bool accepted = true;
  if (key.key_class == KeyClass::kSatisfiedList) {
    for (std::string_view element : Split(value, ",")) {
      accepted = accepted && MatchesAny(Strip(element), key.accepted);
    }
  } else {
    accepted = MatchesAny(value, key.accepted);
  }
  if (accepted) return absl::OkStatus();
  std::string message = StrCat(key.name, "=", value.substr(0, 100), " is not supported yet");
  if (!key.accepted.empty()) {
    StrAppend(&message, "; accepted: ", ReplaceAll(key.accepted, "|", ", "));
  }
  return absl::InvalidArgumentError(message);
}

}  // namespace reeve
