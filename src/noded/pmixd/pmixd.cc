#include "noded/pmixd/pmixd.h"

#include "absl/time/clock.h"
#include "common/base/text.h"

namespace reeve::noded {
namespace {

// What a peer sent before its connection broke may still be on its way in.
constexpr absl::Duration kLossGrace = absl::Seconds(2);
// Of a question to another node that has none of its own.
constexpr absl::Duration kQuestionPatience = absl::Minutes(5);
// For what others wait to hear, before this server goes.
constexpr absl::Duration kFarewell = absl::Seconds(1);
constexpr absl::Duration kLookAgain = absl::Milliseconds(10);

std::vector<NodePart> PartsOf(const v1::PmixdStart& start) {
  std::vector<NodePart> parts;
  for (int i = 0; i < start.nodes_size(); ++i) {
    NodePart part{start.nodes(i), 0, {}};
    if (i < start.task_ids_size()) {
      part.tasks.assign(start.task_ids(i).ids().begin(), start.task_ids(i).ids().end());
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace

Pmixd::Pmixd(os::UniqueFd stepd)
    : stepd_(std::make_unique<FrameConnection>(
          &loop_, std::move(stepd),
          FrameConnection::Events{[this](std::string_view frame) { OnRequest(frame); },
                                  [this] { Leave(absl::Now() + kFarewell); }})) {}

int Pmixd::Run() {
  loop_.Run();
  return 0;
}

void Pmixd::OnRequest(std::string_view frame) {
  v1::PmixdRequest request;
  if (!request.ParseFromArray(frame.data(), static_cast<int>(frame.size()))) return;
  if (request.has_start() && !started_) Start(request.start());
  if (request.has_peers() && net_ != nullptr) {
    std::vector<PeerNet::Address> peers;
    for (const v1::MpiPeer& peer : request.peers().peers()) {
      peers.push_back({peer.address(), static_cast<uint16_t>(peer.port())});
    }
    net_->SetPeers(std::move(peers));
  }
}

void Pmixd::Start(const v1::PmixdStart& start) {
  started_ = true;
  absl::Status status = TryStart(start);
  if (status.ok()) return;
  v1::PmixdEvent event;
  event.set_error(std::string(Message(status)));
  stepd_->Send(event);
  stepd_->OnFlushed([this] { loop_.Stop(); });
}

absl::Status Pmixd::TryStart(const v1::PmixdStart& start) {
  parts_ = PartsOf(start);
  self_ = start.node_index();
  if (self_ >= parts_.size() || parts_[self_].tasks.empty() || start.io_secret().empty()) {
    return absl::InvalidArgumentError("the launch does not say what this node's part is");
  }
  map_.emplace(parts_);
  fences_.emplace(self_, FenceTable::Options{.unreachable = kPmixUnreachable,
                                             .too_much = kPmixTooMuch,
                                             .timed_out = kPmixTimedOut});
  v1::PmixdEvent event;
  if (parts_.size() > 1) {
    net_ = std::make_unique<PeerNet>(
        &loop_, self_, static_cast<uint32_t>(parts_.size()), PeerSecret(start.io_secret()),
        PeerNet::Events{
            [this](uint32_t node, const std::string& payload) { OnPeer(node, payload); },
            [this](uint32_t node, const std::string& why) { OnPeerLost(node, why); }},
        PeerNet::Times());
    if (absl::Status status = net_->Listen(); !status.ok()) return status;
    event.mutable_ready()->set_port(net_->port());
  }
  PmixJob job{StrCat("reeve.", start.job_id(), ".", start.step_id(), ".",
                     NamespaceToken(start.io_secret())),
              start.folder(), parts_, self_};
  absl::StatusOr<std::vector<std::vector<std::string>>> variables =
      StartPmixServer(job, LibraryEvents());
  if (!variables.ok()) return variables.status();
  for (size_t i = 0; i < variables->size(); ++i) {
    v1::TaskVariables* task = event.mutable_ready()->add_tasks();
    task->set_task_id(parts_[self_].tasks[i]);
    for (std::string& variable : (*variables)[i]) task->add_variables(std::move(variable));
    task->add_variables(StrCat("SLURM_PMIX_MAPPING_SERV=", map_->Vector()));
  }
  stepd_->Send(event);
  return absl::OkStatus();
}

// Everything of the library's thread continues on the loop's.
PmixEvents Pmixd::LibraryEvents() {
  PmixEvents events;
  events.on_abort = [this](uint32_t rank, int status, std::string text) {
    loop_.Post([this, rank, status, text = std::move(text)] {
      OnAbort(rank, status,
              StrCat("task ", rank, " called MPI_Abort, status ", status, text.empty() ? "" : ": ",
                     text));
    });
  };
  events.on_rank_lost = [this](uint32_t rank) {
    loop_.Post([this, rank] {
      OnAbort(rank, 0, StrCat("task ", rank, " has gone without MPI_Finalize"));
    });
  };
  events.on_fence = [this](std::vector<uint32_t> ranks, std::string data,
                           std::optional<int> seconds, PmixAnswer done) {
    loop_.Post([this, ranks = std::move(ranks), data = std::move(data), seconds,
                done = std::move(done)]() mutable {
      OnFence(ranks, std::move(data), seconds, std::move(done));
    });
  };
  events.on_modex = [this](uint32_t rank, std::optional<int> seconds, PmixAnswer done) {
    loop_.Post([this, rank, seconds, done = std::move(done)] { OnModex(rank, seconds, done); });
  };
  return events;
}

// The other nodes first: the step daemon kills this server with the step.
void Pmixd::OnAbort(uint32_t rank, int status, const std::string& text) {
  if (std::exchange(aborted_, true)) return;  // the others fall with the first
  v1::PeerMessage message;
  message.mutable_abort()->set_task_id(rank);
  message.mutable_abort()->set_status(status);
  for (uint32_t node = 0; node < parts_.size(); ++node) {
    if (node != self_) Tell(node, message);
  }
  message.mutable_abort()->set_text(text);
  TellAbort(message.abort(), absl::Now() + kFarewell);
}

void Pmixd::TellAbort(const v1::MpiAbort& abort, absl::Time deadline) {
  if (net_ != nullptr && !net_->idle() && absl::Now() < deadline) {
    loop_.After(kLookAgain, [this, abort, deadline] { TellAbort(abort, deadline); });
    return;
  }
  v1::PmixdEvent event;
  *event.mutable_abort() = abort;
  stepd_->Send(event);
}

// ---- the library's calls ------------------------------------------------------------------------

void Pmixd::OnFence(const std::vector<uint32_t>& ranks, std::string data,
                    std::optional<int> seconds, PmixAnswer done) {
  std::optional<std::vector<uint32_t>> nodes = map_->NodesOf(ranks);
  if (!nodes.has_value()) return done(kPmixNotFound, {});
  const uint64_t id = next_call_++;
  Call& call = calls_[id];
  call.done = std::move(done);
  if (seconds.has_value()) {
    call.timer = loop_.After(absl::Seconds(*seconds), [this, id] { Apply(fences_->TimeOver(id)); });
  }
  Apply(fences_->Enter(id, RanksText(ranks), *std::move(nodes), std::move(data)));
}

void Pmixd::OnModex(uint32_t rank, std::optional<int> seconds, PmixAnswer done) {
  const std::optional<uint32_t> node = map_->NodeOf(rank);
  if (!node.has_value() || *node == self_) return done(kPmixNotFound, {});
  const uint64_t id = next_call_++;
  Call& call = calls_[id];
  call.done = std::move(done);
  call.node = *node;
  const absl::Duration patience = seconds ? absl::Seconds(*seconds) : kQuestionPatience;
  call.timer = loop_.After(patience, [this, id] { Answer(id, kPmixTimedOut, {}); });
  v1::PeerMessage message;
  message.mutable_question()->set_id(id);
  message.mutable_question()->set_rank(rank);
  Tell(*node, message);
}

void Pmixd::Apply(const FenceEffects& effects) {
  for (const FenceEffect& effect : effects) {
    if (const auto* over = std::get_if<FenceOver>(&effect)) {
      Answer(over->call, over->status, *over->data);
      continue;
    }
    const auto& send = std::get<FenceSend>(effect);
    v1::PeerMessage message;
    const auto put = [&send](auto* fence) {
      fence->mutable_key()->set_ranks(send.key.ranks);
      fence->mutable_key()->set_count(send.key.count);
      fence->set_status(send.status);
      fence->set_data(*send.data);
    };
    send.up ? put(message.mutable_fence_up()) : put(message.mutable_fence_down());
    Tell(send.node, message);
  }
}

void Pmixd::Answer(uint64_t id, int status, std::string data) {
  auto call = calls_.extract(id);
  if (call.empty()) return;
  loop_.Cancel(call.mapped().timer);
  call.mapped().done(status, std::move(data));
}

// ---- the other servers --------------------------------------------------------------------------

void Pmixd::Tell(uint32_t node, const v1::PeerMessage& message) {
  if (net_ != nullptr) net_->Send(node, message.SerializeAsString());
}

void Pmixd::OnPeer(uint32_t node, const std::string& payload) {
  v1::PeerMessage message;
  if (!message.ParseFromString(payload)) return;
  switch (message.kind_case()) {
    case v1::PeerMessage::kFenceUp: {
      v1::FenceUp& up = *message.mutable_fence_up();
      return Apply(fences_->FromBelow(node, {up.key().ranks(), up.key().count()}, up.status(),
                                      std::move(*up.mutable_data())));
    }
    case v1::PeerMessage::kFenceDown: {
      v1::FenceDown& down = *message.mutable_fence_down();
      return Apply(fences_->FromAbove(node, {down.key().ranks(), down.key().count()}, down.status(),
                                      std::move(*down.mutable_data())));
    }
    case v1::PeerMessage::kQuestion:
      return OnQuestion(node, message.question());
    case v1::PeerMessage::kAnswer: {
      const auto call = calls_.find(message.answer().id());
      if (call == calls_.end() || call->second.node != node) return;
      return Answer(call->first, message.answer().status(),
                    std::move(*message.mutable_answer()->mutable_data()));
    }
    case v1::PeerMessage::kAbort:
      if (!std::exchange(aborted_, true)) TellAbort(message.abort(), absl::InfinitePast());
      return;
    case v1::PeerMessage::KIND_NOT_SET:
      return;
  }
}

void Pmixd::OnQuestion(uint32_t node, const v1::ModexQuestion& question) {
  const auto answer = [this, node, id = question.id()](int status, std::string data) {
    v1::PeerMessage message;
    message.mutable_answer()->set_id(id);
    message.mutable_answer()->set_status(status);
    message.mutable_answer()->set_data(std::move(data));
    Tell(node, message);
  };
  if (map_->NodeOf(question.rank()) != self_) return answer(kPmixNotFound, {});
  AskPmixRank(question.rank(), [this, answer](int status, std::string data) {
    loop_.Post(
        [answer, status, data = std::move(data)]() mutable { answer(status, std::move(data)); });
  });
}

void Pmixd::OnPeerLost(uint32_t node, const std::string&) {
  loop_.After(kLossGrace, [this, node] {
    std::vector<uint64_t> unanswered;
    for (const auto& [id, call] : calls_) {
      if (call.node == node) unanswered.push_back(id);
    }
    for (uint64_t id : unanswered) Answer(id, kPmixUnreachable, {});
    Apply(fences_->Lost(node));
  });
}

// Not before what was said last has left, as others may wait for it.
void Pmixd::Leave(absl::Time deadline) {
  if (net_ != nullptr && !net_->idle() && absl::Now() < deadline) {
    loop_.After(kLookAgain, [this, deadline] { Leave(deadline); });
    return;
  }
  if (started_) StopPmixServer();
  loop_.Stop();
}

}  // namespace reeve::noded
