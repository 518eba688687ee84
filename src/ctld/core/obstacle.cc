#include "ctld/core/obstacle.h"

#include "common/base/text.h"
#include "common/base/units.h"
#include "ctld/core/explain_nodes.h"
#include "ctld/core/license_pool.h"
#include "ctld/core/priority.h"
#include "ctld/core/verdict.h"

namespace reeve::ctld {
namespace {

std::string Nodes(uint32_t count) {
  return StrCat(count, count == 1 ? " node" : " nodes");
}

std::string NodeLimitText(const Shape& shape, const Partition& partition) {
  if (shape.max_nodes < partition.min_nodes) {
    return StrCat("asks for at most ", Nodes(shape.max_nodes), ", partition ", partition.name,
                  " takes jobs of ", partition.min_nodes, " or more (MinNodes)");
  }
  return StrCat("asks for ", Nodes(shape.min_nodes), ", partition ", partition.name, " allows ",
                *partition.max_nodes, " (MaxNodes)");
}

// The queue of jobs like that one: the scheduler's own, which it fits anyway, or (of a job that it
// does not look at yet) `own`.
const ShapeQueue& FittedQueue(State& state, const Job& job, PartitionIndex partition,
                              absl::Time now, ShapeQueue& own) {
  ShapeQueue* queue = &own;
  if (state.backlog.Contains(job.id) && !job.IsComponent()) {
    queue = state.backlog.QueueOf(KeyOf(state, job, partition, now));
  }
  if (queue == nullptr || queue == &own) {
    queue = &own;
    own.shape = job.shape;
    own.partition = partition;
    own.sole_user = state.SoleUserOf(job, partition);
  }
  if (!queue->fitted) FitQueue(state, *queue);
  return *queue;
}

}  // namespace

bool IsNever(Reason reason) {
  return reason == Reason::kPartitionConfig || reason == Reason::kBadConstraints ||
         reason == Reason::kLicenses;
}

std::string ObstacleText(const State& state, const ShapeQueue& queue, const Verdict& verdict,
                         const std::vector<Requirement>& requirements, bool name_nodes) {
  const Partition& partition = state.partitions[queue.partition].facts;
  const Shape& shape = *queue.shape;
  switch (verdict.reason) {
    case Reason::kPartitionDown:
      return StrCat("partition ", partition.name, " is DOWN");
    case Reason::kPartitionInactive:
      return StrCat("partition ", partition.name, " is INACTIVE");
    case Reason::kPartitionTimeLimit:
      return StrCat("asks for ", FormatDuration(shape.LeastLimit()), ", partition ", partition.name,
                    " allows ", FormatDuration(partition.max_time), " (MaxTime)");
    case Reason::kPartitionNodeLimit:
      return NodeLimitText(shape, partition);
    case Reason::kReqNodeNotAvail: {
      const std::string names = verdict.detail.substr(verdict.detail.find(':') + 1);
      return StrCat("needs nodes that are down or drained", name_nodes ? ": " + names : "");
    }
    case Reason::kLicenses:
      return MissingLicenses(shape.licenses, state.settings.licenses);
    default:
      return NeverText(state, queue, requirements);
  }
}

std::optional<std::string> WhyNeverRuns(State& state, const Job& job, absl::Time now) {
  std::string why;
  for (PartitionIndex partition : state.PartitionsOf(job)) {
    ShapeQueue own;
    const ShapeQueue& queue = FittedQueue(state, job, partition, now, own);
    if (queue.judged && queue.verdict.can_run_later) return std::nullopt;
    const std::optional<Reason> never = WhyNever(state, queue);
    if (!never.has_value()) return std::nullopt;
    const std::vector<Requirement> requirements =
        IsNever(*never) ? CountEmptyNodes(state, queue, job, now) : std::vector<Requirement>();
    StrAppend(&why, why.empty() ? "" : "; ",
              ObstacleText(state, queue, {.reason = *never}, requirements, true));
  }
  if (why.empty()) return std::nullopt;
  return StrCat("job ", JobLabel(job), " can never run as the cluster stands: ", why);
}

std::optional<std::string> NoteIfNever(State& state, const Job& job, absl::Time now) {
  std::optional<std::string> why = WhyNeverRuns(state, job, now);
  if (why.has_value()) why->insert(0, "note: ");
  return why;
}

}  // namespace reeve::ctld
