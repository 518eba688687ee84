// The controller's store in SQLite. One thread writes; batches that wait become one transaction.
// Checkpoints run on a thread of their own, so that no commit pays for one.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "absl/strings/escaping.h"
#include "common/base/text.h"
#include "common/os/fd.h"
#include "common/rpc/session.h"
#include "common/sqlite/database.h"
#include "ctld/state_store.h"

namespace reeve::ctld {
namespace {

using sqlite::Database;
using sqlite::Statement;

constexpr const char* kMigrations[] = {
    // 1: jobs and their blobs, nodes, requests, the accounting outbox.
    R"sql(
    CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE job (id INTEGER PRIMARY KEY, record BLOB NOT NULL);
    CREATE TABLE blob (hash TEXT PRIMARY KEY, bytes BLOB NOT NULL);
    CREATE TABLE node (name TEXT PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE request (uid INTEGER, id TEXT, record BLOB NOT NULL,
                          PRIMARY KEY (uid, id)) WITHOUT ROWID;
    CREATE TABLE outbox (sequence INTEGER PRIMARY KEY, record BLOB NOT NULL);
    )sql",
};

// The statements a batch is written with, prepared once.
struct Statements {
  Statement put_job, drop_job, put_node, put_blob, drop_blob, put_request, drop_request, put_outbox,
      trim_outbox, put_meta;

  absl::Status Prepare(Database& database) {
    const std::pair<Statement*, const char*> all[] = {
        {&put_job, "INSERT OR REPLACE INTO job VALUES (?, ?)"},
        {&drop_job, "DELETE FROM job WHERE id = ?"},
        {&put_node, "INSERT OR REPLACE INTO node VALUES (?, ?)"},
        {&put_blob, "INSERT OR IGNORE INTO blob VALUES (?, ?)"},
        {&drop_blob, "DELETE FROM blob WHERE hash = ?"},
        {&put_request, "INSERT OR REPLACE INTO request VALUES (?, ?, ?)"},
        {&drop_request, "DELETE FROM request WHERE uid = ? AND id = ?"},
        {&put_outbox, "INSERT INTO outbox VALUES (?, ?)"},
        {&trim_outbox, "DELETE FROM outbox WHERE sequence <= ?"},
        {&put_meta, "INSERT OR REPLACE INTO meta VALUES (?, ?)"},
    };
    for (const auto& [statement, sql] : all) {
      absl::StatusOr<Statement> prepared = database.Prepare(sql);
      if (!prepared.ok()) return prepared.status();
      *statement = *std::move(prepared);
    }
    return absl::OkStatus();
  }

  absl::Status Write(const Batch& batch) {
    absl::Status status;
    auto keep = [&status](absl::Status next) { status.Update(std::move(next)); };
    // Blobs before the jobs that name them; sequence and counters with what they number.
    for (const auto& [hash, bytes] : batch.blobs)
      keep(put_blob.Bind(1, hash).BindBlob(2, bytes).Run());
    for (const auto& [id, record] : batch.jobs)
      keep(put_job.Bind(1, int64_t{id.value}).BindBlob(2, record).Run());
    for (JobId id : batch.removed_jobs) keep(drop_job.Bind(1, int64_t{id.value}).Run());
    for (const std::string& hash : batch.removed_blobs) keep(drop_blob.Bind(1, hash).Run());
    for (const auto& [name, record] : batch.nodes)
      keep(put_node.Bind(1, name).BindBlob(2, record).Run());
    for (const RequestRecord& request : batch.requests) {
      keep(put_request.Bind(1, int64_t{request.uid})
               .Bind(2, request.request_id)
               .BindBlob(3, request.bytes)
               .Run());
    }
    for (const auto& [uid, id] : batch.forgotten_requests)
      keep(drop_request.Bind(1, int64_t{uid}).Bind(2, id).Run());
    for (const OutboxRecord& record : batch.outbox) {
      keep(put_outbox.Bind(1, static_cast<int64_t>(record.sequence))
               .BindBlob(2, record.bytes)
               .Run());
    }
    if (!batch.outbox.empty())
      keep(PutMeta("last_sequence", static_cast<int64_t>(batch.outbox.back().sequence)));
    if (batch.outbox_acknowledged)
      keep(trim_outbox.Bind(1, static_cast<int64_t>(*batch.outbox_acknowledged)).Run());
    if (batch.counters) {
      keep(PutMeta("next_job_id", batch.counters->next_job_id));
      keep(PutMeta("next_priority", batch.counters->next_priority));
    }
    return status;
  }

  absl::Status PutMeta(std::string_view key, int64_t value) {
    return put_meta.Bind(1, key).Bind(2, value).Run();
  }
};

absl::StatusOr<std::vector<std::string>> Column(Database& database, std::string_view sql) {
  absl::StatusOr<Statement> statement = database.Prepare(sql);
  if (!statement.ok()) return statement.status();
  std::vector<std::string> values;
  for (;;) {
    absl::StatusOr<bool> row = statement->Step();
    if (!row.ok()) return row.status();
    if (!*row) return values;
    values.push_back(statement->Text(0));
  }
}

class SqliteStore : public StateStore {
 public:
  ~SqliteStore() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    checkpoint_wake_.notify_all();
    if (writer_.joinable()) writer_.join();
    if (checkpointer_.joinable()) checkpointer_.join();
  }

  absl::Status Open(const std::string& folder) {
    absl::Status status = os::EnsureDirectory(folder, 0700);
    if (!status.ok()) return status;
    // Two controllers on one store would both be right for a moment.
    absl::StatusOr<os::UniqueFd> lock = os::OpenFile(folder + "/lock", O_RDWR | O_CREAT, 0600);
    if (!lock.ok()) return lock.status();
    if (flock(lock->get(), LOCK_EX | LOCK_NB) != 0) {
      return absl::FailedPreconditionError(StrCat(folder, " is in use by another reevectld"));
    }
    lock_ = *std::move(lock);
    const std::string path = folder + "/state.db";
    // Made here, because SQLite would let everybody read it; its log files take over the mode.
    absl::StatusOr<os::UniqueFd> file = os::OpenFile(path, O_RDWR | O_CREAT, 0600);
    if (!file.ok()) return file.status();
    if (fchmod(file->get(), 0600) != 0) return os::ErrnoStatus(errno, path);
    file->reset();
    for (auto [database, mode] : {std::pair{&database_, Database::Mode::kReadWrite},
                                  std::pair{&reader_, Database::Mode::kReadOnly},
                                  std::pair{&checkpoint_, Database::Mode::kReadWrite}}) {
      absl::StatusOr<Database> opened = Database::Open(path, mode);
      if (!opened.ok()) return opened.status();
      *database = *std::move(opened);
      if (database == &database_) {
        status = sqlite::Migrate(database_, kMigrations, path);
        if (status.ok()) status = database_.Execute("PRAGMA wal_autocheckpoint=0");
        if (!status.ok()) return status;
      }
    }
    return statements_.Prepare(database_);
  }

  absl::StatusOr<StoredState> Load() override {
    StoredState state;
    for (auto [values, sql] : {std::pair{&state.jobs, "SELECT record FROM job ORDER BY id"},
                               std::pair{&state.nodes, "SELECT record FROM node"},
                               std::pair{&state.requests, "SELECT record FROM request"}}) {
      absl::StatusOr<std::vector<std::string>> column = Column(database_, sql);
      if (!column.ok()) return column.status();
      *values = *std::move(column);
    }
    absl::Status status = LoadMeta(&state);
    if (!status.ok()) return status;
    writer_ = std::thread([this] { WriteLoop(); });
    checkpointer_ = std::thread([this] { CheckpointLoop(); });
    return state;
  }

  void Commit(Batch batch, std::function<void(absl::Status)> done) override {
    {
      std::lock_guard lock(mutex_);
      queue_.push_back({std::move(batch), std::move(done)});
    }
    wake_.notify_all();
  }

  absl::StatusOr<std::string> ReadBlob(const std::string& hash) override {
    std::lock_guard lock(reader_mutex_);
    absl::StatusOr<Statement> statement = reader_.Prepare("SELECT bytes FROM blob WHERE hash = ?");
    if (!statement.ok()) return statement.status();
    absl::StatusOr<bool> row = statement->Bind(1, hash).Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::NotFoundError(StrCat("no blob ", hash));
    return statement->Text(0);
  }

  absl::StatusOr<std::vector<OutboxRecord>> ReadOutbox(uint64_t after, size_t limit) override {
    std::lock_guard lock(reader_mutex_);
    absl::StatusOr<Statement> statement = reader_.Prepare(
        "SELECT sequence, record FROM outbox WHERE sequence > ? ORDER BY sequence LIMIT ?");
    if (!statement.ok()) return statement.status();
    statement->Bind(1, static_cast<int64_t>(after)).Bind(2, static_cast<int64_t>(limit));
    std::vector<OutboxRecord> records;
    for (;;) {
      absl::StatusOr<bool> row = statement->Step();
      if (!row.ok()) return row.status();
      if (!*row) return records;
      records.push_back({static_cast<uint64_t>(statement->Int(0)), statement->Text(1)});
    }
  }

 private:
  struct Waiting {
    Batch batch;
    std::function<void(absl::Status)> done;
  };

  absl::StatusOr<int64_t> Meta(std::string_view key) {
    absl::StatusOr<Statement> statement = database_.Prepare("SELECT value FROM meta WHERE key = ?");
    if (!statement.ok()) return statement.status();
    absl::StatusOr<bool> row = statement->Bind(1, key).Step();
    if (!row.ok()) return row.status();
    return *row ? statement->Int(0) : 0;
  }

  absl::Status LoadMeta(StoredState* state) {
    auto next_job = Meta("next_job_id");
    auto next_priority = Meta("next_priority");
    auto sequence = Meta("last_sequence");
    auto epoch = Meta("epoch");
    for (const auto* value : {&next_job, &next_priority, &sequence, &epoch}) {
      if (!value->ok()) return value->status();
    }
    if (*next_job != 0) {
      state->counters =
          StoredCounters{static_cast<uint32_t>(*next_job), static_cast<uint32_t>(*next_priority)};
    }
    state->last_sequence = static_cast<uint64_t>(*sequence);
    state->epoch = epoch_ = static_cast<uint64_t>(*epoch) + 1;
    absl::Status status = statements_.PutMeta("epoch", static_cast<int64_t>(state->epoch));
    if (!status.ok()) return status;
    auto names = Column(database_, "SELECT value FROM meta WHERE key = 'incarnation'");
    if (!names.ok()) return names.status();
    if (!names->empty()) {
      state->incarnation = names->front();
      return absl::OkStatus();
    }
    state->incarnation = absl::BytesToHexString(rpc::RandomBytes(8));
    return statements_.put_meta.Bind(1, std::string_view("incarnation"))
        .Bind(2, std::string_view(state->incarnation))
        .Run();
  }

  void WriteLoop() {
    absl::Status broken;
    for (;;) {
      std::deque<Waiting> taken;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) return;
        taken.swap(queue_);
      }
      if (broken.ok()) broken = WriteAll(taken);
      for (Waiting& waiting : taken) waiting.done(broken);
    }
  }

  absl::Status WriteAll(const std::deque<Waiting>& taken) {
    absl::Status status = database_.Begin();
    if (status.ok()) status = CheckEpoch();
    for (const Waiting& waiting : taken) {
      if (status.ok()) status = statements_.Write(waiting.batch);
    }
    if (status.ok()) status = database_.CommitTransaction();
    if (!status.ok()) database_.Rollback();
    return status;
  }

  // The lock above keeps others out, but not on every network file system. Inside the transaction:
  // who has opened the store after us has said so in it.
  absl::Status CheckEpoch() {
    absl::StatusOr<int64_t> epoch = Meta("epoch");
    if (!epoch.ok()) return epoch.status();
    if (static_cast<uint64_t>(*epoch) == epoch_) return absl::OkStatus();
    return absl::FailedPreconditionError(StrCat(
        "another reevectld has taken over the store (epoch ", *epoch, ", ours is ", epoch_, ")"));
  }

  // Moves the log back into the file about every second; readers and the writer go on meanwhile.
  void CheckpointLoop() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      checkpoint_wake_.wait_for(lock, std::chrono::seconds(1), [this] { return stopping_; });
      lock.unlock();
      checkpoint_.Execute("PRAGMA wal_checkpoint(PASSIVE)").IgnoreError();  // tried again next time
      lock.lock();
    }
  }

  os::UniqueFd lock_;
  uint64_t epoch_ = 0;
  Database database_;
  Statements statements_;
  Database checkpoint_;
  std::mutex reader_mutex_;
  Database reader_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable checkpoint_wake_;
  std::deque<Waiting> queue_;
  bool stopping_ = false;
  std::thread writer_;
  std::thread checkpointer_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<StateStore>> OpenSqliteStore(const std::string& folder) {
  auto store = std::make_unique<SqliteStore>();
  absl::Status status = store->Open(folder);
  if (!status.ok()) return status;
  return std::unique_ptr<StateStore>(std::move(store));
}

}  // namespace reeve::ctld
