#include "ctld/accounting_outbox.h"

#include "common/base/text.h"
#include "common/os/log.h"
#include "reeve/v1/dbd.pb.h"

namespace reeve::ctld {
namespace {

constexpr size_t kRecordsPerPush = 500;
constexpr size_t kBytesPerPush = 8 << 20;     // more in a push of several records no more
constexpr size_t kMaxRecordBytes = 48 << 20;  // what reevedbd takes in one message is 64 MiB
constexpr absl::Duration kRetry = absl::Seconds(2);
constexpr absl::Duration kIdle = absl::Minutes(1);

// A record that can't be sent would keep all that follow from being sent.
void ShortenIfHuge(const OutboxRecord& record, v1::AccountingRecord* message) {
  if (record.bytes.size() <= kMaxRecordBytes) return;
  os::LogError(StrCat("the accounting record of job ", message->job().job_id(), " has ",
                      record.bytes.size() >> 20, " MiB: sent without its steps"));
  message->mutable_job()->clear_steps();
}

}  // namespace

AccountingOutbox::AccountingOutbox(Options options, StateStore* store,
                                   std::function<void(uint64_t)> acknowledged)
    : options_(std::move(options)),
      store_(store),
      acknowledged_(std::move(acknowledged)),
      thread_([this] { Loop(); }) {}

AccountingOutbox::~AccountingOutbox() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void AccountingOutbox::Wake() {
  {
    std::lock_guard lock(mutex_);
    work_ = true;
  }
  wake_.notify_all();
}

void AccountingOutbox::WaitForWork(absl::Duration at_most) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, absl::ToChronoMilliseconds(at_most), [this] { return stopping_ || work_; });
  work_ = false;
}

void AccountingOutbox::Loop() {
  rpc::Channel channel(options_.target, options_.munge);
  bool reachable = true;
  for (;;) {
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    absl::StatusOr<bool> pushed = PushSome(channel);
    if (pushed.ok() != reachable) {
      reachable = pushed.ok();
      if (reachable) {
        os::LogInfo(StrCat("accounting at ", options_.target.address, " answers again"));
      } else if (absl::IsDataLoss(pushed.status())) {
        os::LogError(StrCat("records for accounting wait in the store: ", pushed.status().message(),
                            "; restart with `reevectld -i` to go on without what is damaged"));
      } else {
        os::LogError(StrCat("accounting at ", options_.target.address,
                            " is away, records wait in the store: ", pushed.status().message()));
      }
    }
    if (!pushed.ok()) {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, absl::ToChronoMilliseconds(kRetry), [this] { return stopping_; });
    } else if (!*pushed) {
      WaitForWork(kIdle);
    }
  }
}

absl::StatusOr<bool> AccountingOutbox::PushSome(const rpc::Channel& channel) {
  absl::StatusOr<std::vector<OutboxRecord>> records = store_->ReadOutbox(sent_, kRecordsPerPush);
  if (!records.ok()) return records.status();
  if (records->empty()) return false;
  v1::PushRecordsRequest request;
  request.set_cluster(options_.cluster);
  request.set_incarnation(options_.incarnation);
  size_t bytes = 0;
  for (const OutboxRecord& record : *records) {
    bytes += record.bytes.size();
    if (request.records_size() > 0 && bytes > kBytesPerPush) break;
    v1::AccountingRecord* added = request.add_records();
    if (!added->ParseFromString(record.bytes)) {
      return absl::DataLossError(StrCat("accounting record ", record.sequence, " is unreadable"));
    }
    ShortenIfHuge(record, added);
  }
  auto answer =
      channel.Call<v1::PushRecordsResponse>("Accounting/PushRecords", request, absl::Seconds(30));
  if (!answer.ok()) return answer.status();
  if (answer->acknowledged() <= sent_) {
    return absl::InternalError(StrCat("the dbd acknowledged ", answer->acknowledged(), ", not ",
                                      records->back().sequence));
  }
  sent_ = answer->acknowledged();
  acknowledged_(sent_);
  return true;
}

}  // namespace reeve::ctld
