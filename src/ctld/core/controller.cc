#include "ctld/core/controller.h"

#include <algorithm>
#include <utility>

#include "ctld/core/cancel.h"
#include "ctld/core/clock_jump.h"
#include "ctld/core/cluster_state.h"
#include "ctld/core/control.h"
#include "ctld/core/eligibility.h"
#include "ctld/core/end_warning.h"
#include "ctld/core/explain.h"
#include "ctld/core/health_check.h"
#include "ctld/core/job_end.h"
#include "ctld/core/node_events.h"
#include "ctld/core/priority_round.h"
#include "ctld/core/prolog.h"
#include "ctld/core/reservations.h"
#include "ctld/core/restore.h"
#include "ctld/core/schedule.h"
#include "ctld/core/steps.h"
#include "ctld/core/submit.h"
#include "ctld/core/update_cluster.h"
#include "ctld/core/update_job.h"
#include "ctld/core/waiters.h"

namespace reeve::ctld {
namespace {

void CheckTimeLimit(Context& context, JobId id) {
  Job* job = context.state.FindJob(id);
  if (job == nullptr || !job->Running()) return;
  if (IsSet(job->rare->preempt_time)) {
    if (job->end_time <= context.now) EndPreempted(context, *job);
    return;
  }
  if (job->time_limit == absl::InfiniteDuration()) return;
  if (job->end_time + context.state.settings.over_time_limit > context.now) return;
  EndJob(context, *job, {.state = JobState::kTimeout, .reason = Reason::kTimeLimit});
}

void CheckStepLimits(Context& context, JobId id) {
  Job* job = context.state.FindJob(id);
  if (job == nullptr || !job->Running()) return;
  for (size_t i = 0; i < job->steps.size(); ++i) {
    Step& step = job->steps[i];
    if (step.Ended() || step.start_time + step.time_limit > context.now) continue;
    step.kill_uid = 0;
    KillStepEverywhere(context, *job, step, std::nullopt);
  }
}

void HandleTimer(Context& context, const Timer& timer) {
  switch (timer.kind) {
    case TimerKind::kEligible:
    case TimerKind::kDeadline:
      if (Job* job = context.state.FindJob(timer.job)) Reconsider(context, *job);
      return;
    case TimerKind::kTimeLimit:
      return CheckTimeLimit(context, timer.job);
    case TimerKind::kStepLimit:
      return CheckStepLimits(context, timer.job);
    case TimerKind::kWarning:
      if (Job* job = context.state.FindJob(timer.job)) WarnBeforeEnd(context, *job);
      return;
    case TimerKind::kPurge:
      return PurgeIfOld(context, timer.job);
    case TimerKind::kNodeTimeout:
      return CheckSilence(context, timer.node);
    case TimerKind::kLease:
      if (Node* node = context.state.FindNode(timer.node)) ExpireLease(context, *node);
      return;
    case TimerKind::kCall:
      return ExpireCall(context, timer.job, timer.call);
    case TimerKind::kRequests:
      return ForgetOldRequests(context);
    case TimerKind::kPlannedStart:
      context.effects.schedule = true;
      return;
    case TimerKind::kReservation:
      return CheckReservations(context);
    case TimerKind::kHealthCheck:
      return CheckHealthNow(context);
    case TimerKind::kPriorities:
      return PrioritiesDue(context);
  }
}

void RunTimers(Context& context) {
  while (std::optional<Timer> timer = context.state.timers.Pop(context.now)) {
    HandleTimer(context, *timer);
  }
}

struct Dispatch {
  Context& context;
  void operator()(const SubmitJob& e) { HandleSubmit(context, e); }
  void operator()(const SubmitJobs& e) { HandleSubmit(context, e); }
  void operator()(const WaitJob& e) { HandleWait(context, e); }
  void operator()(const CallAbandoned& e) { ForgetCall(context, e.call); }
  void operator()(const CancelJobs& e) { HandleCancel(context, e); }
  void operator()(const ControlJobs& e) { HandleControl(context, e); }
  void operator()(const UpdateJob& e) { HandleUpdateJob(context, e); }
  void operator()(const ExplainJobs& e) { HandleExplain(context, e); }
  void operator()(const CompleteAllocation& e) { HandleComplete(context, e); }
  void operator()(const CreateStep& e) { HandleCreateStep(context, e); }
  void operator()(const NodeRegistered& e) { HandleRegistered(context, e); }
  void operator()(const NodeHeartbeat& e) { HandleHeartbeat(context, e); }
  void operator()(const NodeLost& e) { HandleLost(context, e); }
  void operator()(const StepReported& e) { HandleStepReported(context, e); }
  void operator()(const JobGone& e) { HandleJobGone(context, e); }
  void operator()(const JobPrepared& e) { HandleJobPrepared(context, e); }
  void operator()(const UpdateNode& e) { HandleUpdateNode(context, e); }
  void operator()(const SetReservation& e) { HandleSetReservation(context, e); }
  void operator()(const UpdatePartition& e) { HandleUpdatePartition(context, e); }
  void operator()(const Reconfigured& e) { HandleReconfigured(context, e); }
  void operator()(const Tick&) {}
  void operator()(const ClockJumped&) {}  // before the timers
};

template <typename T>
void SortUnique(std::vector<T>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

bool IsKept(const State& state, JobId id, StepId step_id) {
  const Job* job = state.FindJob(id);
  const Step* step = job == nullptr ? nullptr : job->FindStep(step_id);
  return step != nullptr && step->spec != nullptr;
}

// What was stored and dropped again, or the other way round, all in one moment, is what it is now.
void KeepLatest(const State& state, Effects& effects) {
  std::erase_if(effects.jobs_removed, [&](JobId id) { return state.jobs.contains(id); });
  std::erase_if(effects.reservations_removed,
                [&](const std::string& name) { return state.reservations.Find(name) != nullptr; });
  std::erase_if(effects.requests_kept, [&](const RequestResult& request) {
    return !state.requests.Contains(request.key);
  });
  std::erase_if(effects.requests_forgotten,
                [&](const RequestKey& key) { return state.requests.Contains(key); });
  std::erase_if(effects.steps_kept, [&](const StepToLaunch& kept) {
    const Job* job = state.FindJob(kept.job);
    return !IsKept(state, kept.job, kept.step) || job->restarts != kept.attempt;
  });
  std::erase_if(effects.steps_dropped,
                [&](const auto& dropped) { return IsKept(state, dropped.first, dropped.second); });
}

Effects Finish(State& state, Effects effects) {
  const auto known = [&](JobId id) { return state.jobs.contains(id); };
  for (std::vector<JobId>* ids : {&effects.jobs_changed, &effects.jobs_to_store}) {
    SortUnique(*ids);
    std::erase_if(*ids, [&](JobId id) { return !known(id); });
  }
  SortUnique(effects.nodes_changed);
  SortUnique(effects.nodes_to_store);
  SortUnique(effects.partitions_to_store);
  SortUnique(effects.reservations_to_store);
  std::erase_if(effects.reservations_to_store,
                [&](const std::string& name) { return state.reservations.Find(name) == nullptr; });
  SortUnique(effects.usage_to_store);
  KeepLatest(state, effects);
  // The last job that named a blob went and another that names it came, all in one event.
  std::erase_if(effects.blobs_released, [&](const std::string& hash) {
    return state.blob_uses.contains(SharedText(hash));
  });
  if (std::exchange(state.counters_moved, false)) effects.counters = state.counters;
  effects.next_wakeup = state.timers.Next();
  return effects;
}

}  // namespace

bool Effects::NeedsCommit() const {
  return !jobs_to_store.empty() || !jobs_removed.empty() || !blobs_released.empty() ||
         !nodes_to_store.empty() || !partitions_to_store.empty() || !accounting.empty() ||
         !steps_kept.empty() || !reservations_to_store.empty() || !reservations_removed.empty() ||
         !steps_dropped.empty() || !requests_kept.empty() || !requests_forgotten.empty() ||
         !usage_to_store.empty() || counters.has_value();
}

Controller::Controller(Settings settings) : state_(std::make_unique<State>(std::move(settings))) {}
Controller::~Controller() = default;

Effects Controller::Restore(Snapshot snapshot, absl::Time now) {
  Effects effects;
  Context context{*state_, effects, now};
  RestoreSnapshot(context, std::move(snapshot));
  RunTimers(context);
  return Finish(*state_, std::move(effects));
}

Effects Controller::Handle(const Event& event, absl::Time now) {
  return Handle(std::span(&event, 1), now);
}

Effects Controller::Handle(std::span<const Event> events, absl::Time now) {
  Effects effects;
  Context context{*state_, effects, now};
  for (const Event& event : events) {
    if (const auto* jump = std::get_if<ClockJumped>(&event)) HandleClockJump(context, jump->by);
    // What is due comes first: a job past its limit has ended before whatever happens now.
    RunTimers(context);
    std::visit(Dispatch{context}, event);
  }
  return Finish(*state_, std::move(effects));
}

Effects Controller::Schedule(absl::Time now) {
  Effects effects;
  Context context{*state_, effects, now};
  const bool complete = RunSchedule(context);
  // What the pass itself moved has been looked at by it.
  effects.schedule = !complete;
  return Finish(*state_, std::move(effects));
}

const Job* Controller::FindJob(JobId id) const {
  return state_->FindJob(id);
}
const Node* Controller::FindNode(std::string_view name) const {
  return state_->FindNode(name);
}
const Partition* Controller::FindPartition(std::string_view name) const {
  const PartitionEntry* entry = state_->FindPartition(name);
  return entry == nullptr ? nullptr : &entry->facts;
}
const Reservation* Controller::FindReservation(std::string_view name) const {
  return state_->reservations.Find(name);
}
std::vector<const Reservation*> Controller::Reservations() const {
  std::vector<const Reservation*> reservations;
  for (const auto& [name, reservation] : state_->reservations.all()) {
    reservations.push_back(reservation.get());
  }
  return reservations;
}
const LicensePool& Controller::licenses() const {
  return state_->licenses;
}
size_t Controller::job_count() const {
  return state_->jobs.size();
}

void Controller::ForEachJob(const std::function<void(const Job&)>& visit) const {
  state_->jobs.ForEach([&](JobId, const std::unique_ptr<Job>& job) { visit(*job); });
}

std::vector<const Node*> Controller::Nodes() const {
  std::vector<const Node*> nodes;
  for (const std::unique_ptr<Node>& node : state_->nodes) nodes.push_back(node.get());
  return nodes;
}

std::vector<const Partition*> Controller::Partitions() const {
  std::vector<const Partition*> partitions;
  for (const PartitionEntry& entry : state_->partitions) partitions.push_back(&entry.facts);
  return partitions;
}

const Counters& Controller::counters() const {
  return state_->counters;
}
const Settings& Controller::settings() const {
  return state_->settings;
}
std::shared_ptr<const PriorityBook> Controller::priority_book() const {
  return state_->book;
}
std::optional<StoredUsage> Controller::UsageOf(uint32_t uid) const {
  return state_->fair_share.RecordOf(uid);
}

std::vector<JobId> Controller::ArrayMembers(JobId array) const {
  const auto found = state_->arrays.find(array);
  if (found == state_->arrays.end()) return {};
  std::vector<JobId> members = found->second.Members();
  std::sort(members.begin(), members.end());
  return members;
}

}  // namespace reeve::ctld
