#include "dbd/daemon.h"

#include <csignal>

#include "common/base/text.h"
#include "common/os/event_loop.h"
#include "common/os/log.h"
#include "common/os/service_manager.h"
#include "common/rpc/endpoints.h"
#include "common/rpc/server.h"
#include "common/rpc/trust.h"
#include "dbd/query_pool.h"
#include "dbd/service.h"
#include "dbd/store.h"
#include "reeve_version.h"

namespace reeve::dbd {
namespace {

rpc::Server::Options ServerOptions(const Config& config, rpc::Trust trust,
                                   std::optional<rpc::KeyPair> tls) {
  rpc::Server::Options options;
  options.listen.push_back(StrCat("0.0.0.0:", config.accounting_port));
  const std::string socket = rpc::AccountingSocket(config);
  if (!socket.empty()) options.listen.push_back(socket);
  options.munge = rpc::MungeOf(config);
  options.trust = std::move(trust);
  options.tls = std::move(tls);
  options.limits.max_message_bytes = 64 << 20;  // the controller's records, many at once
  options.limits.max_calls_of_user = 200;
  return options;
}

}  // namespace

std::string DatabasePath(const Config& config) {
  if (!config.accounting_database.empty()) return config.accounting_database;
  return StrCat(config.state_save_location, "/accounting.db");
}

absl::Status CheckAccountingConfigured(const Config& config) {
  if (config.accounting) return absl::OkStatus();
  return absl::FailedPreconditionError(
      StrCat(config.path,
             " has AccountingStorageType=accounting_storage/none: there is nothing to"
             " do; set AccountingStorageType=accounting_storage/slurmdbd"));
}

absl::Status RunDaemon(const Config& config) {
  absl::Status status = CheckAccountingConfigured(config);
  if (!status.ok()) return status;
  absl::StatusOr<rpc::Trust> trust = rpc::TrustOf(config);
  if (!trust.ok()) return trust.status();
  absl::StatusOr<std::optional<rpc::KeyPair>> tls = rpc::AccountingKeyPair(config);
  if (!tls.ok()) return tls.status();

  os::EventLoop loop;
  for (int signal : {SIGTERM, SIGINT}) {
    loop.OnSignal(signal, [&loop, signal] {
      os::LogInfo(StrCat("stopping: signal ", signal));
      loop.Stop();
    });
  }
  loop.OnSignal(SIGHUP, [] {
    absl::Status reopened = os::ReopenLog();
    if (!reopened.ok()) os::LogError(Message(reopened));
  });

  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(DatabasePath(config));
  if (!store.ok()) return store.status();
  absl::StatusOr<std::unique_ptr<QueryPool>> pool = QueryPool::Start((*store)->path(), {});
  if (!pool.ok()) return pool.status();
  rpc::Server server(ServerOptions(config, *std::move(trust), *std::move(tls)));
  AddAccountingService(server, **store, **pool, config.private_data);
  status = server.Start();
  if (!status.ok()) return status;
  os::LogInfo(StrCat("reevedbd ", REEVE_VERSION, " serves cluster ", config.cluster_name,
                     " on port ", config.accounting_port, ", data in ", (*store)->path()));
  os::NotifyReady();
  loop.Run();

  // First, while what its handlers use is there. What was being written is still finished; a
  // controller that hears no answer pushes again.
  server.Stop();
  os::LogInfo("stopped");
  return absl::OkStatus();
}

}  // namespace reeve::dbd
