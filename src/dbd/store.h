// The accounting database: one thread writes, anybody reads through a Reader of their own.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/os/fd.h"
#include "common/sqlite/database.h"
#include "dbd/record_writer.h"
#include "reeve/v1/dbd.pb.h"

namespace reeve::dbd {

class Store {
 public:
  // The sequence that is on disk now, or why nothing was written.
  using Done = std::function<void(absl::StatusOr<uint64_t> acknowledged)>;

  // Makes the file when it is missing (its folder too, mode 0700) and brings an older schema up to
  // date. FailedPrecondition: another daemon has it, or it was written by a newer program.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& path);
  ~Store();  // writes what is queued

  // Thread-safe. `done` runs on the writer's thread once the records are durable; pushes that wait
  // for each other share one commit. It runs at once, on this thread, with InvalidArgument for a
  // push that can't be stored and ResourceExhausted when too much waits already. After a failed
  // commit the next push is tried afresh: the controller repeats what was not acknowledged.
  void Push(v1::PushRecordsRequest request, Done done);

  const std::string& path() const { return path_; }

 private:
  struct Waiting {
    v1::PushRecordsRequest request;
    size_t bytes = 0;
    Done done;
    absl::StatusOr<uint64_t> result = 0;
  };

  Store() = default;
  absl::Status OpenDatabase();
  void WriteLoop();
  absl::Status WriteAll(std::deque<Waiting>& taken);
  void ReportCommit(const absl::Status& status);

  std::string path_;
  os::UniqueFd lock_;
  sqlite::Database database_;
  RecordWriter writer_;   // after database_: its statements go first
  bool failing_ = false;  // of the writer's thread: the last commit failed

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Waiting> queue_;
  size_t queued_bytes_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace reeve::dbd
