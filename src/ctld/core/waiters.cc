#include "ctld/core/waiters.h"

#include <algorithm>

#include "ctld/core/errors.h"
#include "ctld/core/het_job.h"
#include "ctld/core/job_env.h"

namespace reeve::ctld {
namespace {

WaitAnswer MakeAnswer(const Context& context, const Job& job, bool reached) {
  WaitAnswer answer;
  answer.job = std::make_shared<const Job>(job);
  answer.reached = reached;
  if (!job.shares.empty()) {
    for (const NodeShare& share : job.shares) answer.nodes.push_back(share.node);
    answer.environment = AllocationEnvironment(context.state.settings, job);
    if (job.IsComponent()) AddHetEnvironment(context.state, job, answer.environment);
  }
  return answer;
}

bool Reached(const Job& job, bool until_ended) {
  if (until_ended) return job.Finished();
  return !job.Pending() && (job.flags & kJobFlagConfiguring) == 0;
}

}  // namespace

void HandleWait(Context& context, const WaitJob& event) {
  const Job* job = context.state.FindJob(event.job);
  if (job == nullptr) return context.Reply(event.call, Refuse(kInvalidJobId));
  if (job->owner->uid != event.caller.uid && !event.caller.is_operator) {
    return context.Reply(event.call, Refuse(kAccessDenied));
  }
  const bool reached = Reached(*job, event.until_ended);
  if (reached || event.deadline <= context.now) {
    return context.Reply(event.call, MakeAnswer(context, *job, reached));
  }
  context.state.waiters[event.job].push_back({event.call, event.until_ended, event.deadline});
  context.state.timers.Add(event.deadline, {TimerKind::kCall, event.job, {}, event.call});
}

void AnswerWaiters(Context& context, const Job& job) {
  const auto found = context.state.waiters.find(job.id);
  if (found == context.state.waiters.end()) return;
  std::vector<JobWaiter>& waiters = found->second;
  for (const JobWaiter& waiter : waiters) {
    if (Reached(job, waiter.until_ended))
      context.Reply(waiter.call, MakeAnswer(context, job, true));
  }
  std::erase_if(waiters, [&](const JobWaiter& w) { return Reached(job, w.until_ended); });
  if (waiters.empty()) context.state.waiters.erase(found);
}

void ExpireCall(Context& context, JobId id, CallToken call) {
  State& state = context.state;
  if (const auto found = state.waiters.find(id); found != state.waiters.end()) {
    const auto waiter = std::find_if(found->second.begin(), found->second.end(),
                                     [&](const JobWaiter& w) { return w.call == call; });
    if (waiter != found->second.end()) {
      if (const Job* job = state.FindJob(id)) {
        context.Reply(call, MakeAnswer(context, *job, false));
      } else {
        context.Reply(call, Refuse(kInvalidJobId));
      }
      found->second.erase(waiter);
      if (found->second.empty()) state.waiters.erase(found);
      return;
    }
  }
  if (const auto found = state.waiting_steps.find(id); found != state.waiting_steps.end()) {
    const auto step = std::find_if(found->second.begin(), found->second.end(),
                                   [&](const CreateStep& s) { return s.call == call; });
    if (step == found->second.end()) return;
    const Job* job = state.FindJob(id);
    const bool suspended = job != nullptr && job->Suspended();
    const bool pending = job != nullptr && job->Pending();
    context.Reply(call, Refuse(suspended ? kDisabled : pending ? kJobPending : kNodesBusy));
    found->second.erase(step);
    if (found->second.empty()) state.waiting_steps.erase(found);
  }
}

void ForgetCall(Context& context, CallToken call) {
  State& state = context.state;
  absl::erase_if(state.waiters, [&](auto& entry) {
    std::erase_if(entry.second, [&](const JobWaiter& waiter) { return waiter.call == call; });
    return entry.second.empty();
  });
  absl::erase_if(state.waiting_steps, [&](auto& entry) {
    std::erase_if(entry.second, [&](const CreateStep& step) { return step.call == call; });
    return entry.second.empty();
  });
}

}  // namespace reeve::ctld
