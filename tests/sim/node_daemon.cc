// The daemon and its link to the controller, as src/noded/daemon.cc and controller_link.cc.
#include "tests/sim/node_daemon.h"

#include <algorithm>

namespace reeve::sim {

NodeDaemon::NodeDaemon(Host* host, Network* network, FindPeer find_peer)
    : host_(host),
      network_(network),
      scene_(host->scene()),
      machine_(++host->starts << 40),
      find_peer_(std::move(find_peer)),
      lease_(host->BootNow()) {}

void NodeDaemon::Start() {
  scene_->Trace("NODED of ", host_->name(), " starts, ", host_->spool.size(), " folders");
  if (host_->lease.has_value() && host_->lease->boot == host_->boot()) {
    lease_.Resume(host_->lease->terms, host_->lease->from, host_->lease->witnesses);
  }
  WatchSilence(++watch_);
  for (auto& [key, folder] : host_->spool) {
    live_.try_emplace(key);
    Apply(machine_.Adopt(key));
  }
  const std::map<noded::StepKey, Live> found = live_;
  for (const auto& [key, live] : found) {
    if (!alive()) return;
    Inspect(key);
    if (scene_->Is(Canary::kLaunchTwiceAfterAdopt)) {
      host_->spool[key].started = host_->spool[key].abandoned = false;
      host_->spool[key].record.reset();
      if (host_->spool[key].lock == 0) RequestStepd(key, Find(key));
    }
  }
  if (alive()) Dial();
}

void NodeDaemon::Die(bool with_host) {
  if (!alive()) return;
  scene_->Trace("NODED of ", host_->name(), " dies");
  life_.End();
  for (auto& [key, live] : live_) {
    if (live.lock) host_->spool[key].lock = 0;
  }
  if (stream_ != nullptr && with_host) network_->Vanish(stream_, Stream::kNode);
  if (stream_ != nullptr && !with_host) network_->Close(stream_, Stream::kNode, true);
  stream_ = nullptr;
}

void NodeDaemon::DieAtEffect(uint32_t count, std::function<void()> on_died) {
  effects_left_ = count;
  on_died_ = std::move(on_died);
}

void NodeDaemon::Freeze(absl::Duration length) {
  scene_->Trace("NODED of ", host_->name(), " frozen");
  frozen_until_ = std::max(frozen_until_, scene_->clock.now() + length);
}

void NodeDaemon::Run(std::function<void()> fn) {
  if (scene_->clock.now() >= frozen_until_) return fn();
  scene_->clock.At(frozen_until_, life_.Bind([this, fn] { Run(fn); }));
}

void NodeDaemon::After(absl::Duration delay, std::function<void()> fn) {
  scene_->clock.After(delay, InLoop(std::move(fn)));
}

// ---- the link ---------------------------------------------------------------------------------

ctld::NodeRegistered NodeDaemon::Registration() const {
  ctld::NodeRegistered event;
  event.node = host_->name();
  event.boot_id = host_->boot_id();
  event.opened = host_->BootNow();
  event.hardware.cpus = host_->cpus;
  event.hardware.real_memory_mb = 1000;
  for (const noded::StepKey& key : machine_.Known()) {
    event.steps.push_back({key.job, key.step, key.attempt});
  }
  return event;
}

void NodeDaemon::Dial() {
  const uint64_t mine = ++generation_;
  lease_.Registering(host_->BootNow());
  stream_ = network_->Dial(host_->name(), Registration(),
                           InLoop([this, mine](const WireMessage& message) {
                             if (mine == generation_)
                               OnMessage(std::get<ControllerMessage>(message));
                           }),
                           InLoop([this, mine] {
                             if (mine == generation_) OnClosed();
                           }));
}

void NodeDaemon::OnClosed() {
  ++generation_;
  stream_ = nullptr;
  welcome_ = false;
  backoff_ = std::clamp(backoff_ * 2, absl::Milliseconds(100), absl::Seconds(5));
  const uint64_t mine = generation_;
  After(backoff_, [this, mine] {
    if (mine == generation_) Dial();
  });
}

void NodeDaemon::Drop() {
  if (stream_ != nullptr) network_->Close(stream_, Stream::kNode, false);
  OnClosed();
}

void NodeDaemon::OnMessage(const ControllerMessage& message) {
  if (message.epoch < host_->epoch) return Drop();
  host_->epoch = message.epoch;
  OnCommand(message.command);
}

void NodeDaemon::OnCommand(const ctld::NodeCommand& command) {
  const absl::Time now = scene_->clock.now();
  if (const auto* launch = std::get_if<ctld::StepLaunch>(&command.command)) {
    const noded::StepKey key{launch->job, launch->step, launch->attempt};
    scene_->Trace("  ctld -> ", host_->name(), ": launch ", ToString(key), " attempt ",
                  key.attempt);
    // It lay in a socket while this node, or its link, stood still.
    if (!lease_.Held(host_->BootNow())) return Drop();
    launching_[key] = *launch;
    Apply(machine_.Launch(key, now));
    if (alive()) launching_.erase(key);
  } else if (const auto* signal = std::get_if<ctld::SignalStep>(&command.command)) {
    Apply(machine_.Signal({signal->job, signal->step, signal->attempt}, signal->signal,
                          signal->leader_only));
  } else if (const auto* kill = std::get_if<ctld::KillStep>(&command.command)) {
    scene_->Trace("  ctld -> ", host_->name(), ": kill step ", ToString(kill->job, kill->step));
    Apply(machine_.KillStep({kill->job, kill->step, kill->attempt}, kill->kill_wait, ""));
  } else if (const auto* terminate = std::get_if<ctld::TerminateJob>(&command.command)) {
    scene_->Trace("  ctld -> ", host_->name(), ": terminate job ", terminate->job.value,
                  " attempt ", terminate->attempt);
    Apply(machine_.TerminateJob(terminate->job, terminate->attempt, terminate->kill_wait, ""));
  } else if (const auto* suspend = std::get_if<ctld::SuspendJob>(&command.command)) {
    scene_->Trace("  ctld -> ", host_->name(), ": ", suspend->suspended ? "suspend" : "resume",
                  " job ", suspend->job.value, " attempt ", suspend->attempt);
    const bool at_registration = scene_->clock.now() - welcomed_ < absl::Milliseconds(50);
    if (at_registration && scene_->Is(Canary::kForgetSuspension)) return;
    Apply(machine_.Suspend(suspend->job, suspend->attempt, suspend->suspended));
  } else if (const auto* ack = std::get_if<ctld::Acknowledge>(&command.command)) {
    Apply(machine_.Acknowledge(ack->report_id));
  } else if (const auto* welcome = std::get_if<ctld::Welcome>(&command.command)) {
    Welcomed(*welcome);
  } else if (const auto* beat = std::get_if<ctld::HeartbeatAck>(&command.command)) {
    ++round_;
    lease_.Acknowledged(beat->sequence, host_->BootNow());
    KeepLease();
  }
}

void NodeDaemon::Heartbeat(uint64_t beat) {
  if (beat != beat_ || !welcome_) return;
  const uint64_t acknowledged = lease_.acknowledged();
  Send(ctld::NodeHeartbeat{host_->name(), 0, 0, lease_.Heartbeat(host_->BootNow()), acknowledged});
  After(lease_.terms().heartbeat(), [this, beat] { Heartbeat(beat); });
}

void NodeDaemon::Send(NodeMessage message) {
  if (stream_ != nullptr && welcome_) {
    network_->Send(stream_, Stream::kNode, WireMessage(std::move(message)));
  }
}

}  // namespace reeve::sim
