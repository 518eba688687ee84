#include "ctld/core/steps.h"

#include <signal.h>

#include <algorithm>

#include "common/base/text.h"
#include "ctld/core/end_warning.h"
#include "ctld/core/errors.h"
#include "ctld/core/job_end.h"
#include "ctld/core/prolog.h"
#include "ctld/core/start_job.h"
#include "ctld/core/step_select.h"
#include "ctld/core/submit.h"
#include "ctld/core/wait_status.h"

namespace reeve::ctld {
namespace {

constexpr uint32_t kMaxRelaunches = 5;  // of one step, after launches that failed harmlessly

CreateStepAnswer AnswerOf(const Job& job, const Step& step) {
  return {step.step_id, step.shares, step.task_ids, step.io_secret, job.restarts};
}

Step MakeStep(Context& context, Job& job, const CreateStep& request, StepPlacement placement) {
  Step step;
  step.step_id = StepId{static_cast<int32_t>(job.next_step_id++)};
  step.name = request.spec->name;
  step.shares = std::move(placement.shares);
  step.task_ids = std::move(placement.task_ids);
  step.parts.assign(step.shares.size(), PartState::kLaunching);
  step.num_tasks = placement.num_tasks;
  step.cpus_per_task = std::max(request.cpus_per_task.value_or(1), 1u);
  step.start_time = context.now;
  step.submit_host = request.submit_host;
  step.srun_pid = request.srun_pid;
  step.submit_line = request.submit_line;
  step.distribution = placement.distribution;
  step.holds_cpus = !request.overlap && !request.external_launcher;
  step.time_limit = request.time_limit;
  step.io_secret = request.io_secret;
  step.spec = request.spec;
  return step;
}

void Launch(Context& context, Job& job, const CreateStep& request, StepPlacement placement) {
  job.steps.push_back(MakeStep(context, job, request, std::move(placement)));
  const Step& step = job.steps.back();
  for (size_t i = 0; i < step.shares.size(); ++i) {
    context.Send(step.shares[i].node, MakeLaunch(context.state, job, step, i));
  }
  if (step.time_limit < absl::InfiniteDuration()) {
    context.state.timers.Add(context.now + step.time_limit,
                             {TimerKind::kStepLimit, job.id, {}, {}});
  }
  WarnBeforeEnd(context, job);
  context.Account(job);
  context.effects.steps_kept.push_back(
      {job.id, step.step_id, job.restarts, step.io_secret, step.spec});
  context.Log(LogLevel::kInfo,
              StrCat("step ", ToString(job.id, step.step_id), " (", step.name,
                     "): ", step.num_tasks, " tasks on ", step.shares.size(), " nodes"));
  KeepRequest(context, {request.key, context.now, job.id, step.step_id, {}, request.io_secret});
  context.Reply(request.call, AnswerOf(job, step));
}

// False when it has to wait.
bool TryCreate(Context& context, Job& job, const CreateStep& request) {
  absl::StatusOr<StepPlacement> placement =
      SelectStep(job, request, std::max(context.state.settings.max_tasks_per_node, 1u),
                 [&](const std::string& node) { return CpusOf(context.state, node); });
  if (placement.ok()) {
    Launch(context, job, request, *std::move(placement));
    return true;
  }
  const bool busy = WordsOf(placement.status()) == kNodesBusy;
  if (busy && !request.immediate && request.deadline > context.now) return false;
  context.Reply(request.call, placement.status());
  return true;
}

bool AnswerRepeat(Context& context, const CreateStep& event) {
  std::optional<RequestResult> known = context.state.requests.Find(event.key);
  if (!known.has_value()) return false;
  const Job* job = context.state.FindJob(known->job);
  const Step* step =
      job == nullptr || !known->step.has_value() ? nullptr : job->FindStep(*known->step);
  if (step == nullptr) {
    context.Reply(event.call, Refuse(kAlreadyDone));
  } else {
    CreateStepAnswer answer = AnswerOf(*job, *step);
    answer.io_secret = std::move(known->io_secret);
    context.Reply(event.call, std::move(answer));
  }
  return true;
}

void CloseStep(Context& context, Job& job, Step& step) {
  context.DropLaunch(job, step);
  if (step.state == JobState::kRunning) {
    if (SignalOf(step.exit_status) != 0 || step.kill_uid.has_value()) {
      step.state = JobState::kCancelled;
    } else {
      step.state = step.exit_status == 0 ? JobState::kCompleted : JobState::kFailed;
    }
  }
  step.end_time = context.now;
  if (job.Suspended()) step.suspended += context.now - job.suspension->time;
  if (step.step_id.value >= 0) {
    job.derived_exit_status = WorseStatus(job.derived_exit_status, step.exit_status);
  }
}

std::optional<size_t> ShareOn(const Step& step, const std::string& node) {
  for (size_t i = 0; i < step.shares.size(); ++i) {
    if (step.shares[i].node == node) return i;
  }
  return std::nullopt;
}

// The node could not tell whether the job had been moved elsewhere, and ended its part.
JobEnd LeaseLost(const State& state, const Job& job, const StepReported& event) {
  return {.state = JobState::kNodeFail,
          .reason = Reason::kNodeDown,
          .detail = StrCat("node ", event.node, ": its lease ran out"),
          .requeue = MayRequeue(state, job)};
}

void LaunchFailed(Context& context, Job& job, Step& step, size_t share, const StepReported& event) {
  const std::string name = ToString(job.id, step.step_id);
  context.Log(LogLevel::kWarning,
              StrCat("step ", name, ": launch on ", event.node, " failed: ", event.error));
  if (event.prolog_failed) DrainForScript(context, event.node, kPrologError);
  if (event.launch_again && job.Active() && step.parts[share] == PartState::kLaunching &&
      step.relaunches++ < kMaxRelaunches) {
    context.Send(event.node, MakeLaunch(context.state, job, step, share));
    return;
  }
  if (event.lease_lost && job.Active()) {
    return EndJob(context, job, LeaseLost(context.state, job, event));
  }
  // A part that ran and whose step daemon died was killed; a launch that the job itself made
  // impossible fails the job. Neither would go better elsewhere.
  const bool ran = step.any_started || step.parts[share] == PartState::kStarted;
  const int32_t exit_status = ran ? SIGKILL : StatusOfExit(1);
  step.exit_status = WorseStatus(step.exit_status, exit_status);
  step.state = JobState::kFailed;
  const bool batch = step.step_id == kBatchStep;
  // A step with one part that could not start is over everywhere.
  if (!batch) KillStepEverywhere(context, job, step, std::nullopt);
  EndPart(context, job, step, share);
  if (!batch || !job.Active()) return;
  JobEnd end{.state = JobState::kFailed,
             .reason = ran ? Reason::kRaisedSignal : Reason::kJobLaunchFailure,
             .detail = event.error,
             .exit_status = exit_status};
  if (!ran && !event.job_fault && MayRequeue(context.state, job)) {
    end.requeue = end.hold = true;
    end.detail = "launch failed requeued held";
  }
  EndJob(context, job, end);
}

void Exited(Context& context, Job& job, Step& step, size_t share, const StepReported& event) {
  if (step.parts[share] == PartState::kEnded) return;  // a repeat
  for (const TaskExit& task : event.tasks) {
    step.exit_status = WorseStatus(step.exit_status, task.status);
  }
  step.any_started = true;
  step.usage.Add(event.usage);
  if (event.oom) {
    step.state = JobState::kOutOfMemory;
    step.exit_status = kOutOfMemoryStatus;
  }
  // What EndPart starts may add steps: `step` is not to be used after it.
  const bool batch = step.step_id == kBatchStep;
  const int32_t exit_status = step.exit_status;
  EndPart(context, job, step, share);
  if (!job.Active()) return;
  if (event.lease_lost) {
    return EndJob(context, job, LeaseLost(context.state, job, event));
  }
  if (batch) EndJobByExit(context, job, exit_status, event.oom);
}

// What the node was told to end at its registration.
void Cleared(Context& context, const JobGone& event) {
  Node* node = context.state.FindNode(event.node);
  if (node == nullptr) return;
  const auto clearing = node->clearing.find(event.job);
  if (clearing == node->clearing.end() || clearing->second > event.attempt) return;
  node->clearing.erase(clearing);
  context.state.NodeMoved(*node);
  context.effects.schedule = true;
}

}  // namespace

void HandleCreateStep(Context& context, const CreateStep& event) {
  if (AnswerRepeat(context, event)) return;
  Job* job = context.state.FindJob(event.job);
  if (job == nullptr) return context.Reply(event.call, Refuse(kInvalidJobId));
  if (job->owner->uid != event.caller.uid && event.caller.uid != 0) {
    return context.Reply(event.call, Refuse(kAccessDenied));
  }
  if (job->Finished() || job->Completing()) return context.Reply(event.call, Refuse(kAlreadyDone));
  if (job->next_step_id >= context.state.settings.max_step_count) {
    return context.Reply(event.call,
                         absl::ResourceExhaustedError("Step limit reached for this job"));
  }
  if (!job->Running()) {
    if (event.immediate || event.deadline <= context.now) {
      return context.Reply(event.call, Refuse(job->Pending() ? kJobPending : kDisabled));
    }
  } else if (TryCreate(context, *job, event)) {
    return;
  }
  context.state.waiting_steps[event.job].push_back(event);
  context.state.timers.Add(event.deadline, {TimerKind::kCall, event.job, {}, event.call});
}

void RetryWaitingSteps(Context& context, Job& job) {
  const auto found = context.state.waiting_steps.find(job.id);
  if (found == context.state.waiting_steps.end() || !job.Running()) return;
  std::deque<CreateStep> waiting = std::move(found->second);
  context.state.waiting_steps.erase(found);
  std::deque<CreateStep> left;
  for (CreateStep& request : waiting) {
    if (!TryCreate(context, job, request)) left.push_back(std::move(request));
  }
  if (!left.empty()) context.state.waiting_steps[job.id] = std::move(left);
}

void DropWaitingSteps(Context& context, const Job& job) {
  const auto found = context.state.waiting_steps.find(job.id);
  if (found == context.state.waiting_steps.end()) return;
  for (const CreateStep& request : found->second) {
    context.Reply(request.call, Refuse(kAlreadyDone));
  }
  context.state.waiting_steps.erase(found);
}

void EndPart(Context& context, Job& job, Step& step, size_t share) {
  if (step.parts[share] == PartState::kEnded) return;
  step.parts[share] = PartState::kEnded;
  step.unwarned.Remove(static_cast<uint32_t>(share));
  context.Changed(job);
  const bool over = std::all_of(step.parts.begin(), step.parts.end(),
                                [](PartState part) { return part == PartState::kEnded; });
  if (!over || IsSet(step.end_time)) return;
  CloseStep(context, job, step);
  if (step.step_id.value >= 0) RetryWaitingSteps(context, job);
}

void EndPartsOnNode(Context& context, Job& job, const std::string& node) {
  for (size_t i = 0; i < job.steps.size(); ++i) {
    const std::optional<size_t> share = ShareOn(job.steps[i], node);
    if (!share.has_value() || job.steps[i].parts[*share] == PartState::kEnded) continue;
    // Its exit was never told: it was killed as far as anyone can know.
    job.steps[i].exit_status = WorseStatus(job.steps[i].exit_status, 9);
    EndPart(context, job, job.steps[i], *share);
  }
}

void CloseAllSteps(Context& context, Job& job) {
  for (const NodeShare& share : job.shares) EndPartsOnNode(context, job, share.node);
}

void SignalStepEverywhere(Context& context, const Job& job, const Step& step, int32_t signal,
                          bool leader_only) {
  for (size_t i = 0; i < step.shares.size(); ++i) {
    if (step.parts[i] == PartState::kEnded) continue;
    context.Send(step.shares[i].node,
                 SignalStep{job.id, step.step_id, job.restarts, signal, leader_only});
  }
}

void KillStepEverywhere(Context& context, Job& job, Step& step, std::optional<uint32_t> by) {
  if (by.has_value()) step.kill_uid = by;
  for (size_t i = 0; i < step.shares.size(); ++i) {
    if (step.parts[i] == PartState::kEnded) continue;
    context.Send(step.shares[i].node,
                 KillStep{job.id, step.step_id, job.restarts, context.state.settings.kill_wait});
  }
  context.Changed(job);
}

void ResolveMissingPart(Context& context, Job& job, Step& step, size_t share) {
  const std::string node = step.shares[share].node;
  const bool can_launch = step.step_id == kBatchStep || step.spec != nullptr;
  if (step.parts[share] == PartState::kLaunching && can_launch && job.Active()) {
    context.Send(node, MakeLaunch(context.state, job, step, share));
    return;
  }
  context.Log(LogLevel::kWarning,
              StrCat("step ", ToString(job.id, step.step_id), ": node ", node, " has lost it"));
  step.exit_status = WorseStatus(step.exit_status, 9);
  step.state = JobState::kNodeFail;
  const bool batch = step.step_id == kBatchStep;
  EndPart(context, job, step, share);
  if (!batch || !job.Active()) return;
  EndJob(context, job,
         {.state = JobState::kNodeFail,
          .reason = Reason::kNodeDown,
          .detail = StrCat("node ", node, " lost the batch step"),
          .requeue = MayRequeue(context.state, job)});
}

void HandleStepReported(Context& context, const StepReported& event) {
  context.Send(event.node, Acknowledge{event.report_id});
  Job* job = context.state.FindJob(event.job);
  Step* step =
      job == nullptr || event.attempt != job->restarts ? nullptr : job->FindStep(event.step);
  const std::optional<size_t> share = step == nullptr ? std::nullopt : ShareOn(*step, event.node);
  if (!share.has_value()) {
    // Something runs there that nobody knows (any more).
    if (event.kind == StepReportKind::kStarted) {
      context.Send(event.node, KillStep{event.job, event.step, event.attempt,
                                        context.state.settings.kill_wait});
    }
    return;
  }
  switch (event.kind) {
    case StepReportKind::kStarted:
      if (step->parts[*share] != PartState::kLaunching) return;
      step->parts[*share] = PartState::kStarted;
      step->any_started = true;
      if (std::count(step->parts.begin(), step->parts.end(), PartState::kLaunching) == 0) {
        context.DropLaunch(*job, *step);
      }
      context.Changed(*job);
      WarnBeforeEnd(context, *job);
      return;
    case StepReportKind::kLaunchFailed:
      if (step->parts[*share] == PartState::kEnded) return;
      return LaunchFailed(context, *job, *step, *share, event);
    case StepReportKind::kExited:
      return Exited(context, *job, *step, *share, event);
  }
}

void HandleJobGone(Context& context, const JobGone& event) {
  context.Send(event.node, Acknowledge{event.report_id});
  Cleared(context, event);
  if (event.prolog_failed) DrainForScript(context, event.node, kPrologError);
  if (event.epilog_failed) DrainForScript(context, event.node, kEpilogError);
  Job* job = context.state.FindJob(event.job);
  if (job == nullptr || event.attempt != job->restarts) return;
  NodeIsClear(context, *job, event.node);
}

}  // namespace reeve::ctld
