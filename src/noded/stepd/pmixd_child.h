// A step's PMIx server on this node (reeve-pmixd): a process of the step's user, started before the
// tasks, that gives them the variables by which they find it. What it says is that user's word: it
// may end its own step, no more. docs/decisions/0010-mpi-by-srun.md.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "common/os/event_loop.h"
#include "noded/core/launch_plan.h"
#include "noded/stepd/frame.h"
#include "noded/stepd/task_launcher.h"
#include "reeve/v1/ctld.pb.h"
#include "reeve/v1/pmixd.pb.h"

namespace reeve::noded {

class PmixdChild {
 public:
  using AbortFn = std::function<void(const v1::MpiAbort&)>;
  PmixdChild(os::EventLoop* loop, AbortFn on_abort) : loop_(loop), on_abort_(std::move(on_abort)) {}

  // Starts it and waits until it is ready, for at most a minute. The tasks' variables go into
  // `plan`. Errors say what is missing on this node.
  absl::Status Start(const v1::StepLaunch& launch, const std::string& folder,
                     TaskLauncher* launcher, const StepCgroup& cgroup, LaunchPlan* plan);

  uint32_t port() const { return port_; }  // 0: it needs no other node's server
  void SetPeers(const v1::MpiPeers& peers);

  // The tasks have ended: it is to go. False when it has gone. Until then OnExit is to come; it is
  // killed when it takes long.
  bool Leave();
  // Whether `pid` was it. That it went unasked is an abort.
  bool OnExit(pid_t pid);

 private:
  absl::Status Fork(const std::string& folder, TaskLauncher* launcher, const StepCgroup& cgroup,
                    const LaunchPlan& plan, int socket);
  void OnEvent(std::string_view frame);
  void OnNonsense();

  os::EventLoop* loop_;
  AbortFn on_abort_;
  pid_t pid_ = 0;  // 0: it does not run
  uint32_t port_ = 0;
  bool leaving_ = false;
  std::unique_ptr<FrameConnection> frames_;
};

}  // namespace reeve::noded
