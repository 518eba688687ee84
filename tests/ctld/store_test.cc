// The controller's store: what was acknowledged is there after kill -9.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <set>

#include "common/sqlite/database.h"
#include "ctld/state_store.h"
#include "ctld/store_schema.h"
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
  EXPECT_GE(state->epoch, 1u);
}

TEST_F(StoreTest, WhatIsCommittedComesBack) {
  StoredState before;
  {
    auto store = MustOpen(dir_ / "state");
    before = *store->Load();
    Batch batch;
    batch.jobs = {{JobId{2}, "two"}, {JobId{1}, "one"}};
    batch.nodes = {{"n1", "node"}};
    batch.partitions = {{"debug", "partition"}, {"other", "gone"}};
    batch.reservations = {{"maint", "reservation"}, {"over", "gone"}};
    batch.usage = {{1000, "use"}, {1001, "none"}};
    batch.blobs = {{"h1", "script"}};
    batch.steps = {{JobId{1}, StepId{0}, "step"}, {JobId{1}, StepId{1}, "gone"}};
    batch.requests = {{1000, "r1", "answer"}};
    batch.outbox = {{1, "a"}, {2, "b"}};
    batch.counters = StoredCounters{3, 77};
    EXPECT_TRUE(CommitAndWait(*store, batch).ok());
    Batch second;
    second.jobs = {{JobId{1}, "one again"}};
    second.removed_jobs = {JobId{2}};
    second.removed_steps = {{JobId{1}, StepId{1}}};
    second.removed_partitions = {"other"};
    second.removed_reservations = {"over"};
    second.removed_usage = {1001};
    second.outbox_acknowledged = 1;
    EXPECT_TRUE(CommitAndWait(*store, second).ok());
  }
  auto store = MustOpen(dir_ / "state");
  auto state = store->Load();
  ASSERT_TRUE(state.ok());
  EXPECT_THAT(state->jobs, ElementsAre("one again"));
  EXPECT_THAT(state->nodes, ElementsAre("node"));
  EXPECT_THAT(state->partitions, ElementsAre("partition"));
  EXPECT_THAT(state->reservations, ElementsAre("reservation"));
  EXPECT_THAT(state->usage, ElementsAre("use"));
  EXPECT_THAT(state->steps, ElementsAre("step"));
  EXPECT_THAT(state->requests, ElementsAre("answer"));
  EXPECT_EQ(state->counters->next_job_id, 3u);
  EXPECT_EQ(state->counters->next_priority, 77u);
  EXPECT_GT(state->last_sequence, 2u);
  EXPECT_EQ(state->incarnation, before.incarnation);
  EXPECT_GT(state->epoch, before.epoch);
  EXPECT_EQ(*store->ReadBlob("h1"), "script");
  EXPECT_TRUE(absl::IsNotFound(store->ReadBlob("h2").status()));
  auto outbox = store->ReadOutbox(0, 10);
  ASSERT_TRUE(outbox.ok());
  ASSERT_EQ(outbox->size(), 1u);
  EXPECT_EQ(outbox->front().bytes, "b");
}

// Nodes keep the highest epoch and reevedbd the highest sequence that they have seen, and take what
// is lower for old.
TEST_F(StoreTest, AnOlderCopyThatIsPutBackGivesNoNumberAgain) {
  const std::string file = dir_ / "state/state.db";
  struct Life {
    uint64_t epoch, sequence;
  };
  const auto live = [&](const std::string& record) {
    auto store = MustOpen(dir_ / "state");
    const StoredState state = *store->Load();
    Batch batch;
    batch.outbox = {{state.last_sequence + 1, record}};
    EXPECT_TRUE(CommitAndWait(*store, batch).ok());
    return Life{state.epoch, state.last_sequence + 1};
  };
  live("a");
  const std::string copy = *os::ReadFile(file);
  live("b");
  const Life last = live("c");
  ASSERT_TRUE(os::WriteFile(file, copy).ok());
  const Life again = live("d");
  EXPECT_GT(again.epoch, last.epoch);
  EXPECT_GT(again.sequence, last.sequence);
  auto outbox = MustOpen(dir_ / "state")->ReadOutbox(0, 10);
  ASSERT_TRUE(outbox.ok()) << outbox.status();
  ASSERT_EQ(outbox->size(), 2u);
  EXPECT_EQ(outbox->front().bytes, "a");
  EXPECT_EQ(outbox->back().bytes, "d");
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

TEST_F(StoreTest, ADamagedStoreIsReportedWithWhatToDo) {
  { MustOpen(dir_ / "state"); }
  const std::string garbage(8192, 'x');
  ASSERT_TRUE(os::WriteFile(dir_ / "state/state.db", garbage).ok());
  auto store = OpenSqliteStore(dir_ / "state");
  EXPECT_TRUE(absl::IsDataLoss(store.status())) << store.status();
  const std::string message(store.status().message());
  EXPECT_THAT(message, HasSubstr("state/state.db"));
  EXPECT_THAT(message, HasSubstr("put a copy of it back"));
  EXPECT_EQ(message.find('\n'), std::string::npos);
  EXPECT_EQ(*os::ReadFile(dir_ / "state/state.db"), garbage);  // left as it is
}

// A page in the middle is overwritten: SQLite notices when it gets there.
TEST_F(StoreTest, ADamagedPageIsReported) {
  const std::string path = dir_ / "state/state.db";
  {
    auto store = MustOpen(dir_ / "state");
    ASSERT_TRUE(store->Load().ok());
    Batch batch;
    for (uint32_t id = 1; id <= 500; ++id) {
      batch.jobs.emplace_back(JobId{id}, std::string(300, 'j'));
    }
    ASSERT_TRUE(CommitAndWait(*store, std::move(batch)).ok());
  }
  std::string bytes = *os::ReadFile(path);
  ASSERT_GT(bytes.size(), 100000u);
  bytes.replace(bytes.size() / 2 / 4096 * 4096, 4096, std::string(4096, '\xff'));
  ASSERT_TRUE(os::WriteFile(path, bytes).ok());
  auto store = OpenSqliteStore(dir_ / "state");
  ASSERT_TRUE(store.ok()) << store.status();
  auto state = (*store)->Load();
  EXPECT_TRUE(absl::IsDataLoss(state.status())) << state.status();
  EXPECT_THAT(std::string(state.status().message()), HasSubstr("put a copy of it back"));
}

class DamagedRecordTest : public StoreTest {
 protected:
  void SetUp() override {
    auto store = MustOpen(dir_ / "state");
    ASSERT_TRUE(store->Load().ok());
    Batch batch;
    batch.jobs = {{JobId{7}, "seven"}, {JobId{8}, "eight"}};
    batch.nodes = {{"n1", "node"}};
    batch.partitions = {{"debug", "partition"}};
    batch.requests = {{1000, "r1", "answer"}};
    batch.outbox = {{1, "a"}, {2, "b"}};
    batch.blobs = {{"h1", "script"}};
    batch.counters = StoredCounters{9, 77};
    ASSERT_TRUE(CommitAndWait(*store, batch).ok());
  }
  void Damage(const char* sql) {
    auto database =
        sqlite::Database::Open(dir_ / "state/state.db", sqlite::Database::Mode::kReadWrite);
    ASSERT_TRUE(database->Execute(sql).ok());
  }
  absl::StatusOr<StoredState> Load(bool set_aside) {
    store_.reset();
    auto store = OpenSqliteStore(dir_ / "state", {.set_aside_damaged = set_aside});
    if (!store.ok()) return store.status();
    store_ = *std::move(store);
    return store_->Load();
  }
  std::unique_ptr<StateStore> store_;
};

TEST_F(DamagedRecordTest, IsNotBelieved) {
  const std::pair<const char*, const char*> cases[] = {
      {"UPDATE job SET record = CAST('sevem' AS BLOB) WHERE id = 7", "job 7 is damaged"},
      {"UPDATE node SET record = CAST('nodf' AS BLOB)", "job 7 (and 1 more) is damaged"},
      {"UPDATE partition SET record = CAST('' AS BLOB)", "job 7 (and 2 more) is damaged"},
      {"UPDATE request SET record = CAST('Answer' AS BLOB)", "job 7 (and 3 more) is damaged"},
      {"UPDATE outbox SET sum = sum + 1 WHERE sequence = 2", "job 7 (and 4 more) is damaged"},
  };
  for (const auto& [sql, words] : cases) {
    Damage(sql);
    auto state = Load(false);
    EXPECT_TRUE(absl::IsFailedPrecondition(state.status())) << state.status();
    const std::string message(state.status().message());
    EXPECT_THAT(message, HasSubstr(words));
    EXPECT_THAT(message, HasSubstr("reevectld -i"));
  }
  auto state = Load(true);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_THAT(state->set_aside, ElementsAre("job 7", "node n1", "partition debug",
                                            "request 1000 r1", "accounting record 2"));
  EXPECT_THAT(state->jobs, ElementsAre("eight"));
  EXPECT_EQ(state->counters->next_job_id, 9u);
  EXPECT_GT(state->last_sequence, 2u);
  EXPECT_EQ(store_->ReadOutbox(0, 10)->size(), 1u);
  // Once: the next start needs no option.
  state = Load(false);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_THAT(state->jobs, ElementsAre("eight"));
  store_.reset();
  auto database =
      sqlite::Database::Open(dir_ / "state/state.db", sqlite::Database::Mode::kReadOnly);
  EXPECT_EQ(*database->QueryInt("SELECT count(*) FROM damaged"), 5);
}

TEST_F(DamagedRecordTest, ABlobIsNotBelievedEither) {
  Damage("UPDATE blob SET bytes = CAST('scripT' AS BLOB)");
  ASSERT_TRUE(Load(false).ok());
  EXPECT_TRUE(absl::IsDataLoss(store_->ReadBlob("h1").status()));
}

TEST(RecordSum, EveryByteCounts) {
  std::string record(100, '\0');
  std::set<int64_t> sums = {sqlite::RecordSum(record), sqlite::RecordSum("")};
  for (size_t i = 0; i < record.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      record[i] ^= 1 << bit;
      EXPECT_TRUE(sums.insert(sqlite::RecordSum(record)).second) << i;
      record[i] ^= 1 << bit;
    }
    EXPECT_TRUE(sums.insert(sqlite::RecordSum(record.substr(0, i + (i == 0)))).second || i < 2);
  }
}

// A store as each version before has left it is taken over with all it holds.
TEST_F(StoreTest, EveryOlderVersionIsMigrated) {
  const char* contents[] = {
      "",  // version 0: a file and nothing in it
      R"sql(INSERT INTO meta VALUES ('epoch', 4), ('next_job_id', 9), ('next_priority', 77),
                                    ('last_sequence', 2), ('incarnation', '0123456789abcdef');
            INSERT INTO job VALUES (7, CAST('seven' AS BLOB)), (8, CAST('eight' AS BLOB));
            INSERT INTO node VALUES ('n1', CAST('node' AS BLOB));
            INSERT INTO request VALUES (1000, 'r1', CAST('answer' AS BLOB));
            INSERT INTO outbox VALUES (2, CAST('b' AS BLOB));
            INSERT INTO blob VALUES ('h1', CAST('script' AS BLOB));)sql",
      R"sql(INSERT INTO meta VALUES ('epoch', 4), ('next_job_id', 9), ('next_priority', 77),
                                    ('last_sequence', 2), ('incarnation', '0123456789abcdef');
            INSERT INTO job VALUES (7, 'seven', record_sum('seven')),
                                   (8, 'eight', record_sum('eight'));
            INSERT INTO node VALUES ('n1', 'node', record_sum('node'));
            INSERT INTO request VALUES (1000, 'r1', 'answer', record_sum('answer'));
            INSERT INTO outbox VALUES (2, 'b', record_sum('b'));
            INSERT INTO blob VALUES ('h1', 'script', record_sum('script'));)sql",
  };
  ASSERT_EQ(std::size(contents), StoreMigrations().size()) << "say what the new version inherits";
  for (size_t version = 0; version < StoreMigrations().size(); ++version) {
    const std::string folder = dir_ / ("v" + std::to_string(version));
    ASSERT_TRUE(os::EnsureDirectory(folder, 0700).ok());
    {
      auto database =
          sqlite::Database::Open(folder + "/state.db", sqlite::Database::Mode::kReadWrite);
      ASSERT_TRUE(
          sqlite::Migrate(*database, StoreMigrations().subspan(0, version), "old store").ok());
      ASSERT_TRUE(database->Execute(contents[version]).ok());
    }
    auto store = MustOpen(folder);
    auto state = store->Load();
    ASSERT_TRUE(state.ok()) << version << ": " << state.status();
    if (version == 0) continue;
    EXPECT_THAT(state->jobs, ElementsAre("seven", "eight"));
    EXPECT_THAT(state->nodes, ElementsAre("node"));
    EXPECT_THAT(state->requests, ElementsAre("answer"));
    EXPECT_GT(state->epoch, 4u);
    EXPECT_GT(state->last_sequence, 2u);
    EXPECT_EQ(state->counters->next_job_id, 9u);
    EXPECT_EQ(state->incarnation, "0123456789abcdef");
    EXPECT_EQ(*store->ReadBlob("h1"), "script");
    ASSERT_EQ(store->ReadOutbox(0, 10)->size(), 1u);
    Batch batch;
    batch.jobs = {{JobId{9}, "nine"}};
    EXPECT_TRUE(CommitAndWait(*store, batch).ok());
  }
}

// Stores of these versions exist: their scripts are not to be edited.
TEST_F(StoreTest, ReleasedMigrationsStayAsTheyAre) {
  EXPECT_EQ(sqlite::RecordSum(StoreMigrations()[0]), 3419708650146321213);
  EXPECT_EQ(sqlite::RecordSum(StoreMigrations()[1]), 7014359795182644530);
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
