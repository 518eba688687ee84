#include "ctld/node_gateway.h"

#include "common/base/text.h"
#include "common/os/log.h"
#include "ctld/convert.h"

namespace reeve::ctld {

NodeGateway::NodeGateway(Options options, os::EventLoop* loop, BlobCache* blobs,
                         AddressOf address_of, std::function<void(Event)> on_event)
    : loop_(loop),
      address_of_(std::move(address_of)),
      on_event_(std::move(on_event)),
      sender_(std::move(options), blobs,
              [this](const NodeCommand& command, const absl::Status& status) {
                OnUnsendable(command, status);
              }) {}

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
  sender_.Send(std::move(stream), std::move(command));
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

}  // namespace reeve::ctld
