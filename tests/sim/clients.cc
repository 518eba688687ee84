#include "tests/sim/clients.h"

#include <signal.h>

#include <algorithm>

#include "absl/strings/numbers.h"

namespace reeve::sim {

ctld::Caller CallerOf(uint32_t uid) {
  return {uid, uid, uid == 0 ? "root" : StrCat("user", uid), uid == 0};
}

Clients::Clients(Scene* scene, GetController controller)
    : scene_(scene), controller_(std::move(controller)), random_(scene->plan.seed, "clients") {}

const Submission* Clients::Find(uint32_t item) const {
  const auto found = submissions_.find(item);
  return found == submissions_.end() ? nullptr : &found->second;
}

void Clients::Call(MakeEvent event, ctld::EffectRunner::Blobs blobs, bool lose_reply,
                   OnAnswer on_answer) {
  const absl::Duration there = random_.Between(absl::Microseconds(200), absl::Milliseconds(4));
  const absl::Duration back = random_.Between(absl::Microseconds(200), absl::Milliseconds(4));
  scene_->clock.After(there, [this, event = std::move(event), blobs = std::move(blobs), lose_reply,
                              back, on_answer = std::move(on_answer)] {
    ControllerProcess* controller = controller_();
    if (controller == nullptr) {
      scene_->clock.After(back, [on_answer] { on_answer(absl::UnavailableError("refused")); });
      return;
    }
    controller->Call(event, blobs, [this, lose_reply, back, on_answer](auto answer) {
      scene_->clock.After(back, [lose_reply, on_answer, answer = std::move(answer)] {
        on_answer(lose_reply ? absl::UnavailableError("lost") : answer);
      });
    });
  });
}

void Clients::CallUntilAnswered(MakeEvent event, uint32_t lost_replies, OnAnswer on_answer) {
  Call(event, {}, lost_replies > 0, [this, event, lost_replies, on_answer](auto answer) {
    if (!absl::IsUnavailable(answer.status())) return on_answer(std::move(answer));
    scene_->clock.After(absl::Seconds(1), [this, event, lost_replies, on_answer] {
      CallUntilAnswered(event, lost_replies > 0 ? lost_replies - 1 : 0, on_answer);
    });
  });
}

void Clients::Begin(const WorkItem& item) {
  scene_->Trace("CLIENT ", ToString(item, scene_->plan));
  switch (item.kind) {
    case WorkKind::kSubmit: {
      Submission& submission = submissions_[item.id];
      submission.item = &item;
      submission.request_id = StrCat("request", item.id);
      Submit(submission, 0);
      if (item.repeat_after > absl::ZeroDuration()) {
        scene_->clock.After(item.repeat_after,
                            [this, &submission] { Submit(submission, UINT32_MAX); });
      }
      return;
    }
    case WorkKind::kDrain:
    case WorkKind::kResume:
    case WorkKind::kDown:
      return Administrate(item);
    case WorkKind::kReserve:
    case WorkKind::kUnreserve:
      return Reserve(item);
    case WorkKind::kReconfigure:
      return on_reconfigure(item.settings);
    default:
      return Control(item);
  }
}

// ---- submissions ------------------------------------------------------------------------------

void Clients::Submit(Submission& submission, uint32_t attempt) {
  const WorkItem& item = *submission.item;
  auto spec = std::make_shared<ctld::JobSpec>(item.spec);
  if (item.dependency_on.has_value()) {
    // On a job that its user has heard of; else the user submits without.
    const Submission* on = Find(*item.dependency_on);
    if (on != nullptr && on->job.has_value() &&
        on->when < submission.when.value_or(absl::InfiniteFuture())) {
      spec->dependency = StrCat(item.dependency_kind, ":", on->job->value);
    }
  }
  ctld::SubmitJob event;
  event.key = {item.user, submission.request_id};
  event.caller = CallerOf(item.user);
  event.groups = {"users"};
  event.immediate = item.immediate;
  // Few different scripts: they come and go with their jobs.
  const std::string script = StrCat("script", item.id % 3);
  ctld::EffectRunner::Blobs blobs = {{"env", "environment"}};
  event.env_hash = "env";
  if (spec->batch) {
    event.script_hash = script;
    blobs.emplace_back(script, script);
  }
  event.spec = std::move(spec);
  for (const ctld::JobSpec& component : item.components) {
    event.components.push_back(std::make_shared<ctld::JobSpec>(component));
  }
  const bool once = attempt == UINT32_MAX;  // a repeat long after
  Call(
      [event](ctld::CallToken token) mutable {
        event.call = token;
        return ctld::Event(event);
      },
      blobs, !once && attempt < item.lost_replies,
      [this, &submission, attempt, once](auto answer) {
        if (answer.ok()) {
          return OnSubmitted(submission, std::get<ctld::SubmitAnswer>(*answer));
        }
        if (!absl::IsUnavailable(answer.status())) {
          scene_->Trace("CLIENT #", submission.item->id, " refused: ", Message(answer.status()));
          if (submission.job.has_value()) {
            scene_->Violation("request id", "submission #", submission.item->id,
                              " was acknowledged and is refused now");
          }
          submission.refused = true;
          return;
        }
        if (once) return;
        scene_->clock.After(absl::Milliseconds(random_.Between(200, 1500)),
                            [this, &submission, attempt] { Submit(submission, attempt + 1); });
      });
}

void Clients::OnSubmitted(Submission& submission, const ctld::SubmitAnswer& answer) {
  scene_->Trace("CLIENT #", submission.item->id, " is job ", answer.job.value);
  if (submission.job.has_value() && *submission.job != answer.job) {
    return scene_->Violation("request id", "submission #", submission.item->id, " was job ",
                             submission.job->value, " and is job ", answer.job.value);
  }
  for (const auto& [id, other] : submissions_) {
    if (&other != &submission && other.job == answer.job) {
      scene_->Violation("job id", "job ", answer.job.value, " was given to #", id, " and #",
                        submission.item->id);
    }
  }
  if (submission.job.has_value()) return;
  submission.job = answer.job;
  submission.when = scene_->clock.now();
  if (submission.item->interactive) return WaitForAllocation(submission);
  if (!submission.item->steps.empty()) RunSteps(submission, 0);
}

void Clients::RepeatAll() {
  for (auto& [id, submission] : submissions_) {
    if (submission.job.has_value()) Submit(submission, UINT32_MAX);
  }
}

// ---- one call, and that's it ------------------------------------------------------------------

void Clients::Administrate(const WorkItem& item) {
  ctld::UpdateNode event;
  event.caller = CallerOf(0);
  event.nodes = scene_->plan.cluster.settings.nodes[item.node].name;
  event.reason = "the plan";
  event.state = item.kind == WorkKind::kDrain    ? "DRAIN"
                : item.kind == WorkKind::kResume ? "RESUME"
                                                 : "DOWN";
  Call(
      [this, event](ctld::CallToken token) mutable {
        // Of a node that is out of reach DOWN is a word that nothing runs there: they look first.
        const ctld::Node* node = controller_()->core().FindNode(event.nodes);
        const bool reached = node == nullptr || node->connected;
        if (event.state == "DOWN" && !reached && is_host_alive(event.nodes)) event.state = "DRAIN";
        event.call = token;
        return ctld::Event(event);
      },
      {}, false, [](auto) {});
}

void Clients::Reserve(const WorkItem& item) {
  ctld::SetReservation event;
  event.caller = CallerOf(0);
  event.action = item.kind == WorkKind::kReserve ? ctld::ReservationAction::kCreate
                                                 : ctld::ReservationAction::kDelete;
  event.name = item.value;
  for (const auto& [key, value] : item.changes) {
    int64_t seconds = 0;
    const bool start = key == "starttime" && absl::SimpleAtoi(value, &seconds);
    const int64_t at = absl::ToUnixSeconds(scene_->clock.now()) + seconds;
    event.changes.emplace_back(key, start ? StrCat(at) : value);
  }
  Call(
      [event](ctld::CallToken token) mutable {
        event.call = token;
        return ctld::Event(event);
      },
      {}, false,
      [this, name = item.value](auto answer) {
        scene_->Trace("ADMIN reservation ", name, ": ",
                      answer.ok() ? "done" : Message(answer.status()));
      });
}

void Clients::ResumeAllNodes() {
  for (const ctld::Node& node : scene_->plan.cluster.settings.nodes) {
    ctld::UpdateNode event;
    event.caller = CallerOf(0);
    event.nodes = node.name;
    event.state = "RESUME";
    CallUntilAnswered(
        [event](ctld::CallToken token) mutable {
          event.call = token;
          return ctld::Event(event);
        },
        0, [](auto) {});
  }
}

void Clients::ResumeSuspended() {
  if (controller_() == nullptr) return;
  ctld::ControlJobs event{{}, CallerOf(0), ctld::JobAction::kResume, {}};
  controller_()->core().ForEachJob([&](const ctld::Job& job) {
    if (job.Suspended()) event.jobs.push_back({job.id, "", std::nullopt});
  });
  if (event.jobs.empty()) return;
  std::sort(event.jobs.begin(), event.jobs.end(),
            [](const auto& a, const auto& b) { return a.job < b.job; });
  Call(
      [event](ctld::CallToken token) mutable {
        event.call = token;
        return ctld::Event(event);
      },
      {}, false, [](auto) {});
}

ctld::JobAction Clients::ActionOf(WorkKind kind) {
  switch (kind) {
    case WorkKind::kHold:
      return ctld::JobAction::kHold;
    case WorkKind::kRelease:
      return ctld::JobAction::kRelease;
    case WorkKind::kRequeue:
      return ctld::JobAction::kRequeue;
    case WorkKind::kTop:
      return ctld::JobAction::kTop;
    case WorkKind::kSuspend:
      return ctld::JobAction::kSuspend;
    case WorkKind::kResumeJob:
      return ctld::JobAction::kResume;
    default:
      return ctld::JobAction::kRequeueHold;
  }
}

void Clients::Control(const WorkItem& item) {
  const auto target = submissions_.find(item.target);
  if (target == submissions_.end() || !target->second.job.has_value()) return;
  Submission& submission = target->second;
  const ctld::JobPick pick{*submission.job, item.array_tasks, std::nullopt, item.het_offset};
  const ctld::Caller caller = CallerOf(item.user);
  MakeEvent event;
  switch (item.kind) {
    case WorkKind::kCancel:
    case WorkKind::kCancelStep:
    case WorkKind::kSignal: {
      ctld::CancelJobs cancel;
      cancel.caller = caller;
      cancel.jobs = {pick};
      if (item.kind == WorkKind::kCancel) submission.cancel_asked = true;
      if (item.kind == WorkKind::kCancelStep) cancel.jobs[0].step = StepId{0};
      if (item.kind == WorkKind::kSignal) {
        cancel.signal = SIGTERM;
        cancel.full = true;
      }
      event = [cancel](ctld::CallToken token) mutable {
        cancel.call = token;
        return ctld::Event(cancel);
      };
      break;
    }
    case WorkKind::kUpdate: {
      ctld::UpdateJob update;
      update.caller = caller;
      update.job = pick;
      update.changes = {{item.key, item.value}};
      event = [update](ctld::CallToken token) mutable {
        update.call = token;
        return ctld::Event(update);
      };
      break;
    }
    default: {
      ctld::ControlJobs control;
      control.caller = caller;
      control.jobs = {pick};
      control.action = ActionOf(item.kind);
      if (item.kind == WorkKind::kRequeue || item.kind == WorkKind::kRequeueHold) {
        submission.requeue_asked = true;
      }
      event = [control](ctld::CallToken token) mutable {
        control.call = token;
        return ctld::Event(control);
      };
      break;
    }
  }
  Call(std::move(event), {}, false, [](auto) {});
}

}  // namespace reeve::sim
