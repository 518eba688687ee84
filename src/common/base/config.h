// slurm.conf: reading it, what of it Reeve honours, and its typed values.
//
// The grammar is slurm.conf(5)'s. Every key of that page is in one table (config_keys.cc) and is
// *honoured*; or *satisfied by design* (accepted when its value is what Reeve does anyway); or
// *known and unsupported* (an error unless it has Slurm's default); a key outside of the table is
// an error that names the nearest one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/config_preempt.h"
#include "common/base/config_priority.h"
#include "common/base/licenses.h"
#include "common/base/oversubscribe.h"

namespace reeve {

struct SourceLine {
  std::string file;
  int line = 0;
};

// What gres.conf says of a node's generic resources of one name, by id.
struct GresDevices {
  std::string name;
  std::vector<std::string> files;            // "": none
  std::vector<std::vector<uint32_t>> cores;  // those nearest to it; empty: all are
  friend bool operator==(const GresDevices&, const GresDevices&) = default;
};

enum class ConfiguredNodeState { kUnknown, kIdle, kDown, kDrain, kFail, kFuture };

struct NodeConfig {
  std::string name;
  std::string hostname;  // NodeHostname; the name otherwise
  std::string address;   // NodeAddr; the hostname otherwise
  std::string bcast_address;
  uint16_t port = 0;  // Port; SlurmdPort otherwise
  uint32_t cpus =
      1;  // derived from the topology when absent, and the other way round, as Slurm does
  uint32_t boards = 1;
  uint32_t sockets = 1;  // of the node, all boards
  uint32_t cores_per_socket = 1;
  uint32_t threads_per_core = 1;
  uint64_t real_memory_mb = 1;
  uint64_t tmp_disk_mb = 0;
  uint32_t weight = 1;
  std::vector<std::string> features;
  std::string gres;  // as written, "gpu:a100:2"
  std::vector<GresDevices> gres_devices;
  ConfiguredNodeState state = ConfiguredNodeState::kUnknown;
  std::string reason;
  SourceLine source;
};

// A line of topology.conf: a leaf has nodes, another one switches below it.
struct SwitchConfig {
  std::string name;
  std::vector<std::string> nodes;
  std::vector<std::string> switches;
  uint32_t link_speed = 1;  // of no effect
  uint32_t level = 0;       // 0: a leaf; else one more than the highest of those below it
  std::string all_nodes;    // hostlist: those of all leaves below it
  SourceLine source;
};

enum class PartitionState { kUp, kDown, kDrain, kInactive };

struct PartitionConfig {
  std::string name;
  std::vector<std::string> nodes;  // expanded; ALL is every node of the file
  bool all_nodes = false;          // Nodes=ALL was written
  bool is_default = false;
  std::optional<absl::Duration> max_time;      // absent: unlimited
  std::optional<absl::Duration> default_time;  // absent: NONE, max_time applies
  PartitionState state = PartitionState::kUp;
  uint32_t priority_tier = 1;
  uint32_t priority_job_factor = 1;
  std::vector<std::string> allow_groups;    // empty: ALL
  std::vector<std::string> allow_accounts;  // empty: ALL
  std::vector<std::string> deny_accounts;
  std::vector<std::string> allow_qos;  // empty: ALL
  OverSubscribeRule oversubscribe;
  std::optional<uint32_t> max_nodes;  // absent: unlimited
  uint32_t min_nodes = 0;
  std::optional<uint64_t> def_mem_per_cpu_mb;  // absent: the cluster's
  std::optional<uint64_t> def_mem_per_node_mb;
  std::optional<uint64_t> max_mem_per_cpu_mb;
  std::optional<uint64_t> max_mem_per_node_mb;
  bool hidden = false;
  bool root_only = false;
  bool disable_root_jobs = false;
  bool exclusive_user = false;
  bool lln = false;                                  // least loaded nodes first
  std::optional<PreemptMode> preempt_mode;           // absent: the cluster's
  absl::Duration grace_time = absl::ZeroDuration();  // before its jobs make room for others
  SourceLine source;
};

struct ControllerHost {
  std::string host;
  std::string addr;  // the host when no address was given
};

enum class LogLevel {
  kQuiet,
  kFatal,
  kError,
  kInfo,
  kVerbose,
  kDebug,
  kDebug2,
  kDebug3,
  kDebug4,
  kDebug5
};
std::string_view LogLevelName(LogLevel level);                  // "info"
absl::StatusOr<LogLevel> ParseLogLevel(std::string_view text);  // a name or 0..9

// What jobs are given: CR_Core, CR_CPU, CR_Memory and their combinations, and CR_LLN.
struct SelectFlags {
  bool core = true;     // whole cores (CR_Core); false with CR_CPU: single hardware threads
  bool memory = false;  // *_Memory: memory is consumable
  bool cpus = true;     // false with CR_Memory alone: CPUs are not accounted for
  bool lln = false;     // CR_LLN: the least loaded nodes first
};

enum class EnforcePartLimits { kNo, kAny, kAll };

// What plain users are not shown of others (PrivateData).
struct PrivateData {
  bool jobs = false;
  bool nodes = false;
  bool partitions = false;
};

// SlurmctldParameters=rl_...: a bucket of requests for each user, refilled at a steady rate.
struct RateLimit {
  bool enabled = false;
  uint32_t bucket_size = 30;
  uint32_t refill_rate = 2;  // requests a period
  absl::Duration refill_period = absl::Seconds(1);
  uint32_t table_size = 8192;                       // users told apart
  absl::Duration log_every = absl::ZeroDuration();  // 0: each refusal; infinite: none
};

// TLSType and TLSParameters. Paths as given; see rpc::TlsFiles for those that are not.
struct TlsConfig {
  bool enabled = false;
  std::string ca_cert_file;
  std::string ctld_cert_file;
  std::string ctld_cert_key_file;
  std::string dbd_cert_file;
  std::string dbd_cert_key_file;
  std::string slurmd_cert_file;  // %n and %h unexpanded, here and in the next
  std::string slurmd_cert_key_file;
};

// HealthCheckNodeState: which nodes the program runs on.
struct HealthCheckStates {
  bool idle = true;
  bool allocated = true;
  bool mixed = true;
  bool other = true;  // ANY: down, drained and the like as well
};

// What is left when a member is not said differently is what slurm.conf(5) gives as default, or
// better where the comment says so. A Config{} is valid (no nodes, no partitions).
struct Config {
  std::string path;  // of the top file; empty for a text
  std::string text;  // with includes spliced in: what configless nodes and clients are given

  std::string cluster_name;
  std::vector<ControllerHost> controllers;  // the first one is the primary
  uint16_t slurmctld_port = 6817;
  uint16_t slurmd_port = 6818;
  bool accounting = false;      // AccountingStorageType=accounting_storage/slurmdbd
  std::string accounting_host;  // the primary controller's address when not given
  uint16_t accounting_port = 6819;

  std::string slurm_user = "root";  // a name or a number; resolved by the caller
  std::string slurmd_user = "root";
  std::string auth_socket;          // AuthInfo=socket=...; empty: the library's default
  std::string socket_dir;           // ReeveSocketDir, our own key; empty: no Unix sockets
  std::string accounting_database;  // ReeveAccountingDatabase, our own; empty: in StateSaveLocation
  std::string accounting_log_file;  // ReeveAccountingLogFile, our own; empty: standard error

  std::string state_save_location = "/var/spool/reevectld";
  std::string slurmd_spool_dir = "/var/spool/reevenoded";  // %n and %h unexpanded
  std::string slurmctld_pid_file;                          // empty: none
  std::string slurmd_pid_file;                             // %n and %h unexpanded
  std::string slurmctld_log_file;                          // empty: standard error
  std::string slurmd_log_file;                             // %n and %h unexpanded
  LogLevel slurmctld_debug = LogLevel::kInfo;
  LogLevel slurmd_debug = LogLevel::kInfo;
  std::string tmp_fs = "/tmp";  // %n and %h unexpanded

  absl::Duration kill_wait = absl::Seconds(30);
  absl::Duration slurmd_timeout = absl::Seconds(300);  // 0: never
  absl::Duration message_timeout = absl::Seconds(10);
  absl::Duration min_job_age = absl::Seconds(300);        // 0: never forget
  absl::Duration over_time_limit = absl::ZeroDuration();  // InfiniteDuration: UNLIMITED

  uint32_t max_array_size = 1000001;  // Slurm: 1001. An array is one record here.
  uint32_t max_job_count = 1000000;   // Slurm: 10000. The queue's length costs little here.
  uint32_t first_job_id = 1;
  uint32_t max_job_id = 67043328;
  uint32_t max_step_count = 40000;
  uint32_t max_tasks_per_node = 512;
  int return_to_service = 0;  // 0, 1, 2

  SelectFlags select = {.core = true, .memory = true};  // CR_Core_Memory, as in Slurm
  bool backfill = true;                                 // false: SchedulerType=sched/builtin
  EnforcePartLimits enforce_part_limits = EnforcePartLimits::kNo;
  std::optional<uint64_t> def_mem_per_cpu_mb;  // absent with the next: UNLIMITED (all of the node)
  std::optional<uint64_t> def_mem_per_node_mb;
  std::optional<uint64_t> max_mem_per_cpu_mb;  // absent: UNLIMITED
  std::optional<uint64_t> max_mem_per_node_mb;
  PriorityConfig priority;  // PriorityType and what goes with it
  PreemptConfig preempt;    // PreemptType and what goes with it
  bool job_requeue = true;
  bool kill_on_bad_exit = false;
  bool disable_root_jobs = false;
  bool config_overrides = false;  // SlurmdParameters: a node smaller than its line is no error
  std::vector<std::string> gres_types;
  std::vector<License> licenses;
  bool topology_tree = false;  // TopologyPlugin=topology/tree; false: the network is flat
  absl::Duration max_switch_wait = absl::Seconds(300);  // of SchedulerParameters

  std::vector<std::string> operators;       // ReeveOperators, our own: names or numbers of users
  std::vector<std::string> administrators;  // ReeveAdministrators, likewise
  bool check_node_address = true;           // ReeveCheckNodeAddress, our own
  PrivateData private_data;
  RateLimit rate_limit;
  TlsConfig tls;
  uint32_t max_script_size = 4 << 20;  // SchedulerParameters=max_script_size=, in bytes
  std::string scheduler_parameters;    // as given
  std::string slurmctld_parameters;
  std::string tls_parameters;

  // Absolute paths or glob patterns; empty: none.
  std::string prolog;
  std::string epilog;
  bool prolog_at_allocation = false;  // PrologFlags=Alloc: not only before a node's first step
  bool prolog_no_hold = false;        // PrologFlags=NoHold: salloc does not wait for it
  absl::Duration prolog_epilog_timeout = absl::InfiniteDuration();
  // Absolute paths of programs; empty: none.
  std::string task_prolog;
  std::string task_epilog;
  std::string srun_prolog;
  std::string srun_epilog;
  std::string health_check_program;
  absl::Duration health_check_interval = absl::ZeroDuration();  // 0: it never runs
  HealthCheckStates health_check_states;

  std::vector<NodeConfig> nodes;            // in the order of the file
  std::vector<PartitionConfig> partitions;  // in the order of the file
  std::vector<SwitchConfig> switches;       // of topology.conf, in its order

  // What `scontrol show config` prints, in its order and spelling ("KillWait", "30 sec"). What only
  // the running controller knows is for it to complete: BOOT_TIME, NEXT_JOB_ID, SlurmUser's id.
  std::vector<std::pair<std::string, std::string>> entries;
  // Accepted because Reeve does that anyway, and the like: for `reeve check-config -v`.
  std::vector<std::string> notes;  // "file:line: ..."

  const NodeConfig* FindNode(std::string_view name) const;
  const PartitionConfig* FindPartition(std::string_view name) const;
  const PartitionConfig* DefaultPartition() const;  // null when none is marked
};

// The text of another file: called with the resolved path of an `include`.
using IncludeReader = std::function<absl::StatusOr<std::string>(const std::string& path)>;

// `name` stands for the text in messages and is what include paths are relative to. Without
// `include_reader` an include is an error. On failure InvalidArgument, all problems in one message,
// one a line: "slurm.conf:12: unknown key 'SlurmctldPrt'; did you mean SlurmctldPort?".
absl::StatusOr<Config> ParseConfig(std::string_view text, std::string_view name,
                                   IncludeReader include_reader = nullptr);

// NotFound when the file does not exist; else as ParseConfig.
absl::StatusOr<Config> LoadConfig(const std::string& path);
// With the gres.conf beside it, if there is one, and topology.conf, where the network is a tree:
// only the controller needs to know those.
absl::StatusOr<Config> LoadWholeConfig(const std::string& path);

// $SLURM_CONF, else /etc/reeve/slurm.conf.
std::string FindConfigPath();

// Replaces %n (node name), %h (host name) and %%.
std::string ExpandNodePath(std::string_view pattern, std::string_view node,
                           std::string_view hostname);

// What a running controller (and nodes) makes of a changed file, one line a change:
// "SlurmctldPort: 6817 -> 7000", "NodeName n7: added",
// "PartitionName debug: MaxTime: 01:00:00 -> UNLIMITED".
struct ConfigChanges {
  std::vector<std::string> at_run_time;
  std::vector<std::string> after_restart;
};
ConfigChanges ConfigDiff(const Config& before, const Config& after);

}  // namespace reeve
