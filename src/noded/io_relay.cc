#include "noded/io_relay.h"

#include "common/base/text.h"
#include "common/os/log.h"

namespace reeve::noded {
namespace {

constexpr absl::Duration kAttachPatience = absl::Seconds(30);
// A user may have a thousand streams, so what one may leave here is little. srun sends nothing
// before it is attached, and then a mebibyte at most that is not acknowledged.
constexpr size_t kMaxQueued = size_t{2} << 20;
constexpr size_t kMaxEarly = size_t{64} << 10;

// Takes the same time whatever the difference is.
bool SameSecret(std::string_view a, std::string_view b) {
  if (a.size() != b.size() || a.empty()) return false;
  unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

}  // namespace

IoRelay::IoRelay(os::EventLoop* loop, StepRunner* steps, std::string node)
    : loop_(loop), steps_(steps), node_(std::move(node)) {
  steps_->SetIoChanged([this](const StepKey& key) { OnStepChanged(key); });
}

IoRelay::~IoRelay() {
  steps_->SetIoChanged(nullptr);
}

rpc::ServerStream::Events IoRelay::OnStream(std::shared_ptr<rpc::ServerStream> stream) {
  uint64_t id = next_++;
  loop_->Post([this, id, stream = std::move(stream)] { Open(id, stream); });
  return {[this, id](std::string message) {
            loop_->Post([this, id, message = std::move(message)] { OnClientMessage(id, message); });
          },
          [this, id] { loop_->Post([this, id] { OnClientGone(id); }); }};
}

void IoRelay::Open(uint64_t id, std::shared_ptr<rpc::ServerStream> stream) {
  Client& client = clients_[id];
  client.stream = std::move(stream);
  if (!client.attach.ParseFromString(client.stream->first_message()) ||
      !client.attach.has_attach()) {
    return End(id, absl::InvalidArgumentError("the first message must attach to a step"));
  }
  const v1::StepIoAttach& attach = client.attach.attach();
  client.key = {JobId{attach.job_id()}, StepId{attach.step_id()}, attach.attempt()};
  client.deadline = loop_->After(kAttachPatience, [this, id] { OnImpatience(id); });
  TryAttach(id);
}

void IoRelay::OnImpatience(uint64_t id) {
  auto found = clients_.find(id);
  if (found == clients_.end()) return;
  Client& client = found->second;
  // What waits for its prolog comes when that has ended.
  if (steps_->FindIo(client.key).kind == StepRunner::IoState::Kind::kComing) {
    client.deadline = loop_->After(kAttachPatience, [this, id] { OnImpatience(id); });
    return;
  }
  End(id, absl::NotFoundError("the step did not come to this node\nInvalid job id specified"));
}

void IoRelay::OnStepChanged(const StepKey& key) {
  std::vector<uint64_t> waiting;
  for (const auto& [id, client] : clients_) {
    if (client.key == key && client.stepd == nullptr && !client.ended) waiting.push_back(id);
  }
  for (uint64_t id : waiting) TryAttach(id);
}

void IoRelay::TryAttach(uint64_t id) {
  auto found = clients_.find(id);
  if (found == clients_.end()) return;
  Client& client = found->second;
  StepRunner::IoState state = steps_->FindIo(client.key);
  using Kind = StepRunner::IoState::Kind;
  if (state.kind == Kind::kUnknown) return;
  bool permitted = client.stream->identity().uid == state.uid ||
                   client.stream->role() == rpc::Role::kAdministrator;
  if (!permitted || !SameSecret(state.secret, client.attach.attach().io_secret())) {
    os::LogError(StrCat("step ", ToString(client.key), ": attach refused to user ",
                        client.stream->identity().uid));
    return End(id, absl::PermissionDeniedError("Access/permission denied"));
  }
  if (state.kind == Kind::kReady) Connect(id, &client);
  if (state.kind == Kind::kEnded) {
    Replay(&client, state.outcome);
    End(id, absl::OkStatus());
  }
}

void IoRelay::Connect(uint64_t id, Client* client) {
  absl::StatusOr<os::UniqueFd> socket = steps_->ConnectIo(client->key);
  if (!socket.ok()) {
    // It ends just now; the runner says so in a moment, or the deadline does.
    loop_->After(absl::Milliseconds(50), [this, id] { TryAttach(id); });
    return;
  }
  loop_->Cancel(client->deadline);
  client->stepd = std::make_unique<FrameConnection>(
      loop_, *std::move(socket),
      FrameConnection::Events{[this, id](std::string_view frame) { OnStepdFrame(id, frame); },
                              [this, id] {
                                auto gone = clients_.find(id);
                                bool ended = gone != clients_.end() && gone->second.ended;
                                End(id, ended ? absl::OkStatus()
                                              : absl::UnavailableError("the step daemon is gone"));
                              }});
  v1::StepdRequest request;
  *request.mutable_io() = client->attach;
  client->stepd->Send(request);
  for (const v1::StepdRequest& early : client->early) client->stepd->Send(early);
  client->early.clear();
  client->early_bytes = 0;
}

void IoRelay::OnClientMessage(uint64_t id, const std::string& bytes) {
  auto found = clients_.find(id);
  if (found == clients_.end()) return;
  Client& client = found->second;
  v1::StepdRequest request;
  if (!request.mutable_io()->ParseFromString(bytes) || request.io().has_attach()) {
    return End(id, absl::InvalidArgumentError("unreadable message"));
  }
  bool too_much = false;
  if (client.stepd != nullptr) {
    client.stepd->Send(request);
    too_much = client.stepd->queued_bytes() > kMaxQueued;
  } else {
    // Empty ones take room too.
    client.early_bytes += bytes.size() + sizeof(request) + sizeof(request.io());
    client.early.push_back(std::move(request));
    too_much = client.early_bytes > kMaxEarly;
  }
  if (too_much) {
    End(id, absl::ResourceExhaustedError("more input than the step takes: wait for its acks"));
  }
}

void IoRelay::OnStepdFrame(uint64_t id, std::string_view frame) {
  auto found = clients_.find(id);
  if (found == clients_.end()) return;
  v1::StepdEvent event;
  if (!event.ParseFromArray(frame.data(), static_cast<int>(frame.size())) || !event.has_io()) {
    return;
  }
  if (event.io().has_ended()) found->second.ended = true;
  found->second.stream->Send(event.io());
}

void IoRelay::Replay(Client* client, const StepOutcome& outcome) {
  v1::StepIoResponse response;
  response.mutable_attached()->set_node(node_);
  client->stream->Send(response);
  if (outcome.kind == StepOutcome::Kind::kLaunchFailed) {
    response.mutable_launch_error()->set_message(outcome.error);
    client->stream->Send(response);
  }
  for (const TaskEnd& task : outcome.tasks) {
    response.mutable_task_exit()->set_task_id(task.task);
    response.mutable_task_exit()->set_status(task.status);
    client->stream->Send(response);
  }
  response.mutable_ended();
  client->stream->Send(response);
  client->ended = true;
}

void IoRelay::OnClientGone(uint64_t id) {
  auto found = clients_.find(id);
  if (found == clients_.end()) return;
  loop_->Cancel(found->second.deadline);
  clients_.erase(found);
}

void IoRelay::End(uint64_t id, absl::Status status) {
  auto found = clients_.find(id);
  if (found == clients_.end()) return;
  loop_->Cancel(found->second.deadline);
  std::shared_ptr<rpc::ServerStream> stream = std::move(found->second.stream);
  clients_.erase(found);
  stream->Finish(std::move(status));
}

}  // namespace reeve::noded
