// What a job of one user can and cannot do on a node whose daemon is root. All of it needs root and
// plays two users that nobody else is.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/text.h"
#include "noded/stepd/file_opener.h"
#include "step_harness.h"

namespace reeve::noded {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr uid_t kUser = 61001;
constexpr uid_t kOther = 61002;

#define NEEDS_ROOT() \
  if (geteuid() != 0) GTEST_SKIP() << "only root may become somebody else"

Identity UserIdentity() {
  return *LookUpIdentity(kUser, kUser, "");
}

// A folder under /tmp that everybody may pass and write.
class Folder {
 public:
  Folder() {
    char name[] = "/tmp/reeve-security-XXXXXX";
    path_ = mkdtemp(name);
    chmod(path_.c_str(), 0777);
  }
  ~Folder() { os::RemoveTree(path_).IgnoreError(); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// What `act` answers in a process of that user.
int As(uid_t uid, const std::function<int()>& act) {
  pid_t child = fork();
  if (child == 0) {
    gid_t group = uid;
    if (BecomeUser(uid, uid, &group, 1) != 0) _exit(99);
    _exit(act());
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

v1::StepLaunch OfUser(v1::StepLaunch launch, uid_t uid = kUser) {
  launch.set_uid(uid);
  launch.set_gid(uid);
  return launch;
}

std::string FieldOf(const std::string& status, const std::string& name) {
  for (std::string_view line : SplitSkipEmpty(status, "\n")) {
    if (line.starts_with(name + ":")) return std::string(Strip(line.substr(name.size() + 1)));
  }
  return "?";
}

// ---- identity -----------------------------------------------------------------------------------

TEST(Security, NothingOfRootIsLeft) {
  NEEDS_ROOT();
  StepNode node;
  node.Run(OfUser(node.Batch(1, "cat /proc/self/status")));
  const std::string status = node.Read("slurm-1.out");
  EXPECT_EQ(FieldOf(status, "Uid"), "61001\t61001\t61001\t61001");
  EXPECT_EQ(FieldOf(status, "Gid"), "61001\t61001\t61001\t61001");
  EXPECT_EQ(FieldOf(status, "Groups"), "61001");
  EXPECT_EQ(FieldOf(status, "CapPrm"), "0000000000000000");
  EXPECT_EQ(FieldOf(status, "CapEff"), "0000000000000000");
  EXPECT_EQ(FieldOf(status, "SigBlk"), "0000000000000000");
}

TEST(Security, TheWayBackIsClosed) {
  NEEDS_ROOT();
  // The kernel is asked itself: the C library would tell all threads, which a fork has not taken
  // along.
  EXPECT_EQ(As(kUser,
               [] {
                 return syscall(SYS_setuid, 0) == 0 || syscall(SYS_setresuid, -1, 0, -1) == 0 ||
                        syscall(SYS_setgid, 0) == 0;
               }),
            0);
}

TEST(Security, AChangeThatDoesNotHappenIsNoticed) {
  NEEDS_ROOT();
  // Somebody who is not root cannot change at all: no step may run as the wrong user then.
  EXPECT_EQ(As(kOther,
               [] {
                 gid_t group = kUser;
                 return BecomeUser(kUser, kUser, &group, 1) == 0 ? 1 : 0;
               }),
            0);
}

// ---- files --------------------------------------------------------------------------------------

absl::Status OpenForWriting(const std::string& path) {
  return OpenFilesAs(UserIdentity(), 022, {{"stdout", path, true, true}}, absl::Seconds(5))
      .status();
}

TEST(Security, OutputGoesOnlyWhereTheUserMayWrite) {
  NEEDS_ROOT();
  Folder folder;
  mkdir((folder / "private").c_str(), 0700);
  ASSERT_TRUE(os::WriteFile(folder / "private/file", "keep").ok());
  ASSERT_TRUE(os::WriteFile(folder / "roots", "keep", 0644).ok());
  ASSERT_EQ(symlink((folder / "private/file").c_str(), (folder / "link").c_str()), 0);
  ASSERT_EQ(symlink((folder / "private/new").c_str(), (folder / "link-to-new").c_str()), 0);
  for (const std::string& path :
       {std::string("/etc/shadow"), std::string("/etc/new-file"), folder / "private/file",
        folder / "private/new", folder / "link", folder / "link-to-new", folder / "roots",
        std::string("/proc/1/mem"), std::string("/proc/sys/kernel/core_pattern")}) {
    EXPECT_TRUE(absl::IsPermissionDenied(OpenForWriting(path))) << path << OpenForWriting(path);
  }
  EXPECT_EQ(*os::ReadFile(folder / "private/file"), "keep");
  EXPECT_EQ(*os::ReadFile(folder / "roots"), "keep");
  EXPECT_FALSE(os::PathExists(folder / "private/new"));
  EXPECT_THAT(std::string(OpenForWriting(folder / "none/file").message()),
              HasSubstr("No such file or directory"));
  EXPECT_THAT(std::string(OpenForWriting(folder / "private").message()),
              HasSubstr("Is a directory"));
}

TEST(Security, ANewFileIsTheUsers) {
  NEEDS_ROOT();
  Folder folder;
  ASSERT_TRUE(OpenForWriting(folder / "new").ok());
  struct stat file;
  ASSERT_EQ(stat((folder / "new").c_str(), &file), 0);
  EXPECT_EQ(file.st_uid, kUser);
  EXPECT_EQ(file.st_gid, kUser);
  EXPECT_EQ(file.st_mode & 0777, 0644u);
}

TEST(Security, InputComesOnlyFromWhereTheUserMayRead) {
  NEEDS_ROOT();
  Folder folder;
  ASSERT_EQ(symlink("/etc/shadow", (folder / "link").c_str()), 0);
  for (const std::string& path : {std::string("/etc/shadow"), folder / "link"}) {
    const absl::Status status =
        OpenFilesAs(UserIdentity(), 022, {{"stdin", path, false, false}}, absl::Seconds(5))
            .status();
    EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  }
}

TEST(Security, AFifoThatNobodyReadsEndsTheWaitAndTheOpener) {
  NEEDS_ROOT();
  Folder folder;
  ASSERT_EQ(mkfifo((folder / "fifo").c_str(), 0666), 0);
  chmod((folder / "fifo").c_str(), 0666);
  const absl::Status status =
      OpenFilesAs(UserIdentity(), 022, {{"stdout", folder / "fifo", true, true}},
                  absl::Milliseconds(100))
          .status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "no opener is left";
}

TEST(Security, AJobThatAimsAtTheShadowFileFailsAndIsBlamed) {
  NEEDS_ROOT();
  StepNode node;
  v1::StepLaunch launch = OfUser(node.Batch(1, "echo ran"));
  launch.set_std_out("/etc/shadow");
  v1::StepReport end = node.Run(launch);
  EXPECT_EQ(end.kind(), v1::StepReport::KIND_LAUNCH_FAILED);
  EXPECT_TRUE(end.job_fault());
  EXPECT_THAT(end.error(), HasSubstr("/etc/shadow: Permission denied"));
}

TEST(Security, TheWorkingFolderIsEnteredAsTheUser) {
  NEEDS_ROOT();
  Folder folder;
  mkdir((folder / "private").c_str(), 0700);
  StepNode node;
  v1::StepLaunch launch = OfUser(node.Batch(1, "pwd; echo x >file; ls -ld"));
  launch.set_work_dir(folder / "private");
  launch.set_std_out(folder / "out");
  node.Run(launch);
  const std::string out = *os::ReadFile(folder / "out");
  EXPECT_THAT(out, AllOf(HasSubstr("couldn't chdir"), HasSubstr("\n/tmp\n")));
  EXPECT_FALSE(os::PathExists(folder / "private/file"));
  unlink("/tmp/file");
}

TEST(Security, TheSpoolIsNotForUsers) {
  NEEDS_ROOT();
  StepNode node(StepNode::Scripts{.prolog = "true"});
  node.Launch(OfUser(node.Batch(12, "# secret\nwhile [ ! -e go ]; do sleep 0.05; done")));
  node.Await(12, kBatchStep.value, v1::StepReport::KIND_STARTED);
  const std::string spool = node.spool_dir();
  const std::string script = node.Spool(12, kBatchStep.value).script_path();
  const auto mode = [](const std::string& path) {
    struct stat entry = {};
    stat(path.c_str(), &entry);
    return entry.st_mode & 07777;
  };
  EXPECT_EQ(mode(spool + "/steps"), 0700u);
  EXPECT_EQ(mode(spool + "/jobs"), 0700u);
  EXPECT_EQ(mode(node.Spool(12, kBatchStep.value).path()), 0700u);
  EXPECT_EQ(mode(spool + "/scripts"), 0711u) << "passed through, not listed";
  EXPECT_EQ(mode(script), 0500u);
  const auto reads = [](const std::string& path) {
    return [path] { return open(path.c_str(), O_RDONLY) >= 0 ? 1 : 0; };
  };
  EXPECT_EQ(As(kUser, reads(script)), 1);
  EXPECT_EQ(As(kOther, reads(script)), 0) << "another user's script";
  for (const std::string& path :
       {spool + "/steps", spool + "/jobs", spool + "/scripts", spool + "/steps/12.-5.0/launch"}) {
    EXPECT_EQ(As(kUser, reads(path)), 0) << path;
  }
  ASSERT_TRUE(os::WriteFile(node.work_dir() + "/go", "").ok());
  node.AwaitEnd(12, kBatchStep.value);
}

// ---- descriptors, processes, environments -------------------------------------------------------

TEST(Security, NoDescriptorOfOursReachesAJob) {
  NEEDS_ROOT();
  StepNode node(
      StepNode::Scripts{.prolog = "true", .task_prolog = "ls /proc/self/fd >$WORK/prolog"});
  // ls has the folder itself open.
  node.Run(OfUser(node.Batch(1, "ls /proc/self/fd")));
  // The shell holds its script as 255 and closes it for what it runs.
  EXPECT_EQ(node.Read("slurm-1.out"), "0\n1\n2\n3\n");
  EXPECT_EQ(node.Read("prolog"), "0\n1\n2\n3\n");
  v1::StepLaunch step = OfUser(node.Srun(2, 0, {"/bin/ls", "/proc/self/fd"}, 2));
  step.clear_io_secret();
  step.set_std_out("step-%t.out");
  node.Run(step);
  EXPECT_EQ(node.Read("step-0.out"), "0\n1\n2\n3\n");
  EXPECT_EQ(node.Read("step-1.out"), "0\n1\n2\n3\n");
}

TEST(Security, AJobCannotTouchItsStepDaemon) {
  NEEDS_ROOT();
  StepNode node;
  v1::StepLaunch launch = OfUser(node.Batch(1, R"(
    for sig in 0 9 15 19; do kill -$sig $PPID 2>/dev/null && echo signalled; done
    cat /proc/$PPID/environ /proc/$PPID/maps 2>/dev/null && echo read
    ls /proc/$PPID/fd 2>/dev/null && echo listed
    exec 3<>/proc/$PPID/mem && echo opened
    echo end)"));
  EXPECT_EQ(node.Run(launch).tasks(0).status(), 0);
  EXPECT_THAT(node.Read("slurm-1.out"),
              AllOf(Not(HasSubstr("signalled")), Not(HasSubstr("read\n")), Not(HasSubstr("listed")),
                    Not(HasSubstr("opened")), HasSubstr("end\n")));
}

TEST(Security, TitlesTellNoSecrets) {
  NEEDS_ROOT();
  StepNode node;
  v1::StepLaunch launch = OfUser(node.Srun(1, 0, {"/bin/sleep", "1000"}));
  launch.add_environment("PASSWORD=hunter2");
  node.Launch(launch);
  node.Await(1, 0, v1::StepReport::KIND_STARTED);
  const std::string proc = StrCat("/proc/", node.StepdPid(1, 0));
  const std::string title = *os::ReadFile(proc + "/cmdline");
  EXPECT_THAT(title, HasSubstr("reeve-stepd: 1.0"));
  for (const char* secret : {"hunter2", launch.io_secret().c_str(), "sleep"}) {
    EXPECT_THAT(title, Not(HasSubstr(secret)));
    EXPECT_THAT(*os::ReadFile(proc + "/environ"), Not(HasSubstr(secret)));
  }
  node.Terminate(1, 1);
  ASSERT_TRUE(node.AwaitJobGone(1));
}

// With LD_DEBUG_OUTPUT every program that is started writes a file as the user that it is.
TEST(Security, TheUsersEnvironmentReachesNothingThatIsRoot) {
  NEEDS_ROOT();
  Folder folder;
  StepNode node(StepNode::Scripts{.prolog = "id >/dev/null",
                                  .epilog = "id >/dev/null",
                                  .task_prolog = "id >/dev/null",
                                  .task_epilog = "id >/dev/null"});
  v1::StepLaunch launch = OfUser(node.Batch(1, "id"));
  launch.add_environment("LD_DEBUG=libs");
  launch.add_environment("LD_DEBUG_OUTPUT=" + folder / "ld");
  launch.add_environment("BASH_ENV=" + folder / "evil");
  ASSERT_TRUE(os::WriteFile(folder / "evil", StrCat("id -u >>", folder / "ids", "\n"), 0644).ok());
  ASSERT_TRUE(os::WriteFile(folder / "ids", "", 0666).ok());
  chmod((folder / "ids").c_str(), 0666);
  node.Run(launch);
  node.Terminate(1, 1);
  ASSERT_TRUE(node.AwaitJobGone(1));
  int found = 0;
  const std::vector<std::string> names = *os::ListDirectory(folder / "");
  for (const std::string& name : names) {
    if (!name.starts_with("ld.")) continue;
    ++found;
    struct stat file;
    ASSERT_EQ(stat((folder / name).c_str(), &file), 0);
    EXPECT_EQ(file.st_uid, kUser) << name;
  }
  EXPECT_GE(found, 3) << "the script, the task prolog and the task epilog at least";
  const std::string ids = *os::ReadFile(folder / "ids");
  for (std::string_view line : SplitSkipEmpty(ids, "\n")) {
    EXPECT_EQ(line, StrCat(kUser));
  }
}

// ---- limits and the OOM killer
// --------------------------------------------------------------------

TEST(Security, TheOomKillerFindsAJobBeforeADaemon) {
  NEEDS_ROOT();
  const std::string before = *os::ReadFile("/proc/self/oom_score_adj");
  ASSERT_TRUE(os::WriteFile("/proc/self/oom_score_adj", "300").ok());
  {
    StepNode node;
    node.Run(OfUser(node.Batch(1, "cat /proc/self/oom_score_adj")));
    EXPECT_EQ(node.Read("slurm-1.out"), "0\n");
  }
  os::WriteFile("/proc/self/oom_score_adj", before).IgnoreError();
}

TEST(Security, CoreLimitsAreTheJobsOwn) {
  NEEDS_ROOT();
  StepNode node;
  v1::StepLaunch launch = OfUser(node.Batch(1, "ulimit -S -c; ulimit -S -n"));
  for (auto [name, soft] : {std::pair{"CORE", 0}, {"NOFILE", 100}}) {
    v1::Rlimit* limit = launch.add_rlimits();
    limit->set_name(name);
    limit->set_soft(soft);
  }
  node.Run(launch);
  EXPECT_EQ(node.Read("slurm-1.out"), "0\n100\n");
}

TEST(Security, SupplementaryGroupsAreTheUsers) {
  NEEDS_ROOT();
  // root's own groups must not be inherited, whatever the daemon was started with.
  const int count = getgroups(0, nullptr);
  std::vector<gid_t> before(count);
  ASSERT_EQ(getgroups(count, before.data()), count);
  const gid_t many[] = {0, 4, 6, 61005};
  ASSERT_EQ(setgroups(4, many), 0);
  {
    StepNode node;
    node.Run(OfUser(node.Batch(1, "id -G")));
    EXPECT_EQ(node.Read("slurm-1.out"), StrCat(kUser, "\n"));
  }
  setgroups(before.size(), before.data());
}

}  // namespace
}  // namespace reeve::noded
