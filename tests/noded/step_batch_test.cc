// What a batch script gets and what becomes of its exit.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "step_harness.h"

namespace reeve::noded {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class BatchStep : public ::testing::TestWithParam<bool> {
 protected:
  StepNode node_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Cgroups, BatchStep, ::testing::Bool(), [](const auto& info) {
  return info.param ? "with_cgroups" : "without_cgroups";
});

TEST_P(BatchStep, ExitCodesAreReported) {
  for (int code : {0, 7, 255}) {
    v1::StepReport end = node_.Run(node_.Batch(100 + code, "exit " + std::to_string(code)));
    EXPECT_EQ(end.kind(), v1::StepReport::KIND_EXITED);
    ASSERT_EQ(end.tasks_size(), 1);
    EXPECT_EQ(end.tasks(0).status(), code << 8);
  }
}

TEST_P(BatchStep, ASignalIsReportedAsWaitGivesIt) {
  v1::StepReport end = node_.Run(node_.Batch(1, "kill -9 $$"));
  EXPECT_TRUE(WIFSIGNALED(end.tasks(0).status()));
  EXPECT_EQ(WTERMSIG(end.tasks(0).status()), SIGKILL);
}

TEST_P(BatchStep, UsageIsCounted) {
  v1::StepReport end = node_.Run(node_.Batch(1, "for ((i=0;i<100000;i++)); do :; done"));
  EXPECT_GT(end.usage().user_usec(), 1000);
  EXPECT_GT(end.usage().max_rss_kb(), 500u);
}

TEST_P(BatchStep, OutputGoesToTheDefaultFile) {
  node_.Run(node_.Batch(12, "echo out; echo err >&2"));
  EXPECT_EQ(node_.Read("slurm-12.out"), "out\nerr\n");
}

TEST_P(BatchStep, OutputPatternsAndSeparateErrors) {
  v1::StepLaunch launch = node_.Batch(12, "echo out; echo err >&2");
  launch.set_array_job_id(10);
  launch.set_array_task_id(3);
  launch.set_job_name("my");
  launch.set_std_out("%x-%A_%a.txt");
  launch.set_std_err("e-%5j.txt");
  node_.Run(launch);
  EXPECT_EQ(node_.Read("my-10_3.txt"), "out\n");
  EXPECT_EQ(node_.Read("e-00012.txt"), "err\n");
}

TEST_P(BatchStep, OutputIsTruncatedUnlessAppended) {
  v1::StepLaunch launch = node_.Batch(1, "echo first");
  launch.set_std_out("o");
  node_.Run(launch);
  launch.set_job_id(2);
  launch.set_script("#!/bin/sh\necho second");
  node_.Run(launch);
  EXPECT_EQ(node_.Read("o"), "second\n");
  launch.set_job_id(3);
  launch.set_append_output(true);
  node_.Run(launch);
  EXPECT_EQ(node_.Read("o"), "second\nsecond\n");
}

TEST_P(BatchStep, TheEnvironmentAndTheScriptsPlace) {
  v1::StepLaunch launch = node_.Batch(12, "env; echo pid=$$; echo script=$0; echo args=$*; pwd");
  launch.add_environment("MINE=1");
  launch.add_environment("MINE=2");
  launch.add_script_args("a");
  launch.add_script_args("b c");
  node_.Run(launch);
  std::string out = node_.Read("slurm-12.out");
  EXPECT_THAT(out, HasSubstr("MINE=2\n"));
  EXPECT_THAT(out, HasSubstr("SLURM_STEP_ID=-5\n"));
  EXPECT_THAT(out, HasSubstr("SLURMD_NODENAME=n1\n"));
  EXPECT_THAT(out, HasSubstr("args=a b c\n"));
  EXPECT_THAT(out, HasSubstr("/slurm_script\n"));
  EXPECT_THAT(out, HasSubstr("\n" + node_.work_dir() + "\n"));
  size_t at = out.find("SLURM_TASK_PID=") + 15;
  std::string pid = out.substr(at, out.find('\n', at) - at);
  EXPECT_THAT(out, HasSubstr("pid=" + pid + "\n"));
}

TEST_P(BatchStep, TheScriptIsGoneAfterwardsAndTheFolderAfterTheAcknowledgement) {
  node_.Run(node_.Batch(12, "true"));
  EXPECT_TRUE(node_.Until([&] {
    node_.AcknowledgeAll();
    return !os::PathExists(node_.Spool(12, -5).path());
  }));
  EXPECT_TRUE(os::ListDirectory(node_.spool_dir() + "/scripts")->empty());
}

TEST_P(BatchStep, StdinIsEmptySessionIsOwnAndNothingLeaksIn) {
  node_.Run(node_.Batch(12,
                        "cat; echo end; [ $(ps -o sid= -p $$) = $$ ] && echo leader; "
                        "ls /proc/self/fd | wc -l; grep SigBlk /proc/self/status; "
                        "grep SigIgn /proc/self/status"));
  EXPECT_EQ(node_.Read("slurm-12.out"),
            "end\nleader\n4\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST_P(BatchStep, StdinFromAFile) {
  ASSERT_TRUE(os::WriteFile(node_.work_dir() + "/in-12", "hello\n").ok());
  v1::StepLaunch launch = node_.Batch(12, "cat");
  launch.set_std_in("in-%j");
  node_.Run(launch);
  EXPECT_EQ(node_.Read("slurm-12.out"), "hello\n");
}

TEST_P(BatchStep, UmaskAndLimits) {
  v1::StepLaunch launch = node_.Batch(12, "umask; ulimit -Sn; ulimit -Sc; touch made");
  launch.set_umask(027);
  v1::Rlimit* limit = launch.add_rlimits();
  limit->set_name("NOFILE");
  limit->set_soft(123);
  limit = launch.add_rlimits();
  limit->set_name("CORE");
  limit->set_soft(0);
  node_.Run(launch);
  EXPECT_EQ(node_.Read("slurm-12.out"), "0027\n123\n0\n");
  struct stat made;
  ASSERT_EQ(stat((node_.work_dir() + "/made").c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 0777, 0640u);
}

TEST_P(BatchStep, AMissingFolderMeansTmpAndALine) {
  v1::StepLaunch launch = node_.Batch(12, "pwd");
  launch.set_work_dir("/nope/nowhere");
  launch.set_std_out(node_.work_dir() + "/o");
  node_.Run(launch);
  EXPECT_THAT(node_.Read("o"), StartsWith("slurmstepd: error: couldn't chdir to "));
  EXPECT_THAT(node_.Read("o"), HasSubstr("going to /tmp instead\n/tmp\n"));
}

TEST_P(BatchStep, AnOutputFileThatCannotBeOpenedFailsTheLaunch) {
  v1::StepLaunch launch = node_.Batch(12, "true");
  launch.set_std_out("/nope/nowhere/o");
  v1::StepReport end = node_.Run(launch);
  EXPECT_EQ(end.kind(), v1::StepReport::KIND_LAUNCH_FAILED);
  EXPECT_FALSE(end.launch_again());
  EXPECT_EQ(end.error(), "Could not open stdout file /nope/nowhere/o: No such file or directory");
}

TEST_P(BatchStep, AMissingInterpreterIsTheScriptsFailure) {
  v1::StepReport end = node_.Run(node_.Batch(12, "#!/nope/interpreter\n"));
  EXPECT_EQ(end.kind(), v1::StepReport::KIND_EXITED);
  EXPECT_EQ(end.tasks(0).status(), 2 << 8);
  EXPECT_THAT(node_.Read("slurm-12.out"), HasSubstr("No such file or directory"));
}

TEST_P(BatchStep, AnotherUsersJob) {
  v1::StepLaunch launch = node_.Batch(12, "id -u; id -g; echo $HOME; touch mine");
  uint32_t uid = geteuid() == 65534 ? 65533 : 65534;
  launch.set_uid(uid);
  launch.set_gid(uid);
  v1::StepReport end = node_.Run(launch);
  if (geteuid() == 0) {
    EXPECT_EQ(node_.Read("slurm-12.out"), "65534\n65534\n/nonexistent\n");
    struct stat made;
    ASSERT_EQ(stat((node_.work_dir() + "/mine").c_str(), &made), 0);
    EXPECT_EQ(made.st_uid, 65534u);
  } else {
    EXPECT_EQ(end.kind(), v1::StepReport::KIND_LAUNCH_FAILED);
    EXPECT_THAT(end.error(), HasSubstr(std::to_string(uid)));
  }
}

TEST_P(BatchStep, AFileOfAnotherUserIsNotOpened) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  ASSERT_TRUE(os::WriteFile(node_.work_dir() + "/secret", "keep\n", 0600).ok());
  v1::StepLaunch launch = node_.Batch(12, "true");
  launch.set_uid(65534);
  launch.set_gid(65534);
  launch.set_std_out("secret");
  EXPECT_THAT(node_.Run(launch).error(), HasSubstr("Permission denied"));
  EXPECT_EQ(node_.Read("secret"), "keep\n");
}

TEST_P(BatchStep, WhatIsNotSupportedIsRefused) {
  v1::StepLaunch launch = node_.Batch(12, "true");
  launch.set_get_user_env(true);
  EXPECT_THAT(node_.Run(launch).error(), HasSubstr("--get-user-env"));
}

}  // namespace
}  // namespace reeve::noded
