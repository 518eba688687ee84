// The shell around core's StepMachine: spool folders, the forker, the sockets of the stepds. All on
// the loop's thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/os/event_loop.h"
#include "noded/core/step_machine.h"
#include "noded/forker.h"
#include "noded/job_scripts.h"
#include "noded/past_steps.h"
#include "noded/stepd/frame.h"
#include "noded/stepd/settings.h"
#include "noded/stepd/spool.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::noded {

class StepRunner {
 public:
  // Where a client that wants a step's streams finds them.
  struct IoState {
    enum class Kind {
      kUnknown,  // not here, perhaps not yet
      kComing,   // its stepd does not listen yet
      kReady,    // Connect
      kEnded,    // its stepd is gone; `outcome` says how it went
    };
    Kind kind = Kind::kUnknown;
    uid_t uid = 0;
    std::string secret;
    StepOutcome outcome;
  };
  // `send` puts a message on the controller's stream, or drops it when there is none: everything
  // that matters is repeated by Connected().
  using SendFn = std::function<void(const v1::NodeMessage&)>;
  StepRunner(os::EventLoop* loop, StepdSettings settings, Forker* forker, uint64_t first_report_id,
             SendFn send, JobScriptOptions scripts = {});
  ~StepRunner();

  absl::Status Start();  // adopts what the spool holds

  void Launch(const v1::StepLaunch& launch);
  void Signal(const v1::SignalStep& signal);
  void KillStep(const v1::KillStep& kill);
  void TerminateJob(const v1::TerminateJob& terminate);
  void Suspend(const v1::SuspendJob& suspend);
  void Prepare(const v1::PrepareJob& prepare);
  void Acknowledge(uint64_t report_id);
  void Connected();
  // The node's lease was over: requeueable jobs that wait for their prolog may run elsewhere.
  void LeaseLapsed();
  std::vector<StepKey> Known() const;
  std::vector<JobKey> KnownJobs() const;  // with a prolog or an epilog that began here

  IoState FindIo(const StepKey& key) const;
  absl::StatusOr<os::UniqueFd> ConnectIo(const StepKey& key) const;
  // Called when FindIo of a step may answer differently.
  void SetIoChanged(std::function<void(const StepKey&)> fn) { io_changed_ = std::move(fn); }

 private:
  struct Live {
    explicit Live(StepSpool s) : spool(std::move(s)) {}
    StepSpool spool;
    v1::StepLaunch launch;  // without script and environment once it is in the spool
    std::unique_ptr<FrameConnection> stepd;
    std::vector<v1::StepdRequest> unsent;  // until stepd is connected
    std::optional<StepOutcome> outcome;    // the final one
    bool stepd_gone = false;
    std::optional<bool> suspended;  // what it is to be, as far as this daemon was told
    int requests = 0;               // to the forker, in this daemon's life
    os::UniqueFd lock;              // while what a dead stepd left is killed
  };

  void Apply(const Effects& effects);
  void Do(const StartStepd& effect);
  void Do(const SignalStepd& effect);
  void Do(const TerminateStepd& effect);
  void Do(const SuspendStepd& effect);
  void Do(const SendReport& effect);
  void Do(const SendJobGone& effect);
  void Do(const SendJobPrepared& effect);
  void Do(const JobEmpty& effect);
  void Do(const JobSettled& effect);
  void Do(const RemoveSpool& effect);

  JobScripts::Events ScriptEvents();
  void LaunchNow(const v1::StepLaunch& launch);
  void Refuse(const StepKey& key, StepOutcome outcome);
  void KeepPast(const StepKey& key, const v1::StepLaunch& launch, const StepOutcome& outcome);
  bool RequestStepd(const StepKey& key, Live* live);
  void Attach(const StepKey& key, os::UniqueFd socket, bool watch);
  void ToStepd(const StepKey& key, const v1::StepdRequest& request);
  void OnStepdEvent(const StepKey& key, std::string_view frame);
  void OnOutcome(const StepKey& key, const StepOutcome& outcome);
  // Nobody is connected to the step's stepd, if there is one: finds out from the spool.
  void Inspect(const StepKey& key);
  void InspectLater(const StepKey& key);
  void InspectUnderLock(const StepKey& key, Live* live);
  void KillLeftovers(const StepKey& key);
  void OnStepdGone(const StepKey& key);
  void Changed(const StepKey& key) const;
  Live* Find(const StepKey& key);

  os::EventLoop* loop_;
  const StepdSettings settings_;
  const NodeCgroups cgroups_;
  Forker* forker_;
  SendFn send_;
  PastSteps past_;
  StepMachine machine_;
  std::map<StepKey, Live> live_;
  std::map<StepKey, v1::StepLaunch> launching_;  // between Launch and StartStepd
  std::unique_ptr<ScriptRunners> runners_;
  std::unique_ptr<JobScripts> scripts_;     // null: neither Prolog nor Epilog
  std::map<StepKey, v1::StepLaunch> held_;  // until the prolog has ended
  std::function<void(const StepKey&)> io_changed_;
};

}  // namespace reeve::noded
