// A step daemon as src/noded/stepd lives, seen from outside: what it writes into the spool and
// when, what it tells who watches, and what becomes of its tasks.
//
//   fork -> lock, owner -> prepare -> started mark -> tasks released -> (they run) -> record
//        -> report -> gone, once clients have their output
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "noded/core/step_machine.h"
#include "tests/sim/host.h"

namespace reeve::sim {

class Stepd {
 public:
  // Where a kill may find it.
  enum Phase : uint32_t {
    kForked,
    kLocked,
    kPrepared,
    kMarked,  // the mark is written, the tasks stand before their exec
    kReleased,
    kRunning,  // at some time of their run
    kTasksOver,
    kRecorded,
    kReported,
  };

  Stepd(Host* host, noded::StepKey key, uint64_t pid, std::optional<uint32_t> doom);
  void Begin();

  const noded::StepKey& key() const { return key_; }
  bool listens() const { return listens_; }

  // The node daemon's connection. Given by Begin's creator, or made later with `watch`.
  struct Connection {
    std::function<void(noded::StepOutcome)> on_report;
    std::function<void()> on_closed;
  };
  void Connect(Connection connection, bool watch);
  void CloseConnections();

  // Requests wait until it listens.
  void Terminate(absl::Duration kill_wait);
  void Signal(int signal);
  void Suspend(bool suspended);

  void Killed();  // what a kill means for its tasks

 private:
  SpoolFolder* folder() { return &host_->spool[key_]; }
  // Goes on after `delay`, unless it is killed at `phase` before.
  void Then(Phase phase, absl::Duration delay, void (Stepd::*next)());
  void TakeOver();
  void Prepare();
  void Mark();
  void Release();
  void Listen();
  void TasksOver();
  void Record();
  void Report();
  void Leave();
  void Tell(const noded::StepOutcome& outcome);
  void EndTasks(RunEnd how);
  // The lease, as noded/stepd/lease_guard.cc.
  bool WatchLease();
  void LookAtLease();
  void LookAtLeaseAt(absl::Duration boot_time);
  void Freeze(bool frozen);
  void RunFor(absl::Duration length);
  void Stop(bool stopped);
  void Do(std::function<void()> request);
  const WorkPlan* Work() const;
  Random Dice() const;  // the same for the same attempt, whatever else happens

  Host* const host_;
  const noded::StepKey key_;
  const uint64_t pid_;
  const std::optional<uint32_t> doom_;
  Life life_;
  std::vector<Connection> connections_;
  std::vector<std::function<void()>> requests_;
  std::shared_ptr<Tasks> tasks_;
  noded::StepOutcome outcome_;
  LeaseFile lease_;
  std::optional<noded::StepOutcome> last_report_;
  bool listens_ = false;
  bool terminating_ = false;
  bool ended_ = false;
};

}  // namespace reeve::sim
