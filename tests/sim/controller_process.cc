#include "tests/sim/controller_process.h"

#include <algorithm>

#include "ctld/core/invariants.h"
#include "ctld/stored_snapshot.h"

namespace reeve::sim {

using ctld::Effects;
using ctld::Event;

ControllerProcess::ControllerProcess(Parts parts, ctld::Settings settings)
    : parts_(std::move(parts)), scene_(parts_.scene) {
  store_ =
      std::make_unique<ModelStore>(scene_, parts_.disk, &life_, parts_.random, parts_.at_commit);
  core_ = std::make_unique<ctld::Controller>(std::move(settings));
}

ControllerProcess::~ControllerProcess() = default;

void ControllerProcess::Start() {
  absl::StatusOr<ctld::StoredState> stored = store_->Load();
  epoch_ = stored->epoch;
  ctld::EffectRunner::Outlets outlets;
  outlets.reply = life_.Bind([this](const ctld::Reply& reply) {
    parts_.at_release();
    if (alive()) OnReply(reply);
  });
  outlets.command = life_.Bind([this](ctld::NodeCommand command) {
    parts_.at_release();
    if (alive()) Send(std::move(command));
  });
  outlets.accounting_stored = life_.Bind([this] { pusher_->Wake(); });
  outlets.store_failed = life_.Bind([this](const absl::Status& status) { OnStoreFailed(status); });
  runner_ = std::make_unique<ctld::EffectRunner>(
      ctld::EffectRunner::Options{"sim", scene_->plan.cluster.accounting, stored->last_sequence},
      [this](std::function<void()> fn) {
        scene_->clock.At(scene_->clock.now(), life_.Bind(std::move(fn)));
      },
      core_.get(), store_.get(), &publisher_, std::move(outlets));
  pusher_ = std::make_unique<ModelPusher>(
      scene_, store_.get(), parts_.dbd, &life_, parts_.random,
      life_.Bind([this](uint64_t sequence) { runner_->AccountingAcknowledged(sequence); }));

  absl::StatusOr<ctld::Snapshot> snapshot = ctld::ToSnapshot(*stored, 1);
  if (!snapshot.ok()) {
    return scene_->Violation("restore", "the store can't be read: ", Message(snapshot.status()));
  }
  scene_->Trace("CONTROLLER starts, epoch ", epoch_, ", ", snapshot->jobs.size(), " jobs");
  Effects effects = core_->Restore(*std::move(snapshot), scene_->clock.now());
  runner_->PutJobs();
  runner_->PublishAll();
  parts_.witness->OnRestored(*core_, *parts_.disk);
  Apply(std::move(effects));
  parts_.network->Listen(life_.Bind(
      [this](const StreamPtr& stream, const NodeMessage& first) { Accept(stream, first); }));
}

void ControllerProcess::Die() {
  if (!alive()) return;
  scene_->Trace("CONTROLLER dies");
  life_.End();
  parts_.network->Listen(nullptr);
  for (const auto& [node, line] : lines_) {
    parts_.network->Close(line.stream, Stream::kController, true);
  }
  lines_.clear();
  for (auto& [token, answer] : calls_) answer(absl::UnavailableError("the controller died"));
  calls_.clear();
  parts_.on_died();
}

void ControllerProcess::OnStoreFailed(const absl::Status& status) {
  scene_->Trace("controller: cannot write: ", Message(status));
  Die();
}

// ---- as ctld/daemon.cc ------------------------------------------------------------------------

// Some are decided with what comes right after them.
void ControllerProcess::Handle(Event event, ctld::EffectRunner::Blobs blobs) {
  arrived_.push_back(std::move(event));
  std::move(blobs.begin(), blobs.end(), std::back_inserter(arrived_blobs_));
  if (parts_.rounds->OneIn(2)) return HandleArrived();
  if (arrived_.size() > 1) return;
  scene_->clock.After(absl::Microseconds(parts_.rounds->Below(500)),
                      life_.Bind([this] { HandleArrived(); }));
}

void ControllerProcess::HandleArrived() {
  if (arrived_.empty()) return;
  const std::vector<Event> events = std::exchange(arrived_, {});
  Apply(core_->Handle(events, scene_->clock.now()), std::exchange(arrived_blobs_, {}));
}

void ControllerProcess::Apply(Effects effects, ctld::EffectRunner::Blobs blobs) {
  if (scene_->report.tracing()) {
    for (const ctld::LogLine& line : effects.log) scene_->Trace("ctld: ", line.text);
  }
  effects.log.clear();
  parts_.witness->OnEffects(*core_, effects);
  SetWakeup(effects.next_wakeup);
  if (effects.schedule) PlanPass();
  Misbehave(effects);
  if (alive()) runner_->Run(std::move(effects), std::move(blobs));
}

// What a canary does here instead of waiting for the disk.
void ControllerProcess::Misbehave(Effects& effects) {
  if (scene_->Is(Canary::kReplyBeforeCommit)) {
    for (const ctld::Reply& reply : std::exchange(effects.replies, {})) OnReply(reply);
  }
  const bool all = scene_->Is(Canary::kCommandBeforeCommit);
  if (all || scene_->Is(Canary::kAcknowledgeBeforeCommit)) {
    std::vector<ctld::NodeCommand> later;
    for (ctld::NodeCommand& command : effects.commands) {
      const bool now = all || std::holds_alternative<ctld::Acknowledge>(command.command);
      if (now) Send(std::move(command));
      if (!now) later.push_back(std::move(command));
    }
    effects.commands = std::move(later);
  }
  if (!scene_->Is(Canary::kRequeueAtSilence)) return;
  core_->ForEachJob([this](const ctld::Job& job) {
    if (!job.Completing()) return;
    for (const std::string& name : job.pending_nodes) {
      const ctld::Node* node = core_->FindNode(name);
      if (node == nullptr || node->base != ctld::NodeBase::kDown) continue;
      scene_->clock.At(scene_->clock.now(),
                       life_.Bind([this, gone = ctld::JobGone{name, 0, job.id, job.restarts}] {
                         Handle(gone);
                       }));
    }
  });
}

void ControllerProcess::PlanPass() {
  if (pass_planned_) return;
  pass_planned_ = true;
  const absl::Duration load =
      parts_.random->OneIn(8) ? absl::Milliseconds(parts_.random->Below(50)) : absl::ZeroDuration();
  scene_->clock.After(load, life_.Bind([this] {
    pass_planned_ = false;
    HandleArrived();
    if (!alive()) return;
    ctld::Effects effects = core_->Schedule(scene_->clock.now());
    for (const std::string& wrong : ctld::CheckPlan(*core_, scene_->clock.now())) {
      scene_->Violation("plan", wrong);
    }
    Apply(std::move(effects));
  }));
}

void ControllerProcess::SetWakeup(std::optional<absl::Time> when) {
  const uint64_t mine = ++wakeup_;
  if (!when) return;
  scene_->clock.At(*when, life_.Bind([this, mine] {
    if (mine == wakeup_) Handle(ctld::Tick{});
  }));
}

void ControllerProcess::Reconfigure(ctld::Settings settings) {
  Handle(ctld::Reconfigured{std::move(settings)});
  if (alive()) HandleArrived();
  if (alive()) runner_->PublishAll();
}

// ---- callers ----------------------------------------------------------------------------------

void ControllerProcess::Call(const std::function<Event(ctld::CallToken)>& event,
                             ctld::EffectRunner::Blobs blobs, OnAnswer answer) {
  const ctld::CallToken token{next_call_++};
  calls_[token.value] = std::move(answer);
  Handle(event(token), std::move(blobs));
}

void ControllerProcess::OnReply(const ctld::Reply& reply) {
  const auto call = calls_.find(reply.call.value);
  if (call == calls_.end()) {
    return scene_->Violation("reply", "call ", reply.call.value, " is answered twice or unasked");
  }
  const OnAnswer answer = std::move(call->second);
  calls_.erase(call);
  if (const auto* submitted =
          reply.answer.ok() ? std::get_if<ctld::SubmitAnswer>(&*reply.answer) : nullptr) {
    // A client that has its answer finds its job (unless it is over and forgotten).
    if (core_->FindJob(submitted->job) != nullptr &&
        picture()->FindJob(submitted->job.value) == nullptr &&
        !scene_->Is(Canary::kReplyBeforeCommit)) {
      scene_->Violation("picture", "job ", submitted->job.value,
                        " is answered for and not in the picture");
    }
  }
  answer(reply.answer);
}

// ---- nodes, as ctld/node_gateway.cc -----------------------------------------------------------

void ControllerProcess::Accept(const StreamPtr& stream, const NodeMessage& first) {
  const auto& registration = std::get<ctld::NodeRegistered>(first);
  if (core_->FindNode(registration.node) == nullptr) {
    return parts_.network->Close(stream, Stream::kController, false);
  }
  if (!orders_[registration.node].Admit(registration, lines_.contains(registration.node))) {
    scene_->Trace("controller: ", registration.node, " registers on a connection it has given up");
    return parts_.network->Close(stream, Stream::kController, false);
  }
  Line& line = lines_[registration.node];
  if (line.stream != nullptr) parts_.network->Close(line.stream, Stream::kController, false);
  line = {stream, false};
  parts_.network->SetHandlers(stream, Stream::kController,
                              life_.Bind([this, stream](WireMessage message) {
                                OnNodeMessage(stream, std::get<NodeMessage>(std::move(message)));
                              }),
                              life_.Bind([this, stream] { OnNodeClosed(stream); }));
  Handle(registration);
}

void ControllerProcess::OnNodeMessage(const StreamPtr& stream, const NodeMessage& message) {
  const auto found = lines_.find(stream->node());
  if (found == lines_.end() || found->second.stream != stream) return;  // replaced meanwhile
  if (scene_->report.tracing()) {
    if (const auto* report = std::get_if<ctld::StepReported>(&message)) {
      scene_->Trace("  ", report->node, " -> ctld: report ", report->report_id & 0xffff, " of ",
                    ToString(report->job, report->step), " attempt ", report->attempt, " kind ",
                    static_cast<int>(report->kind));
    } else if (const auto* gone = std::get_if<ctld::JobGone>(&message)) {
      scene_->Trace("  ", gone->node, " -> ctld: job ", gone->job.value, " attempt ", gone->attempt,
                    " gone");
    }
  }
  Handle(message);
}

void ControllerProcess::OnNodeClosed(const StreamPtr& stream) {
  const auto found = lines_.find(stream->node());
  if (found == lines_.end() || found->second.stream != stream) return;
  lines_.erase(found);
  Handle(ctld::NodeLost{stream->node()});
}

void ControllerProcess::Send(ctld::NodeCommand command) {
  const auto found = lines_.find(command.node);
  if (found == lines_.end()) return;
  const StreamPtr stream = found->second.stream;
  if (std::holds_alternative<ctld::HangUp>(command.command)) {
    lines_.erase(found);
    return parts_.network->Close(stream, Stream::kController, false);
  }
  found->second.welcomed |= std::holds_alternative<ctld::Welcome>(command.command);
  if (!found->second.welcomed) return;
  if (const auto* launch = std::get_if<ctld::StepLaunch>(&command.command)) {
    for (const std::string& hash : {launch->script_hash, launch->env_hash}) {
      if (!hash.empty() && !store_->ReadBlob(hash).ok()) return Unsendable(*launch, command.node);
    }
  }
  parts_.network->Send(stream, Stream::kController, ControllerMessage{epoch_, std::move(command)});
}

void ControllerProcess::Unsendable(const ctld::StepLaunch& launch, const std::string& node) {
  // With a command before its commit the blob is not there yet: that is not the point of it.
  if (scene_->Is(Canary::kCommandBeforeCommit)) return;
  scene_->Violation("blob", "script or environment of job ", launch.job.value, " for ", node,
                    " is not in the store");
}

}  // namespace reeve::sim
