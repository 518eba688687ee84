#include "noded/stepd/spool.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "noded/stepd/cgroup.h"

namespace reeve::noded {
namespace {

class SpoolTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "reeve-spool-XXXXXX";
    dir_ = mkdtemp(pattern.data());
    ASSERT_TRUE(PrepareSpool(dir_).ok());
  }
  void TearDown() override { os::RemoveTree(dir_).IgnoreError(); }
  std::string dir_;
};

TEST(SpoolNames, ThereAndBack) {
  StepKey key{JobId{12}, kBatchStep, 3};
  EXPECT_EQ(SpoolFolderName(key), "12.-5.3");
  EXPECT_EQ(ParseSpoolFolderName("12.-5.3"), key);
  for (const char* bad : {"", "12", "12.0", "12.0.0.0", "x.0.0", "12.0.-1", "012.0.0", ".."}) {
    EXPECT_FALSE(ParseSpoolFolderName(bad).has_value()) << bad;
  }
}

TEST(CpuLists, RangesAndNonsense) {
  EXPECT_EQ(*ParseCpuList("0-2,5"), (std::vector<int>{0, 1, 2, 5}));
  EXPECT_TRUE(ParseCpuList("")->empty());
  for (const char* bad : {"x", "3-1", "1-2-3", "-1", "0-999999999"}) {
    EXPECT_FALSE(ParseCpuList(bad).has_value()) << bad;
  }
}

TEST_F(SpoolTest, OneCreatorOneLockHolder) {
  StepSpool spool(dir_, {JobId{1}, StepId{0}, 0});
  v1::StepLaunch launch;
  launch.set_job_id(1);
  ASSERT_TRUE(spool.Create(launch).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(spool.Create(launch)));
  EXPECT_EQ(spool.ReadLaunch()->job_id(), 1u);
  auto lock = spool.TryLock();
  ASSERT_TRUE(lock.ok() && lock->has_value());
  EXPECT_FALSE(spool.TryLock()->has_value());
  lock->reset();
  EXPECT_TRUE(spool.TryLock()->has_value());
}

TEST_F(SpoolTest, MarkAndRecordAreReadBack) {
  StepSpool spool(dir_, {JobId{1}, StepId{0}, 0});
  ASSERT_TRUE(spool.Create({}).ok());
  EXPECT_FALSE(spool.started());
  EXPECT_TRUE(absl::IsNotFound(spool.ReadRecord().status()));
  ASSERT_TRUE(spool.WriteStarted({BootId(), {{42, 7}, {43, 8}}}).ok());
  absl::StatusOr<StartedMark> mark = spool.ReadStarted();
  ASSERT_TRUE(mark.ok());
  EXPECT_EQ(mark->boot_id, BootId());
  ASSERT_EQ(mark->tasks.size(), 2u);
  EXPECT_EQ(mark->tasks[1].pid, 43);
  EXPECT_EQ(mark->tasks[1].start_time, 8u);
  v1::StepRecord record;
  record.set_node("n1");
  ASSERT_TRUE(spool.WriteRecord(record).ok());
  EXPECT_EQ(spool.ReadRecord()->node(), "n1");
  EXPECT_EQ(ListSpool(dir_)->size(), 1u);
  ASSERT_TRUE(spool.Remove().ok());
  EXPECT_TRUE(ListSpool(dir_)->empty());
}

// On a full disk the end of a step is written into room that was kept from its beginning.
TEST_F(SpoolTest, ARecordFitsIntoTheRoomKeptForIt) {
  StepSpool spool(dir_, {JobId{1}, StepId{0}, 0});
  ASSERT_TRUE(spool.Create({}).ok());
  ASSERT_TRUE(spool.ReserveRecord(1000).ok());
  EXPECT_TRUE(absl::IsNotFound(spool.ReadRecord().status()));  // not yet one
  v1::StepRecord record;
  for (uint32_t task = 0; task < 1000; ++task) {
    v1::TaskExit* exit = record.mutable_report()->add_tasks();
    exit->set_task_id(task + 100000);
    exit->set_status(0x7f00);
  }
  record.mutable_report()->set_error(std::string(3000, 'x'));
  struct stat room;
  ASSERT_EQ(stat((spool.path() + "/record.tmp").c_str(), &room), 0);
  EXPECT_LT(record.ByteSizeLong(), static_cast<size_t>(room.st_size));
  ASSERT_TRUE(spool.WriteRecord(record).ok());
  EXPECT_EQ(spool.ReadRecord()->SerializeAsString(), record.SerializeAsString());
}

TEST_F(SpoolTest, ASocketMayLieDeep) {
  std::string deep = dir_ + "/" + std::string(150, 'x');
  ASSERT_TRUE(os::EnsureDirectory(deep).ok());
  absl::StatusOr<os::UniqueFd> listener = ListenUnix(deep + "/stepd.sock");
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_TRUE(ConnectUnix(deep + "/stepd.sock").ok());
}

TEST(Processes, StartTimesTellThemApart) {
  EXPECT_GT(ProcessStartTime(getpid()), 0u);
  EXPECT_EQ(ProcessStartTime(-1), 0u);
}

}  // namespace
}  // namespace reeve::noded
