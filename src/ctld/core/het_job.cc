#include "ctld/core/het_job.h"

#include <algorithm>
#include <utility>

#include "common/base/text.h"
#include "ctld/core/control.h"
#include "ctld/core/eligibility.h"
#include "ctld/core/errors.h"
#include "ctld/core/job_env.h"

namespace reeve::ctld {
namespace {

Job* ComponentAt(State& state, const HetPart& part, uint32_t offset) {
  Job* job = state.FindJob(JobId{part.leader.value + offset});
  return job != nullptr && job->het->leader == part.leader ? job : nullptr;
}

bool WaitsForRoom(const Job& job) {
  return job.Pending() && !job.Completing() && job.het->ready;
}

// What follows from all of them together: with one that is not ready nobody has a planned start.
void ForgetPlace(Context& context, Job& job) {
  if (!WaitsForRoom(job)) return;
  if (IsSet(job.planned_start)) {
    job.planned_start = absl::UnixEpoch();
    context.Shown(job);
  }
  SetReason(context, job, Reason::kNone);
}

}  // namespace

std::vector<Job*> ComponentsOf(State& state, const Job& component) {
  std::vector<Job*> jobs;
  const HetPart part = *component.het;
  for (uint32_t i = 0; i < part.size; ++i) {
    if (Job* job = ComponentAt(state, part, i)) jobs.push_back(job);
  }
  return jobs;
}

std::vector<Job*> WithComponents(State& state, JobId id) {
  Job* job = state.FindJob(id);
  if (job == nullptr) return {};
  if (!job->IsComponent()) return {job};
  return ComponentsOf(state, *job);
}

JobId StandsFor(const State& state, JobId id) {
  const Job* job = state.FindJob(id);
  return job != nullptr && job->IsComponent() ? job->het->leader : id;
}

absl::Status CheckComponent(const JobSpec& spec, const JobSpec& first, uint32_t offset) {
  const RareWishes& wishes = spec.wishes();
  const auto refuse = [](std::string_view what) {
    return Refuse(kUnsupported, StrCat("not supported in a heterogeneous job: ", what));
  };
  if (offset >= kMostComponents)
    return refuse(StrCat("more than ", kMostComponents, " components"));
  if (!spec.array.empty()) return Refuse(kInvalidArray, "a heterogeneous job cannot be an array");
  if (spec.partition.find(',') != std::string::npos)
    return refuse("several partitions for one component");
  if (spec.reservation != first.reservation) return refuse("components in different reservations");
  if (spec.batch != first.batch) return refuse("components with and without a script");
  if (wishes.time_min.has_value()) return refuse("--time-min");
  if (wishes.switches != 0) return refuse("--switches");
  if (offset > 0 && !wishes.licenses.empty()) {
    return refuse("--licenses of another component than the first one");
  }
  if (offset > 0 && wishes.warning.has_value() && wishes.warning->batch_only) {
    return refuse("--signal=B: of another component than the first one, which has the script");
  }
  return absl::OkStatus();
}

absl::Status CheckComponent(const Shape& shape) {
  // All are there for as long as they have asked to be.
  if (shape.time_min == absl::ZeroDuration()) return absl::OkStatus();
  return Refuse(kUnsupported,
                "not supported in a heterogeneous job: --deadline without a time limit");
}

JobId NextHetJobId(State& state, uint32_t count) {
  // Each known id is in the way once at most, and so is the highest one.
  for (size_t tries = state.jobs.size() + state.arrays.size() + 2; tries > 0; --tries) {
    const JobId first = state.NextJobId();
    JobId last = first;
    while (last.value - first.value + 1 < count) {
      const JobId next = state.NextJobId();
      if (next.value != last.value + 1) {
        state.counters.next_job_id = next.value;
        break;
      }
      last = next;
    }
    if (last.value - first.value + 1 == count) return first;
  }
  return {};
}

absl::StatusOr<std::vector<JobId>> ResolveComponents(State& state, const JobPick& pick) {
  Job* job = state.FindJob(pick.job);
  if (job == nullptr) return Refuse(kInvalidJobId);
  if (pick.het_offset.has_value()) {
    const bool leads = job->IsComponent() && job->het->offset == 0;
    Job* meant = leads && *pick.het_offset < job->het->size
                     ? ComponentAt(state, *job->het, *pick.het_offset)
                     : nullptr;
    if (meant == nullptr) return Refuse(kInvalidJobId);
    return std::vector<JobId>{meant->id};
  }
  std::vector<JobId> ids = {pick.job};
  if (!job->IsComponent() || job->het->offset > 0 || pick.step.has_value()) return ids;
  ids.clear();
  for (const Job* each : ComponentsOf(state, *job)) ids.push_back(each->id);
  return ids;
}

const Job* ComponentIsReady(Context& context, JobId id) {
  State& state = context.state;
  Job& job = *state.FindJob(id);
  job.het.Edit().ready = true;
  const std::vector<Job*> jobs = ComponentsOf(state, job);
  const bool all =
      jobs.size() == job.het->size && std::all_of(jobs.begin(), jobs.end(), [&](const Job* each) {
        return WaitsForRoom(*each) && !state.PartitionsOf(*each).empty();
      });
  if (!all) {
    if (state.backlog.Erase(job.het->leader)) state.plan.Drop(job.het->leader);
    return nullptr;
  }
  return jobs.front();
}

void FollowComponents(Context& context, JobId leader) {
  State& state = context.state;
  const std::vector<Job*> jobs = WithComponents(state, leader);
  for (const ReadyKey& key : state.backlog.KeysOf(leader)) {
    ShapeQueue& queue = *state.backlog.QueueOf(key);
    const auto is_that = [&](const Job* job, const ShapeQueue& part) {
      return job->shape == part.shape && state.PartitionsOf(*job).front() == part.partition;
    };
    const bool same =
        std::equal(jobs.begin(), jobs.end(), queue.together.begin(), queue.together.end(), is_that);
    if (same || !queue.fitted) continue;
    queue.fitted = queue.judged = queue.blocked = false;
    state.plan.Drop(leader);
    state.backlog.unplanned.insert(key);
  }
}

void ComponentIsNotReady(Context& context, JobId id) {
  State& state = context.state;
  Job& job = *state.FindJob(id);
  job.het.Edit().ready = false;
  const JobId leader = job.het->leader;
  if (!state.backlog.Erase(leader)) return;
  state.plan.Drop(leader);
  for (Job* other : ComponentsOf(state, job)) ForgetPlace(context, *other);
}

void StartTogether(Context& context, JobId leader, const std::vector<Grant>& grants) {
  State& state = context.state;
  const std::vector<Job*> jobs = ComponentsOf(state, *state.FindJob(leader));
  // What the script is told of all of them has to be there when it is launched.
  for (size_t i = jobs.size(); i-- > 0;) {
    StartJob(context, *jobs[i], state.PartitionsOf(*jobs[i]).front(), grants[i]);
  }
}

bool EndsAll(const State& state, const Job& job, const JobEnd& end) {
  if (state.ending_together.contains(job.het->leader)) return false;  // each by itself now
  return job.het->offset == 0 || !job.Active() || end.requeue || end.state == JobState::kNodeFail ||
         end.reason == Reason::kJobLaunchFailure;
}

namespace {

void RunAgain(Context& context, Job& job, bool hold, bool by_admin) {
  if (job.Pending()) {  // for that already
    if (hold) Hold(context, job, by_admin);
    return;
  }
  if (!job.Completing()) return Requeue(context, job, hold, by_admin);
  job.flags |= kJobFlagRequeued | (hold ? kJobFlagRequeueHold : kJobFlagNone);
  job.held_by_admin = hold && by_admin;
  context.Changed(job);
}

}  // namespace

void StayEnded(Context& context, Job& job, const JobEnd& end) {
  if (!job.Completing() || (job.flags & kJobFlagRequeued) == 0) return;
  job.flags &= ~(kJobFlagRequeued | kJobFlagRequeueHold);
  job.state = end.state;
  if (end.kill_uid.has_value()) job.rare.Edit().kill_uid = end.kill_uid;
  context.Changed(job);
}

void RunTogetherAgain(Context& context, Job& job, bool hold, bool by_admin) {
  for (Job* each : ComponentsOf(context.state, job)) {
    each->reason_detail.clear();
    RunAgain(context, *each, hold, by_admin);
  }
}

void RunNoneAgain(Context& context, const Job& job, const JobEnd& end) {
  if (!job.IsComponent()) return;
  for (Job* each : ComponentsOf(context.state, job)) {
    if (each->Pending()) {
      EndJob(context, *each, end);
    } else {
      StayEnded(context, *each, end);
    }
  }
}

void EndTogether(Context& context, Job& job, JobEnd end) {
  State& state = context.state;
  const JobId leader = job.het->leader;
  state.ending_together.insert(leader);
  for (Job* each : ComponentsOf(state, job)) {
    if (each->Finished()) {
      // It had ended before the others.
      if (end.requeue) {
        RunAgain(context, *each, end.hold, end.hold_by_admin);
      } else {
        StayEnded(context, *each, end);
      }
      continue;
    }
    JobEnd own = end;
    if (each != &job) own.gone.clear();
    EndJob(context, *each, std::move(own));
  }
  state.ending_together.erase(leader);
}

bool AllOver(State& state, const Job& component) {
  const std::vector<Job*> jobs = ComponentsOf(state, component);
  return std::all_of(jobs.begin(), jobs.end(),
                     [](const Job* job) { return job->Finished() && !job->Completing(); });
}

void AddHetEnvironment(const State& state, const Job& job, std::vector<std::string>& environment) {
  // The same for all components: who asks for it once more is told so of its own.
  constexpr std::string_view kOfTheWhole[] = {"SLURM_CLUSTER_NAME", "SLURM_SUBMIT_DIR",
                                              "SLURM_SUBMIT_HOST"};
  const HetPart& part = *job.het;
  environment.push_back(StrCat("SLURM_HET_SIZE=", part.size));
  environment.push_back(StrCat("SLURM_JOB_ID=", part.leader.value));
  environment.push_back(StrCat("SLURM_JOBID=", part.leader.value));
  for (uint32_t i = 0; i < part.size; ++i) {
    const Job* other = ComponentAt(const_cast<State&>(state), part, i);
    if (other == nullptr) continue;
    for (const std::string& line : AllocationEnvironment(state.settings, *other)) {
      const size_t equals = line.find('=');
      const std::string_view name = std::string_view(line).substr(0, equals);
      if (!name.starts_with("SLURM_")) continue;
      if (std::find(std::begin(kOfTheWhole), std::end(kOfTheWhole), name) !=
          std::end(kOfTheWhole)) {
        continue;
      }
      environment.push_back(StrCat(name, "_HET_GROUP_", i, std::string_view(line).substr(equals)));
    }
  }
}

}  // namespace reeve::ctld
