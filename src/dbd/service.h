// The RPCs of the accounting daemon.
#pragma once

#include "common/base/config.h"
#include "common/rpc/server.h"
#include "dbd/query_pool.h"
#include "dbd/store.h"

namespace reeve::dbd {

// Adds the handlers of "Accounting/..." to a server that has not started. Store and pool must
// outlive the server's Stop. Callers have been authenticated and authorized by then.
void AddAccountingService(rpc::Handlers& server, Store& store, QueryPool& pool,
                          PrivateData private_data);

// The handlers themselves.
void HandlePing(std::shared_ptr<rpc::Call> call);
void HandlePushRecords(std::shared_ptr<rpc::Call> call, Store& store);
// With private jobs a plain user is answered as if there were nobody else's.
void HandleQueryAccounting(std::shared_ptr<rpc::Call> call, QueryPool& pool,
                           PrivateData private_data = {});

}  // namespace reeve::dbd
