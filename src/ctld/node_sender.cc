#include "ctld/node_sender.h"

#include <utility>

#include "common/base/text.h"
#include "ctld/convert.h"

namespace reeve::ctld {

NodeSender::NodeSender(Options options, BlobCache* blobs,
                       std::function<void(const NodeCommand&, const absl::Status&)> unsendable)
    : options_(std::move(options)),
      blobs_(blobs),
      unsendable_(std::move(unsendable)),
      thread_([this] { Run(); }) {}

NodeSender::~NodeSender() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void NodeSender::Send(StreamPtr stream, NodeCommand command) {
  {
    std::lock_guard lock(mutex_);
    outgoing_.push_back({std::move(stream), std::move(command)});
  }
  wake_.notify_one();
}

void NodeSender::Run() {
  for (;;) {
    std::deque<Outgoing> taken;
    {
      std::unique_lock lock(mutex_);
      auto awake = [this] { return stopping_ || !outgoing_.empty(); };
      if (due_.empty()) {
        wake_.wait(lock, awake);
      } else {
        wake_.wait_until(lock, due_.front().at, awake);
      }
      if (stopping_) return;
      taken.swap(outgoing_);
    }
    for (const Outgoing& outgoing : taken) SendNow(outgoing);
    SendDue(Clock::now());
  }
}

void NodeSender::SendNow(const Outgoing& outgoing) {
  const rpc::ServerStream* stream = outgoing.stream.get();
  if (const auto* acknowledge = std::get_if<Acknowledge>(&outgoing.command.command)) {
    std::vector<uint64_t>& waiting = acknowledged_[stream];
    if (waiting.empty()) {
      due_.push_back({Clock::now() + options_.acknowledge_delay, outgoing.stream});
    }
    waiting.push_back(acknowledge->report_id);
    return;
  }
  if (std::holds_alternative<HangUp>(outgoing.command.command)) {
    acknowledged_.erase(stream);
    return outgoing.stream->Finish(
        absl::UnavailableError("the controller hangs up on this node: see its log"));
  }
  absl::StatusOr<v1::ControllerMessage> message = Compose(outgoing.command);
  if (!message.ok()) return unsendable_(outgoing.command, message.status());
  TakeAcknowledged(stream, &*message);
  outgoing.stream->Send(*message);
}

void NodeSender::SendDue(Clock::time_point now) {
  for (; !due_.empty() && due_.front().at <= now; due_.pop_front()) {
    if (!acknowledged_.contains(due_.front().stream.get())) continue;  // they have left
    v1::ControllerMessage message;
    message.set_epoch(options_.epoch);
    TakeAcknowledged(due_.front().stream.get(), &message);
    due_.front().stream->Send(message);
  }
}

void NodeSender::TakeAcknowledged(const rpc::ServerStream* stream, v1::ControllerMessage* message) {
  const auto found = acknowledged_.find(stream);
  if (found == acknowledged_.end()) return;
  for (uint64_t id : found->second) message->add_acknowledged(id);
  acknowledged_.erase(found);
}

absl::StatusOr<v1::ControllerMessage> NodeSender::Compose(const NodeCommand& command) {
  v1::ControllerMessage message;
  message.set_epoch(options_.epoch);
  if (const auto* launch = std::get_if<StepLaunch>(&command.command)) {
    v1::StepLaunch out = ToProto(*launch, options_.cluster);
    if (!launch->script_hash.empty()) {
      absl::StatusOr<std::string> script = blobs_->Get(launch->script_hash);
      if (!script.ok()) return script.status();
      out.set_script(*std::move(script));
      absl::StatusOr<std::string> environment = blobs_->Get(launch->env_hash);
      if (!environment.ok()) return environment.status();
      for (std::string_view entry : SplitSkipEmpty(*environment, std::string_view("\0", 1))) {
        out.add_environment(std::string(entry));
      }
    }
    // After the user's own: later entries win.
    for (const std::string& entry : launch->environment) out.add_environment(entry);
    *message.mutable_launch() = std::move(out);
  } else if (const auto* signal = std::get_if<SignalStep>(&command.command)) {
    v1::SignalStep* out = message.mutable_signal();
    out->set_job_id(signal->job.value);
    out->set_step_id(signal->step.value);
    out->set_attempt(signal->attempt);
    out->set_signal(signal->signal);
    out->set_leader_only(signal->leader_only);
  } else if (const auto* kill = std::get_if<KillStep>(&command.command)) {
    v1::KillStep* out = message.mutable_kill_step();
    out->set_job_id(kill->job.value);
    out->set_step_id(kill->step.value);
    out->set_attempt(kill->attempt);
    out->set_kill_wait(absl::ToInt64Seconds(kill->kill_wait));
  } else if (const auto* terminate = std::get_if<TerminateJob>(&command.command)) {
    v1::TerminateJob* out = message.mutable_terminate();
    out->set_job_id(terminate->job.value);
    out->set_attempt(terminate->attempt);
    out->set_reason(terminate->reason);
    out->set_kill_wait(absl::ToInt64Seconds(terminate->kill_wait));
    if (terminate->facts != nullptr) *out->mutable_job() = ToProto(*terminate->facts);
  } else if (const auto* suspend = std::get_if<SuspendJob>(&command.command)) {
    v1::SuspendJob* out = message.mutable_suspend();
    out->set_job_id(suspend->job.value);
    out->set_attempt(suspend->attempt);
    out->set_suspended(suspend->suspended);
  } else if (const auto* prepare = std::get_if<PrepareJob>(&command.command)) {
    *message.mutable_prepare()->mutable_job() = ToProto(*prepare->facts);
  } else if (std::holds_alternative<CheckHealth>(command.command)) {
    message.mutable_check_health();
  } else if (const auto* welcome = std::get_if<Welcome>(&command.command)) {
    v1::Welcome* out = message.mutable_welcome();
    out->set_cluster(options_.cluster);
    out->set_time(absl::ToUnixSeconds(absl::Now()));
    out->set_heartbeat_seconds(absl::ToInt64Seconds(welcome->lease.heartbeat()));
    out->set_lease_seconds(absl::ToInt64Seconds(welcome->lease.length));
    for (const Welcome::Witness& witness : welcome->witnesses) {
      v1::Witness* one = out->add_witnesses();
      one->set_node(witness.node);
      one->set_address(witness.address);
      one->set_port(witness.port);
    }
  } else if (const auto* ack = std::get_if<HeartbeatAck>(&command.command)) {
    message.mutable_heartbeat_ack()->set_sequence(ack->sequence);
  }
  return message;
}

}  // namespace reeve::ctld
