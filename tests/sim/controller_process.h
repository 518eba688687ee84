// A life of the controller: the real core, effect runner and record conversion, wired as
// src/ctld/daemon.cc and node_gateway.cc wire them, over the model store and the virtual network.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ctld/core/connection_order.h"
#include "ctld/core/controller.h"
#include "ctld/effect_runner.h"
#include "ctld/snapshot.h"
#include "tests/sim/model_dbd.h"
#include "tests/sim/model_store.h"
#include "tests/sim/network.h"
#include "tests/sim/scene.h"

namespace reeve::sim {

// Looks at everything the controller does.
class Witness {
 public:
  virtual ~Witness() = default;
  virtual void OnRestored(const ctld::Controller& core, const Disk& disk) = 0;
  virtual void OnEffects(const ctld::Controller& core, const ctld::Effects& effects) = 0;
};

class ControllerProcess {
 public:
  struct Parts {
    Scene* scene;
    Disk* disk;
    ModelDbd* dbd;
    Network* network;
    Witness* witness;
    Random* random;
    Random* rounds;                            // which events come in one round of the loop
    std::function<void(int phase)> at_commit;  // see ModelStore
    // Before a command or a reply leaves: phase 2.
    std::function<void()> at_release;
    std::function<void()> on_died;
  };
  using OnAnswer = std::function<void(absl::StatusOr<ctld::Answer>)>;

  ControllerProcess(Parts parts, ctld::Settings settings);
  ~ControllerProcess();

  // Reads the store and opens the socket.
  void Start();
  // As kill -9 at this very moment: nothing of it happens any more. Safe from within itself; the
  // object is to be destroyed later.
  void Die();
  bool alive() const { return life_.alive(); }

  // A call that has arrived; the answer leaves with `answer`, Unavailable when the controller dies.
  void Call(const std::function<ctld::Event(ctld::CallToken)>& event,
            ctld::EffectRunner::Blobs blobs, OnAnswer answer);
  void Reconfigure(ctld::Settings settings);

  const ctld::Controller& core() const { return *core_; }
  std::shared_ptr<const ctld::PublishedState> picture() const { return publisher_.Take(); }

 private:
  void Handle(ctld::Event event, ctld::EffectRunner::Blobs blobs = {});
  void HandleArrived();
  void Apply(ctld::Effects effects, ctld::EffectRunner::Blobs blobs = {});
  void Misbehave(ctld::Effects& effects);
  void PlanPass();
  void SetWakeup(std::optional<absl::Time> when);
  void OnReply(const ctld::Reply& reply);
  void OnStoreFailed(const absl::Status& status);

  // The gateway.
  void Accept(const StreamPtr& stream, const NodeMessage& first);
  void OnNodeMessage(const StreamPtr& stream, const NodeMessage& message);
  void OnNodeClosed(const StreamPtr& stream);
  void Send(ctld::NodeCommand command);
  void Unsendable(const ctld::StepLaunch& launch, const std::string& node);

  const Parts parts_;
  Scene* const scene_;
  Life life_;
  ctld::Publisher publisher_;
  std::unique_ptr<ModelStore> store_;
  std::unique_ptr<ctld::Controller> core_;
  std::unique_ptr<ctld::EffectRunner> runner_;
  std::unique_ptr<ModelPusher> pusher_;
  struct Line {
    StreamPtr stream;
    bool welcomed = false;  // what was decided before that is for an earlier stream
  };
  std::map<std::string, Line> lines_;
  std::map<std::string, ctld::ConnectionOrder> orders_;
  std::map<uint64_t, OnAnswer> calls_;
  std::vector<ctld::Event> arrived_;
  ctld::EffectRunner::Blobs arrived_blobs_;
  uint64_t next_call_ = 1;
  uint64_t epoch_ = 0;
  uint64_t wakeup_ = 0;  // the latest one counts
  bool pass_planned_ = false;
};

}  // namespace reeve::sim
