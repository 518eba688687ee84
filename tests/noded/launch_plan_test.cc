#include "noded/core/launch_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "noded/core/environment.h"

namespace reeve::noded {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Kind = StreamTarget::Kind;

LaunchRequest Batch() {
  LaunchRequest request;
  request.key = {JobId{12}, kBatchStep, 0};
  request.user_name = "ann";
  request.uid = 1000;
  request.gid = 100;
  request.argv = {"one", "two"};
  request.work_dir = "/home/ann";
  request.parts = {{"n1", 6, {0}}, {"n2", 2, {}}};
  return request;
}

LaunchRequest Step() {
  LaunchRequest request = Batch();
  request.key.step = StepId{3};
  request.argv = {"hostname"};
  request.parts = {{"n1", 2, {0, 1}}, {"n2", 2, {2, 3}}, {"n3", 1, {4}}};
  request.node_index = 1;
  request.has_client = true;
  request.environment = {"PATH=/a:/b:", "SLURM_NTASKS=99"};
  return request;
}

NodeFacts Facts() {
  return {"/home/ann", "/bin/zsh", "/etc/slurm.conf", "/spool/slurm_script"};
}

LaunchPlan Plan(const LaunchRequest& request) {
  absl::StatusOr<LaunchPlan> plan = MakeLaunchPlan(request, Facts());
  EXPECT_TRUE(plan.ok()) << plan.status();
  return plan.ok() ? *plan : LaunchPlan{};
}

std::string Get(const TaskPlan& task, std::string_view name) {
  return Environment(task.environment).Get(name).value_or("(unset)");
}

TEST(LaunchPlan, ABatchScriptRunsOnceWithItsArguments) {
  LaunchPlan plan = Plan(Batch());
  EXPECT_THAT(plan.argv, ElementsAre("/spool/slurm_script", "one", "two"));
  EXPECT_THAT(plan.programs, ElementsAre("/spool/slurm_script"));
  ASSERT_EQ(plan.tasks.size(), 1u);
  EXPECT_EQ(plan.tasks[0].in.kind, Kind::kNull);
  EXPECT_EQ(plan.tasks[0].out.path, "/home/ann/slurm-12.out");
  EXPECT_TRUE(plan.tasks[0].out.truncate);
  EXPECT_EQ(plan.tasks[0].err, plan.tasks[0].out);
}

TEST(LaunchPlan, AnArrayTaskHasItsOwnFile) {
  LaunchRequest request = Batch();
  request.array_job = JobId{10};
  request.array_task = 7;
  EXPECT_EQ(Plan(request).tasks[0].out.path, "/home/ann/slurm-10_7.out");
}

// compat/outputs-26.05/env-sbatch-26.txt
TEST(LaunchPlan, ABatchScriptsEnvironment) {
  LaunchRequest request = Batch();
  request.environment = {"SLURM_NTASKS=4", "HOME=/elsewhere", "SLURM_TASK_PID=1"};
  TaskPlan task = Plan(request).tasks[0];
  EXPECT_EQ(Get(task, "SLURM_STEP_ID"), "-5");
  EXPECT_EQ(Get(task, "SLURM_STEPID"), "-5");
  EXPECT_EQ(Get(task, "SLURM_NODEID"), "0");
  EXPECT_EQ(Get(task, "SLURM_PROCID"), "0");
  EXPECT_EQ(Get(task, "SLURM_LOCALID"), "0");
  EXPECT_EQ(Get(task, "SLURM_GTIDS"), "0");
  EXPECT_EQ(Get(task, "SLURM_CPUS_ON_NODE"), "6");
  EXPECT_EQ(Get(task, "SLURM_NTASKS"), "4") << "the job's, not the script's";
  EXPECT_EQ(Get(task, "SLURM_STEP_NODELIST"), "(unset)");
  EXPECT_EQ(Get(task, "SLURM_TASK_PID"), "(unset)");
  EXPECT_EQ(Get(task, "SLURMD_NODENAME"), "n1");
  EXPECT_EQ(Get(task, "SLURM_TOPOLOGY_ADDR_PATTERN"), "node");
  EXPECT_EQ(Get(task, "SLURM_JOB_UID"), "1000");
  EXPECT_EQ(Get(task, "SLURM_CONF"), "/etc/slurm.conf");
  EXPECT_EQ(Get(task, "TMPDIR"), "/tmp");
  EXPECT_EQ(Get(task, "HOME"), "/elsewhere");
  EXPECT_EQ(Get(task, "SHELL"), "/bin/zsh");
}

TEST(LaunchPlan, ANodeIsNamedBelowItsSwitches) {
  LaunchRequest request = Batch();
  EXPECT_EQ(Get(Plan(request).tasks[0], "SLURM_TOPOLOGY_ADDR"), "n1");
  request.topology_addr = "top.s0.n1";
  request.topology_pattern = "switch.switch.node";
  const TaskPlan task = Plan(request).tasks[0];
  EXPECT_EQ(Get(task, "SLURM_TOPOLOGY_ADDR"), "top.s0.n1");
  EXPECT_EQ(Get(task, "SLURM_TOPOLOGY_ADDR_PATTERN"), "switch.switch.node");
}

// compat/outputs-26.05/env-srun-pmi2-step-26.txt
TEST(LaunchPlan, AStepsEnvironment) {
  LaunchRequest request = Step();
  request.distribution = "cyclic";
  LaunchPlan plan = Plan(request);
  ASSERT_EQ(plan.tasks.size(), 2u);
  const TaskPlan& second = plan.tasks[1];
  EXPECT_EQ(Get(second, "SLURM_PROCID"), "3");
  EXPECT_EQ(Get(second, "SLURM_LOCALID"), "1");
  EXPECT_EQ(Get(second, "SLURM_GTIDS"), "2,3");
  EXPECT_EQ(Get(second, "SLURM_NODEID"), "1");
  EXPECT_EQ(Get(second, "SLURM_STEP_NODELIST"), "n[1-3]");
  EXPECT_EQ(Get(second, "SLURM_STEP_NUM_NODES"), "3");
  EXPECT_EQ(Get(second, "SLURM_STEP_NUM_TASKS"), "5");
  EXPECT_EQ(Get(second, "SLURM_STEP_TASKS_PER_NODE"), "2(x2),1");
  EXPECT_EQ(Get(second, "SLURM_NTASKS"), "5");
  EXPECT_EQ(Get(second, "SLURM_NPROCS"), "5");
  EXPECT_EQ(Get(second, "SLURM_NNODES"), "3");
  EXPECT_EQ(Get(second, "SLURM_UMASK"), "0022");
  EXPECT_EQ(Get(second, "SLURM_DISTRIBUTION"), "cyclic");
}

TEST(LaunchPlan, AProgramIsSearchedInTheUsersPath) {
  EXPECT_THAT(Plan(Step()).programs, ElementsAre("/a/hostname", "/b/hostname", "./hostname"));
  LaunchRequest request = Step();
  request.argv = {"bin/tool"};
  EXPECT_THAT(Plan(request).programs, ElementsAre("bin/tool"));
}

TEST(LaunchPlan, SrunsStreamsGoToItUnlessSaidOtherwise) {
  TaskPlan task = Plan(Step()).tasks[0];
  EXPECT_EQ(task.in.kind, Kind::kClient);
  EXPECT_EQ(task.out.kind, Kind::kClient);
  EXPECT_EQ(task.err.kind, Kind::kClient);

  LaunchRequest request = Step();
  request.std_in = "none";
  request.std_out = "out-%t";
  LaunchPlan plan = Plan(request);
  EXPECT_EQ(plan.tasks[0].in.kind, Kind::kNull);
  EXPECT_EQ(plan.tasks[1].out.path, "/home/ann/out-3");
  EXPECT_EQ(plan.tasks[1].err, plan.tasks[1].out);

  request.std_in = "3";
  request.std_out = "none";
  plan = Plan(request);
  EXPECT_EQ(plan.tasks[0].in.kind, Kind::kNull);
  EXPECT_EQ(plan.tasks[1].in.kind, Kind::kClient);
  EXPECT_EQ(plan.tasks[1].out.kind, Kind::kNull);
}

TEST(LaunchPlan, NodesThatShareAFileEmptyItOnce) {
  LaunchRequest request = Step();
  request.std_out = "all.txt";
  EXPECT_FALSE(Plan(request).tasks[0].out.truncate);
  request.node_index = 0;
  EXPECT_TRUE(Plan(request).tasks[0].out.truncate);
  request.append_output = true;
  EXPECT_FALSE(Plan(request).tasks[0].out.truncate);
}

TEST(LaunchPlan, TasksAreToldTheirGpus) {
  LaunchRequest request = Step();
  request.environment.push_back("CUDA_VISIBLE_DEVICES=7");
  request.environment.push_back("SLURM_JOB_GPUS=7");
  // Where a node has none what the user has set stays.
  LaunchPlan plan = Plan(request);
  EXPECT_EQ(Get(plan.tasks[0], "CUDA_VISIBLE_DEVICES"), "7");
  EXPECT_EQ(Get(plan.tasks[0], "SLURM_JOB_GPUS"), "(unset)");

  request.node_has_gpus = true;
  request.job_gpus = {0, 2, 3};
  plan = Plan(request);
  EXPECT_EQ(Get(plan.tasks[0], "CUDA_VISIBLE_DEVICES"), "(unset)");
  EXPECT_EQ(Get(plan.tasks[0], "SLURM_JOB_GPUS"), "0,2,3");
  EXPECT_EQ(Get(plan.tasks[0], "SLURM_GPUS_ON_NODE"), "(unset)");

  request.step_gpus = {2, 3};
  plan = Plan(request);
  for (const TaskPlan& task : plan.tasks) {
    EXPECT_EQ(Get(task, "CUDA_VISIBLE_DEVICES"), "2,3");
    EXPECT_EQ(Get(task, "ROCR_VISIBLE_DEVICES"), "2,3");
    EXPECT_EQ(Get(task, "SLURM_STEP_GPUS"), "2,3");
    EXPECT_EQ(Get(task, "SLURM_GPUS_ON_NODE"), "2");
  }

  request.gpus_per_task = 1;
  plan = Plan(request);
  EXPECT_EQ(Get(plan.tasks[0], "CUDA_VISIBLE_DEVICES"), "2");
  EXPECT_EQ(Get(plan.tasks[1], "GPU_DEVICE_ORDINAL"), "3");
  EXPECT_EQ(Get(plan.tasks[1], "SLURM_STEP_GPUS"), "2,3");

  request.gpus_per_task = 0;
  request.tasks_per_gpu = 2;
  plan = Plan(request);
  EXPECT_EQ(Get(plan.tasks[0], "CUDA_VISIBLE_DEVICES"), "2");
  EXPECT_EQ(Get(plan.tasks[1], "CUDA_VISIBLE_DEVICES"), "2");
  request.tasks_per_gpu = 1;
  request.step_gpus = {3};
  plan = Plan(request);
  EXPECT_EQ(Get(plan.tasks[1], "CUDA_VISIBLE_DEVICES"), "3");  // there are no more
}

TEST(LaunchPlan, NonsenseIsRefusedByName) {
  LaunchRequest request = Batch();
  request.node_index = 5;
  EXPECT_THAT(MakeLaunchPlan(request, Facts()).status().ToString(), HasSubstr("no share"));
  request.node_index = 1;
  EXPECT_THAT(MakeLaunchPlan(request, Facts()).status().ToString(), HasSubstr("no task"));
  request = Step();
  request.argv.clear();
  EXPECT_THAT(MakeLaunchPlan(request, Facts()).status().ToString(), HasSubstr("no program"));
}

}  // namespace
}  // namespace reeve::noded
