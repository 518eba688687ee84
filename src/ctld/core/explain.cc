#include "ctld/core/explain.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "ctld/core/deadline.h"
#include "ctld/core/errors.h"
#include "ctld/core/explain_licenses.h"
#include "ctld/core/explain_nodes.h"
#include "ctld/core/explain_others.h"
#include "ctld/core/explain_variants.h"
#include "ctld/core/het_job.h"
#include "ctld/core/job_array.h"
#include "ctld/core/obstacle.h"
#include "ctld/core/priority.h"
#include "ctld/core/schedule.h"
#include "ctld/core/verdict.h"

namespace reeve::ctld {
namespace {

constexpr size_t kMostBusy = 5;  // lines

// The plan has been made as far down as this job.
bool Settled(const State& state, const std::vector<ReadyKey>& keys) {
  return std::all_of(keys.begin(), keys.end(),
                     [&](const ReadyKey& key) { return IsPlannedTo(state, key); });
}

const Job& StandsForIn(const State& state, const Job& job) {
  const Job* other = state.FindJob(StandsFor(state, job.id));
  return other == nullptr ? job : *other;
}

class Explainer {
 public:
  Explainer(const State& state, const Job& job, const Sight& sight, absl::Time now)
      : state_(state), job_(job), standing_(StandsForIn(state, job)), sight_(sight), now_(now) {}

  Explanation Run() {
    out_.job = job_.id;
    out_.label = JobLabel(job_);
    out_.state = job_.state;
    out_.flags = job_.flags;
    out_.reason = ReasonText(job_);
    if (!job_.Pending()) {
      SayWhereItIs();
      return std::move(out_);
    }
    const Shape& shape = *job_.shape;
    out_.min_nodes = shape.min_nodes;
    out_.max_nodes = shape.max_nodes;
    out_.tasks = shape.num_tasks;
    out_.magnets = shape.magnets;
    out_.last_start = LastStart(job_);
    if (state_.settings.topology != nullptr && job_.spec->wishes().switches > 0) {
      out_.switches = job_.spec->wishes().switches;
      out_.switches_wait = SwitchWaitOf(job_);
      out_.switches_since = job_.rare->switches_since;
      out_.switches_waited = HasWaitedForSwitches(job_, now_);
    }
    FindWaits();
    for (PartitionIndex partition : state_.PartitionsOf(job_)) {
      keys_.push_back(KeyOf(state_, standing_, partition, now_));
    }
    const bool eligible = state_.backlog.Contains(standing_.id);
    out_.settled = !state_.backlog.stale && (!eligible || Settled(state_, keys_));
    if (state_.backlog.stale) return std::move(out_);  // the plan is of another configuration
    for (const ReadyKey& key : keys_) out_.prospects.push_back(MakeProspect(key));
    FindPlace();
    if (job_.IsComponent()) {
      FindOthers();
      return std::move(out_);  // what it could do alone does not bring it forward
    }
    if (eligible && out_.settled) {
      out_.starts_now = StartsNow(state_, job_, now_);
      if (!out_.starts_now) out_.suggestions = FindSuggestions(state_, job_, sight_, now_);
    }
    return std::move(out_);
  }

 private:
  void SayWhereItIs() {
    out_.start_time = job_.start_time;
    out_.end_time = job_.end_time;
    out_.preempt_time = job_.rare->preempt_time;
    const Job* preemptor = state_.FindJob(PreemptorOf(state_, job_));
    if (preemptor != nullptr && MayName(sight_, *preemptor)) {
      out_.preempted_for = JobLabel(*preemptor);
    }
    if (job_.Running() && job_.time_limit == absl::InfiniteDuration() &&
        !IsSet(job_.rare->preempt_time)) {
      out_.end_time = absl::InfiniteFuture();
    }
    if (job_.Suspended()) out_.end_time = absl::UnixEpoch();  // nobody knows
    if (!sight_.nodes) return;
    std::vector<std::string> names;
    for (const NodeShare& share : job_.shares) names.push_back(share.node);
    out_.nodes = CompressHostlist(names);
  }

  // ---- what keeps it from being considered ------------------------------------------------------

  void AddWait(Reason reason, std::string text, absl::Time until = absl::UnixEpoch()) {
    // What was noted with the reason ("launch failed requeued held") belongs to it.
    if (reason == job_.reason && !job_.reason_detail.empty()) {
      StrAppend(&text, " (", job_.reason_detail.view(), ")");
    }
    out_.waits.push_back({reason, std::move(text), until});
  }

  void FindWaits() {
    if (job_.Completing()) AddWait(job_.reason, "its last run is being cleared away");
    if (job_.Held() && job_.held_by_admin) {
      AddWait(Reason::kJobHeldAdmin, "held by an operator, who alone can release it");
    } else if (job_.Held()) {
      AddWait(Reason::kJobHeldUser, "held: scontrol release lets it go");
    }
    if (!job_.dependency.empty()) {
      const bool never = job_.dependency.view().find("(failed)") != std::string::npos &&
                         job_.reason == Reason::kDependencyNeverSatisfied;
      AddWait(never ? Reason::kDependencyNeverSatisfied : Reason::kDependency,
              StrCat(never ? "can never run, its dependency has failed: " : "depends on ",
                     job_.dependency.view()));
    }
    if (job_.spec->begin_time > now_) {
      AddWait(Reason::kBeginTime, "is not to begin before that time", job_.spec->begin_time);
    }
    if (!BelowArrayLimit(state_, job_)) {
      AddWait(Reason::kJobArrayTaskLimit,
              StrCat("the limit of its array (%", job_.array->limit,
                     ") is reached, running: ", state_.arrays.at(job_.array_job_id).running));
    }
    if (state_.PartitionsOf(job_).empty()) {
      AddWait(job_.reason, StrCat("there is no partition ", job_.partition.view(), " any more"));
    }
  }

  // ---- in one partition -------------------------------------------------------------------------

  ShapeQueue Fitted(const ReadyKey& key) const {
    ShapeQueue queue;
    queue.shape = job_.shape;
    queue.partition = key.partition;
    queue.sole_user = state_.SoleUserOf(job_, key.partition);
    FitQueue(state_, queue);
    return queue;
  }

  Prospect MakeProspect(const ReadyKey& key) {
    const ShapeQueue queue = Fitted(key);
    const Verdict verdict = Judge(state_, queue);
    Prospect prospect;
    prospect.partition = state_.partitions[key.partition].facts.name;
    prospect.requirements = CountNodes(state_, queue, job_, key, sight_, now_);
    prospect.licenses = CountLicenses(state_, queue, key, now_);
    prospect.ahead = CountAhead(state_, key, sight_, now_);
    if (!verdict.can_run_later) Obstruct(prospect, queue, verdict);
    return prospect;
  }

  void Obstruct(Prospect& prospect, const ShapeQueue& queue, const Verdict& verdict) {
    prospect.obstacle = verdict.reason;
    prospect.never = IsNever(verdict.reason);
    prospect.obstacle_text =
        ObstacleText(state_, queue, verdict, prospect.requirements, sight_.nodes);
  }

  // ---- where and when ---------------------------------------------------------------------------

  void FindPlace() {
    const Plan::PlannedJob* planned = state_.plan.Find(standing_.id);
    if (planned != nullptr) {
      const Plan::Place& place = planned->places.front();
      const std::vector<NodeIndex> nodes(place.nodes.begin(), place.nodes.end());
      out_.planned_start = ToTime(place.at);
      out_.planned_partition = job_.IsComponent() && !out_.prospects.empty()
                                   ? out_.prospects.front().partition
                                   : state_.partitions[planned->key.partition].facts.name;
      if (sight_.nodes) out_.planned_nodes = NamesOf(state_, nodes);
      const Reservation* inside = state_.reservations.OfLane(place.lane);
      if (inside != nullptr && job_.shape->reservation.empty()) {
        out_.planned_reservation = inside->name;
      }
      return PutBusy(nodes, planned->key, place.at, inside == nullptr ? 0 : inside->lane);
    }
    for (size_t i = 0; i < keys_.size(); ++i) {
      if (out_.prospects[i].obstacle != Reason::kNone) continue;
      const ShapeQueue queue = Fitted(keys_[i]);
      return PutBusy(NextToBeFree(state_, queue), keys_[i], ToInstant(now_), queue.terms.lane);
    }
  }

  void PutBusy(const std::vector<NodeIndex>& nodes, const ReadyKey& key, Instant start,
               uint32_t lane) {
    const ShapeQueue queue = Fitted(key);
    out_.busy = FindLicenseHolders(state_, queue, key, start, sight_, now_);
    std::vector<Busy> there = FindBusy(state_, nodes, lane, key, start, sight_, now_);
    out_.busy.insert(out_.busy.end(), there.begin(), there.end());
    if (out_.busy.size() <= kMostBusy) return;
    out_.more_busy = static_cast<uint32_t>(out_.busy.size() - kMostBusy);
    out_.busy.resize(kMostBusy);
  }

  // Which component waits for what.
  void FindOthers() {
    ShapeQueue* queue = nullptr;
    Backlog& backlog = const_cast<State&>(state_).backlog;  // to look at
    for (const ReadyKey& key : backlog.KeysOf(standing_.id)) queue = backlog.QueueOf(key);
    for (const Job* each : ComponentsOf(const_cast<State&>(state_), job_)) {
      const bool known = queue != nullptr && each->het->offset < queue->together.size();
      out_.others.push_back(
          StrCat(JobLabel(*each), !each->het->ready ? StrCat(" waits: ", ReasonText(*each))
                                  : !known          ? " is ready, and waits for the others"
                                  : HasRoomNow(queue->together[each->het->offset])
                                      ? " has room now, as far as it alone is concerned"
                                      : " waits for room"));
    }
  }

  bool HasRoomNow(const ShapeQueue& part) const {
    const ReadyKey key = KeyOf(state_, standing_, part.partition, now_);
    const Instant now = ToInstant(now_);
    const std::vector<Offer> offers =
        OffersFromNow(state_, part, key, now, now + part.terms.least_time);
    return SelectNodes(part.terms, offers).has_value();
  }

  const State& state_;
  const Job& job_;
  const Job& standing_;  // has its place in the queue and in the plan: its leader, or itself
  const Sight& sight_;
  const absl::Time now_;
  std::vector<ReadyKey> keys_;  // one a partition
  Explanation out_;
};

// Those that a pick means and that this caller may know of, waiting ones first.
absl::StatusOr<std::vector<JobId>> FindJobs(Context& context, const JobPick& pick,
                                            const Sight& sight) {
  if (pick.step.has_value()) return Refuse(kInvalidJobId, "a step does not wait by itself");
  absl::StatusOr<std::vector<JobId>> jobs = ResolvePick(context, pick, false);
  if (!jobs.ok()) return jobs.status();
  std::erase_if(*jobs, [&](JobId id) { return !MayName(sight, *context.state.FindJob(id)); });
  if (jobs->empty()) return Refuse(kInvalidJobId);
  std::stable_partition(jobs->begin(), jobs->end(),
                        [&](JobId id) { return context.state.FindJob(id)->Pending(); });
  return jobs;
}

}  // namespace

Explanation Explain(const State& state, const Job& job, const Sight& sight, absl::Time now) {
  return Explainer(state, job, sight, now).Run();
}

void HandleExplain(Context& context, const ExplainJobs& event) {
  State& state = context.state;
  std::vector<JobId> jobs;
  absl::flat_hash_set<JobId> known;
  for (const JobPick& pick : event.jobs) {
    absl::StatusOr<std::vector<JobId>> found = FindJobs(context, pick, event.sight);
    if (!found.ok()) return context.Reply(event.call, found.status());
    for (JobId id : *found) {
      if (known.insert(id).second) jobs.push_back(id);
    }
  }
  BringUpToDate(context);
  ExplainAnswer answer;
  for (JobId id : jobs) {
    if (answer.jobs.size() == size_t{kMostExplained}) {
      answer.omitted = jobs.size() - kMostExplained;
      break;
    }
    answer.jobs.push_back(Explain(state, *state.FindJob(id), event.sight, context.now));
  }
  context.Reply(event.call, std::move(answer));
}

}  // namespace reeve::ctld
