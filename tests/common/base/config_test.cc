#include "common/base/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "common/base/text.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kHead = "ClusterName=c\nSlurmctldHost=ctl(10.0.0.1)\n";

// The text after two good lines, so its own first line is line 3.
Config Good(std::string_view text) {
  absl::StatusOr<Config> config = ParseConfig(StrCat(kHead, text), "slurm.conf");
  EXPECT_TRUE(config.ok()) << config.status();
  return config.ok() ? *std::move(config) : Config{};
}

std::string Problems(std::string_view text) {
  absl::StatusOr<Config> config = ParseConfig(StrCat(kHead, text), "slurm.conf");
  return config.ok() ? "" : std::string(config.status().message());
}

std::string Entry(const Config& config, std::string_view key) {
  for (const auto& [name, value] : config.entries) {
    if (name == key) return value;
  }
  return "absent";
}

TEST(Config, DefaultsAreValid) {
  const Config config = Good("");
  const Config plain;
  EXPECT_EQ(config.cluster_name, "c");
  EXPECT_EQ(config.controllers[0].host, "ctl");
  EXPECT_EQ(config.controllers[0].addr, "10.0.0.1");
  EXPECT_EQ(config.accounting_host, "10.0.0.1");
  EXPECT_EQ(config.slurmctld_port, plain.slurmctld_port);
  EXPECT_EQ(config.kill_wait, absl::Seconds(30));
  EXPECT_TRUE(config.select.core && config.select.memory && config.select.cpus);
  EXPECT_FALSE(config.accounting);
}

TEST(Config, MainKeys) {
  const Config config = Good(R"(
slurmctldport=7000 SlurmdPort=7001
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=db
KillWait=5
SlurmctldDebug=debug2
SlurmdDebug=9
SelectTypeParameters=cr_cpu
DefMemPerCPU=100
MaxArraySize=4000001
AuthInfo=socket=/run/munge.sock
SlurmdParameters=config_overrides
PriorityType=priority/multifactor
SchedulerType=sched/builtin
OverTimeLimit=UNLIMITED
EnforcePartLimits=ALL
JobRequeue=0
KillOnBadExit=1
GresTypes=gpu,fpga
ReeveSocketDir=/run/reeve
)");
  EXPECT_EQ(config.slurmctld_port, 7000);
  EXPECT_EQ(config.slurmd_port, 7001);
  EXPECT_TRUE(config.accounting);
  EXPECT_EQ(config.accounting_host, "db");
  EXPECT_EQ(config.kill_wait, absl::Seconds(5));
  EXPECT_EQ(config.slurmctld_debug, LogLevel::kDebug2);
  EXPECT_EQ(config.slurmd_debug, LogLevel::kDebug5);
  EXPECT_FALSE(config.select.core || config.select.memory);
  EXPECT_EQ(config.def_mem_per_cpu_mb, 100u);
  EXPECT_EQ(config.max_array_size, 4000001u);
  EXPECT_EQ(config.auth_socket, "/run/munge.sock");
  EXPECT_TRUE(config.config_overrides);
  EXPECT_TRUE(config.priority.multifactor);
  EXPECT_FALSE(config.backfill);
  EXPECT_EQ(config.over_time_limit, absl::InfiniteDuration());
  EXPECT_EQ(config.enforce_part_limits, EnforcePartLimits::kAll);
  EXPECT_FALSE(config.job_requeue);
  EXPECT_TRUE(config.kill_on_bad_exit);
  EXPECT_THAT(config.gres_types, ElementsAre("gpu", "fpga"));
  EXPECT_EQ(config.socket_dir, "/run/reeve");
  EXPECT_EQ(config.controllers.size(), 1u);
}

TEST(Config, OldControllerSpelling) {
  absl::StatusOr<Config> config =
      ParseConfig("ClusterName=c\nControlAddr=10.0.0.1\nControlMachine=a\n", "f");
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_EQ(config->controllers.size(), 1u);
  EXPECT_EQ(config->controllers[0].host, "a");
  EXPECT_EQ(config->controllers[0].addr, "10.0.0.1");
}

TEST(Config, ASecondControllerIsRefusedByName) {
  absl::StatusOr<Config> config =
      ParseConfig("ClusterName=c\nSlurmctldHost=a\nSlurmctldHost=b\n", "f");
  EXPECT_THAT(std::string(config.status().message()), HasSubstr("second SlurmctldHost"));
}

TEST(Config, AllProblemsAtOnce) {
  EXPECT_EQ(Problems("SlurmctldPrt=1\nKillWait=abc\n\nSelectType=select/linear\n"
                     "RebootProgram=/bin/true\nblah\n"),
            "slurm.conf:3: unknown key 'SlurmctldPrt'; did you mean SlurmctldPort?\n"
            "slurm.conf:4: KillWait: 'abc' is not a number of seconds from 0 to 65533\n"
            "slurm.conf:6: SelectType=select/linear is not supported yet; accepted: "
            "select/cons_tres, select/cons_res\n"
            "slurm.conf:7: RebootProgram=/bin/true is not supported yet\n"
            "slurm.conf:8: expected Key=Value at 'blah'");
  EXPECT_EQ(ParseConfig("", "f").status().message(),
            "f: ClusterName is missing\nf: SlurmctldHost is missing");
}

TEST(Config, RefusedValues) {
  EXPECT_THAT(Problems("SelectTypeParameters=CR_Socket\n"),
              HasSubstr("'CR_Socket' is not supported"));
  EXPECT_THAT(Problems("SelectTypeParameters=CR_Core,CR_CPU\n"), HasSubstr("is not supported"));
  EXPECT_THAT(Problems("SelectTypeParameters=CR_LLN,CR_Pack_Nodes\n"),
              HasSubstr("is not supported"));
  EXPECT_THAT(Problems("NodeSet=x Feature=y\n"), HasSubstr("NodeSet lines are not supported"));
  EXPECT_THAT(Problems("DownNodes=x State=DOWN\n"), HasSubstr("DownNodes lines"));
  EXPECT_THAT(Problems("FrontendName=x\n"), HasSubstr("FrontendName lines"));
  EXPECT_THAT(Problems("CPUs=4\n"), HasSubstr("a line that starts with NodeName"));
  EXPECT_THAT(Problems("SlurmctldPort=0\n"), HasSubstr("is not a number from 1 to 65535"));
  EXPECT_THAT(Problems("SlurmctldPort=6817-6820\n"), HasSubstr("is not a number"));
  EXPECT_THAT(Problems("StateSaveLocation=state\n"), HasSubstr("not an absolute path"));
  EXPECT_THAT(Problems("DefMemPerCPU=1\nDefMemPerNode=1\n"), HasSubstr("excludes"));
  EXPECT_THAT(Problems("SlurmctldParameters=enable_configless,cloud_dns\n"),
              HasSubstr("cloud_dns"));
  EXPECT_THAT(Problems("MpiDefault=pmi2\n"), HasSubstr("MpiDefault=pmi2 is not supported yet"));
  EXPECT_THAT(Problems("PriorityParameters=x\n"), HasSubstr("not supported yet"));
  EXPECT_THAT(Problems("FirstJobId=10\nMaxJobId=5\n"), HasSubstr("FirstJobId is greater"));
  EXPECT_THAT(Problems("BOOT_TIME=x\n"), HasSubstr("unknown key"));
}

TEST(Config, PrologAndEpilog) {
  const Config config = Good(
      "Prolog=/etc/reeve/prolog.d/*\nEpilog=/etc/reeve/epilog\nPrologFlags=alloc,NoHold\n"
      "PrologEpilogTimeout=90\nTaskProlog=/tp\nTaskEpilog=/te\nSrunProlog=/sp\nSrunEpilog=(null)\n"
      "BatchStartTimeout=60\n");
  EXPECT_EQ(config.prolog, "/etc/reeve/prolog.d/*");
  EXPECT_EQ(config.epilog, "/etc/reeve/epilog");
  EXPECT_TRUE(config.prolog_at_allocation && config.prolog_no_hold);
  EXPECT_EQ(config.prolog_epilog_timeout, absl::Seconds(90));
  EXPECT_EQ(config.task_prolog + config.task_epilog + config.srun_prolog, "/tp/te/sp");
  EXPECT_EQ(config.srun_epilog, "");
  EXPECT_EQ(Entry(config, "PrologFlags"), "Alloc,NoHold");
  EXPECT_EQ(Entry(config, "PrologEpilogTimeout"), "90");
  const Config none = Good("PrologFlags=none\nPrologEpilogTimeout=65534\n");
  EXPECT_EQ(none.prolog_epilog_timeout, absl::InfiniteDuration());
  EXPECT_EQ(Entry(none, "PrologEpilogTimeout"), "65534");
  EXPECT_EQ(Entry(none, "Prolog"), "absent");
  EXPECT_EQ(Entry(none, "TaskProlog"), "(null)");
  EXPECT_THAT(Problems("Prolog=prolog\n"), HasSubstr("not an absolute path"));
  EXPECT_THAT(Problems("PrologFlags=NoHold\n"), HasSubstr("without Alloc"));
  for (const char* flag :
       {"Contain", "DeferBatch", "ForceRequeueOnFail", "RunInJob", "Serial", "X11"}) {
    EXPECT_THAT(Problems(std::string("PrologFlags=Alloc,") + flag + "\n"),
                HasSubstr(std::string("'") + flag + "' is not supported"));
  }
  for (const char* key : {"PrologSlurmctld", "EpilogSlurmctld", "ResvProlog", "ResvEpilog"}) {
    EXPECT_THAT(Problems(std::string(key) + "=/bin/true\n"),
                HasSubstr(std::string(key) + "=/bin/true is not supported yet"));
  }
}

TEST(Config, HealthCheck) {
  const Config config = Good(
      "HealthCheckProgram=/usr/sbin/"
      "nhc\nHealthCheckInterval=300\nHealthCheckNodeState=IDLE,mixed\n");
  EXPECT_EQ(config.health_check_program, "/usr/sbin/nhc");
  EXPECT_EQ(config.health_check_interval, absl::Seconds(300));
  EXPECT_TRUE(config.health_check_states.idle && config.health_check_states.mixed);
  EXPECT_FALSE(config.health_check_states.allocated || config.health_check_states.other);
  EXPECT_EQ(Entry(config, "HealthCheckNodeState"), "IDLE,MIXED");
  EXPECT_EQ(Entry(Good(""), "HealthCheckNodeState"), "ANY");
  EXPECT_THAT(Problems("HealthCheckNodeState=ANY,CYCLE\n"), HasSubstr("'CYCLE' is not supported"));
}

TEST(Config, SatisfiedByDesign) {
  const Config config = Good(
      "ProctrackType=proctrack/cgroup\nTaskPlugin=task/affinity,task/cgroup\n"
      "SchedulerParameters=bf_continue,default_queue_depth=5000\nMpiDefault=none\n"
      "EpilogMsgTime=4000\nPrologFlags=\n");
  EXPECT_THAT(
      config.notes,
      testing::Contains(HasSubstr("slurm.conf:3: ProctrackType=proctrack/cgroup: satisfied")));
  EXPECT_EQ(Entry(config, "TaskPlugin"), "task/affinity,task/cgroup");
  EXPECT_EQ(Entry(config, "EpilogMsgTime"), "4000 usec");
  EXPECT_EQ(Entry(config, "MpiDefault"), "(null)");
}

TEST(Config, LeastLoadedNodesMayComeFirst) {
  const Config alone = Good("SelectTypeParameters=CR_LLN\nNodeName=n1\n");
  EXPECT_TRUE(alone.select.lln && alone.select.core && alone.select.memory);
  const Config cpus = Good("SelectTypeParameters=CR_CPU,CR_LLN\nNodeName=n1\n");
  EXPECT_TRUE(cpus.select.lln);
  EXPECT_FALSE(cpus.select.core || cpus.select.memory);
  EXPECT_EQ(Entry(cpus, "SelectTypeParameters"), "CR_CPU,CR_LLN");
}

TEST(Config, Entries) {
  const Config config = Good("NodeName=n[1-4]\n");
  EXPECT_EQ(Entry(config, "KillWait"), "30 sec");
  EXPECT_EQ(Entry(config, "SlurmctldHost[0]"), "ctl(10.0.0.1)");
  EXPECT_EQ(Entry(config, "DefMemPerNode"), "UNLIMITED");
  EXPECT_EQ(Entry(config, "DefMemPerCPU"), "absent");
  EXPECT_EQ(Entry(config, "MaxNodeCount"), "4");
  EXPECT_EQ(Entry(config, "SlurmUser"), "root");
  EXPECT_EQ(Entry(config, "AuthInfo"), "(null)");
  EXPECT_EQ(Entry(config, "SelectTypeParameters"), "CR_CORE_MEMORY");
  EXPECT_EQ(Entry(config, "OverTimeLimit"), "0 min");
  EXPECT_EQ(Entry(config, "BOOT_TIME"), "");
  EXPECT_EQ(Entry(config, "PriorityFlags"), "");
  EXPECT_EQ(Entry(config, "Epilog"), "absent");
  EXPECT_EQ(config.entries.front().first, "AccountingStorageBackupHost");
}

TEST(Config, DebianExample) {
  // The settings of the slurm.conf.simple that Debian's slurm-client ships.
  absl::StatusOr<Config> config = ParseConfig(R"(
# ClusterName ######
ClusterName=cluster
SlurmctldHost=workstation
ProctrackType=proctrack/linuxproc
ReturnToService=2
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmdSpoolDir=/var/lib/slurm/slurmd
StateSaveLocation=/var/lib/slurm/slurmctld
SlurmUser=slurm
TaskPlugin=task/none
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
JobAcctGatherType=jobacct_gather/none
SlurmctldDebug=info
SlurmctldLogFile=/var/log/slurm/slurmctld.log
SlurmdDebug=info
SlurmdLogFile=/var/log/slurm/slurmd.log
NodeName=server CPUs=16 RealMemory=64000
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP
)",
                                              "slurm.conf");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->nodes[0].cpus, 16u);
  EXPECT_THAT(config->DefaultPartition()->nodes, ElementsAre("server"));
  EXPECT_FALSE(config->DefaultPartition()->max_time.has_value());
}

TEST(ExpandNodePath, Replaces) {
  EXPECT_EQ(ExpandNodePath("/var/%n/%h/%%n%", "n1", "host"), "/var/n1/host/%n%");
}

TEST(LogLevel, NamesAndNumbers) {
  EXPECT_EQ(*ParseLogLevel("QUIET"), LogLevel::kQuiet);
  EXPECT_EQ(*ParseLogLevel("3"), LogLevel::kInfo);
  EXPECT_EQ(LogLevelName(LogLevel::kVerbose), "verbose");
  EXPECT_FALSE(ParseLogLevel("10").ok());
  EXPECT_FALSE(ParseLogLevel("").ok());
}

TEST(ConfigDiff, NamesWhatNeedsARestart) {
  const Config before = Good("NodeName=n[1-2] CPUs=4\nPartitionName=a Nodes=n1 MaxTime=60\n");
  const Config after =
      Good("SlurmctldPort=7000\nKillWait=5\nNodeName=n[2-3] CPUs=8\nPartitionName=a Nodes=n2\n");
  const ConfigChanges changes = ConfigDiff(before, after);
  EXPECT_THAT(changes.after_restart, ElementsAre("SlurmctldPort: 6817 -> 7000"));
  EXPECT_THAT(changes.at_run_time,
              ElementsAre("KillWait: 30 sec -> 5 sec", "NodeName n2: CPUs: 4 -> 8, Sockets: 4 -> 8",
                          "NodeName n3: added", "NodeName n1: removed",
                          "PartitionName a: Nodes changed, MaxTime: 01:00:00 -> UNLIMITED"));
  EXPECT_THAT(ConfigDiff(before, before).at_run_time, IsEmpty());
  EXPECT_THAT(ConfigDiff(Config{}, Config{}).after_restart, IsEmpty());
}

}  // namespace
}  // namespace reeve
