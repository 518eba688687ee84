#include "dbd/service.h"

#include <utility>

#include "common/base/text.h"
#include "common/os/log.h"
#include "reeve_version.h"

namespace reeve::dbd {

namespace pb = reeve::v1;

void HandlePing(std::shared_ptr<rpc::Call> call) {
  pb::DbdPingResponse response;
  response.set_version(REEVE_VERSION);
  call->Reply(response);
}

void HandlePushRecords(std::shared_ptr<rpc::Call> call, Store& store) {
  pb::PushRecordsRequest request;
  if (!call->Parse(&request)) return;
  if (os::LogEnabled(LogLevel::kDebug)) {
    os::LogDebug(StrCat(request.records_size(), " records of cluster ", request.cluster()));
  }
  store.Push(std::move(request), [call = std::move(call)](absl::StatusOr<uint64_t> acknowledged) {
    if (!acknowledged.ok()) return call->Finish(acknowledged.status());
    pb::PushRecordsResponse response;
    response.set_acknowledged(*acknowledged);
    call->Reply(response);
  });
}

void HandleQueryAccounting(std::shared_ptr<rpc::Call> call, QueryPool& pool) {
  pb::QueryAccountingRequest request;
  if (!call->Parse(&request)) return;
  absl::StatusOr<JobQuery> query = JobQuery::Create(request);
  if (!query.ok()) return call->Finish(query.status());
  pool.Answer(std::move(call), *std::move(query));
}

void AddAccountingService(rpc::Handlers& server, Store& store, QueryPool& pool) {
  server.Handle("Accounting/Ping", HandlePing);
  server.Handle("Accounting/PushRecords", [&store](std::shared_ptr<rpc::Call> call) {
    HandlePushRecords(std::move(call), store);
  });
  server.Handle("Accounting/QueryAccounting", [&pool](std::shared_ptr<rpc::Call> call) {
    HandleQueryAccounting(std::move(call), pool);
  });
}

}  // namespace reeve::dbd
