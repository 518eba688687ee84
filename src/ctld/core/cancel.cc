#include "ctld/core/cancel.h"

#include <algorithm>

#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "ctld/core/errors.h"
#include "ctld/core/het_job.h"
#include "ctld/core/job_array.h"
#include "ctld/core/job_end.h"
#include "ctld/core/steps.h"

namespace reeve::ctld {
namespace {

constexpr int kSigKill = 9;

class Cancellation {
 public:
  Cancellation(Context& context, const CancelJobs& event) : context_(context), event_(event) {}

  void Run() {
    if (!event_.node_list.empty()) {
      absl::StatusOr<std::vector<std::string>> nodes = ExpandHostlist(event_.node_list);
      if (!nodes.ok()) return context_.Reply(event_.call, Refuse(kInvalidNodeName));
      nodes_ = *std::move(nodes);
    }
    if (event_.jobs.empty()) {
      ByFilter();
    } else {
      for (const JobPick& pick : event_.jobs) ByPick(pick);
    }
    context_.Reply(event_.call, std::move(results_));
  }

 private:
  static std::string LabelOf(const JobPick& pick) {
    std::string label = StrCat(pick.job.value);
    if (!pick.array_tasks.empty()) {
      const bool one = pick.array_tasks.find_first_of(",-") == std::string::npos;
      StrAppend(&label, "_", one ? "" : "[", pick.array_tasks, one ? "" : "]");
    }
    if (pick.het_offset.has_value()) StrAppend(&label, "+", *pick.het_offset);
    if (pick.step.has_value()) StrAppend(&label, ".", ToString(*pick.step));
    return label;
  }

  void Add(std::string label, JobId job, const absl::Status& status) {
    results_.results.push_back({std::move(label), job, status.ok() ? "" : WordsOf(status)});
  }

  void ByPick(const JobPick& pick) {
    // Only a whole task is ever split off, and only when it will be ended.
    absl::StatusOr<std::vector<JobId>> jobs =
        ResolvePick(context_, pick,
                    /*split=*/Ends() && MayControlArray(context_.state, event_.caller, pick.job));
    if (!jobs.ok()) return Add(LabelOf(pick), pick.job, jobs.status());
    bool any_left = false;
    for (JobId id : *jobs) any_left = any_left || !context_.state.FindJob(id)->Finished();
    for (JobId id : *jobs) {
      Job& job = *context_.state.FindJob(id);
      if (!Matches(job)) continue;
      // Of an array, tasks that are over don't matter as long as one is not.
      // A component ends with its leader, which may be on its way back into the queue.
      const bool minor = job.IsComponent() ? job.het->offset > 0 : any_left;
      if (jobs->size() > 1 && minor && job.Finished()) continue;
      // The script is the leader's.
      if (jobs->size() > 1 && job.het->offset > 0 && event_.batch_only) continue;
      const std::string label =
          pick.step.has_value() || jobs->size() == 1 ? LabelOf(pick) : JobLabel(job);
      Add(label, job.id, pick.step.has_value() ? CancelStep(job, *pick.step) : Cancel(job));
    }
  }

  void ByFilter() {
    std::vector<JobId> ids;
    std::optional<uint32_t> uid = event_.uid;
    if (!event_.caller.is_operator && !uid.has_value()) uid = event_.caller.uid;
    if (uid.has_value()) {
      const auto jobs = context_.state.jobs_of_user.find(*uid);
      if (jobs != context_.state.jobs_of_user.end()) {
        ids.assign(jobs->second.begin(), jobs->second.end());
      }
    } else {
      context_.state.jobs.ForEach([&](JobId id, const auto&) { ids.push_back(id); });
    }
    std::sort(ids.begin(), ids.end());
    for (JobId id : ids) {
      Job* job = context_.state.FindJob(id);
      if (job == nullptr || job->Finished() || !Matches(*job)) continue;
      if (!event_.caller.is_operator && job->owner->uid != event_.caller.uid) continue;
      const std::string label = JobLabel(*job);
      Add(label, id, Cancel(*job));
    }
  }

  bool Matches(const Job& job) const {
    if (event_.uid.has_value() && job.owner->uid != *event_.uid) return false;
    if (!event_.user.empty() && job.owner->user_name != event_.user) return false;
    if (!event_.name.empty() && job.spec->name != event_.name) return false;
    if (!event_.account.empty() && job.account != event_.account) return false;
    if (!event_.qos.empty() && job.qos != event_.qos) return false;
    if (event_.state.has_value() && job.state != *event_.state) return false;
    if (!event_.partition.empty()) {
      const std::vector<std::string_view> names = Split(job.partition, ",");
      if (std::count(names.begin(), names.end(), event_.partition) == 0) return false;
    }
    return nodes_.empty() || std::any_of(job.shares.begin(), job.shares.end(), [&](const auto& s) {
             return std::count(nodes_.begin(), nodes_.end(), s.node) > 0;
           });
  }

  bool Ends() const {
    return event_.signal == 0 || (event_.signal == kSigKill && !event_.batch_only && !event_.full);
  }

  absl::Status Cancel(Job& job) {
    if (!MayControl(event_.caller, job)) return Refuse(kAccessDenied);
    const bool runs_again = job.Completing() && (job.flags & kJobFlagRequeued) != 0;
    if (job.het->offset > 0 && (job.Pending() || runs_again) && Ends() && HasLeader(job)) {
      return Refuse(kNotWholeHetJob);
    }
    if (runs_again && Ends()) {
      // On its way back into the queue: it ends here instead.
      const JobEnd end{.state = JobState::kCancelled, .kill_uid = event_.caller.uid};
      StayEnded(context_, job, end);
      RunNoneAgain(context_, job, end);
      return absl::OkStatus();
    }
    if (job.Finished() || job.Completing()) return Refuse(kAlreadyDone);
    if (!Ends()) return Signal(job);
    context_.Log(LogLevel::kInfo, StrCat("job ", JobLabel(job), " (", job.id.value,
                                         "): cancelled by ", event_.caller.user_name));
    EndJob(context_, job, {.state = JobState::kCancelled, .kill_uid = event_.caller.uid});
    return absl::OkStatus();
  }

  // The component's leader waits or runs, or is to run again: who cancels that one cancels all.
  bool HasLeader(const Job& job) const {
    const Job* leader = context_.state.FindJob(job.het->leader);
    return leader != nullptr && (!leader->Finished() || (leader->flags & kJobFlagRequeued) != 0);
  }

  absl::Status Signal(Job& job) {
    if (!job.Running()) return Refuse(job.Pending() ? kJobPending : kNotNow);
    bool sent = false;
    for (const Step& step : job.steps) {
      const bool batch = step.step_id == kBatchStep;
      if (step.Ended()) continue;
      if (batch ? !(event_.batch_only || event_.full) : event_.batch_only) continue;
      sent = true;
      SignalStepEverywhere(context_, job, step, event_.signal, batch && !event_.full);
    }
    return sent || !event_.batch_only ? absl::OkStatus() : Refuse(kInvalidJobId);
  }

  absl::Status CancelStep(Job& job, StepId id) {
    if (!MayControl(event_.caller, job)) return Refuse(kAccessDenied);
    Step* step = job.FindStep(id);
    if (step == nullptr || step->Ended()) {
      return Refuse(step == nullptr && !job.Finished() ? kInvalidJobId : kAlreadyDone);
    }
    if (event_.signal != 0 && event_.signal != kSigKill) {
      if (job.Suspended()) return Refuse(kNotNow);
      SignalStepEverywhere(context_, job, *step, event_.signal, false);
      return absl::OkStatus();
    }
    KillStepEverywhere(context_, job, *step, event_.caller.uid);
    return absl::OkStatus();
  }

  Context& context_;
  const CancelJobs& event_;
  std::vector<std::string> nodes_;
  JobResults results_;
};

}  // namespace

bool MayControl(const Caller& caller, const Job& job) {
  return caller.is_operator || caller.uid == job.owner->uid;
}

void HandleCancel(Context& context, const CancelJobs& event) {
  Cancellation(context, event).Run();
}

void HandleComplete(Context& context, const CompleteAllocation& event) {
  Job* job = context.state.FindJob(event.job);
  if (job == nullptr) return context.Reply(event.call, Refuse(kInvalidJobId));
  if (!MayControl(event.caller, *job)) return context.Reply(event.call, Refuse(kAccessDenied));
  if (job->Finished() || job->Completing()) return context.Reply(event.call, Refuse(kAlreadyDone));
  if (job->spec->batch) return context.Reply(event.call, Refuse(kAccessDenied));
  if (job->Pending()) {
    EndJob(context, *job, {.state = JobState::kCancelled, .kill_uid = event.caller.uid});
  } else {
    EndJobByExit(context, *job, event.exit_status, false);
  }
  context.Reply(event.call, Done{});
}

}  // namespace reeve::ctld
