#include "dbd/store.h"

#include <fcntl.h>
#include <sys/file.h>

#include <filesystem>
#include <utility>

#include "absl/time/clock.h"
#include "common/base/text.h"
#include "common/os/log.h"
#include "dbd/schema.h"

namespace reeve::dbd {
namespace {

// A controller that has been alone for a week sends a lot; more than this waits on its side.
constexpr size_t kMaxQueuedBytes = size_t{256} << 20;

// Two daemons on one file would both be right for a moment.
absl::StatusOr<os::UniqueFd> LockFile(const std::string& path) {
  absl::StatusOr<os::UniqueFd> lock = os::OpenFile(path + ".lock", O_RDWR | O_CREAT, 0600);
  if (lock.ok() && flock(lock->get(), LOCK_EX | LOCK_NB) != 0) {
    return absl::FailedPreconditionError(StrCat(path, " is in use by another reevedbd"));
  }
  return lock;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const std::string& path) {
  std::unique_ptr<Store> store(new Store);
  store->path_ = path;
  absl::Status status = os::EnsureDirectory(std::filesystem::path(path).parent_path(), 0700);
  if (!status.ok()) return status;
  absl::StatusOr<os::UniqueFd> lock = LockFile(path);
  if (!lock.ok()) return lock.status();
  store->lock_ = *std::move(lock);

  // Nobody else's to read, whatever the umask and the folder's rights; SQLite's other files get the
  // same.
  absl::StatusOr<os::UniqueFd> file = os::OpenFile(path, O_RDWR | O_CREAT, 0600);
  if (!file.ok()) return file.status();
  status = store->OpenDatabase();
  if (!status.ok()) return sqlite::ExplainDamage(status, path);
  store->thread_ = std::thread([self = store.get()] { self->WriteLoop(); });
  return store;
}

absl::Status Store::OpenDatabase() {
  absl::StatusOr<sqlite::Database> database =
      sqlite::Database::Open(path_, sqlite::Database::Mode::kReadWrite);
  if (!database.ok()) return database.status();
  database_ = *std::move(database);
  absl::Status status = sqlite::Migrate(database_, Migrations(), path_);
  if (!status.ok()) return status;
  absl::StatusOr<RecordWriter> writer = RecordWriter::Create(database_);
  if (!writer.ok()) return writer.status();
  writer_ = *std::move(writer);
  return absl::OkStatus();
}

Store::~Store() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Store::Push(v1::PushRecordsRequest request, Done done) {
  absl::Status status = CheckPush(request);
  if (!status.ok()) return done(status);
  const size_t bytes = request.ByteSizeLong();
  {
    std::lock_guard lock(mutex_);
    if (queued_bytes_ == 0 || queued_bytes_ + bytes <= kMaxQueuedBytes) {
      queued_bytes_ += bytes;
      queue_.push_back({std::move(request), bytes, std::move(done)});
    } else {
      status = absl::ResourceExhaustedError("too many records wait to be written: try again later");
    }
  }
  if (!status.ok()) return done(status);
  wake_.notify_all();
}

void Store::WriteLoop() {
  for (;;) {
    std::deque<Waiting> taken;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      taken.swap(queue_);
      queued_bytes_ = 0;
    }
    absl::Status status = WriteAll(taken);
    ReportCommit(status);
    for (Waiting& waiting : taken) {
      if (!status.ok()) waiting.result = status;
      waiting.done(std::move(waiting.result));
    }
  }
}

absl::Status Store::WriteAll(std::deque<Waiting>& taken) {
  absl::Status status = database_.Begin();
  if (!status.ok()) return status;
  for (Waiting& waiting : taken) {
    waiting.result = writer_.Apply(waiting.request, absl::Now());
    status.Update(waiting.result.status());
    if (!status.ok()) break;
  }
  if (status.ok()) status = database_.CommitTransaction();
  if (!status.ok()) database_.Rollback();
  return status;
}

// Once when it begins and once when it is over: the controllers repeat their pushes all the time.
void Store::ReportCommit(const absl::Status& status) {
  if (!status.ok() && !failing_) {
    os::LogError(StrCat("records are not stored and not acknowledged: ",
                        Message(sqlite::ExplainDamage(status, path_))));
  } else if (status.ok() && failing_) {
    os::LogInfo("records are stored again");
  }
  failing_ = !status.ok();
}

}  // namespace reeve::dbd
