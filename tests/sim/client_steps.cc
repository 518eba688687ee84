// Those who use an allocation: sruns within it, and its end.
#include "tests/sim/clients.h"

namespace reeve::sim {
namespace {

// The same on every machine, whatever became of other clients.
bool Dies(const WorkItem& item) {
  return item.interactive && item.client_dies_percent > 0;
}

}  // namespace

const v1::Job* Clients::See(JobId job) {
  ControllerProcess* controller = controller_();
  if (controller == nullptr) return nullptr;
  const auto published = controller->picture()->FindJob(job.value);
  if (published == nullptr) return nullptr;
  seen_ = published->Read();
  return &seen_;
}

void Clients::WaitForAllocation(Submission& submission) {
  ctld::WaitJob event;
  event.caller = CallerOf(submission.item->user);
  event.job = *submission.job;
  event.deadline = scene_->clock.now() + absl::Minutes(2);
  CallUntilAnswered(
      [event](ctld::CallToken token) mutable {
        event.call = token;
        return ctld::Event(event);
      },
      0, [this, &submission](auto) { RunSteps(submission, 0); });
}

void Clients::RunSteps(Submission& submission, size_t index) {
  const WorkItem& item = *submission.item;
  if (index >= item.steps.size()) {
    // An allocation without a step stands for a while.
    const absl::Duration wait = item.steps.empty() ? item.work.least : absl::ZeroDuration();
    scene_->clock.After(wait, [this, &submission] { Complete(submission); });
    return;
  }
  scene_->clock.After(item.steps[index].after,
                      [this, &submission, index] { CreateStep(submission, index); });
}

void Clients::CreateStep(Submission& submission, size_t index) {
  const WorkItem& item = *submission.item;
  const StepPlan& plan = item.steps[index];
  ctld::CreateStep event;
  event.key = {item.user, StrCat(submission.request_id, ".", index)};
  event.caller = CallerOf(item.user);
  event.job = *submission.job;
  auto spec = std::make_shared<ctld::StepSpec>();
  spec->name = StrCat("s", index);
  spec->argv = {"work"};
  event.spec = std::move(spec);
  event.num_tasks = plan.tasks;
  event.min_nodes = plan.nodes;
  event.exact = plan.exact;
  event.overlap = plan.overlap;
  event.overcommit = plan.overcommit;
  event.time_limit = plan.time_limit;
  event.io_secret = "0123456789abcdef";
  event.deadline = scene_->clock.now() + absl::Minutes(3);
  CallUntilAnswered(
      [event](ctld::CallToken token) mutable {
        event.call = token;
        return ctld::Event(event);
      },
      item.lost_replies,
      [this, &submission, index](auto answer) {
        if (!answer.ok()) {
          scene_->Trace("CLIENT #", submission.item->id, " step ", index,
                        " refused: ", Message(answer.status()));
          return RunSteps(submission, index + 1);
        }
        const auto& created = std::get<ctld::CreateStepAnswer>(*answer);
        scene_->Trace("CLIENT #", submission.item->id, " step ", index, " is ",
                      ToString(*submission.job, created.step));
        if (submission.item->steps[index].parallel) return RunSteps(submission, index + 1);
        PollStep(submission, index, created.step);
      });
}

void Clients::PollStep(Submission& submission, size_t index, StepId step) {
  scene_->clock.After(absl::Seconds(1), [this, &submission, index, step] {
    const v1::Job* job = See(*submission.job);
    if (controller_() == nullptr) return PollStep(submission, index, step);
    if (job != nullptr) {
      for (const v1::Step& seen : job->steps()) {
        if (seen.step_id() == step.value && seen.end_time() == 0) {
          return PollStep(submission, index, step);
        }
      }
    }
    RunSteps(submission, index + 1);
  });
}

void Clients::Complete(Submission& submission) {
  if (!submission.item->interactive || Dies(*submission.item)) return;
  // Not before the steps in the background are over, as a shell's `wait`.
  if (const v1::Job* job = See(*submission.job)) {
    for (const v1::Step& step : job->steps()) {
      if (step.end_time() != 0) continue;
      scene_->clock.After(absl::Seconds(1), [this, &submission] { Complete(submission); });
      return;
    }
  }
  ctld::CompleteAllocation event;
  event.caller = CallerOf(submission.item->user);
  event.job = *submission.job;
  event.exit_status = submission.item->work.statuses[0];
  submission.completed_asked = true;
  submission.complete_status = event.exit_status;
  CallUntilAnswered(
      [event](ctld::CallToken token) mutable {
        event.call = token;
        return ctld::Event(event);
      },
      submission.item->lost_replies, [](auto) {});
}

}  // namespace reeve::sim
