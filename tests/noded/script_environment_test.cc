#include "noded/core/script_environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reeve::noded {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Not;
using ::testing::StartsWith;

const ScriptSite kSite{"n1", "home", "/etc/reeve/slurm.conf"};

JobFacts Facts() {
  return {.key = {JobId{12}, 2},
          .uid = 1000,
          .gid = 100,
          .user_name = "ann",
          .nodes = "n[1-2]",
          .num_nodes = 2,
          .partition = "debug",
          .exit_status = 3 << 8,
          .derived_exit_status = 9};
}

TEST(ScriptEnvironment, OfAProlog) {
  EXPECT_THAT(
      ScriptEnvironment(kSite, Facts(), ScriptKind::kProlog),
      ElementsAre("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                  "SLURMD_NODENAME=n1", "SLURM_CLUSTER_NAME=home",
                  "SLURM_CONF=/etc/reeve/slurm.conf", "SLURM_JOBID=12", "SLURM_JOB_GID=100",
                  "SLURM_JOB_ID=12", "SLURM_JOB_NODELIST=n[1-2]", "SLURM_JOB_NUM_NODES=2",
                  "SLURM_JOB_PARTITION=debug", "SLURM_JOB_RESTART_COUNT=2", "SLURM_JOB_UID=1000",
                  "SLURM_JOB_USER=ann", "SLURM_SCRIPT_CONTEXT=prolog_slurmd"));
}

TEST(ScriptEnvironment, OfAnEpilogKnowsTheExit) {
  const auto entries = ScriptEnvironment(kSite, Facts(), ScriptKind::kEpilog);
  EXPECT_THAT(entries, Contains("SLURM_SCRIPT_CONTEXT=epilog_slurmd"));
  EXPECT_THAT(entries, Contains("SLURM_JOB_EXIT_CODE=768"));
  EXPECT_THAT(entries, Contains("SLURM_JOB_EXIT_CODE2=3:0"));
  EXPECT_THAT(entries, Contains("SLURM_JOB_DERIVED_EC=9"));
}

TEST(ScriptEnvironment, OfAnArraysTask) {
  JobFacts facts = Facts();
  facts.array_job = JobId{10};
  facts.array_task = 3;
  const auto entries = ScriptEnvironment(kSite, facts, ScriptKind::kProlog);
  EXPECT_THAT(entries, Contains("SLURM_ARRAY_JOB_ID=10"));
  EXPECT_THAT(entries, Contains("SLURM_ARRAY_TASK_ID=3"));
}

TEST(ScriptEnvironment, AValueThatIsNoWordIsLeftOut) {
  for (const char* value : {"a b", "$(id)", "`id`", "a\nLD_PRELOAD=x", "a'b", ""}) {
    JobFacts facts = Facts();
    facts.user_name = value;
    EXPECT_THAT(ScriptEnvironment(kSite, facts, ScriptKind::kProlog),
                Each(Not(StartsWith("SLURM_JOB_USER="))))
        << value;
  }
}

}  // namespace
}  // namespace reeve::noded
