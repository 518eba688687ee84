// The end of a run, as the controller tells it, against what really was.
#include <algorithm>

#include "absl/strings/numbers.h"
#include "ctld/core/wait_status.h"
#include "tests/sim/oracle.h"

namespace reeve::sim {
namespace {

constexpr absl::Duration kRounding = absl::Seconds(2);  // the store keeps whole seconds

}  // namespace

const Submission* Oracle::SubmissionOf(const ctld::Job& job) const {
  uint32_t item = 0;
  if (!absl::SimpleAtoi(job.spec->comment.substr(1), &item)) return nullptr;
  return clients_->Find(item);
}

bool Oracle::NodesWereTroubled(const ctld::Job& job) const {
  const absl::Time since = job.start_time - absl::Minutes(1);
  if (job.leased && truth_->Troubled(kController, since)) return true;
  return std::any_of(job.shares.begin(), job.shares.end(), [&](const ctld::NodeShare& share) {
    return truth_->Troubled(share.node, since);
  });
}

// Only jobs below another tier make room, once they have run for PreemptExemptTime.
void Oracle::CheckPreempted(const ctld::Controller& core, const ctld::Job& job) {
  Leave& leave = leaving_[{job.id, job.restarts}];
  // A decision that was never stored may be made again, later.
  if (absl::AbsDuration(leave.told - job.rare->preempt_time) < kRounding) return;
  leave = {job.rare->preempt_time, job.end_time};
  const std::string what = StrCat("job ", job.id.value, " of partition ", job.partition.view());
  const ctld::Settings& settings = core.settings();
  const ctld::Partition* partition = core.FindPartition(job.partition);
  if (partition == nullptr || !settings.preempt.by_tier ||
      partition->preempt_mode == PreemptMode::kOff) {
    return scene_->Violation("preempt", what, " makes room, and nobody of it should");
  }
  uint32_t highest = 0;
  for (const ctld::Partition* other : core.Partitions()) {
    highest = std::max(highest, other->priority_tier);
  }
  if (partition->priority_tier >= highest) {
    scene_->Violation("preempt", what, " makes room, and none is in a higher tier");
  }
  if (job.rare->preempt_time - job.start_time + kRounding < settings.preempt.exempt_time) {
    scene_->Violation("preempt", what, " makes room after ",
                      absl::FormatDuration(job.rare->preempt_time - job.start_time));
  }
  const absl::Time most = job.rare->preempt_time + partition->grace_time;
  if (job.Running() && (job.end_time > most || partition->grace_time == absl::ZeroDuration())) {
    scene_->Violation("preempt", what, " has more time than its GraceTime");
  }
}

// It has its limit to run, and no more: what it has stood still is added to it.
void Oracle::CheckTimeLimit(const ctld::Job& job) {
  if (job.time_limit == absl::InfiniteDuration() || ctld::IsSet(job.rare->preempt_time)) return;
  const absl::Time wanted = job.start_time + job.time_limit + job.suspension->total;
  if (absl::AbsDuration(job.end_time - wanted) <= kRounding) return;
  scene_->Violation("time limit", "job ", job.id.value, " is to end after ",
                    absl::FormatDuration(job.end_time - job.start_time), " with a limit of ",
                    absl::FormatDuration(job.time_limit), ", suspended for ",
                    absl::FormatDuration(job.suspension->total));
}

void Oracle::CheckStandstill(const ctld::Controller& core) {
  CheckNotForNothing(core);
  for (const Run* run : truth_->LiveRuns()) {
    const ctld::Job* job = core.FindJob(run->key.job);
    // Without its step daemon nobody can let it go on: it is ended.
    if (job == nullptr || job->restarts != run->key.attempt || run->stepd_died) continue;
    if (!job->Active()) continue;
    const bool there = std::any_of(job->shares.begin(), job->shares.end(),
                                   [&](const auto& share) { return share.node == run->node; });
    if (!there) {
      scene_->Violation("resize", ctld::JobLabel(*job), " has given ", run->node, " back, and ",
                        noded::ToString(run->key), " runs there");
    }
    if (job->Suspended() == run->stopped) continue;
    scene_->Violation("standstill", ctld::JobLabel(*job), " is ", ToString(BriefOf(*job)), ", and ",
                      noded::ToString(run->key), run->stopped ? " stands still on " : " runs on ",
                      run->node);
  }
}

void Oracle::CheckEnd(const ctld::Job& job) {
  const Submission* submission = SubmissionOf(job);
  if (submission == nullptr) {
    return scene_->Violation("end", "job ", job.id.value, " is nobody's");
  }
  const std::string what = StrCat("job ", job.id.value, ": ", ToString(BriefOf(job)));
  switch (job.state) {
    case JobState::kCancelled: {
      // Whose node is taken out of the configuration meanwhile is not requeued.
      const bool requeued = (job.flags & kJobFlagRequeued) != 0 || NodesWereTroubled(job);
      const bool asked = submission->cancel_asked || submission->completed_asked ||
                         (submission->requeue_asked && requeued);
      if (!asked && job.reason != ctld::Reason::kDependencyNeverSatisfied) {
        scene_->Violation("end", what, ", and nobody asked for it");
      }
      return;
    }
    case JobState::kTimeout:
      if (job.end_time + kRounding < job.start_time + job.time_limit + job.suspension->total) {
        scene_->Violation("end", what, " after ",
                          absl::FormatDuration(job.end_time - job.start_time), " of ",
                          absl::FormatDuration(job.time_limit));
      }
      return;
    case JobState::kDeadline: {
      const absl::Time deadline = job.spec->wishes().deadline;
      const absl::Duration limit = *job.spec->time_limit;
      const absl::Duration least = std::min(job.spec->wishes().time_min.value_or(limit), limit);
      if (!ctld::IsSet(deadline) || job.end_time + least <= deadline) {
        scene_->Violation("end", what, ", and it could have ended in time");
      }
      return;
    }
    case JobState::kNodeFail:
      if (!NodesWereTroubled(job)) {
        scene_->Violation("end", what, ", and its nodes were well (", job.reason_detail.view(),
                          ")");
      }
      return;
    case JobState::kPreempted: {
      const auto leave = leaving_.find({job.id, job.restarts});
      const absl::Time end =
          leave == leaving_.end() ? absl::Time(job.rare->preempt_time) : leave->second.end;
      if (!ctld::IsSet(job.rare->preempt_time)) scene_->Violation("end", what, " for nobody");
      if (job.end_time + kRounding >= end) return;
      // Before its time: then by itself.
      if (job.spec->batch) return CheckBatchEnd(job);
      return CheckAllocationEnd(job, *submission);
    }
    default:
      if (job.spec->batch) return CheckBatchEnd(job);
      return CheckAllocationEnd(job, *submission);
  }
}

// A component ends with its leader; by itself only when it was cancelled or had no time left. The
// leader's own end may be another component's doing.
void Oracle::CheckEndOfComponent(const ctld::Controller& core, const ctld::Job& job) {
  if (job.state == JobState::kCancelled) return CheckEnd(job);
  if (job.state == JobState::kNodeFail || job.state == JobState::kDeadline) return;
  if (job.het->offset == 0) return CheckEnd(job);
  const ctld::Job* leader = core.FindJob(job.het->leader);
  const bool runs_again = leader != nullptr && leader->restarts > job.restarts;
  if (runs_again || (leader != nullptr && leader->state == job.state)) return;
  if (job.state == JobState::kTimeout && leader != nullptr) return CheckEnd(job);
  scene_->Violation("end", "component ", ctld::JobLabel(job), " is ", ToString(BriefOf(job)),
                    ", its leader is ", leader == nullptr ? "gone" : ToString(BriefOf(*leader)));
}

void Oracle::CheckBatchEnd(const ctld::Job& job) {
  const std::vector<const Run*> runs = truth_->BatchRuns(job.id, job.restarts);
  if (!runs.empty()) return CheckByExit(job, runs.back());
  // A step daemon that died between its mark and its tasks' start: nobody can know that nothing
  // ran.
  if (job.state == JobState::kFailed && job.exit_status == 9) return;
  // Nothing ran: then it is the launch that failed.
  const FailedLaunch* failed = truth_->FindFailed(job.id, job.restarts, kBatchStep);
  if (job.state != JobState::kFailed || job.reason != ctld::Reason::kJobLaunchFailure ||
      job.exit_status != ctld::StatusOfExit(1)) {
    scene_->Violation("end", "job ", job.id.value, " is ", ToString(BriefOf(job)), " (",
                      ctld::ReasonText(job), ") and never ran");
  }
  const bool requeued = (job.flags & kJobFlagRequeued) != 0;
  if (failed != nullptr && failed->job_fault && requeued) {
    scene_->Violation("end", "job ", job.id.value, " is repeated though the fault is its own");
  }
}

void Oracle::CheckByExit(const ctld::Job& job, const Run* run) {
  const std::string what = StrCat("job ", job.id.value, ": ", ToString(BriefOf(job)));
  if (run->end == RunEnd::kRunning) {
    return scene_->Violation("end", what, " while it runs on ", run->node);
  }
  if (run->end == RunEnd::kHostDied) {
    return scene_->Violation("end", what, " though its host died");
  }
  if (run->stepd_died) {
    if (job.state == JobState::kFailed && job.exit_status == 9) return;
    return scene_->Violation("end", what, " though its stepd died");
  }
  if (run->oom) {
    if (job.state == JobState::kOutOfMemory) return;
    return scene_->Violation("end", what, " though it was out of memory");
  }
  const JobState failed =
      ctld::IsSet(job.rare->preempt_time) ? JobState::kPreempted : JobState::kFailed;
  const JobState wanted = run->status() == 0 ? JobState::kCompleted : failed;
  if (job.state != wanted || job.exit_status != run->status()) {
    scene_->Violation("end", what, ", its script ended with ", run->status());
  }
}

void Oracle::CheckAllocationEnd(const ctld::Job& job, const Submission& submission) {
  const JobState failed =
      ctld::IsSet(job.rare->preempt_time) ? JobState::kPreempted : JobState::kFailed;
  const JobState wanted = submission.complete_status == 0 ? JobState::kCompleted : failed;
  if (!submission.completed_asked || job.state != wanted ||
      job.exit_status != submission.complete_status) {
    scene_->Violation("end", "allocation ", job.id.value, " is ", ToString(BriefOf(job)),
                      submission.completed_asked
                          ? StrCat(", its user gave it back with ", submission.complete_status)
                          : ", its user never gave it back");
  }
}

}  // namespace reeve::sim
