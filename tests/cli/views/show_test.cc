// scontrol's records as text.
#include <gtest/gtest.h>

#include "cli/show_job.h"
#include "cli/show_license.h"
#include "cli/show_node.h"
#include "cli/show_topology.h"
#include "tests/cli/views/builders.h"
#include "tests/cli/views/golden.h"

namespace reeve::cli {
namespace {

constexpr ShowOptions kPlain{};
constexpr ShowOptions kDetails{.details = true};
constexpr ShowOptions kOneLine{.one_line = true};

std::string Show(const pb::Job& job, const ShowOptions& options, int64_t now = kNow) {
  const ViewContext context = SampleContext(now);
  return ShowJobText(JobRow{&job, std::nullopt, &context}, options);
}

JobBuilder Runner(uint32_t id, const std::string& sleep) {
  JobBuilder job = JobBuilder(id, "runner").Priority(1398).Limit(30).Nodes(3, 12);
  job->set_num_tasks(6);
  pb::JobSpec* spec = job.spec();
  spec->set_min_nodes(3);
  spec->set_max_nodes(3);
  spec->set_ntasks_per_node(2);
  spec->set_cpus_per_task(2);
  spec->set_mem_per_node_mb(500);
  spec->set_comment("a comment");
  spec->set_submit_line(
      "sbatch --parsable -o /dev/null -J runner -N3 --ntasks-per-node=2 -c2 --mem=500 -t 30 "
      "--comment=a comment --wrap srun sleep " +
      sleep);
  return job;
}

// Submitted at 22:54:12, running since 22:54:13.
JobBuilder RunningRunner() {
  constexpr int64_t kLater = kSubmitted + 802;
  JobBuilder job = Runner(1, "60");
  job->set_submit_time(kLater);
  job->set_eligible_time(kLater);
  job->set_accrue_time(kLater);
  job->set_last_sched_time(kLater + 1);
  job.Runs(kLater + 1, {"n1", "n2", "n3"}, 4, "0-3");
  return job;
}
constexpr int64_t kWhileRunning = kSubmitted + 811;

TEST(ShowJob, Pending) {
  ExpectGolden("show-job.txt", Show(Runner(30, "100").Waits("Priority"), kPlain));
}
TEST(ShowJob, PendingDetails) {
  ExpectGolden("show-job-d.txt", Show(Runner(30, "100").Waits("Priority"), kDetails));
}
TEST(ShowJob, Held) {
  JobBuilder job = JobBuilder(33, "held").Held();
  job.spec()->set_submit_line("sbatch --parsable -o /dev/null -J held --hold -t 5 --wrap sleep 60");
  ExpectGolden("show-job-pending.txt", Show(job, kPlain));
}
TEST(ShowJob, Array) {
  JobBuilder job = JobBuilder(32, "parr").Limit(10).Array(32, "1-10", 2).Waits("Priority");
  job.spec()->set_submit_line(
      "sbatch --parsable -o /dev/null -J parr --array=1-10%2 -t 10 --wrap sleep 60");
  ExpectGolden("show-job-array.txt", Show(job, kPlain));
}
TEST(ShowJob, Component) {
  JobBuilder job = Runner(13, "100").Waits("Priority");
  job->set_het_job_id(12);
  job->set_het_job_offset(1);
  job->set_het_job_size(3);
  ExpectGolden("show-job-component.txt", Show(job, kPlain));
}
TEST(ShowJob, Running) {
  ExpectGolden("show-job-running.txt", Show(RunningRunner(), kPlain, kWhileRunning));
}
TEST(ShowJob, RunningDetails) {
  ExpectGolden("show-job-running-d.txt", Show(RunningRunner(), kDetails, kWhileRunning));
}
TEST(ShowJob, Suspended) {
  JobBuilder job = RunningRunner();
  job->set_state(pb::JOB_STATE_SUSPENDED);
  job->set_suspend_time(kWhileRunning);
  ExpectGolden("show-job-suspended.txt", Show(job, kPlain, kWhileRunning + 3600));
}
TEST(ShowJob, OneLine) {
  ExpectGolden("show-job-running-o.txt", Show(RunningRunner(), kOneLine, kWhileRunning));
}

void Give(const std::string& name, const std::string& type, const std::string& ids,
          pb::NodeShare* share) {
  pb::GresShare* gres = share->add_gres();
  gres->set_name(name);
  gres->set_type(type);
  gres->set_ids(ids);
}

TEST(ShowJob, GenericResources) {
  JobBuilder job = RunningRunner();
  job.spec()->set_gres("gpu:a100:3,nic:1");
  for (pb::NodeShare& share : *job->mutable_shares()) {
    Give("gpu", "a100", share.node() == "n3" ? "1-3" : "0-1,3", &share);
    Give("nic", "", "0", &share);
  }
  ExpectGolden("show-job-gres-d.txt", Show(job, kDetails, kWhileRunning));
}
TEST(ShowJob, ChoiceOfNodes) {
  JobBuilder job = JobBuilder(5, "choosy").Waits("Resources");
  job.spec()->set_exclusive_user(true);
  job.spec()->set_contiguous(true);
  job.spec()->set_features("[rack1|rack2]");
  const std::string text = Show(job, kPlain);
  EXPECT_NE(text.find(" OverSubscribe=NO Exclusive=USER Contiguous=1 "), std::string::npos);
  EXPECT_NE(text.find(" Features=[rack1|rack2] "), std::string::npos);
}
TEST(ShowJob, WaysToAskForGpus) {
  JobBuilder job = JobBuilder(5, "gpus").Waits("Resources").Nodes(2, 4);
  job->set_num_tasks(4);
  pb::JobSpec* spec = job.spec();
  spec->set_min_nodes(2);
  spec->set_gpus_per_task("h100:2");
  spec->set_cpus_per_gpu(3);
  spec->set_mem_per_gpu_mb(500);
  std::string text = Show(job, kOneLine);
  EXPECT_NE(text.find(",gres/gpu=8 "), text.npos) << text;
  EXPECT_NE(text.find("CpusPerTres=gres/gpu:3 MemPerTres=gres/gpu:500 "
                      "TresPerTask=gres/gpu:h100=2"),
            text.npos)
      << text;
  spec->clear_gpus_per_task();
  spec->set_gpus_per_node("2");
  text = Show(job, kOneLine);
  EXPECT_NE(text.find(",gres/gpu=4 "), text.npos) << text;
  EXPECT_NE(text.find("TresPerNode=gres/gpu:2"), text.npos) << text;
  spec->clear_gpus_per_node();
  spec->set_gpus("7");
  text = Show(job, kOneLine);
  EXPECT_NE(text.find(",gres/gpu=7 "), text.npos) << text;
  EXPECT_NE(text.find("TresPerJob=gres/gpu:7"), text.npos) << text;
}

TEST(ShowJob, AnyTokenOfOneLineHoldsAnEqualsSign) {
  JobBuilder job = JobBuilder(5, "plain").Runs(kSubmitted, {"n1"}, 1);
  const std::string line = Show(job, kOneLine);
  for (std::string_view token : SplitSkipEmpty(line, " \n")) {
    EXPECT_NE(token.find('='), token.npos) << token;
  }
}

TEST(ShowStep, BatchAndLaunched) {
  JobBuilder job = RunningRunner();
  job.Step(-5, "batch", {"n1"}, 4).Step(0, "sleep", {"n1", "n2", "n3"}, 4);
  job->mutable_steps(1)->set_num_tasks(6);
  job->mutable_steps(1)->set_cpus_per_task(2);
  job->mutable_steps(1)->set_submit_host("n1");
  job->mutable_steps(1)->set_srun_pid(4187);
  const ViewContext context = SampleContext();
  const pb::Job done = job;
  std::string text;
  for (const pb::Step& step : done.steps()) {
    text += ShowStepText(StepRow{&done, &step, &context}, kPlain);
  }
  ExpectGolden("show-step.txt", text);
}

TEST(ShowNode, Allocated) {
  ExpectGolden("show-node.txt", ShowNodeText(SampleCluster().nodes(0), 6818, kPlain));
}
TEST(ShowNode, GenericResources) {
  pb::Node node = SampleCluster().nodes(0);
  node.set_gres("gpu:a100:4,nic:1");
  node.set_gres_used("gpu:a100:3(IDX:0-1,3),nic:0(IDX:N/A)");
  ExpectGolden("show-node-gres-d.txt", ShowNodeText(node, 6818, kDetails));
}
TEST(ShowNode, Drained) {
  pb::Node node = DrainedCluster().nodes(3);
  node.set_last_busy_time(kSubmitted - 6);
  ExpectGolden("show-node-drain.txt", ShowNodeText(node, 6818, kPlain));
}
TEST(ShowNode, NeverSeen) {
  pb::Node node = SampleNode("n9", pb::NODE_STATE_UNKNOWN, 0, 0, 0);
  for (auto clear : {&pb::Node::clear_arch, &pb::Node::clear_os, &pb::Node::clear_version,
                     &pb::Node::clear_boot_time, &pb::Node::clear_start_time,
                     &pb::Node::clear_last_response_time, &pb::Node::clear_last_busy_time}) {
    (node.*clear)();
  }
  node.set_responding(false);
  node.set_port(7001);
  ExpectGolden("show-node-unknown.txt", ShowNodeText(node, 6818, kPlain));
}
TEST(ShowLicense, CountsWhatIsLeft) {
  pb::License license;
  license.set_name("foo");
  license.set_total(4);
  license.set_used(3);
  std::string text = ShowLicenseText(license, false) + ShowLicenseText(license, true);
  license.set_reserved(1);
  license.set_used(5);  // of those that were configured when jobs took them
  text += ShowLicenseText(license, false);
  ExpectGolden("show-license.txt", text);
}

TEST(ShowJob, SaysWhatIsAskedOfSocketsCoresAndThreads) {
  JobBuilder job = Runner(30, "100");
  EXPECT_NE(Show(job, kPlain).find(" ReqB:S:C:T=0:0:*:*\n"), std::string::npos);
  pb::CpuWishes* cpus = job.spec()->mutable_cpus();
  cpus->set_sockets_per_node(2);
  cpus->set_cores_per_socket(4);
  cpus->set_threads_per_core(1);
  cpus->set_ntasks_per_socket(3);
  const std::string text = Show(job, kPlain);
  EXPECT_NE(text.find(" ReqB:S:C:T=0:0:4:1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\n   Socks/Node=2 NtasksPerN:B:S:C=2:0:3:* CoreSpec=*\n"), std::string::npos)
      << text;
}

TEST(ShowJob, SaysForHowLongItWaitsForSwitches) {
  JobBuilder job = Runner(30, "100").Waits("Priority");
  EXPECT_EQ(Show(job, kPlain).find("Switches="), std::string::npos);
  job.spec()->set_switches(1);
  job.spec()->set_switches_wait(300);
  EXPECT_NE(Show(job, kPlain).find("\n   Switches=1@00:05:00\n"), std::string::npos);
}

TEST(ShowTopology, HasALineForEachSwitch) {
  pb::QueryClusterResponse cluster;
  const auto add = [&](const char* name, uint32_t level, const char* nodes, const char* switches) {
    pb::Switch* each = cluster.add_switches();
    each->set_name(name);
    each->set_level(level);
    each->set_link_speed(1);
    each->set_nodes(nodes);
    each->set_switches(switches);
  };
  add("top", 1, "n[0-3]", "s[0-1]");
  add("s0", 0, "n[0-1]", "");
  add("s1", 0, "n[2-3]", "");
  std::string text;
  for (const char* name : {"", "s1", "n2", "n[0,1]", "n[1-2]"}) {
    text += StrCat("# ", name, "\n");
    for (const pb::Switch* each : FindSwitches(cluster.switches(), name)) {
      text += ShowSwitchText(*each);
    }
  }
  ExpectGolden("show-topology.txt", text);
  EXPECT_TRUE(FindSwitches(cluster.switches(), "n9").empty());
  EXPECT_TRUE(FindSwitches(cluster.switches(), "n[").empty());
}

TEST(ShowNode, AClockThatDiffersHasALineOfItsOwn) {
  pb::Node node = SampleCluster().nodes(0);
  node.set_clock_skew(42);
  EXPECT_NE(ShowNodeText(node, 6818, kPlain).find("\n   ClockSkew=+42s\n"), std::string::npos);
  node.set_clock_skew(-300);
  EXPECT_NE(ShowNodeText(node, 6818, kPlain).find("\n   ClockSkew=-300s\n"), std::string::npos);
}

TEST(ShowPartition, AllNodes) {
  ExpectGolden("show-partition.txt", ShowPartitionText(SamplePartition(), true, kPlain));
}
TEST(ShowPartition, Limits) {
  pb::Partition partition = SamplePartition();
  partition.set_max_time(3600);
  partition.set_default_time(600);
  partition.set_max_nodes(2);
  partition.set_def_mem_per_cpu_mb(1024);
  partition.set_oversubscribe("FORCE:4");
  partition.set_exclusive_user(true);
  partition.set_lln(true);
  partition.set_allow_groups("staff,admin");
  ExpectGolden("show-partition-limits.txt", ShowPartitionText(partition, false, kOneLine));
}

}  // namespace
}  // namespace reeve::cli
