#include "common/os/fd.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

namespace reeve::os {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Files : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "reeve-fd-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { EXPECT_TRUE(RemoveTree(folder_).ok()); }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  static mode_t Mode(const std::string& path) {
    struct stat info {};
    stat(path.c_str(), &info);
    return info.st_mode & 07777;
  }
  std::string folder_;
};

TEST(UniqueFd, ClosesOnce) {
  Pipe pipe = *MakePipe();
  const int fd = pipe.read.get();
  UniqueFd moved = std::move(pipe.read);
  EXPECT_FALSE(pipe.read.valid());
  EXPECT_EQ(moved.get(), fd);
  moved.reset();
  EXPECT_EQ(fcntl(fd, F_GETFD), -1);
  EXPECT_NE(fcntl(pipe.write.get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(Flags, SetAndCleared) {
  Pipe pipe = *MakePipe();
  ASSERT_TRUE(SetNonblock(pipe.read.get(), true).ok());
  EXPECT_NE(fcntl(pipe.read.get(), F_GETFL) & O_NONBLOCK, 0);
  ASSERT_TRUE(SetCloexec(pipe.read.get(), false).ok());
  EXPECT_EQ(fcntl(pipe.read.get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_FALSE(SetCloexec(-1, true).ok());
}

TEST_F(Files, WriteAndRead) {
  ASSERT_TRUE(WriteFileAtomically(Path("a"), "one", 0640).ok());
  EXPECT_EQ(Mode(Path("a")), 0640u);
  ASSERT_TRUE(WriteFileAtomically(Path("a"), "two", 0600).ok());
  EXPECT_EQ(*ReadFile(Path("a")), "two");
  EXPECT_EQ(Mode(Path("a")), 0600u);
  ASSERT_TRUE(WriteFile(Path("b"), std::string(200000, 'x')).ok());
  EXPECT_EQ(ReadFile(Path("b"))->size(), 200000u);
  EXPECT_EQ(ReadFile(Path("b"), 1000).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(*ListDirectory(folder_), ElementsAre("a", "b"));  // nothing left beside
}

TEST_F(Files, ErrorsNamePathAndKind) {
  const absl::Status missing = ReadFile(Path("none")).status();
  EXPECT_TRUE(absl::IsNotFound(missing));
  EXPECT_EQ(missing.message(), "open " + Path("none") + ": No such file or directory");
  EXPECT_TRUE(absl::IsNotFound(WriteFileAtomically(Path("none/a"), "x")));
  EXPECT_TRUE(absl::IsNotFound(ListDirectory(Path("none")).status()));
}

TEST_F(Files, EnsureDirectory) {
  ASSERT_TRUE(EnsureDirectory(Path("a/b/c"), 0700).ok());
  EXPECT_EQ(Mode(Path("a/b/c")), 0700u);
  EXPECT_EQ(Mode(Path("a/b")), 0755u);
  ASSERT_TRUE(EnsureDirectory(Path("a/b/c/"), 0755).ok());
  EXPECT_EQ(Mode(Path("a/b/c")), 0700u);  // keeps its rights
  ASSERT_TRUE(WriteFile(Path("file"), "").ok());
  EXPECT_EQ(EnsureDirectory(Path("file")).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(EnsureDirectory(Path("file/below")).ok());
}

TEST_F(Files, RemoveTreeKeepsToItself) {
  ASSERT_TRUE(EnsureDirectory(Path("tree/a/b")).ok());
  ASSERT_TRUE(WriteFile(Path("tree/a/b/f"), "x").ok());
  ASSERT_TRUE(EnsureDirectory(Path("outside")).ok());
  ASSERT_TRUE(WriteFile(Path("outside/f"), "x").ok());
  ASSERT_EQ(symlink(Path("outside").c_str(), Path("tree/link").c_str()), 0);
  ASSERT_EQ(symlink(Path("tree").c_str(), Path("root-link").c_str()), 0);
  EXPECT_FALSE(RemoveTree(Path("root-link")).ok());  // no folder itself
  EXPECT_TRUE(PathExists(Path("tree/a/b/f")));
  EXPECT_TRUE(RemoveTree(Path("tree")).ok());
  EXPECT_FALSE(PathExists(Path("tree")));
  EXPECT_EQ(*ReadFile(Path("outside/f")), "x");
  EXPECT_TRUE(RemoveTree(Path("tree")).ok());  // is gone already
}

}  // namespace
}  // namespace reeve::os
