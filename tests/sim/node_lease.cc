// A node's lease and its witnesses, as src/noded/lease_keeper.cc.
#include "tests/sim/node_daemon.h"

namespace reeve::sim {

void NodeDaemon::Welcomed(const ctld::Welcome& welcome) {
  welcome_ = true;
  welcomed_ = scene_->clock.now();
  backoff_ = absl::ZeroDuration();
  ++round_;
  std::vector<std::string> witnesses;
  for (const ctld::Welcome::Witness& witness : welcome.witnesses) witnesses.push_back(witness.node);
  lease_.Welcomed(welcome.lease, std::move(witnesses), host_->BootNow());
  KeepLease();
  WatchSilence(++watch_);
  Apply(machine_.Connected());
  if (alive()) Heartbeat(++beat_);
}

void NodeDaemon::KeepLease() {
  host_->lease = LeaseFile{host_->boot(), lease_.terms(),
                           std::max(lease_.from(), absl::ZeroDuration()), lease_.witnesses()};
}

void NodeDaemon::WatchSilence(uint64_t watch) {
  if (watch != watch_) return;
  After(lease_.terms().heartbeat() / 2, [this, watch] { WatchSilence(watch); });
  if (lease_.WantsWitnesses(host_->BootNow())) AskWitnesses();
}

void NodeDaemon::AskWitnesses() {
  const uint64_t round = ++round_;
  lease_.BeginAsking(host_->BootNow());
  After(lease_.terms().patience(), [this, round] {
    if (round == round_) lease_.EndAsking();
  });
  for (const std::string& name : lease_.witnesses()) {
    auto said = InLoop([this, round, name](bool away, absl::Duration patience) {
      if (round != round_ || !lease_.Said(name, away, patience, host_->BootNow())) return;
      scene_->Trace("  ", host_->name(), ": its witnesses renew its lease");
      ++round_;
      KeepLease();
    });
    if (name == host_->name()) {
      said(lease_.Away(host_->BootNow()), lease_.terms().patience());
      continue;
    }
    network_->BetweenNodes(
        host_->name(), name,
        [this, asker = host_->name(), name, said, network = network_, find = find_peer_] {
          NodeDaemon* peer = find(name);
          if (peer == nullptr) return;
          peer->AnswerWitness(
              asker, [network, asker, name, said](bool away, absl::Duration patience) {
                network->BetweenNodes(name, asker,
                                      [said, away, patience]() mutable { said(away, patience); });
              });
        });
  }
}

void NodeDaemon::AnswerWitness(const std::string&,
                               std::function<void(bool, absl::Duration)> answer) {
  InLoop([this, answer] { answer(lease_.Away(host_->BootNow()), lease_.terms().patience()); })();
}

}  // namespace reeve::sim
