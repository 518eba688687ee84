#include "cli/cluster/layout.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/text.h"
#include "common/os/fd.h"

namespace reeve::cluster {
namespace {

class Folder {
 public:
  Folder() { EXPECT_NE(mkdtemp(path_), nullptr); }
  ~Folder() { (void)os::RemoveTree(path_); }
  std::string path() const { return path_; }

 private:
  char path_[32] = "/tmp/reeve-layout-XXXXXX";
};

Layout Find(const std::string& folder) {
  absl::StatusOr<Layout> layout = FindLayout(folder);
  EXPECT_TRUE(layout.ok()) << Message(layout.status());
  return *layout;
}

TEST(Layout, TwoFoldersShareNothing) {
  Layout a = Find("/tmp/a/cluster"), b = Find("/tmp/b/cluster");
  EXPECT_NE(a.ClusterName(), b.ClusterName());
  EXPECT_NE(a.Subnet(), b.Subnet());
  EXPECT_NE(a.MungeSocket(), b.MungeSocket());
  EXPECT_EQ(Find("/tmp/a/../a/cluster/").folder, a.folder);
  EXPECT_TRUE(Find("not-there-yet").folder.starts_with("/"));
}

TEST(Layout, SocketsFitWhateverTheFolder) {
  std::string deep = "/tmp";
  for (int i = 0; i < 20; ++i) deep += "/a-long-name";
  EXPECT_LT(Find(deep).KeeperSocket().size(), 100u);
  EXPECT_EQ(Find("/tmp/c").sockets, "/tmp/c/run");
}

TEST(Layout, TheEnvironmentChoosesTheDefault) {
  setenv("REEVE_CLUSTER", "/tmp/chosen", 1);
  EXPECT_EQ(Find("").folder, "/tmp/chosen");
  unsetenv("REEVE_CLUSTER");
  setenv("XDG_STATE_HOME", "/tmp/state", 1);
  EXPECT_EQ(Find("").folder, "/tmp/state/reeve/cluster");
  unsetenv("XDG_STATE_HOME");
}

TEST(Layout, FoldersThatSlurmConfCannotNameAreRefused) {
  EXPECT_FALSE(FindLayout("/tmp/my cluster").ok());
  EXPECT_FALSE(FindLayout("/tmp/#1").ok());
}

TEST(Layout, CreatesPrivateFoldersAndRemovesOnlyItsOwn) {
  Folder base;
  Layout layout = Find(base.path() + "/c");
  ASSERT_TRUE(CreateFolders(layout).ok());
  struct stat info;
  ASSERT_EQ(stat(layout.folder.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  ASSERT_TRUE(os::WriteFile(layout.LockFile(), "").ok());
  EXPECT_TRUE(CreateFolders(layout).ok()) << "again";
  ASSERT_TRUE(os::WriteFile(layout.folder + "/mine", "precious").ok());
  ASSERT_TRUE(RemoveFolders(layout).ok());
  EXPECT_TRUE(os::PathExists(layout.folder + "/mine"));
  EXPECT_FALSE(os::PathExists(layout.RunDir()));
}

TEST(Layout, AFolderOfOtherThingsIsNotTaken) {
  Folder base;
  ASSERT_TRUE(os::WriteFile(base.path() + "/thesis.tex", "").ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(CreateFolders(Find(base.path()))));
}

}  // namespace
}  // namespace reeve::cluster
