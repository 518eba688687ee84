// The RPCs of proto/reeve/v1/ctld.proto. What changes something becomes an event on the loop; what
// asks is answered from the snapshot on the RPC's own thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "common/os/background.h"
#include "common/os/event_loop.h"
#include "common/rpc/server.h"
#include "ctld/blob_cache.h"
#include "ctld/calls.h"
#include "ctld/core/events.h"
#include "ctld/effect_runner.h"
#include "ctld/live_config.h"
#include "ctld/snapshot.h"
#include "ctld/users.h"

namespace reeve::ctld {

class Service {
 public:
  struct Parts {
    os::EventLoop* loop = nullptr;
    Publisher* publisher = nullptr;
    Calls* calls = nullptr;
    BlobCache* blobs = nullptr;
    LiveConfig* config = nullptr;
    absl::Time boot_time;
    std::function<void(Event, EffectRunner::Blobs)> handle;  // on the loop
    std::function<uint32_t()> next_job_id;                   // from any thread
    std::function<void(Config)> reconfigure;                 // on the loop
    std::function<void(rpc::Trust)> trust;                   // from any thread
  };
  explicit Service(Parts parts) : parts_(std::move(parts)) {}
  ~Service() { listings_->Stop(); }

  void Register(rpc::Handlers* server);

 private:
  using CallPtr = std::shared_ptr<rpc::Call>;

  // Posts what `make` returns, with a token for the answer to `call`.
  template <class E>
  void PostEvent(CallPtr call, E event, EffectRunner::Blobs blobs = {});
  Caller CallerOf(const rpc::Call& call, UserFacts* facts = nullptr);
  PrivateData HiddenFrom(const rpc::Call& call) const;  // what PrivateData keeps from the caller

  void Ping(const CallPtr& call);
  void GetConfig(const CallPtr& call);
  void ShowConfig(const CallPtr& call);
  void Reconfigure(const CallPtr& call);
  void QueryJobs(const CallPtr& call);
  void QueryCluster(const CallPtr& call);
  void GetJobScript(const CallPtr& call);

  void SubmitJob(const CallPtr& call);
  void SubmitJobs(const CallPtr& call);
  void WaitJob(const CallPtr& call);
  void CancelJobs(const CallPtr& call);
  void ControlJobs(const CallPtr& call);
  void UpdateJob(const CallPtr& call);
  void ExplainJobs(const CallPtr& call);
  void CompleteAllocation(const CallPtr& call);
  void CreateStep(const CallPtr& call);
  void UpdateNode(const CallPtr& call);
  void UpdatePartition(const CallPtr& call);
  void UpdateReservation(const CallPtr& call);

  Parts parts_;
  Users users_;
  const std::shared_ptr<os::Background> listings_ = std::make_shared<os::Background>();
};

}  // namespace reeve::ctld
