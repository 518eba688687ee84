#include "ctld/core/would_start.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/text.h"
#include "ctld/core/deadline.h"
#include "ctld/core/dependency.h"
#include "ctld/core/errors.h"
#include "ctld/core/explain_nodes.h"
#include "ctld/core/explain_others.h"
#include "ctld/core/magnetism.h"
#include "ctld/core/obstacle.h"
#include "ctld/core/place_search.h"
#include "ctld/core/priority.h"
#include "ctld/core/schedule.h"
#include "ctld/core/start_search.h"
#include "ctld/core/switch_wait.h"
#include "ctld/core/verdict.h"

namespace reeve::ctld {
namespace {

// As a job that is put into the queue at that time.
void Prepare(const State& state, Job& job, absl::Time now) {
  job.accrue_time = std::max(now, job.spec->begin_time);
  Shape shape = *job.shape;
  if (HasWaitedForSwitches(job, now)) shape.max_switches = 0;
  shape.magnets = MagnetsOf(state, job);
  job.shape = std::make_shared<const Shape>(std::move(shape));
}

// From when on it lacks nothing but room.
absl::StatusOr<absl::Time> ReadyFrom(const State& state, const Job& job, absl::Time now) {
  if (job.Held()) return Refuse(kJobHeld, "it would be held: no time is known before its release");
  const absl::Time from = std::max(now, job.spec->begin_time);
  const DependencyOutlook dependency = LookAtDependency(state, job, now);
  switch (dependency.status) {
    case DependencyStatus::kNone:
      return from;
    case DependencyStatus::kNever:
      return Refuse(kDependencyProblem, "its dependency can never be satisfied");
    case DependencyStatus::kWaiting:
      break;
  }
  if (dependency.until == absl::InfiniteFuture()) {
    return Refuse(kDependencyProblem, "it waits for its dependency, which has no time yet");
  }
  return std::max(from, dependency.until);
}

std::string_view WordsFor(Reason reason) {
  switch (reason) {
    case Reason::kPartitionDown:
    case Reason::kPartitionInactive:
      return kPartitionNotAvail;
    case Reason::kPartitionTimeLimit:
    case Reason::kPartitionNodeLimit:
      return kPartitionNotNow;
    case Reason::kReqNodeNotAvail:
      return kNodeNotAvail;
    case Reason::kReservationDeleted:
      return kReservationInvalid;
    case Reason::kLicenses:
      return kInvalidLicense;
    default:
      return kNodeConfig;
  }
}

// Has everybody a place in the plan who ranks higher and can run?
bool AllAheadArePlanned(const State& state, const ReadyKey& key) {
  if (!IsPlannedTo(state, key)) return false;
  if (state.settings.PlansAll()) return true;
  for (const std::unique_ptr<ShapeQueue>& queue : state.backlog.queues()) {
    if (queue->judged && !queue->verdict.can_run_later) continue;
    for (const ReadyKey& ahead : queue->jobs) {
      if (!(ahead < key)) break;
      if (state.plan.Find(ahead.job) == nullptr) return false;
    }
  }
  return true;
}

struct Found {
  Instant at = 0;
  ReadyKey key;
  Placement placement;
};

class StartFinder {
 public:
  StartFinder(Context& context, const Job& job)
      : context_(context), state_(context.state), job_(job), now_(context.now) {}

  // Partitions in which it can run; why not, if there is none.
  absl::Status FindPartitions() {
    std::vector<ReadyKey> keys;
    for (PartitionIndex partition : state_.PartitionsOf(job_)) {
      keys.push_back(NewKeyOf(state_, job_, partition, now_));
    }
    std::sort(keys.begin(), keys.end());
    std::string_view words = kNodeConfig;
    std::vector<std::string> obstacles;
    for (const ReadyKey& key : keys) {
      ShapeQueue queue;
      queue.shape = job_.shape;
      queue.partition = key.partition;
      queue.sole_user = state_.SoleUserOf(job_, key.partition);
      FitQueue(state_, queue);
      const Verdict verdict = Judge(state_, queue);
      if (verdict.can_run_later) {
        queues_.emplace_back(key, std::move(queue));
        continue;
      }
      if (obstacles.empty()) words = WordsFor(verdict.reason);
      obstacles.push_back(ObstacleText(state_, queue, verdict,
                                       CountEmptyNodes(state_, queue, job_, now_),
                                       /*name_nodes=*/false));
    }
    if (!queues_.empty()) return absl::OkStatus();
    const std::optional<std::string> never = WhyNeverRuns(state_, job_, now_);
    return Refuse(words, never.value_or(Join(obstacles, "; ")));
  }

  absl::StatusOr<SubmitAnswer> Find(absl::Time from) {
    std::optional<Found> found;
    if (from <= now_) found = FindNow();
    if (!found.has_value()) found = FindLater(from);
    if (!found.has_value() && DeadlineOf(job_) < kNever) {
      return Refuse(kInvalidTimeLimit, "it would not end by its deadline");
    }
    if (!found.has_value()) return Refuse(kNodesBusy, "no time is known at which it could start");
    SubmitAnswer answer;
    answer.job = job_.id;
    if (!AllAheadArePlanned(state_, found->key)) {
      answer.notes.push_back(
          "note: it may start later: jobs that rank higher wait without a planned start");
    }
    answer.expected = Describe(*found);
    return answer;
  }

 private:
  std::optional<Found> FindNow() {
    const Instant now = ToInstant(now_);
    for (const auto& [key, queue] : queues_) {
      if (IsBehindOthers(state_, key)) continue;
      FreeNow sum;
      std::optional<Grant> grant =
          FindAnyGrant(state_, queue, key, now, DeadlineOf(job_), scratch_, sum);
      if (grant.has_value()) return Found{now, key, std::move(grant->placement)};
    }
    return std::nullopt;
  }

  std::optional<Found> FindLater(absl::Time from) {
    PlaceSearch search(context_, &job_, ToInstant(from));
    std::optional<Found> first;
    for (const auto& [key, queue] : queues_) {
      std::optional<PlaceSearch::Found> place = search.Find(queue, key, search.Soonest());
      if (!place.has_value() || (first.has_value() && first->at <= place->start.at)) continue;
      first = Found{place->start.at, key, std::move(place->start.placement)};
    }
    return first;
  }

  ExpectedStart Describe(const Found& found) const {
    ExpectedStart start;
    start.time = ToTime(found.at);
    start.partition = state_.partitions[found.key.partition].facts.name;
    std::vector<NodeIndex> nodes;
    for (const Placement::Part& part : found.placement.parts) {
      start.cpus += part.cpus;
      nodes.push_back(part.index);
    }
    start.nodes = NamesOf(state_, nodes);
    return start;
  }

  Context& context_;
  State& state_;
  const Job& job_;
  const absl::Time now_;
  Track::Scratch scratch_;
  std::vector<std::pair<ReadyKey, ShapeQueue>> queues_;  // the highest rank first
};

}  // namespace

absl::StatusOr<SubmitAnswer> WouldStart(Context& context, Job job) {
  Prepare(context.state, job, context.now);
  StartFinder finder(context, job);
  if (absl::Status never = finder.FindPartitions(); !never.ok()) return never;
  const absl::StatusOr<absl::Time> from = ReadyFrom(context.state, job, context.now);
  if (!from.ok()) return from.status();
  return finder.Find(*from);
}

}  // namespace reeve::ctld
