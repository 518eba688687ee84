// A few threads that answer queries, each with its own connection to the database.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/rpc/server.h"
#include "dbd/job_query.h"
#include "dbd/reader.h"

namespace reeve::dbd {

class QueryPool {
 public:
  struct Options {
    int threads = 4;
    size_t max_waiting = 1000;  // queries that wait for a thread
    size_t jobs_per_message = 256;
    size_t max_queued_bytes = 8 << 20;            // of one answer, while its client is slow to read
    absl::Duration patience = absl::Seconds(60);  // with a client that reads nothing at all
  };

  static absl::StatusOr<std::unique_ptr<QueryPool>> Start(const std::string& path, Options options);
  ~QueryPool();  // ends running answers with Unavailable

  // Answers `call` with the jobs that `query` selects, in messages of bounded size, and finishes
  // it: with ResourceExhausted when too many wait, DeadlineExceeded for a client that stopped
  // reading.
  void Answer(std::shared_ptr<rpc::Call> call, JobQuery query);

 private:
  struct Waiting {
    std::shared_ptr<rpc::Call> call;
    JobQuery query;
  };

  explicit QueryPool(Options options) : options_(options) {}
  void Work(Reader& reader);
  absl::Status Stream(Reader& reader, const JobQuery& query, rpc::Call& call);
  absl::Status WaitForRoom(const rpc::Call& call);

  const Options options_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Waiting> queue_;
  bool stopping_ = false;
  std::vector<Reader> readers_;
  std::vector<std::thread> threads_;
};

}  // namespace reeve::dbd
