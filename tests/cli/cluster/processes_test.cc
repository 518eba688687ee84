#include "cli/cluster/processes.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace reeve::cluster {
namespace {

TEST(ProcessMark, GoesThroughText) {
  ProcessMark mark{getpid(), StartTime(getpid()).value()};
  std::optional<ProcessMark> read = ParseMark(FormatMark(mark));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->pid, mark.pid);
  EXPECT_EQ(read->start_time, mark.start_time);
  EXPECT_TRUE(IsAlive(*read));
}

TEST(ProcessMark, AnotherProcessOfThePidIsNotMeant) {
  ProcessMark mark{getpid(), StartTime(getpid()).value() + 1};
  EXPECT_FALSE(IsAlive(mark));
}

TEST(ProcessMark, BadTextIsNoMark) {
  for (const char* text : {"", "12", "12 x", "1 5", "-4 5", "12 5 6"}) {
    EXPECT_FALSE(ParseMark(text).has_value()) << text;
  }
}

TEST(ProcessMark, AZombieIsNotAlive) {
  pid_t child = fork();
  if (child == 0) _exit(0);
  siginfo_t info;
  ASSERT_EQ(waitid(P_PID, child, &info, WEXITED | WNOWAIT), 0);
  ProcessMark mark{child, StartTime(child).value_or(0)};
  EXPECT_TRUE(IsZombie(child));
  EXPECT_FALSE(IsAlive(mark));
  waitpid(child, nullptr, 0);
  EXPECT_FALSE(StartTime(child).has_value());
}

TEST(ProcessesInHosts, NobodyIsInAHostThatDoesNotExist) {
  EXPECT_TRUE(ProcessesInHosts("/nowhere/hosts-0000000000000000").empty());
}

}  // namespace
}  // namespace reeve::cluster
