// The controller put together: the one place where its parts meet.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/config.h"
#include "common/os/clock_watch.h"
#include "common/os/event_loop.h"
#include "common/rpc/server.h"
#include "ctld/accounting_outbox.h"
#include "ctld/blob_cache.h"
#include "ctld/calls.h"
#include "ctld/core/controller.h"
#include "ctld/effect_runner.h"
#include "ctld/live_config.h"
#include "ctld/node_gateway.h"
#include "ctld/service.h"
#include "ctld/snapshot.h"
#include "ctld/state_store.h"

namespace reeve::ctld {

class Daemon {
 public:
  // Opens the store, restores the queue and listens. The status says what stands in the way.
  static absl::StatusOr<std::unique_ptr<Daemon>> Start(Config config, StoreOptions options = {});
  ~Daemon();

  void Run();  // until SIGTERM or SIGINT

 private:
  Daemon(Config config, StoreOptions options)
      : store_options_(options), config_(std::move(config)) {}

  absl::Status Open();
  absl::Status Restore(const StoredState& stored);
  absl::Status Listen();
  void WireParts(const StoredState& stored);
  std::optional<std::string> AddressOf(const std::string& node) const;

  void Handle(Event event, EffectRunner::Blobs blobs = {});
  void HandleArrived();
  absl::Time Now();
  void Apply(Effects effects, EffectRunner::Blobs blobs = {});
  void PlanPass();
  void RunPass();
  void SetWakeup(std::optional<absl::Time> when);
  void Reconfigure(const Config& config);

  const StoreOptions store_options_;
  LiveConfig config_;
  os::EventLoop loop_;
  os::ClockWatch clock_{&loop_, [this] { Handle(Tick{}); }};
  absl::Time boot_time_ = absl::Now();
  std::unique_ptr<StateStore> store_;
  std::unique_ptr<BlobCache> blobs_;
  std::unique_ptr<Controller> core_;
  Publisher publisher_;
  Calls calls_;
  std::unique_ptr<NodeGateway> gateway_;
  std::unique_ptr<EffectRunner> runner_;
  std::unique_ptr<AccountingOutbox> outbox_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<rpc::Server> server_;

  std::vector<Event> arrived_;
  EffectRunner::Blobs arrived_blobs_;
  std::atomic<uint32_t> next_job_id_{0};
  bool pass_planned_ = false;
  absl::Duration last_pass_ = absl::ZeroDuration();
  absl::Duration last_pass_end_ = absl::ZeroDuration();  // on the boot clock
  os::TimerId wakeup_ = os::TimerId::kNone;
};

}  // namespace reeve::ctld
