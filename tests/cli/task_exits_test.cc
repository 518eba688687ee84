#include "cli/task_exits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

namespace reeve::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int Exited(int code) {
  return code << 8;
}
constexpr int kCoreDumped = 0x80;

TEST(TaskExits, HighestExitCodeWins) {
  TaskExits exits;
  exits.Ended("n1", 0, 0);
  exits.Ended("n1", 1, Exited(1));
  exits.Ended("n1", 2, Exited(2));
  EXPECT_EQ(exits.exit_code(), 2);
  EXPECT_EQ(exits.worst_status(), Exited(2));
  EXPECT_THAT(exits.TakeMessages(), ElementsAre("n1: task 1: Exited with exit code 1",
                                                "n1: task 2: Exited with exit code 2"));
  EXPECT_THAT(exits.TakeMessages(), IsEmpty());
}

TEST(TaskExits, SignalsCountFrom128) {
  TaskExits exits;
  exits.Ended("n1", 0, SIGSEGV);
  EXPECT_EQ(exits.exit_code(), 139);
  EXPECT_THAT(exits.TakeMessages(), ElementsAre("n1: task 0: Segmentation fault"));
  exits.Ended("n1", 1, SIGABRT | kCoreDumped);
  EXPECT_THAT(exits.TakeMessages(), ElementsAre("n1: task 1: Aborted (core dumped)"));
}

TEST(TaskExits, EqualEndsOfANodeAreOneMessage) {
  TaskExits exits;
  for (uint32_t task : {3u, 0u, 1u, 2u, 7u}) exits.Ended("n1", task, Exited(7));
  exits.Ended("n2", 4, Exited(7));
  exits.Ended("n2", 5, SIGKILL);
  EXPECT_THAT(exits.TakeMessages(),
              ElementsAre("n1: tasks 0-3,7: Exited with exit code 7",
                          "n2: task 4: Exited with exit code 7", "n2: task 5: Killed"));
}

TEST(TaskExits, ATaskEndsOnce) {
  TaskExits exits;
  exits.Ended("n1", 0, 0);
  exits.Ended("n1", 0, Exited(9));
  EXPECT_EQ(exits.exit_code(), 0);
}

TEST(TaskExits, StatusNamesRunningAndExited) {
  TaskExits exits;
  for (uint32_t task = 0; task < 4; ++task) exits.Started(task);
  exits.Ended("n1", 2, 0);
  EXPECT_THAT(exits.StatusLines(), ElementsAre("tasks 0-1,3: running", "task 2: exited"));
}

}  // namespace
}  // namespace reeve::cli
