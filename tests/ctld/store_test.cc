// The controller's store: what was acknowledged is there after kill -9.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>

#include "common/sqlite/database.h"
#include "ctld/state_store.h"
#include "tests/support/temp_dir.h"

namespace reeve::ctld {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::Status CommitAndWait(StateStore& store, Batch batch) {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<absl::Status> result;
  store.Commit(std::move(batch), [&](absl::Status status) {
    std::lock_guard lock(mutex);
    result = status;
    changed.notify_all();
  });
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return result.has_value(); });
  return *result;
}

std::unique_ptr<StateStore> MustOpen(const std::string& folder) {
  auto store = OpenSqliteStore(folder);
  EXPECT_TRUE(store.ok()) << store.status();
  return *std::move(store);
}

class StoreTest : public ::testing::Test {
 protected:
  testing::TempDir dir_;
};

TEST_F(StoreTest, ANewStoreIsEmptyAndHasAnIncarnation) {
  auto store = MustOpen(dir_ / "state");
  auto state = store->Load();
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_TRUE(state->jobs.empty());
  EXPECT_FALSE(state->counters.has_value());
  EXPECT_EQ(state->incarnation.size(), 16u);
  EXPECT_EQ(state->epoch, 1u);
}

TEST_F(StoreTest, WhatIsCommittedComesBack) {
  std::string incarnation;
  {
    auto store = MustOpen(dir_ / "state");
    incarnation = store->Load()->incarnation;
    Batch batch;
    batch.jobs = {{JobId{2}, "two"}, {JobId{1}, "one"}};
    batch.nodes = {{"n1", "node"}};
    batch.blobs = {{"h1", "script"}};
    batch.requests = {{1000, "r1", "answer"}};
    batch.outbox = {{1, "a"}, {2, "b"}};
    batch.counters = StoredCounters{3, 77};
    EXPECT_TRUE(CommitAndWait(*store, batch).ok());
    Batch second;
    second.jobs = {{JobId{1}, "one again"}};
    second.removed_jobs = {JobId{2}};
    second.outbox_acknowledged = 1;
    EXPECT_TRUE(CommitAndWait(*store, second).ok());
  }
  auto store = MustOpen(dir_ / "state");
  auto state = store->Load();
  ASSERT_TRUE(state.ok());
  EXPECT_THAT(state->jobs, ElementsAre("one again"));
  EXPECT_THAT(state->nodes, ElementsAre("node"));
  EXPECT_THAT(state->requests, ElementsAre("answer"));
  EXPECT_EQ(state->counters->next_job_id, 3u);
  EXPECT_EQ(state->counters->next_priority, 77u);
  EXPECT_EQ(state->last_sequence, 2u);
  EXPECT_EQ(state->incarnation, incarnation);
  EXPECT_EQ(state->epoch, 2u);
  EXPECT_EQ(*store->ReadBlob("h1"), "script");
  EXPECT_TRUE(absl::IsNotFound(store->ReadBlob("h2").status()));
  auto outbox = store->ReadOutbox(0, 10);
  ASSERT_TRUE(outbox.ok());
  ASSERT_EQ(outbox->size(), 1u);
  EXPECT_EQ(outbox->front().bytes, "b");
}

// It holds every user's script and environment.
TEST_F(StoreTest, NobodyElseCanReadIt) {
  auto store = MustOpen(dir_ / "state");
  ASSERT_TRUE(store->Load().ok());
  for (const char* file : {"state.db", "state.db-wal", "state.db-shm"}) {
    struct stat info;
    ASSERT_EQ(stat((dir_ / ("state/" + std::string(file))).c_str(), &info), 0) << file;
    EXPECT_EQ(info.st_mode & 0777, 0600u) << file;
  }
}

TEST_F(StoreTest, ASecondControllerIsRefused) {
  auto store = MustOpen(dir_ / "state");
  auto second = OpenSqliteStore(dir_ / "state");
  EXPECT_TRUE(absl::IsFailedPrecondition(second.status()));
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("another reevectld"));
}

TEST_F(StoreTest, AControllerWhoseStoreWasTakenOverCommitsNothing) {
  auto first = MustOpen(dir_ / "state");
  ASSERT_TRUE(first->Load().ok());
  // As on a file system whose locks do not reach the other host.
  ASSERT_EQ(unlink((dir_ / "state/lock").c_str()), 0);
  auto second = MustOpen(dir_ / "state");
  ASSERT_TRUE(second->Load().ok());
  Batch batch;
  batch.jobs.emplace_back(JobId{1}, "late");
  absl::Status refused = CommitAndWait(*first, batch);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("another reevectld has taken over"));
  batch.jobs[0].second = "good";
  EXPECT_TRUE(CommitAndWait(*second, batch).ok());
  second.reset();
  EXPECT_THAT(MustOpen(dir_ / "state")->Load()->jobs, ElementsAre("good"));
}

TEST_F(StoreTest, ANewerStoreIsRefused) {
  { MustOpen(dir_ / "state"); }
  auto database =
      sqlite::Database::Open(dir_ / "state/state.db", sqlite::Database::Mode::kReadWrite);
  ASSERT_TRUE(database->Execute("PRAGMA user_version=99").ok());
  auto store = OpenSqliteStore(dir_ / "state");
  EXPECT_TRUE(absl::IsFailedPrecondition(store.status()));
  EXPECT_THAT(std::string(store.status().message()), HasSubstr("version 99"));
}

TEST_F(StoreTest, ADamagedStoreIsReported) {
  { MustOpen(dir_ / "state"); }
  ASSERT_TRUE(os::WriteFile(dir_ / "state/state.db", std::string(8192, 'x')).ok());
  auto store = OpenSqliteStore(dir_ / "state");
  EXPECT_TRUE(absl::IsDataLoss(store.status())) << store.status();
}

// A child acknowledges through a pipe what was committed, and is killed in the middle of it.
TEST_F(StoreTest, EveryAcknowledgedJobSurvivesKill) {
  for (int round = 0; round < 3; ++round) {
    const std::string folder = dir_ / ("state" + std::to_string(round));
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
      auto store = OpenSqliteStore(folder);
      if (!store.ok() || !(*store)->Load().ok()) _exit(1);
      for (uint32_t id = 1;; ++id) {
        Batch batch;
        batch.jobs = {{JobId{id}, std::to_string(id)}};
        (*store)->Commit(std::move(batch), [id, fd = ends[1]](absl::Status status) {
          if (!status.ok() || write(fd, &id, sizeof id) != sizeof id) _exit(1);
        });
        if (id % 50 == 0) usleep(500);
      }
    }
    close(ends[1]);
    uint32_t last = 0;
    for (uint32_t id; last < 300 && read(ends[0], &id, sizeof id) == sizeof id;) last = id;
    kill(child, SIGKILL);
    for (uint32_t id; read(ends[0], &id, sizeof id) == sizeof id;) last = id;
    close(ends[0]);
    waitpid(child, nullptr, 0);
    ASSERT_GE(last, 300u);
    auto store = MustOpen(folder);
    auto state = store->Load();
    ASSERT_TRUE(state.ok()) << state.status();
    EXPECT_GE(state->jobs.size(), last);
  }
}

}  // namespace
}  // namespace reeve::ctld
