// A step with --mpi=pmix on one node: with reeve-pmixd, and with programs in its place that do as
// they like, since it is the user's process and the step daemon is root's.
#include <gmock/gmock.h>
#include <sys/wait.h>

#include <filesystem>
#include <system_error>

#include "common/base/text.h"
#include "common/os/fd.h"
#include "step_harness.h"

namespace reeve::noded {
namespace {

using testing::AllOf;
using testing::HasSubstr;

v1::StepLaunch Mpi(const StepNode& node, const std::string& script, uint32_t tasks = 1) {
  v1::StepLaunch launch = node.Srun(7, 0, {"/bin/sh", "-c", script}, tasks);
  launch.add_environment("SLURM_MPI_TYPE=pmix");
  return launch;
}

// As srun does: without a client the step daemon would wait for one at the end.
v1::StepReport RunAttached(StepNode* node, const v1::StepLaunch& launch) {
  node->Launch(launch);
  StepClient client(node, 7, 0);
  v1::StepReport report = node->AwaitEnd(7, 0);
  EXPECT_TRUE(node->Until([&] { return client.ended; }));
  return report;
}

std::string Folder(const StepNode& node) {
  return node.spool_dir() + "/pmix/7.0.0";
}

// Others of this kind may run at the same time.
bool ServerRuns(const StepNode& node) {
  for (pid_t pid : ProcessesWith("reeve-pmixd")) {
    std::error_code gone;
    const std::string folder =
        std::filesystem::read_symlink(StrCat("/proc/", pid, "/cwd"), gone).string();
    if (!gone && folder.starts_with(node.spool_dir())) return true;
  }
  return false;
}

TEST(StepPmix, TasksAreToldWhereTheServerIs) {
  StepNode node;
  const v1::StepReport report = RunAttached(
      &node, Mpi(node,
                 "echo $PMIX_RANK $SLURM_PMIX_MAPPING_SERV $PMIX_NAMESPACE $(stat -c %a "
                 "$PMIX_SERVER_TMPDIR) >out$PMIX_RANK",
                 3));
  EXPECT_EQ(report.kind(), v1::StepReport::KIND_EXITED);
  EXPECT_THAT(node.Read("out2"),
              AllOf(testing::StartsWith("2 (vector,(0,1,3)) reeve.7.0."), HasSubstr(" 700\n")));
  EXPECT_THAT(node.Read("out0"), testing::StartsWith("0 "));
  EXPECT_FALSE(os::PathExists(Folder(node)));
  EXPECT_FALSE(ServerRuns(node));
}

TEST(StepPmix, ABatchScriptHasNoServer) {
  StepNode node;
  v1::StepLaunch launch = node.Batch(7, "echo ${PMIX_RANK-none} >out\n");
  launch.add_environment("SLURM_MPI_TYPE=pmix");
  node.Run(launch);
  EXPECT_EQ(node.Read("out"), "none\n");
}

TEST(StepPmix, AServerThatCannotStartFailsTheLaunch) {
  const std::pair<std::string, std::string> bad[] = {
      {"none", "this node cannot run"},
      {"exit 3", "died at its start"},
      {"printf '\\377\\377\\377\\377' >&0; sleep 100", "says too much"},
      {"printf '\\5\\0\\0\\0zzzzz' >&0; sleep 100", "stammers"},
      {"printf '\\0\\0\\0\\0' >&0; sleep 100", "--mpi=pmix"},
      // A server that is ready for no task.
      {"printf '\\2\\0\\0\\0\\12\\0' >&0; sleep 100", "forgets a task"},
      // "no luck", in its own words.
      {"printf '\\11\\0\\0\\0\\32\\7no luck' >&0; sleep 100", "--mpi=pmix: no luck"},
  };
  for (const auto& [pmixd, error] : bad) {
    StepNode node(StepNode::Scripts{.pmixd = pmixd});
    node.Launch(Mpi(node, "touch ran"));
    StepClient client(&node, 7, 0);  // else the step daemon waits for one
    const v1::StepReport report = node.AwaitEnd(7, 0);
    EXPECT_EQ(report.kind(), v1::StepReport::KIND_LAUNCH_FAILED) << pmixd;
    EXPECT_THAT(report.error(), HasSubstr(error)) << pmixd;
    ASSERT_TRUE(node.Until([&] { return client.ended; })) << pmixd;
    EXPECT_THAT(client.launch_error, HasSubstr(error)) << pmixd;
    EXPECT_FALSE(os::PathExists(node.work_dir() + "/ran"));
    EXPECT_FALSE(ServerRuns(node));
  }
}

// Ready for task 0, with no variables.
const std::string kReady = "printf '\\4\\0\\0\\0\\12\\2\\12\\0' >&0; ";

TEST(StepPmix, AServerThatGoesTakesTheStepWithIt) {
  StepNode node(StepNode::Scripts{.pmixd = kReady + "sleep 0.2"});
  const v1::StepReport report = RunAttached(&node, Mpi(node, "sleep 100"));
  EXPECT_EQ(report.kind(), v1::StepReport::KIND_EXITED);
  ASSERT_EQ(report.tasks_size(), 1);
  EXPECT_EQ(report.tasks(0).status(), SIGKILL);
}

TEST(StepPmix, AnAbortKillsTheStepAndIsTold) {
  // Task 0, status 5, "bye", in lines that are made one.
  StepNode node(StepNode::Scripts{
      .pmixd =
          kReady +
          "sleep 0.2; printf '\\13\\0\\0\\0\\22\\11\\10\\0\\20\\5\\32\\3b\\ne' >&0; sleep 100"});
  node.Launch(Mpi(node, "sleep 100"));
  StepClient client(&node, 7, 0);
  const v1::StepReport report = node.AwaitEnd(7, 0);
  EXPECT_EQ(report.tasks(0).status(), SIGKILL);
  ASSERT_TRUE(node.Until([&] { return client.ended; }));
  EXPECT_EQ(client.mpi_abort.status(), 5);
  EXPECT_EQ(client.mpi_abort.text(), "b e");
}

TEST(StepPmix, NonsenseIsAServersDeath) {
  for (const char* nonsense :
       {"exec cat /dev/zero >&0", "printf '\\377\\377\\377\\0' >&0; sleep 100",
        "exec 0<&-; sleep 100"}) {
    StepNode node(StepNode::Scripts{.pmixd = kReady + "sleep 0.2; " + nonsense});
    const v1::StepReport report = RunAttached(&node, Mpi(node, "sleep 100"));
    EXPECT_EQ(report.kind(), v1::StepReport::KIND_EXITED) << nonsense;
    ASSERT_EQ(report.tasks_size(), 1);
    EXPECT_EQ(report.tasks(0).status(), SIGKILL) << nonsense;
  }
}

TEST(StepPmix, AServerThatStaysIsKilled) {
  StepNode node(StepNode::Scripts{.pmixd = kReady + "trap '' TERM HUP; sleep 100; sleep 100"});
  const absl::Time begin = absl::Now();
  const v1::StepReport report = RunAttached(&node, Mpi(node, "exit 0"));
  EXPECT_EQ(report.tasks(0).status(), 0);
  EXPECT_LT(absl::Now() - begin, absl::Seconds(15));
  EXPECT_FALSE(os::PathExists(Folder(node)));
}

TEST(StepPmix, TheFolderOfAStepWhoseDaemonDiedGoesToo) {
  StepNode node;
  node.Launch(Mpi(node, "touch up; sleep 100"));
  ASSERT_TRUE(node.Until([&] { return os::PathExists(node.work_dir() + "/up"); }));
  EXPECT_TRUE(os::PathExists(Folder(node)));
  EXPECT_TRUE(ServerRuns(node));
  kill(node.StepdPid(7, 0), SIGKILL);
  node.AwaitEnd(7, 0);
  ASSERT_TRUE(node.Until([&] {
    node.AcknowledgeAll();
    return !os::PathExists(Folder(node));
  }));
  EXPECT_FALSE(ServerRuns(node));
}

}  // namespace
}  // namespace reeve::noded
