// The scripts that scontrol leaves behind when it has made a job smaller.
#include "cli/resize_script.h"

#include "gtest/gtest.h"

namespace reeve::cli {
namespace {

TEST(ResizeScripts, SetWhatDependsOnTheNodes) {
  const ResizeScripts scripts = MakeResizeScripts(
      {"SLURM_JOB_ID=12", "SLURM_NNODES=2", "SLURM_JOB_NUM_NODES=2", "SLURM_NODELIST=n[1-2]",
       "SLURM_JOB_NODELIST=n[1-2]", "SLURM_JOB_CPUS_PER_NODE=2(x2)", "SLURM_NTASKS=8",
       "SLURM_TASKS_PER_NODE=2(x2)", "SLURM_NODELIST_OF_OTHERS=n3"});
  EXPECT_EQ(scripts.sh,
            "export SLURM_NODELIST=\"n[1-2]\"\n"
            "export SLURM_JOB_NODELIST=\"n[1-2]\"\n"
            "export SLURM_NNODES=\"2\"\n"
            "export SLURM_JOB_NUM_NODES=\"2\"\n"
            "export SLURM_JOB_CPUS_PER_NODE=\"2(x2)\"\n"
            "export SLURM_TASKS_PER_NODE=\"2(x2)\"\n"
            "unset SLURM_NPROCS\n"
            "unset SLURM_NTASKS\n");
  EXPECT_EQ(scripts.csh.substr(0, 32), "setenv SLURM_NODELIST \"n[1-2]\"\ns");
  EXPECT_NE(scripts.csh.find("unsetenv SLURM_NTASKS\n"), std::string::npos);
}

TEST(ResizeScripts, AreForChangesOfTheSize) {
  EXPECT_TRUE(ChangesSize({{"Name=x", "Name", "x"}, {"numnodes=2", "numnodes", "2"}}));
  EXPECT_TRUE(ChangesSize({{"NodeList=n1", "NodeList", "n1"}}));
  EXPECT_FALSE(ChangesSize({{"NumTasks=2", "NumTasks", "2"}}));
}

}  // namespace
}  // namespace reeve::cli
