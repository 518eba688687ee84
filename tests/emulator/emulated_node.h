// One compute node as its controller sees it: the daemon's own link, lease and step machine, over
// tasks that are only a timer. What a real daemon keeps on disk is kept in memory: another process
// of the same name is a node that has rebooted.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/base/config.h"
#include "common/os/event_loop.h"
#include "noded/controller_link.h"
#include "noded/core/lease.h"
#include "noded/core/step_machine.h"

namespace reeve::emulator {

// What all nodes share. Belongs to the loop.
struct Site {
  os::EventLoop* loop = nullptr;
  const Config* config = nullptr;
  uid_t slurm_user = 0;
  absl::Duration run_time;  // of every task; infinite: until it is told to end
  std::string boot_id;
  uint64_t first_report_id = 0;

  // Counted.
  uint64_t started = 0;  // steps
  uint64_t ended = 0;
  uint64_t lost = 0;  // streams
};

class EmulatedNode {
 public:
  // `on_welcome`: each time that the controller has let the node in.
  EmulatedNode(Site* site, const NodeConfig& node, rpc::Target controller,
               std::function<void()> on_welcome);
  ~EmulatedNode();

  void Start() { link_.Start(); }

 private:
  v1::Registration MakeRegistration();
  void OnController(const v1::ControllerMessage& message);
  void OnWelcome(const v1::Welcome& welcome);
  void OnLost();
  void Heartbeat();
  void Launch(const v1::StepLaunch& launch);
  void End(const noded::StepKey& key, int status);

  void Apply(const noded::Effects& effects);
  void Do(const noded::StartStepd& effect);
  void Do(const noded::SignalStepd& effect);
  void Do(const noded::SuspendStepd& effect);
  void Do(const noded::TerminateStepd& effect);
  void Do(const noded::SendReport& effect);
  void Do(const noded::SendJobGone& effect);
  // Of nodes with a prolog or epilog, which these are not, and of spool folders.
  void Do(const noded::SendJobPrepared&) {}
  void Do(const noded::JobEmpty&) {}
  void Do(const noded::JobSettled&) {}
  void Do(const noded::RemoveSpool&) {}

  Site* const site_;
  const NodeConfig& node_;
  const std::function<void()> on_welcome_;
  struct Running {
    std::vector<uint32_t> tasks;
    os::TimerId end = os::TimerId::kNone;
  };
  std::map<noded::StepKey, Running> running_;
  noded::StepMachine machine_;
  noded::Lease lease_;
  uint64_t epoch_ = 0;
  bool welcome_ = false;
  os::TimerId heartbeat_ = os::TimerId::kNone;
  noded::ControllerLink link_;  // last: it calls back
};

}  // namespace reeve::emulator
