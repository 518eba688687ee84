#include "ctld/node_gateway.h"

#include "common/base/text.h"
#include "common/os/log.h"
#include "ctld/convert.h"

namespace reeve::ctld {

NodeGateway::NodeGateway(Options options, os::EventLoop* loop, BlobCache* blobs,
                         AddressOf address_of, std::function<void(Event)> on_event)
    : options_(std::move(options)),
      loop_(loop),
      blobs_(blobs),
      address_of_(std::move(address_of)),
      on_event_(std::move(on_event)),
      sender_([this] { SendLoop(); }) {}

NodeGateway::~NodeGateway() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  sender_.join();
}

rpc::ServerStream::Events NodeGateway::Accept(std::shared_ptr<rpc::ServerStream> stream) {
  loop_->Post([this, stream] { OnFirstMessage(stream); });
  return {
      .on_message =
          [this, stream](std::string bytes) {
            loop_->Post([this, stream, bytes = std::move(bytes)] { OnMessage(stream, bytes); });
          },
      .on_closed = [this, stream] { loop_->Post([this, stream] { OnClosed(stream); }); },
  };
}

void NodeGateway::OnFirstMessage(const StreamPtr& stream) {
  pb::NodeMessage message;
  if (!message.ParseFromString(stream->first_message()) || !message.has_registration()) {
    return stream->Finish(absl::InvalidArgumentError("the first message must be a registration"));
  }
  const std::string& node = message.registration().node();
  const std::optional<std::string> address = address_of_(node);
  if (!address.has_value()) {
    os::LogError(StrCat("node ", node, " at ", stream->peer(),
                        " wants to register but is not in slurm.conf, or FUTURE there"));
    return stream->Finish(
        absl::NotFoundError(StrCat("node ", node, " is not in the controller's slurm.conf")));
  }
  if (address->empty()) return Admit(stream, message.registration());
  unchecked_.insert(stream.get());
  check_.Check(node, *address, stream->peer(),
               [this, stream, registration = message.registration()](absl::Status status) {
                 loop_->Post([this, stream, registration, status = std::move(status)] {
                   OnAddressChecked(stream, registration, status);
                 });
               });
}

void NodeGateway::OnAddressChecked(const StreamPtr& stream, const pb::Registration& registration,
                                   const absl::Status& status) {
  if (unchecked_.erase(stream.get()) == 0) return;  // closed meanwhile
  if (status.ok()) return Admit(stream, registration);
  os::LogError(Message(status));
  stream->Finish(status);
}

void NodeGateway::Admit(const StreamPtr& stream, const pb::Registration& registration) {
  const std::string& node = registration.node();
  NodeRegistered event = FromProto(registration);
  if (!orders_[node].Admit(event, lines_.contains(node))) {
    os::LogWarn(StrCat("node ", node, ": refused ", stream->peer(),
                       ", the node has a newer connection or a daemon that was started later"));
    return stream->Finish(
        absl::AbortedError("the node has a newer connection, or a reevenoded started later"));
  }
  NodeLine& line = lines_[node];
  if (line.stream != nullptr) {
    // The node has restarted or found a dead link before we did.
    names_.erase(line.stream.get());
    line.stream->Finish(absl::AbortedError("the node has connected again"));
  }
  line = {stream, false};
  names_[stream.get()] = node;
  on_event_(std::move(event));
}

void NodeGateway::OnMessage(const StreamPtr& stream, const std::string& bytes) {
  auto name = names_.find(stream.get());
  if (name == names_.end()) return;  // replaced or refused meanwhile
  pb::NodeMessage message;
  if (!message.ParseFromString(bytes)) {
    return stream->Finish(absl::InvalidArgumentError("unreadable message"));
  }
  std::optional<Event> event = ToEvent(name->second, message);
  if (event) on_event_(*std::move(event));
}

void NodeGateway::OnClosed(const StreamPtr& stream) {
  unchecked_.erase(stream.get());
  auto name = names_.find(stream.get());
  if (name == names_.end()) return;
  std::string node = std::move(name->second);
  names_.erase(name);
  lines_.erase(node);
  on_event_(NodeLost{std::move(node)});
}

void NodeGateway::Send(NodeCommand command) {
  auto found = lines_.find(command.node);
  if (found == lines_.end()) return;
  const bool hang_up = std::holds_alternative<HangUp>(command.command);
  found->second.welcomed |= std::holds_alternative<Welcome>(command.command);
  if (!found->second.welcomed && !hang_up) return;
  StreamPtr stream = found->second.stream;
  if (hang_up) {
    names_.erase(stream.get());
    lines_.erase(found);
  }
  {
    std::lock_guard lock(mutex_);
    outgoing_.push_back({std::move(stream), std::move(command)});
  }
  wake_.notify_one();
}

void NodeGateway::SendLoop() {
  for (;;) {
    std::deque<Outgoing> taken;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !outgoing_.empty(); });
      if (stopping_) return;
      taken.swap(outgoing_);
    }
    for (const Outgoing& outgoing : taken) {
      if (std::holds_alternative<HangUp>(outgoing.command.command)) {
        outgoing.stream->Finish(
            absl::UnavailableError("the controller hangs up on this node: see its log"));
        continue;
      }
      absl::StatusOr<pb::ControllerMessage> message = Compose(outgoing.command);
      if (message.ok()) {
        outgoing.stream->Send(*message);
      } else {
        OnUnsendable(outgoing.command, message.status());
      }
    }
  }
}

// The script can't be read: the job is told as if its node had refused it.
void NodeGateway::OnUnsendable(const NodeCommand& command, const absl::Status& status) {
  os::LogError(StrCat("nothing sent to ", command.node, ": ", status.message()));
  const auto* launch = std::get_if<StepLaunch>(&command.command);
  if (launch == nullptr) return;
  StepReported report;
  report.node = command.node;
  report.job = launch->job;
  report.step = launch->step;
  report.attempt = launch->attempt;
  report.kind = StepReportKind::kLaunchFailed;
  report.time = absl::Now();
  report.error = std::string(status.message());
  loop_->Post([this, report = std::move(report)] { on_event_(report); });
}

absl::StatusOr<pb::ControllerMessage> NodeGateway::Compose(const NodeCommand& command) {
  pb::ControllerMessage message;
  message.set_epoch(options_.epoch);
  if (const auto* launch = std::get_if<StepLaunch>(&command.command)) {
    pb::StepLaunch out = ToProto(*launch, options_.cluster);
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
    pb::SignalStep* out = message.mutable_signal();
    out->set_job_id(signal->job.value);
    out->set_step_id(signal->step.value);
    out->set_attempt(signal->attempt);
    out->set_signal(signal->signal);
    out->set_leader_only(signal->leader_only);
  } else if (const auto* kill = std::get_if<KillStep>(&command.command)) {
    pb::KillStep* out = message.mutable_kill_step();
    out->set_job_id(kill->job.value);
    out->set_step_id(kill->step.value);
    out->set_attempt(kill->attempt);
    out->set_kill_wait(absl::ToInt64Seconds(kill->kill_wait));
  } else if (const auto* terminate = std::get_if<TerminateJob>(&command.command)) {
    pb::TerminateJob* out = message.mutable_terminate();
    out->set_job_id(terminate->job.value);
    out->set_attempt(terminate->attempt);
    out->set_reason(terminate->reason);
    out->set_kill_wait(absl::ToInt64Seconds(terminate->kill_wait));
    if (terminate->facts != nullptr) *out->mutable_job() = ToProto(*terminate->facts);
  } else if (const auto* suspend = std::get_if<SuspendJob>(&command.command)) {
    pb::SuspendJob* out = message.mutable_suspend();
    out->set_job_id(suspend->job.value);
    out->set_attempt(suspend->attempt);
    out->set_suspended(suspend->suspended);
  } else if (const auto* prepare = std::get_if<PrepareJob>(&command.command)) {
    *message.mutable_prepare()->mutable_job() = ToProto(*prepare->facts);
  } else if (std::holds_alternative<CheckHealth>(command.command)) {
    message.mutable_check_health();
  } else if (const auto* welcome = std::get_if<Welcome>(&command.command)) {
    pb::Welcome* out = message.mutable_welcome();
    out->set_cluster(options_.cluster);
    out->set_time(absl::ToUnixSeconds(absl::Now()));
    out->set_heartbeat_seconds(absl::ToInt64Seconds(welcome->lease.heartbeat()));
    out->set_lease_seconds(absl::ToInt64Seconds(welcome->lease.length));
    for (const Welcome::Witness& witness : welcome->witnesses) {
      pb::Witness* one = out->add_witnesses();
      one->set_node(witness.node);
      one->set_address(witness.address);
      one->set_port(witness.port);
    }
  } else if (const auto* ack = std::get_if<HeartbeatAck>(&command.command)) {
    message.mutable_heartbeat_ack()->set_sequence(ack->sequence);
  } else if (const auto* acknowledge = std::get_if<Acknowledge>(&command.command)) {
    message.mutable_acknowledge()->add_report_ids(acknowledge->report_id);
  }
  return message;
}

}  // namespace reeve::ctld
