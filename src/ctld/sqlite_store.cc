// The controller's store in SQLite. One thread writes; batches that wait become one transaction.
// Checkpoints run on a thread of their own, so that no commit pays for one.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "absl/strings/escaping.h"
#include "absl/time/clock.h"
#include "common/base/text.h"
#include "common/os/fd.h"
#include "common/rpc/session.h"
#include "common/sqlite/database.h"
#include "ctld/state_store.h"
#include "ctld/store_schema.h"

namespace reeve::ctld {
namespace {

using sqlite::Database;
using sqlite::Statement;

// One kind of record: how it is read with what names it, and where it is deleted.
struct Kind {
  const char* name;
  const char* read;  // key, record, sum
  const char* drop;
};
constexpr Kind kJobs = {"job", "SELECT id, record, sum FROM job ORDER BY id",
                        "DELETE FROM job WHERE id = CAST(? AS INTEGER)"};
constexpr Kind kNodes = {"node", "SELECT name, record, sum FROM node",
                         "DELETE FROM node WHERE name = ?"};
constexpr Kind kPartitions = {"partition", "SELECT name, record, sum FROM partition",
                              "DELETE FROM partition WHERE name = ?"};
constexpr Kind kReservations = {"reservation", "SELECT name, record, sum FROM reservation",
                                "DELETE FROM reservation WHERE name = ?"};
constexpr Kind kSteps = {"step", "SELECT job || '.' || step, record, sum FROM step",
                         "DELETE FROM step WHERE job || '.' || step = ?"};
constexpr Kind kRequests = {"request", "SELECT uid || ' ' || id, record, sum FROM request",
                            "DELETE FROM request WHERE uid || ' ' || id = ?"};
constexpr Kind kUsage = {"use of user", "SELECT uid, record, sum FROM usage",
                         "DELETE FROM usage WHERE uid = CAST(? AS INTEGER)"};
constexpr Kind kOutbox = {"accounting record",
                          "SELECT sequence, record, sum FROM outbox ORDER BY sequence",
                          "DELETE FROM outbox WHERE sequence = CAST(? AS INTEGER)"};

struct Damaged {
  const Kind* kind;
  std::string key;
  std::string record;
};

// A file that is put back from an older copy does not know what was given out since: nodes would
// refuse its epochs, and reevedbd would take its new records for old ones. Both are counted from
// the microsecond of the opening on where that is more, which no count reaches by itself: a life
// begins or a record is made less than once in one. With a clock that was set back, one after
// another.
uint64_t BeyondAllGiven(int64_t stored) {
  return static_cast<uint64_t>(std::max(stored, absl::ToUnixMicros(absl::Now())));
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

  absl::Status Open(const std::string& folder, StoreOptions options) {
    options_ = options;
    absl::Status status = os::EnsureDirectory(folder, 0700);
    if (!status.ok()) return status;
    // Two controllers on one store would both be right for a moment.
    absl::StatusOr<os::UniqueFd> lock = os::OpenFile(folder + "/lock", O_RDWR | O_CREAT, 0600);
    if (!lock.ok()) return lock.status();
    if (flock(lock->get(), LOCK_EX | LOCK_NB) != 0) {
      return absl::FailedPreconditionError(StrCat(folder, " is in use by another reevectld"));
    }
    lock_ = *std::move(lock);
    path_ = folder + "/state.db";
    return sqlite::ExplainDamage(OpenDatabases(path_), path_);
  }

  absl::Status OpenDatabases(const std::string& path) {
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
        absl::Status status = sqlite::Migrate(database_, StoreMigrations(), path);
        if (status.ok()) status = database_.Execute("PRAGMA wal_autocheckpoint=0");
        // A controller that was killed again and again left a log that only grew.
        if (status.ok()) status = database_.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
        if (!status.ok()) return status;
      }
    }
    return writer_statements_.Prepare(database_);
  }

  absl::StatusOr<StoredState> Load() override {
    StoredState state;
    std::vector<Damaged> damaged;
    absl::Status status = database_.Begin();
    for (auto [kind, records] :
         {std::pair{&kJobs, &state.jobs}, std::pair{&kNodes, &state.nodes},
          std::pair{&kPartitions, &state.partitions},
          std::pair{&kReservations, &state.reservations}, std::pair{&kSteps, &state.steps},
          std::pair{&kRequests, &state.requests}, std::pair{&kUsage, &state.usage},
          std::pair{&kOutbox, static_cast<std::vector<std::string>*>(nullptr)}}) {
      if (status.ok()) status = ReadKind(*kind, records, &damaged);
    }
    if (status.ok()) status = SetAside(damaged, &state);
    if (status.ok()) status = LoadMeta(&state);
    if (status.ok()) status = database_.CommitTransaction();
    if (!status.ok()) {
      database_.Rollback();
      return sqlite::ExplainDamage(status, path_);
    }
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
    absl::StatusOr<Statement> statement =
        reader_.Prepare("SELECT bytes, sum FROM blob WHERE hash = ?");
    if (!statement.ok()) return statement.status();
    absl::StatusOr<bool> row = statement->Bind(1, hash).Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::NotFoundError(StrCat("no blob ", hash));
    std::string bytes = statement->Text(0);
    if (sqlite::RecordSum(bytes) != statement->Int(1)) {
      return absl::DataLossError(StrCat(path_, ": blob ", hash, " is damaged"));
    }
    return bytes;
  }

  absl::StatusOr<std::vector<OutboxRecord>> ReadOutbox(uint64_t after, size_t limit) override {
    std::lock_guard lock(reader_mutex_);
    absl::StatusOr<Statement> statement = reader_.Prepare(
        "SELECT sequence, record, sum FROM outbox WHERE sequence > ? ORDER BY sequence LIMIT ?");
    if (!statement.ok()) return statement.status();
    statement->Bind(1, static_cast<int64_t>(after)).Bind(2, static_cast<int64_t>(limit));
    std::vector<OutboxRecord> records;
    for (;;) {
      absl::StatusOr<bool> row = statement->Step();
      if (!row.ok()) return row.status();
      if (!*row) return records;
      records.push_back({static_cast<uint64_t>(statement->Int(0)), statement->Text(1)});
      if (sqlite::RecordSum(records.back().bytes) != statement->Int(2)) {
        return absl::DataLossError(
            StrCat(path_, ": accounting record ", records.back().sequence, " is damaged"));
      }
    }
  }

 private:
  struct Waiting {
    Batch batch;
    std::function<void(absl::Status)> done;
  };

  // Without `records` they are only looked at.
  absl::Status ReadKind(const Kind& kind, std::vector<std::string>* records,
                        std::vector<Damaged>* damaged) {
    absl::StatusOr<Statement> statement = database_.Prepare(kind.read);
    if (!statement.ok()) return statement.status();
    for (;;) {
      absl::StatusOr<bool> row = statement->Step();
      if (!row.ok()) return row.status();
      if (!*row) return absl::OkStatus();
      std::string record = statement->Text(1);
      if (sqlite::RecordSum(record) != statement->Int(2)) {
        damaged->push_back({&kind, statement->Text(0), std::move(record)});
      } else if (records != nullptr) {
        records->push_back(std::move(record));
      }
    }
  }

  absl::Status SetAside(const std::vector<Damaged>& damaged, StoredState* state) {
    if (damaged.empty()) return absl::OkStatus();
    if (!options_.set_aside_damaged) {
      const Damaged& first = damaged.front();
      const std::string more =
          damaged.size() == 1 ? "" : StrCat(" (and ", damaged.size() - 1, " more)");
      return absl::FailedPreconditionError(StrCat(
          path_, ": the record of ", first.kind->name, " ", first.key, more,
          " is damaged; put a copy of the file back, or start once with `reevectld -i` to go on ",
          "without what is damaged"));
    }
    absl::StatusOr<Statement> keep = database_.Prepare("INSERT INTO damaged VALUES (?, ?, ?)");
    if (!keep.ok()) return keep.status();
    for (const Damaged& one : damaged) {
      absl::StatusOr<Statement> drop = database_.Prepare(one.kind->drop);
      if (!drop.ok()) return drop.status();
      absl::Status status = keep->Bind(1, std::string_view(one.kind->name))
                                .Bind(2, one.key)
                                .BindBlob(3, one.record)
                                .Run();
      if (status.ok()) status = drop->Bind(1, one.key).Run();
      if (!status.ok()) return status;
      state->set_aside.push_back(StrCat(one.kind->name, " ", one.key));
    }
    return absl::OkStatus();
  }

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
    state->last_sequence = BeyondAllGiven(*sequence);
    state->epoch = epoch_ = BeyondAllGiven(*epoch + 1);
    absl::Status status = writer_statements_.PutMeta("epoch", static_cast<int64_t>(state->epoch));
    if (!status.ok()) return status;
    absl::StatusOr<Statement> name =
        database_.Prepare("SELECT value FROM meta WHERE key = 'incarnation'");
    if (!name.ok()) return name.status();
    absl::StatusOr<bool> row = name->Step();
    if (!row.ok()) return row.status();
    if (*row) {
      state->incarnation = name->Text(0);
      return absl::OkStatus();
    }
    state->incarnation = absl::BytesToHexString(rpc::RandomBytes(8));
    return writer_statements_.PutMeta("incarnation", std::string_view(state->incarnation));
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
      if (status.ok()) status = writer_statements_.Write(waiting.batch);
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

  StoreOptions options_;
  std::string path_;
  os::UniqueFd lock_;
  uint64_t epoch_ = 0;
  Database database_;
  BatchWriter writer_statements_;
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

absl::StatusOr<std::unique_ptr<StateStore>> OpenSqliteStore(const std::string& folder,
                                                            StoreOptions options) {
  auto store = std::make_unique<SqliteStore>();
  absl::Status status = store->Open(folder, options);
  if (!status.ok()) return status;
  return std::unique_ptr<StateStore>(std::move(store));
}

}  // namespace reeve::ctld
