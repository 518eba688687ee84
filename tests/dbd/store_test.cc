#include "dbd/store.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "dbd/schema.h"
#include "records.h"

namespace reeve::dbd {
namespace {

using enum v1::JobState;

TEST_F(StoreTest, KeepsWhatItAcknowledged) {
  EXPECT_EQ(Pushed(Push(1, {MakeJob(1, 1), MakeJob(2, 1)})), 2u);
  Open();
  const std::vector<v1::Job> jobs = AllRuns({1, 2});
  ASSERT_EQ(jobs.size(), 2u);
  EXPECT_EQ(jobs[0].job_id(), 1u);
  EXPECT_EQ(jobs[0].cluster(), "test");
}

TEST_F(StoreTest, ARepeatedPushChangesNothing) {
  Pushed(Push(1, {MakeJob(1, 1), MakeJob(1, 2, JOB_STATE_RUNNING)}));
  Pushed(Push(3, {MakeJob(1, 3, JOB_STATE_COMPLETED)}));
  const std::string before = AllRuns({1})[0].SerializeAsString();
  // A controller whose answers were lost repeats what it had sent, in other portions too.
  EXPECT_EQ(Pushed(Push(1, {MakeJob(1, 1), MakeJob(1, 2, JOB_STATE_RUNNING)})), 3u);
  EXPECT_EQ(Pushed(Push(2, {MakeJob(1, 2, JOB_STATE_RUNNING)})), 3u);
  ASSERT_EQ(AllRuns({1}).size(), 1u);
  EXPECT_EQ(AllRuns({1})[0].SerializeAsString(), before);
}

TEST_F(StoreTest, APushThatOverlapsGoesOnWhereItStopped) {
  Pushed(Push(1, {MakeJob(1, 1)}));
  EXPECT_EQ(Pushed(Push(1, {MakeJob(1, 1), MakeJob(2, 1)})), 2u);
  EXPECT_EQ(AllRuns({1, 2}).size(), 2u);
}

TEST_F(StoreTest, AnEmptyPushTellsWhatIsThere) {
  Pushed(Push(1, {MakeJob(1, 1), MakeJob(2, 1)}));
  EXPECT_EQ(Pushed(Push(0, {})), 2u);
  EXPECT_EQ(Pushed(Push(0, {}, "another")), 0u);
}

TEST_F(StoreTest, OnlyAHigherRevisionReplaces) {
  Pushed(Push(1, {MakeJob(1, 5, JOB_STATE_RUNNING)}));
  Pushed(Push(2, {MakeJob(1, 4, JOB_STATE_PENDING)}));
  EXPECT_EQ(AllRuns({1})[0].state(), JOB_STATE_RUNNING);
  Pushed(Push(3, {MakeJob(1, 6, JOB_STATE_COMPLETED)}));
  EXPECT_EQ(AllRuns({1})[0].state(), JOB_STATE_COMPLETED);
}

TEST_F(StoreTest, TheEndOfALimitIsNoEnd) {
  v1::Job job = MakeJob(1, 1, JOB_STATE_RUNNING);
  job.set_end_time(99999);
  Pushed(Push(1, {job}));
  EXPECT_EQ(AllRuns({1})[0].end_time(), 0);
}

TEST_F(StoreTest, WhatEndedWhileItWaitedHasNoStart) {
  v1::Job job = MakeJob(1, 1, JOB_STATE_CANCELLED);
  job.clear_shares();
  Pushed(Push(1, {job}));
  EXPECT_EQ(AllRuns({1})[0].start_time(), 0);
  EXPECT_EQ(AllRuns({1})[0].end_time(), 1020);
}

TEST_F(StoreTest, IsNobodyElsesToRead) {
  Pushed(Push(1, {MakeJob(1, 1)}));
  for (const char* suffix : {"", "-wal", "-shm"}) {
    struct stat found = {};
    ASSERT_EQ(stat((path() + suffix).c_str(), &found), 0) << suffix;
    EXPECT_EQ(found.st_mode & 0777, 0600u) << suffix;
  }
}

TEST_F(StoreTest, ARequeuedJobKeepsItsRuns) {
  Pushed(Push(1, {MakeJob(1, 1, JOB_STATE_RUNNING)}));
  v1::Job again = MakeJob(1, 2);
  again.set_restarts(1);
  again.set_submit_time(1100);
  Pushed(Push(2, {again}));
  const std::vector<v1::Job> runs = AllRuns({1});
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].end_time(), 1100);
  EXPECT_NE(runs[0].flags() & v1::JOB_FLAG_REQUEUED, 0u);
  EXPECT_EQ(runs[1].state(), JOB_STATE_PENDING);
  EXPECT_EQ(runs[1].end_time(), 0);
}

TEST_F(StoreTest, ARunThatHadEndedStaysAsItWas) {
  Pushed(Push(1, {MakeJob(1, 1, JOB_STATE_NODE_FAIL)}));
  v1::Job again = MakeJob(1, 2);
  again.set_restarts(1);
  Pushed(Push(2, {again}));
  EXPECT_EQ(AllRuns({1})[0].end_time(), 1020);
  EXPECT_EQ(AllRuns({1})[0].flags(), 0u);
}

TEST_F(StoreTest, ANewControllerStoreHasIdsOfItsOwn) {
  Pushed(Push(1, {MakeJob(1, 9, JOB_STATE_COMPLETED)}));
  // Its state was lost: it counts jobs, revisions and sequences from one again.
  v1::Job other = MakeJob(1, 1);
  other.mutable_spec()->set_name("other");
  EXPECT_EQ(Pushed(Push(1, {other}, "second")), 1u);
  const std::vector<v1::Job> jobs = AllRuns({1});
  ASSERT_EQ(jobs.size(), 2u);
  EXPECT_EQ(jobs[0].spec().name(), "job");
  EXPECT_EQ(jobs[1].spec().name(), "other");
}

TEST_F(StoreTest, RefusesWhatItCannotStore) {
  auto code = [this](const v1::PushRecordsRequest& request) {
    return PushAndWait(request).status().code();
  };
  const auto invalid = absl::StatusCode::kInvalidArgument;
  v1::PushRecordsRequest request = Push(1, {MakeJob(1, 1)});
  request.clear_cluster();
  EXPECT_EQ(code(request), invalid);
  request = Push(1, {MakeJob(1, 1)});
  request.clear_incarnation();
  EXPECT_EQ(code(request), invalid);
  EXPECT_EQ(code(Push(1, {MakeJob(0, 1)})), invalid);
  EXPECT_EQ(code(Push(0, {MakeJob(1, 1)})), invalid);
  request = Push(1, {MakeJob(1, 1), MakeJob(2, 1)});
  request.mutable_records(1)->set_sequence(1);
  EXPECT_EQ(code(request), invalid);
  request = Push(1, {MakeJob(1, 1)});
  request.mutable_records(0)->clear_kind();
  EXPECT_EQ(code(request), invalid);
  request = Push(1, {MakeJob(1, 1)});
  request.mutable_records(0)->mutable_job()->set_state(static_cast<v1::JobState>(77));
  EXPECT_EQ(code(request), invalid);
  EXPECT_TRUE(AllRuns({1}).empty());
}

TEST_F(StoreTest, ManyControllersAtOnce) {
  constexpr int kThreads = 8, kPushes = 50;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([this, i] {
      for (int n = 0; n < kPushes; ++n) {
        const uint32_t id = static_cast<uint32_t>(i * kPushes + n + 1);
        EXPECT_EQ(Pushed(Push(n + 1, {MakeJob(id, 1)}, "controller" + std::to_string(i))), n + 1u);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  v1::QueryAccountingRequest all;
  EXPECT_EQ(Find(all).size(), size_t{kThreads * kPushes});
}

TEST_F(StoreTest, IsOneDaemonsAlone) {
  const absl::StatusOr<std::unique_ptr<Store>> second = Store::Open(path());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(second.status().message().find("in use by another reevedbd"), std::string::npos);
}

TEST_F(StoreTest, RefusesANewerStore) {
  store_.reset();
  {
    absl::StatusOr<sqlite::Database> database =
        sqlite::Database::Open(path(), sqlite::Database::Mode::kReadWrite);
    ASSERT_TRUE(database.ok());
    ASSERT_TRUE(database->Execute("PRAGMA user_version=99").ok());
  }
  const absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(path());
  EXPECT_EQ(store.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(store.status().message().find("version 99"), std::string::npos) << store.status();
}

TEST_F(StoreTest, RefusesAFileThatIsNoDatabase) {
  store_.reset();
  ASSERT_TRUE(os::WriteFile(path(), std::string(8192, 'x')).ok());
  const absl::Status status = Store::Open(path()).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_NE(status.message().find("put a copy of it back"), std::string::npos) << status;
}

TEST_F(StoreTest, EveryMigrationRunsOnItsOwn) {
  // What a store of each older version becomes is what a new one is.
  auto schema_from = [this](size_t version) {
    const std::string file = dir_ / ("v" + std::to_string(version));
    {
      absl::StatusOr<sqlite::Database> database =
          sqlite::Database::Open(file, sqlite::Database::Mode::kReadWrite);
      EXPECT_TRUE(sqlite::Migrate(*database, Migrations().first(version), file).ok());
    }
    EXPECT_TRUE(Store::Open(file).ok());
    absl::StatusOr<sqlite::Database> database =
        sqlite::Database::Open(file, sqlite::Database::Mode::kReadOnly);
    return *database->QueryInt("PRAGMA user_version");
  };
  for (size_t version = 0; version <= Migrations().size(); ++version) {
    EXPECT_EQ(schema_from(version), static_cast<int64_t>(Migrations().size()));
  }
}

// A daemon that is killed when the commit is done and before the answer has left.
void PushAndDie(const std::string& path) {
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(path);
  if (!store.ok()) _exit(1);
  (*store)->Push(Push(1, {MakeJob(1, 1), MakeJob(1, 2, JOB_STATE_COMPLETED)}),
                 [](absl::StatusOr<uint64_t>) { kill(getpid(), SIGKILL); });
  for (;;) pause();
}

TEST_F(StoreTest, AKillBetweenCommitAndAnswerLosesNothingAndDoublesNothing) {
  store_.reset();
  const pid_t child = fork();
  if (child == 0) PushAndDie(path());
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_EQ(WTERMSIG(status), SIGKILL);

  Open();
  ASSERT_EQ(AllRuns({1}).size(), 1u);
  const std::string before = AllRuns({1})[0].SerializeAsString();
  EXPECT_EQ(Pushed(Push(1, {MakeJob(1, 1), MakeJob(1, 2, JOB_STATE_COMPLETED)})), 2u);
  ASSERT_EQ(AllRuns({1}).size(), 1u);
  EXPECT_EQ(AllRuns({1})[0].SerializeAsString(), before);
}

// What was acknowledged (a byte each, written by the doomed process) is there, whenever the kill
// comes; the rest is there as a whole or not at all, and a repeat completes it.
TEST_F(StoreTest, KillsAtAnyMoment) {
  constexpr int kRounds = 10;
  store_.reset();
  uint64_t acknowledged = 0;
  for (int round = 0; round < kRounds; ++round) {
    int fds[2];
    ASSERT_EQ(pipe(fds), 0);
    const pid_t child = fork();
    if (child == 0) {
      absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(path());
      if (!store.ok()) _exit(1);
      for (uint64_t sequence = acknowledged + 1;; ++sequence) {
        (*store)->Push(Push(sequence, {MakeJob(static_cast<uint32_t>(sequence), 1)}),
                       [fd = fds[1]](absl::StatusOr<uint64_t> answer) {
                         if (!answer.ok() || write(fd, "+", 1) != 1) _exit(2);
                       });
      }
    }
    close(fds[1]);
    const uint64_t enough = acknowledged + 20 + static_cast<uint64_t>(round) * 7;
    char byte;
    while (acknowledged < enough && read(fds[0], &byte, 1) == 1) ++acknowledged;
    ASSERT_EQ(acknowledged, enough) << "the child ended early";
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    while (read(fds[0], &byte, 1) == 1) ++acknowledged;
    close(fds[0]);

    Open();
    v1::QueryAccountingRequest all;
    const uint64_t stored = Find(all).size();
    EXPECT_GE(stored, acknowledged);
    EXPECT_EQ(Pushed(Push(0, {})), stored);
    acknowledged = stored;
    store_.reset();
  }
}

TEST_F(StoreTest, SaysWhenTheDiskIsFullAndGoesOnAfterwards) {
  // The file may not grow: the cheapest full disk there is.
  Pushed(Push(1, {MakeJob(1, 1)}));
  struct rlimit before, small;
  getrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, SIG_IGN);
  small = before;
  small.rlim_cur = 64 << 10;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  v1::Job big = MakeJob(2, 1);
  big.mutable_spec()->set_comment(std::string(1 << 20, 'c'));
  EXPECT_FALSE(PushAndWait(Push(2, {big})).ok());
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(Pushed(Push(2, {big})), 2u);
  EXPECT_EQ(AllRuns({1, 2}).size(), 2u);
}

}  // namespace
}  // namespace reeve::dbd
