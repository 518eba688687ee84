#include "common/os/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "common/base/text.h"
#include "common/os/fd.h"

namespace reeve::os {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

class LogFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "reeve-log-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    file_ = folder_ + "/log";
    ASSERT_TRUE(SetUpLog({file_, LogLevel::kInfo, "test"}).ok());
  }
  void TearDown() override {
    EXPECT_TRUE(SetUpLog({}).ok());
    EXPECT_TRUE(RemoveTree(folder_).ok());
  }
  std::string Text() const { return ReadFile(file_).value_or("unreadable"); }
  std::string folder_, file_;
};

TEST_F(LogFile, OneLineAnEvent) {
  LogInfo("job 7 started");
  EXPECT_THAT(Text(), MatchesRegex("\\[....-..-..T..:..:..\\....\\] info: job 7 started\n"));
  LogError("a\nb\x1b[0m {}");
  EXPECT_THAT(Text(), HasSubstr("error: a\\x0ab\\x1b[0m {}\n"));
}

TEST_F(LogFile, Levels) {
  LogVerbose("hidden");
  LogWarn("careful");
  EXPECT_THAT(Text(), Not(HasSubstr("hidden")));
  EXPECT_THAT(Text(), HasSubstr("warning: careful"));
  SetLogLevel(LogLevel::kDebug);
  EXPECT_TRUE(LogEnabled(LogLevel::kDebug));
  EXPECT_FALSE(LogEnabled(LogLevel::kDebug2));
  LogDebug("shown");
  EXPECT_THAT(Text(), HasSubstr("debug: shown"));
  SetLogLevel(LogLevel::kQuiet);
  LogError("silent");
  EXPECT_THAT(Text(), Not(HasSubstr("silent")));
}

TEST_F(LogFile, Reopens) {
  LogInfo("first");
  ASSERT_EQ(rename(file_.c_str(), (file_ + ".1").c_str()), 0);
  ASSERT_TRUE(ReopenLog().ok());
  LogInfo("second");
  EXPECT_THAT(Text(), Not(HasSubstr("first")));
  EXPECT_THAT(Text(), HasSubstr("second"));
}

TEST_F(LogFile, FatalLeaves) {
  EXPECT_EXIT(LogFatal("no way on"), ::testing::ExitedWithCode(1), "no way on");
  EXPECT_THAT(Text(), HasSubstr("critical: no way on"));
}

TEST(Log, NamesAFileThatCannotBeOpened) {
  const absl::Status status = SetUpLog({"/nonexistent/folder/log", LogLevel::kInfo, "test"});
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("/nonexistent/folder/log"));
}

}  // namespace
}  // namespace reeve::os
