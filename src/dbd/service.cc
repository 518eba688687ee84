#include "dbd/service.h"

#include <algorithm>
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

void HandleQueryAccounting(std::shared_ptr<rpc::Call> call, QueryPool& pool,
                           PrivateData private_data) {
  pb::QueryAccountingRequest request;
  if (!call->Parse(&request)) return;
  if (private_data.jobs && call->role() < rpc::Role::kOperator) {
    const uint32_t uid = call->identity().uid;
    const auto& asked = request.uids();
    if (!asked.empty() && std::find(asked.begin(), asked.end(), uid) == asked.end()) {
      return call->Finish(absl::OkStatus());
    }
    request.clear_uids();
    request.add_uids(uid);
  }
  absl::StatusOr<JobQuery> query = JobQuery::Create(request);
  if (!query.ok()) return call->Finish(query.status());
  pool.Answer(std::move(call), *std::move(query));
}

void AddAccountingService(rpc::Handlers& server, Store& store, QueryPool& pool,
                          PrivateData private_data) {
  server.Handle("Accounting/Ping", HandlePing);
  server.Handle("Accounting/PushRecords", [&store](std::shared_ptr<rpc::Call> call) {
    HandlePushRecords(std::move(call), store);
  });
  server.Handle("Accounting/QueryAccounting",
                [&pool, private_data](std::shared_ptr<rpc::Call> call) {
                  HandleQueryAccounting(std::move(call), pool, private_data);
                });
}

}  // namespace reeve::dbd
