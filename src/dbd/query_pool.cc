#include "dbd/query_pool.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

#include "absl/time/clock.h"
#include "common/base/text.h"
#include "common/os/log.h"

namespace reeve::dbd {

absl::StatusOr<std::unique_ptr<QueryPool>> QueryPool::Start(const std::string& path,
                                                            Options options) {
  std::unique_ptr<QueryPool> pool(new QueryPool(options));
  for (int i = 0; i < options.threads; ++i) {
    absl::StatusOr<Reader> reader = Reader::Open(path);
    if (!reader.ok()) return reader.status();
    pool->readers_.push_back(*std::move(reader));
  }
  for (Reader& reader : pool->readers_) {
    pool->threads_.emplace_back([self = pool.get(), &reader] { self->Work(reader); });
  }
  return pool;
}

QueryPool::~QueryPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  for (Waiting& waiting : queue_) {
    waiting.call->Finish(absl::UnavailableError("the accounting daemon is stopping"));
  }
}

void QueryPool::Answer(std::shared_ptr<rpc::Call> call, JobQuery query) {
  {
    std::lock_guard lock(mutex_);
    if (queue_.size() < options_.max_waiting) {
      queue_.push_back({std::move(call), std::move(query)});
    }
  }
  if (call != nullptr) {
    return call->Finish(absl::ResourceExhaustedError("too many queries wait: try again later"));
  }
  wake_.notify_one();
}

void QueryPool::Work(Reader& reader) {
  for (;;) {
    Waiting waiting;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      waiting = std::move(queue_.front());
      queue_.pop_front();
    }
    absl::Status status = Stream(reader, waiting.query, *waiting.call);
    if (absl::IsDataLoss(status) || absl::IsInternal(status)) os::LogError(Message(status));
    waiting.call->Finish(std::move(status));
  }
}

absl::Status QueryPool::Stream(Reader& reader, const JobQuery& query, rpc::Call& call) {
  absl::StatusOr<std::vector<int64_t>> ids = reader.FindJobs(query);
  if (!ids.ok()) return ids.status();
  std::span<const int64_t> left(*ids);
  while (!left.empty()) {
    absl::Status status = WaitForRoom(call);
    if (!status.ok()) return status;
    v1::QueryAccountingResponse part;
    const size_t count = std::min(left.size(), options_.jobs_per_message);
    status = reader.LoadJobs(query, left.first(count), &part);
    if (!status.ok()) return status;
    if (part.jobs_size() > 0) call.Write(part);
    left = left.subspan(count);
  }
  return absl::OkStatus();
}

// gRPC tells nobody that a message has gone, so this looks a few hundred times a second; only an
// answer that is longer than what may be queued ever comes to wait.
absl::Status QueryPool::WaitForRoom(const rpc::Call& call) {
  const absl::Time deadline = absl::Now() + options_.patience;
  std::unique_lock lock(mutex_);
  while (call.queued_bytes() > options_.max_queued_bytes) {
    if (call.cancelled()) return absl::CancelledError("the client has gone");
    if (absl::Now() > deadline) return absl::DeadlineExceededError("the client stopped reading");
    wake_.wait_for(lock, std::chrono::milliseconds(3), [this] { return stopping_; });
    if (stopping_) return absl::UnavailableError("the accounting daemon is stopping");
  }
  return call.cancelled() ? absl::CancelledError("the client has gone") : absl::OkStatus();
}

}  // namespace reeve::dbd
