#include "ctld/core/start_job.h"

#include <algorithm>
#include <tuple>

#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "ctld/core/cpu_layout.h"
#include "ctld/core/dependency.h"
#include "ctld/core/eligibility.h"
#include "ctld/core/gres_devices.h"
#include "ctld/core/het_job.h"
#include "ctld/core/job_array.h"
#include "ctld/core/job_end.h"
#include "ctld/core/job_env.h"
#include "ctld/core/magnetism.h"
#include "ctld/core/priority.h"
#include "ctld/core/priority_round.h"
#include "ctld/core/prolog.h"
#include "ctld/core/steps.h"
#include "ctld/core/waiters.h"

namespace reeve::ctld {
namespace {

CpuSet PickCpusOf(const State& state, const Shape& shape, const Placement::Part& part,
                  const std::vector<GresShare>& gres) {
  const Node& node = *state.nodes[part.index];
  const bool any = gres.empty() || shape.layout.far_from_gpus;
  const CpuSet preferred = any ? CpuSet() : CpusNear(node, gres);
  const bool whole_cores = state.settings.select.core;
  if (!shape.layout.Any() || shape.overcommit) {  // which is counted without its layout
    return PickCpus(node, part.cpus, whole_cores, preferred);
  }
  return LayoutRoom(shape.layout, shape.cpus_per_task, CpusOf(node, whole_cores), whole_cores,
                    part.cpus, part.cpus, &node.busy)
      .Pick(part.tasks, part.cpus, preferred);
}

// 0: all.
uint32_t UsableCount(const State& state, const Shape& shape, const NodeShare& share) {
  if (shape.layout.threads == 0) return 0;
  const uint32_t usable =
      UsableCpus(shape.layout, CpusOf(state, share.node), share.cores, share.cores).Count();
  return usable < share.cpus ? usable : 0;
}

NodeShare MakeShare(const State& state, const Shape& shape, const Placement::Part& part) {
  const Node& node = *state.nodes[part.index];
  NodeShare share;
  share.node = node.name;
  share.mem_mb = part.mem_mb;
  share.tasks = part.tasks;
  share.gres = node.stock.Pick(part.gres);
  share.cores = part.cores;
  if (share.cores.Empty()) share.cores = PickCpusOf(state, shape, part, share.gres);
  share.cpus = share.cores.Count();
  share.usable_cpus = UsableCount(state, shape, share);
  return share;
}

// So many tasks that are not asked for one by one.
uint32_t TasksFor(const State& state, const Shape& shape, const NodeShare& share) {
  const uint32_t tasks = share.CpusForTasks() / shape.cpus_per_task;
  if (!shape.layout.Limits()) return tasks;
  const NodeCpus node = CpusOf(state, share.node);
  const CpuSet usable = UsableCpus(shape.layout, node, share.cores, share.cores);
  return static_cast<uint32_t>(
      LayOutTasks(shape.layout, shape.cpus_per_task, node, usable, tasks).size());
}

// Without a count of tasks a whole node's worth of them is what tools may start there.
void FillWholeNodes(const State& state, Job& job, bool exclusive) {
  const Shape& shape = *job.shape;
  if (!exclusive || shape.tasks_given || shape.ntasks_per_node > 0) return;
  for (NodeShare& share : job.shares) {
    share.tasks = TasksFor(state, shape, share);
    if (!shape.gres.per_task) continue;
    share.tasks = std::min(share.tasks, CountOf(share.gres, kGpu) / shape.gres.per_task->count);
  }
}

void LowerTimeLimit(Job& job, Instant length) {
  if (job.shape->time_min == absl::ZeroDuration()) return;
  const absl::Duration limit = absl::Microseconds(length);
  if (limit < job.shape->PlanningTime()) job.time_limit = limit;
}

// A batch script finds what its tasks may use.
void LeaveOnlyUsable(const State& state, const Job& job, NodeShare& share) {
  if (share.usable_cpus == 0) return;
  share.cores = UsableCpus(job.shape->layout, CpusOf(state, share.node), share.cores, share.cores);
  share.cpus = share.cores.Count();
  share.usable_cpus = 0;
}

void LaunchBatch(Context& context, Job& job) {
  Step step;
  step.step_id = kBatchStep;
  step.name = "batch";
  step.shares = {job.shares.front()};
  LeaveOnlyUsable(context.state, job, step.shares[0]);
  step.shares[0].tasks = 1;
  step.task_ids = {{0}};
  step.parts = {PartState::kLaunching};
  step.num_tasks = 1;
  step.start_time = context.now;
  job.steps.push_back(std::move(step));
  const std::string& node = job.shares.front().node;
  context.Send(node, MakeLaunch(context.state, job, job.steps.back(), 0));
}

}  // namespace

NodeCpus CpusOf(const State& state, const std::string& node) {
  const auto index = state.node_index.find(node);
  if (index == state.node_index.end()) return NodeCpus();
  return CpusOf(*state.nodes[index->second], state.settings.select.core);
}

CpuSet PickCpus(const Node& node, uint32_t count, bool whole_cores, const CpuSet& preferred) {
  CpuSet picked;
  const uint32_t threads = whole_cores ? std::max(node.threads_per_core, 1u) : 1;
  for (const bool all : {preferred.Empty(), true}) {
    for (uint32_t core = 0; core + threads <= node.cpus && picked.Count() < count;
         core += threads) {
      bool free = all || preferred.Contains(core);
      for (uint32_t i = 0; i < threads; ++i) {
        free = free && !node.busy.Contains(core + i) && !picked.Contains(core + i);
      }
      if (!free) continue;
      for (uint32_t i = 0; i < threads; ++i) picked.Add(core + i);
    }
    if (all) break;
  }
  return picked;
}

Job& StartJob(Context& context, Job& record, PartitionIndex partition, const Grant& grant) {
  State& state = context.state;
  Job& job = SplitNextTask(context, record);
  context.RemoveReady(job);
  if (!grant.reservation.empty()) DrawIn(context, job, grant.reservation);
  job.partition = state.partitions[partition].facts.name;
  job.priority = PriorityOf(state, job, context.now);
  job.state = JobState::kRunning;
  job.flags &= ~kJobFlagRequeueHold;
  job.leased = state.settings.lease.enabled() && MayRequeue(state, job);
  job.reason = Reason::kNone;
  job.reason_detail.clear();
  job.start_time = job.last_sched_time = context.now;
  LowerTimeLimit(job, grant.length);
  job.end_time = context.now + std::min(job.time_limit, absl::Hours(24 * 365));
  job.planned_start = absl::UnixEpoch();
  job.sched_nodes.clear();
  job.shares.clear();
  job.num_cpus = 0;
  const Sharing sharing =
      job.IsComponent() ? Sharing() : SharingOf(*job.shape, state.partitions[partition].facts);
  job.share_limit = sharing.Shares() ? sharing.most : 0;
  std::vector<std::string> names;
  for (const Placement::Part& part : grant.placement.parts) {
    job.shares.push_back(MakeShare(state, *job.shape, part));
    context.Occupy(job, job.shares.back(), /*completing=*/false);
    job.num_cpus += job.shares.back().cpus;
    names.push_back(job.shares.back().node);
  }
  job.num_nodes = static_cast<uint32_t>(job.shares.size());
  if (job.shape->IsElastic()) job.num_tasks = job.shape->TasksOn(job.num_nodes);
  FillWholeNodes(state, job, job.shape->exclusive || state.partitions[partition].facts.exclusive);
  state.active.insert(job.id);
  context.TakeLicenses(job, &grant.from_reserve);
  UsageBegan(context, job, context.now);
  state.preemption.starts++;
  WatchEnd(state, job);
  PrepareNodes(context, job);
  if (job.spec->batch && job.het->offset == 0) LaunchBatch(context, job);
  context.Changed(job);
  context.Account(job);
  context.Log(LogLevel::kInfo, StrCat("job ", JobLabel(job), " (", job.id.value, "): RUNNING on ",
                                      CompressHostlist(names), ", ", job.num_cpus, " CPUs"));
  if (job.array_job_id) state.arrays[job.array_job_id].running++;
  AnswerWaiters(context, job);
  RetryWaitingSteps(context, job);
  WakeDependents(context, job);
  if (&job != &record) Reconsider(context, record);
  return job;
}

StepLaunch MakeLaunch(const State& state, const Job& job, const Step& step, size_t share) {
  StepLaunch launch;
  const bool batch = step.step_id == kBatchStep;
  launch.job = job.id;
  launch.step = step.step_id;
  launch.attempt = launch.restarts = job.restarts;
  launch.leased = job.leased;
  launch.suspended = job.Suspended();
  launch.owner = job.owner;
  launch.job_spec = job.spec;
  launch.step_spec = step.spec;
  if (batch) {
    launch.script_hash = job.script_hash;
    launch.env_hash = job.env_hash;
    launch.environment = BatchEnvironment(state.settings, job);
  } else {
    launch.environment = StepEnvironment(state.settings, job, step);
    launch.io_secret = step.io_secret;
    launch.kill_on_bad_exit = step.spec != nullptr && step.spec->kill_on_bad_exit;
  }
  if (job.IsComponent()) AddHetEnvironment(state, job, launch.environment);
  launch.shares = step.shares;
  launch.task_ids = step.task_ids;
  launch.node_index = static_cast<uint32_t>(share);
  launch.cpus_per_task = step.cpus_per_task;
  launch.name = step.name;
  launch.job_name = job.spec->name;
  launch.array_job_id = job.array_job_id;
  launch.array_task_id = job.array_task_id;
  launch.facts = FactsOf(job, state.settings);
  const std::string& node = step.shares[share].node;
  for (size_t i = 0; i < job.shares.size(); ++i) {
    if (job.shares[i].node != node) continue;
    launch.job_node_index = static_cast<uint32_t>(i);
    launch.job_cores = job.shares[i].cores;
    launch.job_mem_limit_mb = job.shares[i].mem_mb;
    launch.mem_limit_mb = step.shares[share].mem_mb;
    const auto index = state.node_index.find(node);
    if (index == state.node_index.end()) continue;
    if (state.settings.topology != nullptr) {
      std::tie(launch.topology_addr, launch.topology_pattern) =
          state.settings.topology->AddressOf(index->second, node);
    }
    launch.node_has_gpus = state.nodes[index->second]->stock.Has(kGpu);
    launch.job_gpus = GpuNumbers(*state.nodes[index->second], job.shares[i].gres);
    launch.step_gpus = GpuNumbers(*state.nodes[index->second], step.shares[share].gres);
  }
  return launch;
}

}  // namespace reeve::ctld
