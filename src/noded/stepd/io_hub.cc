#include "noded/stepd/io_hub.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>

namespace reeve::noded {
namespace {

constexpr size_t kChunk = 64 << 10;

}  // namespace

IoHub::~IoHub() {
  for (auto& [id, stream] : streams_) {
    if (stream.watched) loop_->Unwatch(stream.pipe.get());
  }
  for (auto& [task, reader] : readers_) {
    if (reader.watched) loop_->Unwatch(reader.pipe.get());
  }
}

// ---- output ---------------------------------------------------------------------------------

void IoHub::AddOutput(uint32_t task, uint32_t stream, os::UniqueFd pipe) {
  StreamId id{task, stream};
  streams_[id].pipe = std::move(pipe);
  Rewatch(id);
}

void IoHub::AddTask(uint32_t task) {
  tasks_[task];
}

void IoHub::TaskExited(uint32_t task, int32_t status) {
  tasks_[task] = {true, status};
  Pump();
}

void IoHub::Rewatch(StreamId id) {
  Stream& stream = streams_[id];
  bool wanted = !stream.ended && !stream.window.full();
  if (wanted == stream.watched) return;
  stream.watched = wanted;
  if (wanted) {
    loop_->Watch(stream.pipe.get(), EPOLLIN, [this, id](uint32_t) { Read(id); }).IgnoreError();
  } else {
    loop_->Unwatch(stream.pipe.get());
  }
}

void IoHub::Read(StreamId id) {
  ReadSome(&streams_[id]);
  Rewatch(id);
  Pump();
}

size_t IoHub::ReadSome(Stream* stream) {
  char buffer[kChunk];
  ssize_t got = read(stream->pipe.get(), buffer, sizeof(buffer));
  if (got > 0) {
    stream->window.Append({buffer, static_cast<size_t>(got)});
    return got;
  }
  if (got == 0 || (errno != EAGAIN && errno != EINTR)) EndStream(stream);
  return 0;
}

void IoHub::EndStream(Stream* stream) {
  if (stream->watched) loop_->Unwatch(stream->pipe.get());
  stream->watched = false;
  stream->ended = true;
  stream->pipe.reset();
}

void IoHub::Drain() {
  for (auto& [id, stream] : streams_) {
    // A pipe holds 64 KiB or so: this goes past the window by no more than that.
    while (!stream.ended && ReadSome(&stream) > 0) {
    }
    if (!stream.ended) EndStream(&stream);
  }
  Pump();
}

void IoHub::Inject(uint32_t task, uint32_t stream, std::string_view text) {
  auto found = streams_.find({task, stream});
  if (found == streams_.end() || found->second.ended) return;
  found->second.window.Append(text);
  Rewatch(found->first);
  Pump();
}

void IoHub::LaunchFailed(std::string message) {
  launch_error_ = std::move(message);
  ended_ = true;
  Pump();
}

void IoHub::Announce(const v1::StepIoResponse& notice) {
  notices_.push_back(notice);
  for (auto& [id, client] : clients_) client.send(notice);
}

void IoHub::End() {
  ended_ = true;
  Pump();
}

// ---- clients --------------------------------------------------------------------------------

IoHub::ClientId IoHub::Attach(const v1::StepIoAttach& attach, SendFn send) {
  ClientId id = next_client_++;
  Client& client = clients_[id];
  client.send = std::move(send);
  for (auto& [stream_id, stream] : streams_) client.sent[stream_id] = stream.window.begin();
  for (const v1::StepIoAck& have : attach.have()) {
    StreamId stream_id{have.task_id(), have.stream()};
    auto stream = streams_.find(stream_id);
    if (stream == streams_.end()) continue;
    const OutputWindow& window = stream->second.window;
    uint64_t offset = std::clamp(have.offset(), window.begin(), window.end());
    client.sent[stream_id] = offset;
    client.acknowledged[stream_id] = offset;
  }
  v1::StepIoResponse attached;
  attached.mutable_attached()->set_node(node_);
  client.send(attached);
  for (const v1::StepIoResponse& notice : notices_) client.send(notice);
  TrimAll();
  Pump();
  return id;
}

void IoHub::Detach(ClientId client) {
  clients_.erase(client);
  TrimAll();
  Pump();
}

void IoHub::OnAck(ClientId id, const v1::StepIoAck& ack) {
  auto client = clients_.find(id);
  StreamId stream_id{ack.task_id(), ack.stream()};
  if (client == clients_.end() || !streams_.contains(stream_id)) return;
  uint64_t& known = client->second.acknowledged[stream_id];
  known = std::max(known, std::min(ack.offset(), client->second.sent[stream_id]));
  TrimAll();
  Pump();
}

void IoHub::TrimAll() {
  if (clients_.empty()) return;
  for (auto& [id, stream] : streams_) {
    uint64_t everybody_has = UINT64_MAX;
    for (auto& [client_id, client] : clients_) {
      everybody_has = std::min(everybody_has, client.acknowledged[id]);
    }
    stream.window.Trim(everybody_has);
    Rewatch(id);
  }
}

void IoHub::Pump() {
  for (auto& [id, client] : clients_) PumpClient(&client);
  CheckDelivered();
}

void IoHub::PumpClient(Client* client) {
  for (const auto& [id, stream] : streams_) PumpStream(client, id, stream);
  for (const auto& [task, state] : tasks_) {
    if (!state.exited || !OutputEnded(task) || !client->exits_sent.insert(task).second) continue;
    v1::StepIoResponse response;
    response.mutable_task_exit()->set_task_id(task);
    response.mutable_task_exit()->set_status(state.status);
    client->send(response);
  }
  if (!ended_ || client->end_sent) return;
  client->end_sent = true;
  end_sent_ = true;
  if (!launch_error_.empty()) {
    v1::StepIoResponse response;
    response.mutable_launch_error()->set_message(launch_error_);
    client->send(response);
  }
  v1::StepIoResponse response;
  response.mutable_ended();
  client->send(response);
}

void IoHub::PumpStream(Client* client, StreamId id, const Stream& stream) {
  uint64_t& sent = client->sent[id];
  v1::StepIoResponse response;
  v1::StepOutput* output = response.mutable_output();
  output->set_task_id(id.first);
  output->set_stream(id.second);
  while (sent < stream.window.end()) {
    sent = std::max(sent, stream.window.begin());
    std::string_view data = stream.window.From(sent, kChunk);
    output->set_offset(sent);
    output->set_data(std::string(data));
    client->send(response);
    sent += data.size();
  }
  if (stream.ended && client->ended.insert(id).second) {
    output->set_offset(sent);
    output->clear_data();
    output->set_eof(true);
    client->send(response);
  }
}

bool IoHub::OutputEnded(uint32_t task) const {
  for (uint32_t stream : {1u, 2u}) {
    auto found = streams_.find({task, stream});
    if (found != streams_.end() && !found->second.ended) return false;
  }
  return true;
}

void IoHub::CheckDelivered() {
  if (!ended_ || delivered_) return;
  delivered_ = std::any_of(clients_.begin(), clients_.end(), [this](const auto& entry) {
    const Client& client = entry.second;
    return client.end_sent &&
           std::all_of(streams_.begin(), streams_.end(), [&](const auto& stream) {
             auto has = client.acknowledged.find(stream.first);
             uint64_t offset = has == client.acknowledged.end() ? 0 : has->second;
             return offset >= stream.second.window.end();
           });
  });
}

}  // namespace reeve::noded
