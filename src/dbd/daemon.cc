#include "dbd/daemon.h"

#include <grp.h>
#include <pwd.h>

#include <charconv>
#include <csignal>
#include <vector>

#include "common/base/text.h"
#include "common/os/event_loop.h"
#include "common/os/log.h"
#include "common/os/service_manager.h"
#include "common/rpc/endpoints.h"
#include "common/rpc/server.h"
#include "dbd/query_pool.h"
#include "dbd/service.h"
#include "dbd/store.h"
#include "reeve_version.h"

namespace reeve::dbd {
namespace {

absl::StatusOr<uid_t> FindUser(const std::string& name, std::string_view key) {
  uid_t uid = 0;
  auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), uid);
  if (error == std::errc() && end == name.data() + name.size()) return uid;
  struct passwd entry;
  struct passwd* found = nullptr;
  std::vector<char> buffer(1 << 16);
  getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) {
    return absl::NotFoundError(StrCat(key, "=", name, ": there is no such user"));
  }
  return found->pw_uid;
}

rpc::Server::Options ServerOptions(const Config& config, rpc::Trust trust) {
  rpc::Server::Options options;
  options.listen.push_back(StrCat("0.0.0.0:", config.accounting_port));
  const std::string socket = rpc::AccountingSocket(config);
  if (!socket.empty()) options.listen.push_back(socket);
  options.munge = rpc::MungeOf(config);
  options.trust = std::move(trust);
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

absl::StatusOr<rpc::Trust> TrustOf(const Config& config) {
  rpc::Trust trust;
  absl::StatusOr<uid_t> uid = FindUser(config.slurm_user, "SlurmUser");
  if (!uid.ok()) return uid.status();
  trust.slurm_user = *uid;
  uid = FindUser(config.slurmd_user, "SlurmdUser");
  if (!uid.ok()) return uid.status();
  trust.slurmd_user = *uid;
  return trust;
}

absl::Status RunDaemon(const Config& config) {
  absl::Status status = CheckAccountingConfigured(config);
  if (!status.ok()) return status;
  absl::StatusOr<rpc::Trust> trust = TrustOf(config);
  if (!trust.ok()) return trust.status();

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
  rpc::Server server(ServerOptions(config, *std::move(trust)));
  AddAccountingService(server, **store, **pool);
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
