#include "ctld/core/restore.h"

#include <algorithm>

#include "common/base/text.h"
#include "ctld/core/dependency.h"
#include "ctld/core/eligibility.h"
#include "ctld/core/health_check.h"
#include "ctld/core/het_job.h"
#include "ctld/core/job_end.h"
#include "ctld/core/node_state.h"
#include "ctld/core/priority.h"
#include "ctld/core/priority_round.h"
#include "ctld/core/reservations.h"
#include "ctld/core/resize.h"
#include "ctld/core/resume_queue.h"
#include "ctld/core/runtime_changes.h"
#include "ctld/core/submit.h"
#include "ctld/core/task_layout.h"

namespace reeve::ctld {
namespace {

absl::flat_hash_set<std::string> NodesInUse(const std::vector<Job>& jobs) {
  absl::flat_hash_set<std::string> names;
  for (const Job& job : jobs) {
    if (!job.HoldsResources()) continue;
    for (const NodeShare& share : job.shares) names.insert(share.node);
  }
  return names;
}

void RestoreNodes(Context& context, const std::vector<StoredNode>& stored,
                  const absl::flat_hash_set<std::string>& in_use) {
  for (const StoredNode& from : stored) {
    Node* node = context.state.FindNode(from.name);
    if (node == nullptr) continue;
    // Where jobs run the future has begun, whatever the file still says.
    if (node->base == NodeBase::kFuture && !in_use.contains(from.name)) continue;
    node->base = from.base;
    node->drain = from.drain;
    node->fail = from.fail;
    node->down_by_admin = from.down_by_admin;
    node->reason = from.reason;
    node->reason_user = from.reason_user;
    node->reason_time = from.reason_time;
    node->boot_id = from.boot_id;
    node->last_busy_time = from.last_busy_time;
    node->lease = from.lease;
    node->witnesses = from.witnesses;
    RestoreNodeChanges(context, *node, from);
  }
  PlanHealthChecks(context);
  // Silence counts from now: the controller was away, not the nodes.
  for (const std::unique_ptr<Node>& node : context.state.nodes) {
    node->last_response_time = context.now;
    node->connected = node->responding = false;
    StampReason(context, *node);
    if (context.state.settings.slurmd_timeout > absl::ZeroDuration()) {
      context.state.timers.Add(context.now + context.state.settings.slurmd_timeout,
                               {TimerKind::kNodeTimeout, {}, node->name, {}});
    }
  }
}

// A record from the store names no shape and may lack what follows from the rest.
void RestoreShape(Context& context, Job& job) {
  absl::StatusOr<Shape> shape = MakeShape(*job.spec, job.time_limit);
  if (!shape.ok()) {
    shape = Shape{};
    shape->time_limit = job.time_limit;
  }
  if (job.Active()) {
    // Whatever the record says it asked for: this is what it got.
    FitToShares(*shape, job);
  }
  job.shape = context.state.shapes.Intern(*std::move(shape));
}

void RestoreSteps(Job& job) {
  for (Step& step : job.steps) {
    // Better taken for started: what may have run is never launched again.
    step.parts.resize(step.shares.size(), step.Ended() ? PartState::kEnded : PartState::kStarted);
    if (!step.task_ids.empty() || step.shares.empty()) continue;
    std::vector<uint32_t> counts;
    for (const NodeShare& share : step.shares) counts.push_back(share.tasks);
    step.task_ids = TaskIds(
        counts, step.distribution == "cyclic" ? Distribution::kCyclic : Distribution::kBlock);
  }
}

void Activate(Context& context, Job& job) {
  State& state = context.state;
  state.active.insert(job.id);
  context.TakeLicenses(job);
  if (job.array_job_id) state.arrays[job.array_job_id].running++;
  for (const NodeShare& share : job.shares) {
    if (job.ClearOf(share.node)) continue;
    context.Occupy(job, share, job.Completing());
    Node* node = state.FindNode(share.node);
    // The configuration may have changed while the controller was away.
    if (node != nullptr &&
        (node->alloc_cpus > node->cpus || node->alloc_mem_mb > node->real_memory_mb)) {
      node->shrunk = true;
    }
  }
  if (job.Running()) WatchEnd(state, job);
  if (IsSuspendedForOthers(job)) state.preemption.standing[job.id] = ToInstant(context.now);
  for (const Step& step : job.steps) {
    if (!step.Ended() && step.time_limit < absl::InfiniteDuration()) {
      state.timers.Add(step.start_time + step.time_limit, {TimerKind::kStepLimit, job.id, {}, {}});
    }
  }
}

void RestoreFinished(Context& context, Job& job) {
  State& state = context.state;
  job.over_time = job.end_time;
  if (job.array_job_id) {
    ArrayGroup& group = state.arrays[job.array_job_id];
    (job.state == JobState::kCompleted ? group.succeeded : group.failed)++;
  }
  if (state.settings.min_job_age > absl::ZeroDuration()) {
    state.timers.Add(job.over_time + state.settings.min_job_age,
                     {TimerKind::kPurge, job.id, {}, {}});
  }
}

// What running jobs have used since their users' last record is added to it.
void RestoreUsage(Context& context, const std::vector<StoredUsage>& stored,
                  const std::vector<JobId>& ids) {
  State& state = context.state;
  absl::flat_hash_map<uint32_t, absl::Time> known;
  for (const StoredUsage& usage : stored) {
    state.fair_share.Restore(usage);
    known[usage.uid] = usage.at;
  }
  for (JobId id : ids) {
    const Job* job = state.FindJob(id);
    if (job == nullptr || !job->Running()) continue;
    const auto at = known.find(job->owner->uid);
    const absl::Time began = job->start_time + job->suspension->total;
    UsageBegan(context, *job, at == known.end() ? began : std::max(at->second, began));
  }
}

// Launches that may have gone down with the last controller.
void RestoreLaunches(Context& context, const std::vector<StepToLaunch>& stored) {
  for (const StepToLaunch& from : stored) {
    Job* job = context.state.FindJob(from.job);
    Step* step = job == nullptr || job->restarts != from.attempt || !job->HoldsResources()
                     ? nullptr
                     : job->FindStep(from.step);
    if (step == nullptr || step->Ended()) {
      context.effects.steps_dropped.emplace_back(from.job, from.step);
      continue;
    }
    step->spec = from.spec;
    step->io_secret = from.io_secret;
  }
}

// Nodes that were taken out of the configuration meanwhile can tell nothing any more.
void EndOnUnknownNodes(Context& context, Job& job) {
  std::vector<std::string> unknown;
  for (const NodeShare& share : job.shares) {
    if (context.state.FindNode(share.node) == nullptr) unknown.push_back(share.node);
  }
  if (unknown.empty()) return;
  if (job.Active()) {
    EndJob(context, job,
           {.state = JobState::kNodeFail,
            .reason = Reason::kNodeDown,
            .detail = StrCat("node ", unknown[0], " is no longer configured"),
            .gone = unknown});
    return;
  }
  // Nor when they have nothing of it left: it does not run again.
  job.flags &= ~kJobFlagRequeued;
  context.Changed(job);
  RunNoneAgain(context, job, {.state = JobState::kNodeFail, .reason = Reason::kNodeDown});
  for (const std::string& node : unknown) NodeIsClear(context, job, node);
}

}  // namespace

void RestoreSnapshot(Context& context, Snapshot snapshot) {
  State& state = context.state;
  state.counters = snapshot.counters;
  state.counters.next_job_id = std::max(state.counters.next_job_id, state.settings.first_job_id);
  RestoreNodes(context, snapshot.nodes, NodesInUse(snapshot.jobs));
  RestorePartitionChanges(context, snapshot.partitions);
  RestoreReservations(context, std::move(snapshot.reservations));
  state.book = MakeBook(state);
  state.fair_share.Configure(state.settings.priority, context.now);
  std::vector<JobId> ids;
  for (Job& stored : snapshot.jobs) {
    auto job = std::make_unique<Job>(std::move(stored));
    RestoreShape(context, *job);
    RestoreSteps(*job);
    ids.push_back(job->id);
    context.AddJob(std::move(job));
  }
  RestoreLaunches(context, snapshot.steps);
  std::sort(ids.begin(), ids.end());
  for (JobId id : ids) {
    Job& job = *state.FindJob(id);
    if (job.HoldsResources()) {
      Activate(context, job);
    } else if (job.Finished()) {
      RestoreFinished(context, job);
    } else {
      WatchDependency(context, job);
    }
  }
  state.licenses.Configure(state.settings.licenses);  // there may be fewer than when they started
  RestoreUsage(context, snapshot.usage, ids);
  PlanPriorities(context);
  for (JobId id : ids) {
    Job* job = state.FindJob(id);
    if (job == nullptr) continue;
    if (job->HoldsResources()) EndOnUnknownNodes(context, *job);
    if (job->Pending()) Reconsider(context, *job);
  }
  std::sort(snapshot.requests.begin(), snapshot.requests.end(),
            [](const RequestResult& a, const RequestResult& b) { return a.time < b.time; });
  for (const RequestResult& result : snapshot.requests) state.requests.Add(result);
  WatchRequests(context);
  context.effects.schedule = true;
}

}  // namespace reeve::ctld
