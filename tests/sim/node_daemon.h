// A life of the node daemon: the real StepMachine, with the shell around it as
// src/noded/step_runner.cc and daemon.cc have it, over a virtual machine's spool, forker and step
// daemons.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "noded/core/lease.h"
#include "noded/core/step_machine.h"
#include "tests/sim/host.h"
#include "tests/sim/network.h"

namespace reeve::sim {

class NodeDaemon {
 public:
  using FindPeer = std::function<NodeDaemon*(const std::string& node)>;  // null: it is not there
  NodeDaemon(Host* host, Network* network, FindPeer find_peer);

  void Start();  // adopts what the spool holds, then dials
  // As kill -9, also from within itself.
  void Die(bool with_host = false);
  bool alive() const { return life_.alive(); }
  // Before its n-th effect from now on it dies.
  void DieAtEffect(uint32_t count, std::function<void()> on_died);
  // SIGSTOP: nothing happens in it, what comes waits.
  void Freeze(absl::Duration length);

  bool Idle() const { return live_.empty() && machine_.Known().empty(); }

 private:
  struct Live {
    uint64_t stepd = 0;  // its pid while connected
    std::vector<std::function<void(Stepd&)>> unsent;
    bool has_outcome = false;
    bool stepd_gone = false;
    std::optional<bool> suspended;  // what it is to be, as far as this daemon was told
    int requests = 0;
    bool lock = false;  // while what a dead stepd left is killed
  };

  // The loop: what is frozen runs later, in order.
  template <class Fn>
  auto InLoop(Fn fn) {
    return life_.Bind([this, fn](auto&&... args) { Run([=] { fn(args...); }); });
  }
  void Run(std::function<void()> fn);
  void After(absl::Duration delay, std::function<void()> fn);

  // The controller's link.
  void Dial();
  void OnClosed();
  void Drop();
  void OnMessage(const ControllerMessage& message);
  void OnCommand(const ctld::NodeCommand& command);
  void Heartbeat(uint64_t beat);
  void Send(NodeMessage message);
  ctld::NodeRegistered Registration() const;

  // The lease, as src/noded/lease_keeper.cc.
  void Welcomed(const ctld::Welcome& welcome);
  void KeepLease();
  void WatchSilence(uint64_t watch);
  void AskWitnesses();
  void AnswerWitness(const std::string& asker, std::function<void(bool, absl::Duration)> answer);

  // StepRunner.
  void Apply(const noded::Effects& effects);
  void Do(const noded::StartStepd& effect);
  void Do(const noded::SignalStepd& effect);
  void Do(const noded::TerminateStepd& effect);
  void Do(const noded::SuspendStepd& effect);
  void Do(const noded::SendReport& effect);
  void Do(const noded::SendJobGone& effect);
  void Do(const noded::SendJobPrepared& effect);
  void Do(const noded::JobEmpty& effect);
  void Do(const noded::JobSettled& effect);
  void Do(const noded::RemoveSpool& effect);
  void RequestStepd(const noded::StepKey& key, Live* live);
  void Attach(const noded::StepKey& key, Live* live, uint64_t pid, bool watch);
  void ToStepd(const noded::StepKey& key, std::function<void(Stepd&)> request);
  void OnOutcome(const noded::StepKey& key, const noded::StepOutcome& outcome);
  void Inspect(const noded::StepKey& key);
  void InspectLater(const noded::StepKey& key);
  void InspectUnderLock(const noded::StepKey& key, Live* live);
  void KillLeftovers(const noded::StepKey& key);
  void OnStepdGone(const noded::StepKey& key);
  Live* Find(const noded::StepKey& key);

  Host* const host_;
  Network* const network_;
  Scene* const scene_;
  Life life_;
  noded::StepMachine machine_;
  std::map<noded::StepKey, Live> live_;
  std::map<noded::StepKey, ctld::StepLaunch> launching_;
  StreamPtr stream_;
  uint64_t generation_ = 0;
  bool welcome_ = false;
  absl::Duration backoff_;
  const FindPeer find_peer_;
  noded::Lease lease_;
  uint64_t beat_ = 0;  // the latest chain of heartbeats counts
  uint64_t watch_ = 0;
  absl::Time welcomed_ = absl::InfinitePast();
  uint64_t round_ = 0;  // of questions to witnesses
  uint32_t effects_left_ = 0;
  std::function<void()> on_died_;
  absl::Time frozen_until_ = absl::InfinitePast();
};

}  // namespace reeve::sim
