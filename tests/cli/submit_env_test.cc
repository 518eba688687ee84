#include "cli/submit_env.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reeve::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;
using testing::UnorderedElementsAre;

const std::vector<std::string> kEnvironment = {"HOME=/root", "PATH=/bin", "FOO=old",
                                               "SLURM_CONF=/c"};

TEST(ExportEnvironment, AllByDefault) {
  ExportedEnvironment all = ExportEnvironment(kEnvironment, std::nullopt);
  EXPECT_EQ(all.variables, kEnvironment);
  EXPECT_FALSE(all.is_partial);
}

TEST(ExportEnvironment, NonePassesOnlySlurmsOwn) {
  ExportedEnvironment none = ExportEnvironment(kEnvironment, "NONE");
  EXPECT_THAT(none.variables, UnorderedElementsAre("SLURM_CONF=/c", "SLURM_EXPORT_ENV=NONE",
                                                   "SLURM_GET_USER_ENV=1"));
  EXPECT_TRUE(none.is_partial);
}

TEST(ExportEnvironment, ListNamesAndSets) {
  ExportedEnvironment some = ExportEnvironment(kEnvironment, "HOME,NEW=a b,MISSING,Q='x,y'");
  EXPECT_THAT(some.variables,
              UnorderedElementsAre("SLURM_CONF=/c", "HOME=/root", "NEW=a b", "Q=x,y",
                                   "SLURM_GET_USER_ENV=1",
                                   "SLURM_EXPORT_ENV=HOME,NEW=a b,MISSING,Q='x,y'"));
  EXPECT_TRUE(some.is_partial);
}

TEST(ExportEnvironment, AllWithChanges) {
  ExportedEnvironment all = ExportEnvironment(kEnvironment, "ALL,FOO=bar");
  EXPECT_THAT(all.variables, Contains("PATH=/bin"));
  EXPECT_THAT(all.variables, Contains("FOO=bar"));
  EXPECT_THAT(all.variables, Not(Contains("FOO=old")));
  EXPECT_THAT(all.variables, Contains("SLURM_EXPORT_ENV=ALL,FOO=bar"));
  EXPECT_FALSE(all.is_partial);
}

TEST(WithoutOuterJob, DropsWhatAnOuterJobWasToldAboutItself) {
  EXPECT_THAT(WithoutOuterJob({"SLURM_JOB_ID=1", "SLURM_NTASKS=4", "SLURM_CONF=/c", "A=b",
                               "SLURM_ARRAY_TASK_ID=3", "SLURM_TIME_FORMAT=%s"}),
              ElementsAre("SLURM_CONF=/c", "A=b", "SLURM_TIME_FORMAT=%s"));
  EXPECT_THAT(WithoutOuterJob({"SLURM_NTASKS=4"}), ElementsAre("SLURM_NTASKS=4"));
}

}  // namespace
}  // namespace reeve::cli
