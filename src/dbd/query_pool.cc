#include "dbd/query_pool.h"

#include <algorithm>
#include <span>
#include <utility>

#include "common/base/text.h"
#include "common/os/log.h"

namespace reeve::dbd {

class QueryPool::Borrowed {
 public:
  explicit Borrowed(QueryPool* pool) : pool_(pool), reader_(Take(pool)) {}
  ~Borrowed() {
    {
      std::lock_guard lock(pool_->mutex_);
      pool_->readers_.push_back(std::move(reader_));
    }
    pool_->returned_.notify_one();
  }
  Reader* operator->() { return &reader_; }

 private:
  static Reader Take(QueryPool* pool) {
    std::unique_lock lock(pool->mutex_);
    pool->returned_.wait(lock, [pool] { return !pool->readers_.empty(); });
    Reader reader = std::move(pool->readers_.back());
    pool->readers_.pop_back();
    return reader;
  }

  QueryPool* pool_;
  Reader reader_;
};

absl::StatusOr<std::unique_ptr<QueryPool>> QueryPool::Start(const std::string& path,
                                                            Options options) {
  std::unique_ptr<QueryPool> pool(new QueryPool(options));
  for (int i = 0; i < options.readers; ++i) {
    absl::StatusOr<Reader> reader = Reader::Open(path);
    if (!reader.ok()) return reader.status();
    pool->readers_.push_back(*std::move(reader));
  }
  return pool;
}

void QueryPool::Answer(std::shared_ptr<rpc::Call> call, JobQuery query) {
  auto answering = std::make_shared<Answering>(Answering{std::move(call), std::move(query), {}});
  absl::StatusOr<std::vector<int64_t>> ids = Borrowed(this)->FindJobs(answering->query);
  if (!ids.ok()) {
    os::LogError(Message(ids.status()));
    return answering->call->Finish(ids.status());
  }
  answering->ids = *std::move(ids);
  GoOn(std::move(answering));
}

void QueryPool::GoOn(std::shared_ptr<Answering> answering) {
  absl::StatusOr<bool> written = WriteSome(*answering);
  if (!written.ok()) {
    if (!absl::IsCancelled(written.status())) os::LogError(Message(written.status()));
    return answering->call->Finish(written.status());
  }
  if (*written) return answering->call->Finish(absl::OkStatus());
  rpc::Call& call = *answering->call;
  call.OnRoom(options_.max_queued_bytes / 2,
              [this, answering = std::move(answering)] { GoOn(answering); });
}

absl::StatusOr<bool> QueryPool::WriteSome(Answering& answering) {
  rpc::Call& call = *answering.call;
  while (answering.next < answering.ids.size()) {
    if (call.cancelled()) return absl::CancelledError("the client has gone");
    if (call.queued_bytes() > options_.max_queued_bytes) return false;
    const std::span<const int64_t> left = std::span(answering.ids).subspan(answering.next);
    const size_t count = std::min(left.size(), options_.jobs_per_message);
    v1::QueryAccountingResponse part;
    absl::Status status = Borrowed(this)->LoadJobs(answering.query, left.first(count), &part);
    if (!status.ok()) return status;
    if (part.jobs_size() > 0) call.Write(part);
    answering.next += count;
  }
  return true;
}

}  // namespace reeve::dbd
