#include "ctld/core/node_events.h"

#include <algorithm>

#include "common/base/text.h"
#include "ctld/core/clock_skew.h"
#include "ctld/core/end_warning.h"
#include "ctld/core/job_end.h"
#include "ctld/core/node_state.h"
#include "ctld/core/prolog.h"
#include "ctld/core/steps.h"
#include "ctld/core/suspend.h"

namespace reeve::ctld {
namespace {

std::vector<JobId> JobsOn(const Node& node) {
  std::vector<JobId> ids;
  for (const auto& [id, use] : node.jobs) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

// Empty when what the node has is at least what its line says.
std::string HardwareComplaint(const Settings& settings, const Node& node) {
  if (settings.config_overrides) return "";
  const Hardware& found = node.hardware;
  if (found.cpus < node.cpus) {
    return StrCat("Low CPUs (reported:", found.cpus, " < configured:", node.cpus, ")");
  }
  if (found.real_memory_mb < node.real_memory_mb) {
    return StrCat("Low RealMemory (reported:", found.real_memory_mb,
                  " < configured:", node.real_memory_mb, ")");
  }
  if (found.tmp_disk_mb < node.tmp_disk_mb) {
    return StrCat("Low TmpDisk (reported:", found.tmp_disk_mb, " < configured:", node.tmp_disk_mb,
                  ")");
  }
  return "";
}

bool MayReturn(const Settings& settings, const Node& node) {
  if (node.base == NodeBase::kUnknown) return true;
  if (node.base != NodeBase::kDown) return false;
  if (settings.return_to_service == 2) return true;
  return settings.return_to_service == 1 && !node.down_by_admin;
}

void TakeReport(Node& node, const NodeRegistered& event, absl::Time now) {
  node.hardware = event.hardware;
  node.version = event.version;
  node.socket = event.socket;
  node.boot_time = event.hardware.boot_time;
  node.daemon_start_time = event.daemon_start_time;
  if (!event.address.empty()) node.address = event.address;
  if (event.port != 0) node.port = event.port;
  node.boot_id = event.boot_id;
  node.responding = node.connected = true;
  node.last_response_time = now;
  node.coverage.Registered(now);
  node.clearing.clear();
}

void SetState(Context& context, Node& node) {
  const std::string complaint = HardwareComplaint(context.state.settings, node);
  if (!complaint.empty()) {
    if (node.drain && node.reason == complaint) return;
    node.drain = true;
    node.reason = complaint;
    node.reason_user = "root";
    node.reason_time = context.now;
    if (node.base == NodeBase::kUnknown) node.base = NodeBase::kUp;
    context.Log(LogLevel::kWarning, StrCat("node ", node.name, ": drained, ", complaint));
    context.Account(node);
    return;
  }
  if (!MayReturn(context.state.settings, node)) return;
  node.base = NodeBase::kUp;
  node.down_by_admin = false;
  if (!node.drain && !node.fail) {
    node.reason.clear();
    node.reason_user.clear();
    node.reason_time = absl::UnixEpoch();
  }
  context.Account(node);
}

// A job whose scripts have begun there and that is not (or not any more) to be there.
void EndForgotten(Context& context, const Node& node, const std::vector<KnownJob>& jobs) {
  for (const KnownJob& known : jobs) {
    const Job* job = context.state.FindJob(known.job);
    const bool current = job != nullptr && job->HoldsResources() &&
                         job->restarts == known.attempt && node.jobs.contains(known.job);
    if (current) continue;
    context.Send(node.name,
                 TerminateJob{known.job, known.attempt, context.state.settings.kill_wait});
  }
}

// What runs there is set against what should.
void Reconcile(Context& context, Node& node, const std::vector<KnownStep>& known) {
  State& state = context.state;
  const absl::Duration kill_wait = state.settings.kill_wait;
  for (const KnownStep& step : known) {
    const Job* job = state.FindJob(step.job);
    const bool current = job != nullptr && job->HoldsResources() && job->restarts == step.attempt &&
                         node.jobs.contains(step.job);
    if (!current) {
      uint32_t& attempt = node.clearing[step.job];
      attempt = std::max(attempt, step.attempt);
      context.Send(node.name, TerminateJob{step.job, step.attempt, kill_wait});
    } else if (const Step* here = job->FindStep(step.step);
               here == nullptr || (!here->Ended() && (here->kill_uid.has_value() ||
                                                      here->state != JobState::kRunning))) {
      // Nobody knows it, or the word that it is to end has not arrived.
      context.Send(node.name, KillStep{step.job, step.step, step.attempt, kill_wait});
    }
  }
  const auto knows = [&](const Job& job, StepId id) {
    return std::any_of(known.begin(), known.end(), [&](const KnownStep& step) {
      return step.job == job.id && step.step == id && step.attempt == job.restarts;
    });
  };
  for (JobId id : JobsOn(node)) {
    Job& job = *state.FindJob(id);
    if (job.Completing()) {
      context.Send(node.name, TerminationOf(job, state.settings));
      continue;
    }
    PrepareAgain(context, job, node.name);
    TellSuspended(context, job, node.name);
    for (size_t i = 0; i < job.steps.size() && job.Active(); ++i) {
      for (size_t share = 0; share < job.steps[i].shares.size(); ++share) {
        Step& step = job.steps[i];
        if (step.shares[share].node != node.name || step.parts[share] == PartState::kEnded)
          continue;
        if (!knows(job, step.step_id)) ResolveMissingPart(context, job, step, share);
        break;
      }
    }
    WarnBeforeEnd(context, job);
  }
}

}  // namespace

void HandleRegistered(Context& context, const NodeRegistered& event) {
  Node* node = context.state.FindNode(event.node);
  if (node == nullptr || node->base == NodeBase::kFuture) {
    context.Log(LogLevel::kWarning,
                StrCat("node ", event.node, " registered but is not configured"));
    context.Send(event.node, HangUp{});
    return;
  }
  const bool rebooted =
      !node->boot_id.empty() && !event.boot_id.empty() && node->boot_id != event.boot_id;
  TakeReport(*node, event, context.now);
  GrantLease(context, *node);
  NoteClock(context, *node, event.time);
  if (rebooted) {
    context.Log(LogLevel::kWarning, StrCat("node ", node->name, ": has rebooted"));
    FailJobsOn(context, *node, /*dead=*/true, "has rebooted");
    NoteReboot(context, *node);
  }
  SetState(context, *node);
  context.Changed(*node);
  context.Log(LogLevel::kInfo, StrCat("node ", node->name, ": registered, ", NodeStateText(*node)));
  EndForgotten(context, *node, event.jobs);
  Reconcile(context, *node, event.steps);
  if (context.state.settings.slurmd_timeout > absl::ZeroDuration()) {
    context.state.timers.Add(context.now + context.state.settings.slurmd_timeout,
                             {TimerKind::kNodeTimeout, {}, node->name, {}});
  }
  context.effects.schedule = true;
}

void HandleHeartbeat(Context& context, const NodeHeartbeat& event) {
  Node* node = context.state.FindNode(event.node);
  // A reconfiguration took it out, or out and in again: it is to register anew.
  if (node == nullptr || !node->connected) return context.Send(event.node, HangUp{});
  node->cpu_load = event.cpu_load;
  node->free_mem_mb = event.free_mem_mb;
  NoteClock(context, *node, event.time);
  node->last_response_time = context.now;
  node->coverage.Confirmed(event.acknowledged, context.now, node->covered);
  node->coverage.Acknowledging(event.sequence, context.now);
  context.Send(node->name, HeartbeatAck{event.sequence});
  if (!node->responding) {
    node->responding = true;
    context.effects.schedule = true;
  }
  context.Shown(*node);
}

void HandleLost(Context& context, const NodeLost& event) {
  Node* node = context.state.FindNode(event.node);
  if (node == nullptr || !node->connected) return;
  node->connected = node->responding = false;
  context.Shown(*node);
  context.Log(LogLevel::kWarning, StrCat("node ", node->name, ": stream closed"));
  if (context.state.settings.slurmd_timeout > absl::ZeroDuration()) {
    context.state.timers.Add(node->last_response_time + context.state.settings.slurmd_timeout,
                             {TimerKind::kNodeTimeout, {}, node->name, {}});
  }
}

void CheckSilence(Context& context, const std::string& name) {
  Node* node = context.state.FindNode(name);
  const absl::Duration timeout = context.state.settings.slurmd_timeout;
  if (node == nullptr || timeout <= absl::ZeroDuration()) return;
  if (node->base == NodeBase::kFuture) return;
  if (node->last_response_time + timeout > context.now) {
    context.state.timers.Add(node->last_response_time + timeout,
                             {TimerKind::kNodeTimeout, {}, name, {}});
    return;
  }
  // What was stopped and wakes on its old stream must not go on as if nothing had been decided.
  if (node->connected) context.Send(name, HangUp{});
  node->responding = node->connected = false;
  if (node->base != NodeBase::kDown) {
    SetNodeDownByEvent(context, *node, kNotResponding);
    node->down_by_admin = false;
  }
  FailJobsOn(context, *node, /*dead=*/false, kNotResponding);
  ExpireLease(context, *node);
}

void SetNodeDown(Context& context, Node& node, std::string reason, std::string user) {
  node.base = NodeBase::kDown;
  node.reason = std::move(reason);
  node.reason_user = std::move(user);
  node.reason_time = context.now;
  context.Changed(node);
  context.Account(node);
  context.Log(LogLevel::kError, StrCat("node ", node.name, ": DOWN, ", node.reason));
}

void FailJobsOn(Context& context, Node& node, bool dead, std::string_view why) {
  for (JobId id : JobsOn(node)) {
    Job* job = context.state.FindJob(id);
    if (job->Active()) {
      const bool requeue = MayRequeue(context.state, *job);
      JobEnd end{.state = JobState::kNodeFail,
                 .reason = Reason::kNodeDown,
                 .detail = StrCat("node ", node.name, ": ", why),
                 .requeue = requeue};
      // A node that still answers is told to clear up.
      if (dead || (!requeue && !node.connected)) end.gone = {node.name};
      EndJob(context, *job, end);
    } else if (job->Completing() &&
               (dead || ((job->flags & kJobFlagRequeued) == 0 && !node.connected))) {
      NodeIsClear(context, *job, node.name);
    }
  }
}

}  // namespace reeve::ctld
