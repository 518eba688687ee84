// Prolog, Epilog, TaskProlog and TaskEpilog as real processes, also across the death of whoever
// runs them.
#include <gmock/gmock.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_split.h"
#include "common/base/text.h"
#include "noded/stepd/script_spool.h"
#include "step_harness.h"

namespace reeve::noded {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const JobKey kJob{JobId{12}, 0};

std::vector<std::string> Lines(const std::string& text) {
  return absl::StrSplit(text, '\n', absl::SkipEmpty());
}

// Runs a batch job to its end and the end of its epilog.
void RunJob(StepNode& node, uint32_t job, const std::string& script) {
  node.Run(node.Batch(job, script));
  node.Terminate(job, 1);
  EXPECT_TRUE(node.AwaitJobGone(job));
}

TEST(JobScripts, RunBeforeTheFirstStepAndAfterTheLast) {
  StepNode node({.prolog = "sleep 0.2; echo prolog >>$WORK/order",
                 .epilog = "echo epilog $SLURM_SCRIPT_CONTEXT >>$WORK/order"});
  RunJob(node, 12, "echo job >>order");
  EXPECT_EQ(node.Read("order"), "prolog\njob\nepilog epilog_slurmd\n");
  ASSERT_EQ(node.gone().size(), 1u);
  EXPECT_FALSE(node.gone()[0].prolog_failed() || node.gone()[0].epilog_failed());
  node.AcknowledgeAll();
  EXPECT_TRUE(node.Until([&] { return node.runner().KnownJobs().empty(); }));
  EXPECT_FALSE(os::PathExists(JobFolder(node.spool_dir(), kJob)));
}

TEST(JobScripts, TheirEnvironmentIsBuiltFromNothing) {
  setenv("LD_PRELOAD_OF_THE_DAEMON", "1", 1);
  StepNode node({.prolog =
                     "env >$WORK/env; pwd >$WORK/pwd; id -u >$WORK/id; ls -l /proc/self/fd "
                     ">$WORK/fds; readlink /proc/self/fd/0 >$WORK/stdin; umask >$WORK/umask"});
  unsetenv("LD_PRELOAD_OF_THE_DAEMON");
  v1::StepLaunch launch = node.Batch(12, "true");
  launch.add_environment("EVIL=1");
  launch.add_environment("BASH_ENV=/tmp/evil");
  launch.add_environment("LD_PRELOAD=/tmp/evil.so");
  node.Run(launch);
  const std::vector<std::string> entries = Lines(node.Read("env"));
  for (const std::string& entry : entries) {
    const std::string name = entry.substr(0, entry.find('='));
    EXPECT_TRUE(name.starts_with("SLURM") || name == "PATH" || name == "PWD" || name == "SHLVL" ||
                name == "_")
        << entry;
  }
  EXPECT_THAT(entries, Contains("SLURM_JOB_ID=12"));
  EXPECT_THAT(entries, Contains("SLURM_JOB_USER=ann"));
  EXPECT_THAT(entries, Contains("SLURM_JOB_NODELIST=n[1-2]"));
  EXPECT_THAT(entries, Contains("SLURM_SCRIPT_CONTEXT=prolog_slurmd"));
  EXPECT_EQ(node.Read("pwd"), "/\n");
  EXPECT_EQ(node.Read("id"), StrCat(geteuid(), "\n"));
  EXPECT_EQ(node.Read("stdin"), "/dev/null\n");
  EXPECT_EQ(node.Read("umask"), "0022\n");
  // 0, 1, 2 and the one that ls has open itself.
  EXPECT_EQ(Lines(node.Read("fds")).size(), 5u) << node.Read("fds");
}

TEST(JobScripts, AFailedPrologStartsNothing) {
  StepNode node({.prolog = "exit 3", .epilog = "touch $WORK/epilog"});
  v1::StepReport end = node.Run(node.Batch(12, "touch ran"));
  EXPECT_EQ(end.kind(), v1::StepReport::KIND_LAUNCH_FAILED);
  EXPECT_TRUE(end.prolog_failed());
  EXPECT_FALSE(end.launch_again());
  EXPECT_THAT(end.error(), HasSubstr("/prolog: exit code 3"));
  node.Terminate(12, 1);
  ASSERT_TRUE(node.AwaitJobGone(12));
  EXPECT_FALSE(node.gone()[0].prolog_failed()) << "told already";
  EXPECT_FALSE(os::PathExists(node.work_dir() + "/ran"));
  EXPECT_TRUE(os::PathExists(node.work_dir() + "/epilog")) << "it cleans up what there was";
}

TEST(JobScripts, AFailedEpilogIsTold) {
  StepNode node({.epilog = "kill -9 $$"});
  RunJob(node, 12, "true");
  EXPECT_TRUE(node.gone()[0].epilog_failed());
}

TEST(JobScripts, ATimeoutEndsAllThatTheScriptStarted) {
  StepNode node(
      {.prolog = "trap '' TERM; setsid sleep 54321 & sleep 54322", .timeout = absl::Seconds(1)});
  v1::StepReport end = node.Run(node.Batch(12, "true"));
  EXPECT_TRUE(end.prolog_failed());
  EXPECT_THAT(end.error(), HasSubstr("timed out after 1 s"));
  EXPECT_THAT(ProcessesWith("54321"), IsEmpty());
  EXPECT_THAT(ProcessesWith("54322"), IsEmpty());
}

TEST(JobScripts, StepsComeWhileThePrologRunsAndStartTogether) {
  StepNode node({.prolog = "while [ ! -e $WORK/go ]; do sleep 0.02; done"});
  node.Launch(node.Batch(12, "echo batch >b"));
  node.Launch(node.Batch(12, "echo batch >b"));
  v1::StepLaunch step = node.Srun(12, 0, {"/bin/sh", "-c", "echo step >s"});
  step.clear_io_secret();  // no client comes
  node.Launch(step);
  EXPECT_EQ(node.runner().Known().size(), 2u) << "what is held is known: it is not sent again";
  EXPECT_EQ(node.runner().FindIo({JobId{12}, StepId{0}, 0}).kind,
            StepRunner::IoState::Kind::kComing);
  EXPECT_EQ(node.reports(), 0u);
  ASSERT_TRUE(os::WriteFile(node.work_dir() + "/go", "").ok());
  node.AwaitEnd(12, kBatchStep.value);
  node.AwaitEnd(12, 0);
  EXPECT_EQ(node.Read("b") + node.Read("s"), "batch\nstep\n");
}

TEST(JobScripts, ALeaseThatWasOverTakesBackWhatWaitsForItsProlog) {
  StepNode node({.prolog = "while [ ! -e $WORK/go ]; do sleep 0.02; done"});
  v1::StepLaunch leased = node.Batch(12, "touch ran");
  leased.set_leased(true);
  node.Launch(leased);
  node.Launch(node.Batch(13, "touch other"));  // of a job that never moves
  node.runner().LeaseLapsed();
  v1::StepReport end = node.AwaitEnd(12, kBatchStep.value);
  EXPECT_EQ(end.kind(), v1::StepReport::KIND_LAUNCH_FAILED);
  EXPECT_TRUE(end.launch_again());
  ASSERT_TRUE(os::WriteFile(node.work_dir() + "/go", "").ok());
  node.AwaitEnd(13, kBatchStep.value);
  EXPECT_FALSE(os::PathExists(node.work_dir() + "/ran"));
}

TEST(JobScripts, AJobThatEndsDuringItsPrologRunsNothingButTheEpilog) {
  StepNode node({.prolog = "while [ ! -e $WORK/go ]; do sleep 0.02; done; echo p >>$WORK/order",
                 .epilog = "echo e >>$WORK/order"});
  node.Launch(node.Batch(12, "echo j >>order"));
  node.Terminate(12, 1);
  EXPECT_EQ(node.AwaitEnd(12, kBatchStep.value).kind(), v1::StepReport::KIND_LAUNCH_FAILED);
  EXPECT_THAT(node.gone(), IsEmpty());
  ASSERT_TRUE(os::WriteFile(node.work_dir() + "/go", "").ok());
  ASSERT_TRUE(node.AwaitJobGone(12));
  EXPECT_EQ(node.Read("order"), "p\ne\n");
}

TEST(JobScripts, PrepareRunsThePrologWithoutAStep) {
  StepNode node({.prolog = "echo p >>$WORK/order"});
  v1::PrepareJob prepare;
  *prepare.mutable_job() = node.Batch(12, "").job();
  node.runner().Prepare(prepare);
  ASSERT_TRUE(node.Until([&] { return node.prepared().size() == 1; }));
  EXPECT_FALSE(node.prepared()[0].failed());
  node.Run(node.Batch(12, "true"));
  EXPECT_EQ(node.Read("order"), "p\n");
}

TEST(JobScripts, AnEpilogRunsWhereNoStepWas) {
  StepNode node({.epilog = "echo $SLURM_JOB_USER >$WORK/who"});
  v1::TerminateJob terminate;
  terminate.set_job_id(12);
  *terminate.mutable_job() = node.Batch(12, "").job();
  node.runner().TerminateJob(terminate);
  ASSERT_TRUE(node.AwaitJobGone(12));
  EXPECT_EQ(node.Read("who"), "ann\n");
}

TEST(JobScripts, PatternsRunAllScriptsFromTheLastNameToTheFirst) {
  char folder[] = "/tmp/reeve-glob-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  for (const char* name : {"10-a", "20-b", "readme"}) {
    const std::string path = StrCat(folder, "/", name);
    ASSERT_TRUE(os::WriteFile(path, "", 0644).ok());
    if (std::string_view(name) != "readme") chmod(path.c_str(), 0755);
  }
  EXPECT_THAT(ExpandScripts(StrCat(folder, "/*")),
              ElementsAre(StrCat(folder, "/20-b"), StrCat(folder, "/10-a")));
  EXPECT_THAT(ExpandScripts(StrCat(folder, "/none*")), IsEmpty());
  EXPECT_THAT(ExpandScripts("/nope/prolog"), ElementsAre("/nope/prolog"));
  os::RemoveTree(folder).IgnoreError();
}

TEST(JobScripts, WhatOthersCouldHaveWrittenIsNotRun) {
  StepNode node({.prolog = "touch $WORK/ran"});
  ASSERT_EQ(chmod((node.work_dir() + "/../prolog").c_str(), 0777), 0);
  v1::StepReport end = node.Run(node.Batch(12, "true"));
  EXPECT_THAT(end.error(), HasSubstr("may be written by others"));
  EXPECT_FALSE(os::PathExists(node.work_dir() + "/ran"));
}

TEST(JobScripts, AMissingPrologFails) {
  StepNode node({.prolog = "true"});
  ASSERT_EQ(unlink((node.work_dir() + "/../prolog").c_str()), 0);
  EXPECT_TRUE(node.Run(node.Batch(12, "true")).prolog_failed());
}

// ---- whoever runs them dies ---------------------------------------------------------------------

constexpr char kWaitForGo[] = "echo p >>$WORK/order; while [ ! -e $WORK/go ]; do sleep 0.02; done";

TEST(JobScriptsSurvive, APrologGoesOnWithoutItsDaemonAndRunsOnce) {
  StepNode node({.prolog = kWaitForGo});
  node.Launch(node.Batch(12, "echo j >>order"));
  ASSERT_TRUE(node.AwaitFile("order", "p"));
  node.StopDaemon();
  node.StartDaemon();
  EXPECT_EQ(node.runner().KnownJobs().size(), 1u);
  node.Launch(node.Batch(12, "echo j >>order"));  // the controller sends it again: it is not known
  ASSERT_TRUE(os::WriteFile(node.work_dir() + "/go", "").ok());
  node.AwaitEnd(12, kBatchStep.value);
  EXPECT_EQ(node.Read("order"), "p\nj\n");
}

TEST(JobScriptsSurvive, AnEpilogGoesOnWithoutItsDaemonAndRunsOnce) {
  StepNode node({.epilog = kWaitForGo});
  node.Run(node.Batch(12, "true"));
  node.Terminate(12, 1);
  ASSERT_TRUE(node.AwaitFile("order", "p"));
  node.StopDaemon();
  ASSERT_TRUE(os::WriteFile(node.work_dir() + "/go", "").ok());
  ASSERT_TRUE(node.Until([&] {
    return ScriptSpool(node.spool_dir(), ScriptName(kJob, ScriptKind::kEpilog)).ReadEnd().ok();
  }));
  node.StartDaemon();
  node.Terminate(12, 1);  // the controller has not heard of its end
  ASSERT_TRUE(node.AwaitJobGone(12));
  EXPECT_EQ(node.Read("order"), "p\n");
}

// The pid of the runner of the script that is executed now.
pid_t RunnerPid(const StepNode& node) {
  const std::vector<pid_t> pids =
      ProcessesWith(StrCat("reeve-stepd: jobs/12.0/prolog [", node.spool_dir(), "]"));
  return pids.size() == 1 ? pids[0] : 0;
}

TEST(JobScriptsSurvive, APrologWhoseRunnerIsKilledRunsAgain) {
  StepNode node({.prolog = StrCat("sleep 54323 & ", kWaitForGo)});
  node.Launch(node.Batch(12, "echo j >>order"));
  ASSERT_TRUE(node.AwaitFile("order", "p"));
  ASSERT_NE(RunnerPid(node), 0);
  kill(RunnerPid(node), SIGKILL);
  ASSERT_TRUE(node.AwaitFile("order", "p\np\n"));
  EXPECT_TRUE(node.Until([] { return ProcessesWith("54323").size() == 1; }))
      << "the first one's child is gone";
  ASSERT_TRUE(os::WriteFile(node.work_dir() + "/go", "").ok());
  node.AwaitEnd(12, kBatchStep.value);
  EXPECT_EQ(node.Read("order"), "p\np\nj\n");
}

TEST(JobScriptsSurvive, NeverATaskBeforeAPrologHasSucceeded) {
  StepNode node({.prolog = "echo p >>$WORK/order; sleep 54324"});
  node.Launch(node.Batch(12, "touch ran"));
  for (int round = 1; round <= 3; ++round) {
    ASSERT_TRUE(node.Until([&] { return Lines(node.Read("order")).size() == size_t(round); }));
    ASSERT_NE(RunnerPid(node), 0);
    kill(RunnerPid(node), SIGKILL);
  }
  v1::StepReport end = node.AwaitEnd(12, kBatchStep.value);
  EXPECT_TRUE(end.prolog_failed());
  EXPECT_FALSE(os::PathExists(node.work_dir() + "/ran"));
  EXPECT_TRUE(node.Until([] { return ProcessesWith("54324").empty(); }));
}

TEST(JobScriptsSurvive, TheForkersDeathIsNoFailure) {
  StepNode node({.prolog = "echo p >>$WORK/order"});
  kill(node.forker().pid(), SIGKILL);
  node.Run(node.Batch(12, "true"));
  EXPECT_EQ(node.Read("order"), "p\n");
}

// ---- around each task ---------------------------------------------------------------------------

TEST(TaskScripts, ThePrologsWordsChangeTheTask) {
  StepNode node({.task_prolog = R"(
    echo "export ADDED=a value = with signs"
    echo "export CHANGED=new"
    echo "unset REMOVED"
    echo "print before the task"
    echo "something else"
    echo "export SEEN=$SLURM_SCRIPT_CONTEXT:$SLURM_TASK_PID")"});
  v1::StepLaunch launch = node.Batch(
      12,
      "echo $ADDED; echo $CHANGED; echo ${REMOVED-none}; echo ${SLURM_SCRIPT_CONTEXT-no}; "
      "[ $SEEN = prolog_task:$$ ] && echo same pid");
  launch.add_environment("CHANGED=old");
  launch.add_environment("REMOVED=yes");
  node.Run(launch);
  EXPECT_EQ(node.Read("slurm-12.out"),
            "before the task\na value = with signs\nnew\nnone\nno\nsame pid\n");
}

TEST(TaskScripts, AFailedPrologCancelsTheTask) {
  StepNode node({.task_prolog = "echo print no licence; exit 4"});
  v1::StepReport end = node.Run(node.Batch(12, "echo ran"));
  EXPECT_EQ(end.kind(), v1::StepReport::KIND_EXITED);
  EXPECT_EQ(end.tasks(0).status(), 1 << 8);
  const std::string out = node.Read("slurm-12.out");
  EXPECT_THAT(out, HasSubstr("no licence\n"));
  EXPECT_THAT(out, HasSubstr("failed status=4"));
  EXPECT_THAT(out, Not(HasSubstr("ran")));
}

TEST(TaskScripts, TooManyWordsFailTheTaskAndNothingElse) {
  StepNode node({.task_prolog = "head -c 1000000 /dev/zero"});
  EXPECT_EQ(node.Run(node.Batch(12, "echo ran")).tasks(0).status(), 1 << 8);
  EXPECT_THAT(node.Read("slurm-12.out"), HasSubstr("printed too much"));
}

TEST(TaskScripts, TheUsersOwnComeInside) {
  StepNode node({.task_prolog = "echo 1 >>$WORK/order", .task_epilog = "echo 5 >>$WORK/order"});
  v1::StepLaunch launch = node.Srun(12, 0, {"/bin/sh", "-c", "echo 3 >>order"});
  launch.clear_io_secret();
  launch.set_task_prolog(node.WriteScript("own_prolog", "echo 2 >>$WORK/order"));
  launch.set_task_epilog(node.WriteScript("own_epilog", "echo 4 >>$WORK/order"));
  node.Run(launch);
  EXPECT_EQ(node.Read("order"), "1\n2\n3\n4\n5\n");
}

TEST(TaskScripts, TheStepEndsAfterTheEpilogsOfAllTasks) {
  StepNode node({.task_epilog = "sleep 0.$SLURM_PROCID; echo $SLURM_PROCID $SLURM_SCRIPT_CONTEXT "
                                "$PWD $FROM_USER >>$WORK/order"});
  v1::StepLaunch launch = node.Srun(12, 0, {"/bin/true"}, 3);
  launch.clear_io_secret();
  launch.add_environment("FROM_USER=u");
  v1::StepReport end = node.Run(launch);
  EXPECT_EQ(end.tasks_size(), 3);
  const std::string place = StrCat(" epilog_task ", node.work_dir(), " u");
  EXPECT_THAT(Lines(node.Read("order")), ElementsAre("0" + place, "1" + place, "2" + place));
}

TEST(TaskScripts, AnEpilogDoesNotOutliveTheKill) {
  StepNode node({.task_epilog = "trap '' TERM; echo e >>$WORK/order; sleep 54325"});
  node.Launch(node.Batch(12, "sleep 1000"));
  node.Await(12, kBatchStep.value, v1::StepReport::KIND_STARTED);
  node.Terminate(12, 1);
  ASSERT_TRUE(node.AwaitJobGone(12));
  EXPECT_EQ(node.Read("order"), "e\n");
  EXPECT_THAT(ProcessesWith("54325"), IsEmpty());
}

TEST(TaskScripts, RunAsTheUser) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may become somebody else";
  StepNode node({.task_prolog = "id -u >$WORK/p; ulimit -n >>$WORK/p",
                 .task_epilog = "id -u >$WORK/e; ulimit -n >>$WORK/e"});
  v1::StepLaunch launch = node.Batch(12, "true");
  launch.set_uid(65533);
  launch.set_gid(65533);
  v1::Rlimit* limit = launch.add_rlimits();
  limit->set_name("NOFILE");
  limit->set_soft(77);
  node.Run(launch);
  EXPECT_EQ(node.Read("p"), "65533\n77\n");
  EXPECT_EQ(node.Read("e"), "65533\n77\n");
}

}  // namespace
}  // namespace reeve::noded
