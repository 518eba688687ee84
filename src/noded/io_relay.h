// Between the clients' StepIo streams and the stepds' sockets.
//
// A client attaches to a step of this node; one that is still on its way here is waited for. From
// then on messages pass unchanged in both directions. stepd bounds what is under way to the client
// (its window); what a client sends faster than its step takes it ends that client.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/os/event_loop.h"
#include "common/rpc/server.h"
#include "noded/step_runner.h"
#include "noded/stepd/frame.h"
#include "reeve/v1/noded.pb.h"

namespace reeve::noded {

class IoRelay {
 public:
  IoRelay(os::EventLoop* loop, StepRunner* steps, std::string node);
  ~IoRelay();

  // For rpc::Server::HandleStream; runs on gRPC's threads.
  rpc::ServerStream::Events OnStream(std::shared_ptr<rpc::ServerStream> stream);

 private:
  struct Client {
    std::shared_ptr<rpc::ServerStream> stream;
    StepKey key;
    v1::StepIoRequest attach;
    std::unique_ptr<FrameConnection> stepd;
    std::vector<v1::StepdRequest> early;  // sent before the step was here
    size_t early_bytes = 0;
    os::TimerId deadline = os::TimerId::kNone;
    bool ended = false;  // the client was sent StepEnded
  };

  // On the loop.
  void Open(uint64_t id, std::shared_ptr<rpc::ServerStream> stream);
  void OnClientMessage(uint64_t id, const std::string& bytes);
  void OnClientGone(uint64_t id);
  void OnStepChanged(const StepKey& key);
  void OnImpatience(uint64_t id);
  void TryAttach(uint64_t id);
  void Connect(uint64_t id, Client* client);
  void OnStepdFrame(uint64_t id, std::string_view frame);
  void Replay(Client* client, const StepOutcome& outcome);
  void End(uint64_t id, absl::Status status);

  os::EventLoop* loop_;
  StepRunner* steps_;
  const std::string node_;
  std::map<uint64_t, Client> clients_;
  std::atomic<uint64_t> next_ = 1;
};

}  // namespace reeve::noded
