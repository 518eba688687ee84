// A virtual cluster in which a plan comes true.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/clients.h"
#include "tests/sim/controller_process.h"
#include "tests/sim/host.h"
#include "tests/sim/model_dbd.h"
#include "tests/sim/model_store.h"
#include "tests/sim/network.h"
#include "tests/sim/node_daemon.h"
#include "tests/sim/oracle.h"
#include "tests/sim/scene.h"
#include "tests/sim/truth.h"

namespace reeve::sim {

struct Verdict {
  std::string kind;  // empty: nothing wrong
  std::string text;
  uint64_t events = 0;
  size_t runs = 0;
  bool failed() const { return !kind.empty(); }
};

class World {
 public:
  World(const Plan& plan, Canary canary, bool tracing);
  ~World();

  Verdict Run();

 private:
  struct Machine {
    std::unique_ptr<Host> host;
    std::unique_ptr<NodeDaemon> daemon;
  };

  void RunUntil(absl::Time end);
  void ScheduleAll();
  void StartController();
  void KillController(absl::Duration away);
  void OnControllerDied();
  void OnCommitPhase(int phase);
  void Strike(const Fault& fault);
  void StrikeNode(Machine& machine, const Fault& fault);
  void KillDaemon(Machine& machine, absl::Duration away);
  void StartDaemon(Machine& machine);
  void KillHost(Machine& machine, absl::Duration away, bool spool_lost);
  void CutLink(Machine& machine, absl::Duration length, bool from_peers);
  // The node is of no use for so long.
  void Trouble(const std::string& node, absl::Duration length);

  void CheckStandstill();
  void CalmDown();
  std::string Unrest() const;

  Scene scene_;
  Random random_;
  Random rounds_;
  Truth truth_;
  Disk disk_;
  ModelDbd dbd_;
  Network network_;
  Clients clients_;
  Oracle oracle_;
  ctld::Settings settings_;  // as the file has it now
  std::vector<Machine> machines_;
  std::vector<std::unique_ptr<NodeDaemon>> dead_daemons_;
  std::unique_ptr<ControllerProcess> controller_;
  std::vector<std::unique_ptr<ControllerProcess>> dead_controllers_;
  absl::Duration controller_away_;
  bool controller_planned_ = false;  // it will be started
  std::vector<Fault> at_commit_;
  uint32_t releases_left_ = 0;
  absl::Duration release_away_;
  uint64_t events_ = 0;
};

}  // namespace reeve::sim
