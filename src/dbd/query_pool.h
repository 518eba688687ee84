// Answers queries, with a few connections to the database between them.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/rpc/server.h"
#include "dbd/job_query.h"
#include "dbd/reader.h"

namespace reeve::dbd {

class QueryPool {
 public:
  struct Options {
    int readers = 4;  // as many as the server has threads for handlers
    size_t jobs_per_message = 256;
    size_t max_queued_bytes = 8 << 20;  // of one answer, while its client is slow to read
  };

  static absl::StatusOr<std::unique_ptr<QueryPool>> Start(const std::string& path, Options options);

  // Answers `call` with the jobs that `query` selects, in messages of bounded size, as fast as its
  // client reads: no thread waits for it (Call::OnRoom). The pool must outlive the call.
  void Answer(std::shared_ptr<rpc::Call> call, JobQuery query);

 private:
  struct Answering {
    std::shared_ptr<rpc::Call> call;
    JobQuery query;
    std::vector<int64_t> ids;
    size_t next = 0;  // of ids
  };
  class Borrowed;

  explicit QueryPool(Options options) : options_(options) {}
  void GoOn(std::shared_ptr<Answering> answering);
  // False when its client has to read first.
  absl::StatusOr<bool> WriteSome(Answering& answering);

  const Options options_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<Reader> readers_;  // those not in use
};

}  // namespace reeve::dbd
