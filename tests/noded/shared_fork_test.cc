#include "noded/stepd/shared_fork.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "common/os/fd.h"

namespace reeve::noded {
namespace {

TEST(SharedFork, ParentGoesOnWhileItsChildrenWait) {
  absl::StatusOr<os::Pipe> gate = os::MakePipe();
  ASSERT_TRUE(gate.ok());
  std::vector<pid_t> children;
  for (int i = 0; i < 40; ++i) {
    children.push_back(ForkSharingMemory([i, fd = gate->read.get()] {
      char byte;
      if (read(fd, &byte, 1) != 1) _exit(100);
      _exit(i);
    }));
    ASSERT_GT(children.back(), 0);
  }
  for (pid_t child : children) EXPECT_EQ(kill(child, 0), 0);
  ASSERT_TRUE(os::WriteAll(gate->write.get(), std::string(children.size(), 'g')).ok());
  for (size_t i = 0; i < children.size(); ++i) {
    int status = 0;
    ASSERT_EQ(waitpid(children[i], &status, 0), children[i]);
    EXPECT_EQ(WEXITSTATUS(status), static_cast<int>(i));
  }
}

TEST(SharedFork, ChildHasDescriptorsFolderAndErrnoForItself) {
  char before[PATH_MAX];
  ASSERT_NE(getcwd(before, sizeof(before)), nullptr);
  const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  errno = 0;
  const pid_t child = ForkSharingMemory([fd] {
    close(fd);
    if (chdir("/proc") != 0 || close(fd) == 0 || errno != EBADF) _exit(1);
    _exit(0);
  });
  ASSERT_GT(child, 0);
  int status = 1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(errno, 0);
  char after[PATH_MAX];
  EXPECT_STREQ(getcwd(after, sizeof(after)), before);
  EXPECT_EQ(close(fd), 0);
}

TEST(SharedFork, AnExecLeavesTheParentsMemoryAlone) {
  std::vector<std::string> words = {"/bin/sh", "-c", "exit 3"};
  char* const argv[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  const pid_t child = ForkSharingMemory([&argv] {
    char* const environment[] = {nullptr};
    execve(argv[0], argv, environment);
  });
  ASSERT_GT(child, 0);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 3);
  EXPECT_EQ(words[2], "exit 3");
}

// prctl(2): the parent whose death is told is the thread that made the child. It must stay.
TEST(SharedFork, ADeathSignalMeansTheProcess) {
  const pid_t child = ForkSharingMemory([] {
    char* const argv[] = {const_cast<char*>("/bin/sleep"), const_cast<char*>("1000"), nullptr};
    char* const environment[] = {nullptr};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execve(argv[0], argv, environment);
  });
  ASSERT_GT(child, 0);
  usleep(50'000);
  EXPECT_EQ(waitpid(child, nullptr, WNOHANG), 0) << "it died of its thread's end";
  kill(child, SIGKILL);
  EXPECT_EQ(waitpid(child, nullptr, 0), child);
}

}  // namespace
}  // namespace reeve::noded
