#include "tests/emulator/emulated_node.h"

#include <signal.h>

#include "common/base/text.h"
#include "common/os/boot_clock.h"
#include "common/rpc/endpoints.h"
#include "noded/stepd/convert.h"
#include "reeve_version.h"

namespace reeve::emulator {

using noded::StepKey;
using noded::StepOutcome;

EmulatedNode::EmulatedNode(Site* site, const NodeConfig& node, rpc::Target controller,
                           std::function<void()> on_welcome)
    : site_(site),
      node_(node),
      on_welcome_(std::move(on_welcome)),
      machine_(site->first_report_id),
      lease_(os::BootClockNow()),
      link_(site->loop, std::move(controller), rpc::MungeOf(*site->config), site->slurm_user,
            {[this] { return MakeRegistration(); },
             [this](const v1::ControllerMessage& message) { OnController(message); },
             [this] { OnLost(); }}) {}

EmulatedNode::~EmulatedNode() {
  site_->loop->Cancel(heartbeat_);
  for (const auto& [key, step] : running_) site_->loop->Cancel(step.end);
}

// ---- the controller -----------------------------------------------------------------------------

v1::Registration EmulatedNode::MakeRegistration() {
  lease_.Registering(os::BootClockNow());
  v1::Registration registration;
  registration.set_node(node_.name);
  registration.set_boot_id(site_->boot_id);
  registration.set_version(REEVE_SLURM_VERSION);
  v1::Hardware* hardware = registration.mutable_hardware();
  hardware->set_cpus(node_.cpus);
  hardware->set_boards(node_.boards);
  hardware->set_sockets(node_.sockets);
  hardware->set_cores_per_socket(node_.cores_per_socket);
  hardware->set_threads_per_core(node_.threads_per_core);
  hardware->set_real_memory_mb(node_.real_memory_mb);
  hardware->set_tmp_disk_mb(node_.tmp_disk_mb);
  for (const StepKey& key : machine_.Known()) {
    v1::KnownStep* step = registration.add_steps();
    step->set_job_id(key.job.value);
    step->set_step_id(key.step.value);
    step->set_attempt(key.attempt);
  }
  registration.set_highest_epoch(epoch_);
  registration.set_time(absl::ToUnixSeconds(absl::Now()));
  registration.set_opened_nanoseconds(absl::ToInt64Nanoseconds(os::BootClockNow()));
  registration.set_port(node_.port != 0 ? node_.port : site_->config->slurmd_port);
  registration.set_address(node_.address);
  return registration;
}

void EmulatedNode::OnController(const v1::ControllerMessage& message) {
  if (message.epoch() < epoch_) return link_.Drop("its epoch is behind");
  epoch_ = message.epoch();
  for (uint64_t id : message.acknowledged()) Apply(machine_.Acknowledge(id));
  switch (message.kind_case()) {
    case v1::ControllerMessage::kWelcome:
      return OnWelcome(message.welcome());
    case v1::ControllerMessage::kHeartbeatAck:
      return lease_.Acknowledged(message.heartbeat_ack().sequence(), os::BootClockNow());
    case v1::ControllerMessage::kLaunch:
      if (!lease_.Held(os::BootClockNow())) return link_.Drop("a launch after the lease");
      return Launch(message.launch());
    case v1::ControllerMessage::kSignal: {
      const v1::SignalStep& signal = message.signal();
      return Apply(
          machine_.Signal({JobId{signal.job_id()}, StepId{signal.step_id()}, signal.attempt()},
                          signal.signal(), signal.leader_only()));
    }
    case v1::ControllerMessage::kTerminate: {
      const v1::TerminateJob& end = message.terminate();
      return Apply(machine_.TerminateJob(JobId{end.job_id()}, end.attempt(),
                                         absl::Seconds(end.kill_wait()), end.reason()));
    }
    case v1::ControllerMessage::kKillStep: {
      const v1::KillStep& kill = message.kill_step();
      return Apply(machine_.KillStep({JobId{kill.job_id()}, StepId{kill.step_id()}, kill.attempt()},
                                     absl::Seconds(kill.kill_wait()), kill.reason()));
    }
    case v1::ControllerMessage::kSuspend: {
      const v1::SuspendJob& suspend = message.suspend();
      return Apply(
          machine_.Suspend(JobId{suspend.job_id()}, suspend.attempt(), suspend.suspended()));
    }
    case v1::ControllerMessage::kPrepare:
    case v1::ControllerMessage::kCheckHealth:
    case v1::ControllerMessage::KIND_NOT_SET:
      return;  // there is no prolog and no health check to run
  }
}

void EmulatedNode::OnWelcome(const v1::Welcome& welcome) {
  welcome_ = true;
  link_.Settle();
  // Witnesses are not asked: nothing here outlives a lease.
  lease_.Welcomed({absl::Seconds(welcome.lease_seconds())}, {}, os::BootClockNow());
  Apply(machine_.Connected());
  site_->loop->Cancel(heartbeat_);
  Heartbeat();
  on_welcome_();
}

void EmulatedNode::OnLost() {
  ++site_->lost;
  welcome_ = false;
  site_->loop->Cancel(heartbeat_);
}

void EmulatedNode::Heartbeat() {
  v1::NodeMessage message;
  v1::Heartbeat* heartbeat = message.mutable_heartbeat();
  heartbeat->set_cpu_load(static_cast<double>(running_.size()));
  heartbeat->set_free_mem_mb(node_.real_memory_mb);
  heartbeat->set_time(absl::ToUnixSeconds(absl::Now()));
  heartbeat->set_acknowledged(lease_.acknowledged());
  heartbeat->set_sequence(lease_.Heartbeat(os::BootClockNow()));
  link_.Send(message);
  heartbeat_ = site_->loop->After(lease_.terms().heartbeat(), [this] { Heartbeat(); });
}

// ---- steps --------------------------------------------------------------------------------------

void EmulatedNode::Launch(const v1::StepLaunch& launch) {
  const StepKey key = noded::KeyOf(launch);
  if (!machine_.Knows(key)) {
    const auto mine = static_cast<int>(launch.node_index());
    const auto& ids = launch.task_ids(mine).ids();
    running_[key].tasks.assign(ids.begin(), ids.end());
  }
  Apply(machine_.Launch(key, absl::Now()));
}

void EmulatedNode::End(const StepKey& key, int status) {
  const auto found = running_.find(key);
  if (found == running_.end()) return;
  StepOutcome outcome{.kind = StepOutcome::Kind::kExited, .time = absl::Now()};
  for (uint32_t task : found->second.tasks) outcome.tasks.push_back({task, status});
  site_->loop->Cancel(found->second.end);
  running_.erase(found);
  ++site_->ended;
  Apply(machine_.Outcome(key, outcome));
  Apply(machine_.StepdGone(key, absl::Now()));
}

void EmulatedNode::Apply(const noded::Effects& effects) {
  for (const noded::Effect& effect : effects) {
    std::visit([this](const auto& one) { Do(one); }, effect);
  }
}

void EmulatedNode::Do(const noded::StartStepd& effect) {
  const StepKey key = effect.key;
  ++site_->started;
  Apply(machine_.Outcome(key, {.kind = StepOutcome::Kind::kStarted, .time = absl::Now()}));
  if (site_->run_time == absl::ZeroDuration()) return End(key, 0);
  if (site_->run_time == absl::InfiniteDuration()) return;
  running_[key].end = site_->loop->After(site_->run_time, [this, key] { End(key, 0); });
}

void EmulatedNode::Do(const noded::SignalStepd& effect) {
  if (effect.signal == SIGKILL || effect.signal == SIGTERM) End(effect.key, effect.signal);
}

// Resumed it runs its whole time: nobody looks at how much was left.
void EmulatedNode::Do(const noded::SuspendStepd& effect) {
  const auto found = running_.find(effect.key);
  if (found == running_.end() || site_->run_time == absl::InfiniteDuration()) return;
  site_->loop->Cancel(found->second.end);
  if (effect.suspended) return;
  found->second.end =
      site_->loop->After(site_->run_time, [this, key = effect.key] { End(key, 0); });
}

void EmulatedNode::Do(const noded::TerminateStepd& effect) {
  End(effect.key, SIGTERM);
}

void EmulatedNode::Do(const noded::SendReport& effect) {
  if (!welcome_) return;  // Connected() repeats it
  v1::NodeMessage message;
  *message.mutable_step_report() = noded::ToProto(effect.id, effect.key, effect.outcome);
  link_.Send(message);
}

void EmulatedNode::Do(const noded::SendJobGone& effect) {
  if (!welcome_) return;
  v1::NodeMessage message;
  message.mutable_job_gone()->set_report_id(effect.id);
  message.mutable_job_gone()->set_job_id(effect.job.value);
  message.mutable_job_gone()->set_attempt(effect.attempt);
  link_.Send(message);
}

}  // namespace reeve::emulator
