#include "ctld/core/schedule.h"

#include <algorithm>
#include <map>
#include <optional>

#include "common/base/hostlist.h"
#include "ctld/core/eligibility.h"
#include "ctld/core/job_array.h"
#include "ctld/core/select_nodes.h"
#include "ctld/core/start_job.h"
#include "ctld/core/timeline.h"

namespace reeve::ctld {
namespace {

constexpr int64_t kPlanBudget = 4'000'000;  // looks at a node at one time

// What is known in this pass about jobs of one shape in one partition.
struct Verdict {
  Reason reason = Reason::kResources;
  std::string detail;
  bool can_run_later = false;  // worth planning
  absl::Time not_before;       // no job of this shape fits earlier
};

class Pass {
 public:
  explicit Pass(Context& context) : context_(context), state_(context.state) {}

  bool Run() {
    size_t passed_over = 0;
    auto it = state_.ready.begin();
    while (it != state_.ready.end()) {
      const ReadyKey key = *it;
      Job& job = *state_.FindJob(key.job);
      // A task that this pass has started may have been the last that its array's limit lets run.
      if (!BelowArrayLimit(state_, job)) {
        Reconsider(context_, job);
        it = state_.ready.upper_bound(key);
        continue;
      }
      const uint64_t tasks_before = job.IsArrayRecord() ? job.array_tasks.count() : 1;
      const bool moved = Look(job, key.partition);
      const bool record_left = moved && state_.ready.contains(key) && tasks_before > 1;
      if (record_left) {
        it = state_.ready.find(key);  // the next task of the same array
      } else {
        it = moved ? state_.ready.upper_bound(key) : std::next(it);
      }
      if (!moved) ++passed_over;
    }
    return passed_over == state_.ready.size();
  }

 private:
  // True when the job (or one of its tasks) was started.
  bool Look(Job& job, PartitionIndex partition) {
    const std::pair<const Shape*, PartitionIndex> key(job.shape.get(), partition);
    if (const auto known = verdicts_.find(key); known != verdicts_.end()) {
      Block(job, partition, known->second);
      return false;
    }
    const PartitionEntry& entry = state_.partitions[partition];
    std::optional<Verdict> refusal = PartitionLimits(*job.shape, entry.facts);
    if (!refusal.has_value() && !Stopped(partition)) {
      const Terms terms = MakeTerms(*job.shape, entry.facts, state_.settings);
      const std::vector<Offer> offers = Offers(*job.shape, entry, context_.now);
      if (std::optional<Placement> placement = SelectNodes(terms, offers)) {
        StartNow(job, partition, terms, *placement);
        return true;
      }
    }
    Verdict verdict = refusal.has_value() ? *refusal : WhyNot(*job.shape, entry);
    verdict.not_before = context_.now;
    Verdict& kept = verdicts_.emplace(key, std::move(verdict)).first->second;
    Block(job, partition, kept);
    return false;
  }

  // Without backfill the first that waits stops its partition.
  bool Stopped(PartitionIndex partition) const {
    return !state_.settings.backfill && blocked_partitions_.contains(partition);
  }

  void StartNow(Job& job, PartitionIndex partition, const Terms& terms,
                const Placement& placement) {
    if (timeline_.has_value()) {
      timeline_->Reserve(placement, terms.exclusive, context_.now,
                         context_.now + job.shape->PlanningTime());
    }
    StartJob(context_, job, partition, placement);
  }

  // Limits of a partition that keep a job waiting rather than refused.
  std::optional<Verdict> PartitionLimits(const Shape& shape, const Partition& partition) const {
    const auto waits = [](Reason reason) { return Verdict{.reason = reason}; };
    if (partition.state == PartitionState::kDown) return waits(Reason::kPartitionDown);
    if (partition.state == PartitionState::kInactive) return waits(Reason::kPartitionInactive);
    if (shape.time_limit > partition.max_time) return waits(Reason::kPartitionTimeLimit);
    if (shape.min_nodes > partition.max_nodes.value_or(UINT32_MAX) ||
        shape.max_nodes < partition.min_nodes) {
      return waits(Reason::kPartitionNodeLimit);
    }
    return std::nullopt;
  }

  // What the partition's usable nodes offer from `from` on for as long as the shape may run.
  std::vector<Offer> Offers(const Shape& shape, const PartitionEntry& entry, absl::Time from) {
    std::vector<Offer> offers;
    for (NodeIndex index : entry.nodes) {
      const Node& node = *state_.nodes[index];
      if (!node.Usable() || !NodeFits(shape, node)) continue;
      if (timeline_.has_value()) {
        Offer offer = timeline_->Least(index, from, from + shape.PlanningTime());
        // The plan counts; what is there now is what the CPU ids come from.
        if (from == context_.now) {
          offer.cpus = std::min(offer.cpus, node.FreeCpus());
          offer.mem_mb = std::min(offer.mem_mb, node.FreeMem());
        }
        offers.push_back(offer);
      } else {
        offers.push_back({index, &node, node.FreeCpus(), node.FreeMem()});
      }
    }
    budget_ -= static_cast<int64_t>(offers.size());
    return offers;
  }

  // Would it fit an empty cluster; and one of the nodes that are up?
  Verdict WhyNot(const Shape& shape, const PartitionEntry& entry) {
    const Terms terms = MakeTerms(shape, entry.facts, state_.settings);
    std::vector<Offer> all;
    std::vector<Offer> usable;
    std::vector<std::string> unavailable;
    for (NodeIndex index : entry.nodes) {
      const Node& node = *state_.nodes[index];
      if (!NodeFits(shape, node)) continue;
      const Offer offer{index, &node, node.cpus, node.real_memory_mb};
      all.push_back(offer);
      if (node.Usable()) {
        usable.push_back(offer);
      } else if (shape.req_nodes.empty() ||
                 std::find(shape.req_nodes.begin(), shape.req_nodes.end(), node.name) !=
                     shape.req_nodes.end()) {
        unavailable.push_back(node.name);
      }
    }
    if (!SelectNodes(terms, all).has_value()) {
      return {.reason = shape.req_nodes.empty() && !shape.has_features && shape.exc_nodes.empty()
                            ? Reason::kPartitionConfig
                            : Reason::kBadConstraints};
    }
    if (!SelectNodes(terms, usable).has_value()) {
      return {.reason = Reason::kReqNodeNotAvail,
              .detail = "UnavailableNodes:" + CompressHostlist(unavailable)};
    }
    return {.reason = Reason::kResources, .can_run_later = true};
  }

  void Block(Job& job, PartitionIndex partition, Verdict& verdict) {
    // Of several partitions the first (in order) gives the reason and the plan.
    const bool seen = !explained_.insert(job.id).second;
    Reason reason = verdict.reason;
    absl::Time planned = absl::UnixEpoch();
    if (verdict.can_run_later) {
      if (!blocked_partitions_.insert(partition).second) reason = Reason::kPriority;
      if (!seen) planned = Plan(job, partition, verdict);
    }
    if (seen) return;
    if (job.planned_start != planned) {
      job.planned_start = planned;
      context_.Shown(job);
    }
    if (job.reason != reason || job.reason_detail != verdict.detail) {
      job.last_sched_time = context_.now;
      SetReason(context_, job, reason, verdict.detail);
    }
  }

  // Keeps room for the job at the earliest time possible. For an array, for as many tasks as could
  // start together.
  absl::Time Plan(const Job& job, PartitionIndex partition, Verdict& verdict) {
    uint64_t tasks = job.IsArrayRecord() ? job.array_tasks.count() : 1;
    if (job.array_limit > 0) tasks = std::min<uint64_t>(tasks, job.array_limit);
    absl::Time first = absl::UnixEpoch();
    for (uint64_t i = 0; i < tasks; ++i) {
      if (planned_ > 0 && (planned_ >= state_.settings.plan_depth || budget_ <= 0)) break;
      const absl::Time start = PlanOne(*job.shape, partition, verdict.not_before);
      if (start == absl::InfiniteFuture()) break;
      verdict.not_before = start;
      if (!IsSet(first)) first = start;
    }
    return first;
  }

  absl::Time PlanOne(const Shape& shape, PartitionIndex partition, absl::Time not_before) {
    if (!timeline_.has_value()) {
      timeline_.emplace(state_, context_.now,
                        std::max(state_.settings.kill_wait, absl::Seconds(1)));
    }
    const PartitionEntry& entry = state_.partitions[partition];
    const Terms terms = MakeTerms(shape, entry.facts, state_.settings);
    std::vector<absl::Time> times(timeline_->releases().lower_bound(not_before),
                                  timeline_->releases().end());
    if (not_before > context_.now) times.insert(times.begin(), not_before);
    for (absl::Time start : times) {
      // The first plan of a pass is made whatever it costs: it is what protects the top job.
      if (planned_ > 0 && budget_ <= 0) break;
      std::optional<Placement> placement = SelectNodes(terms, Offers(shape, entry, start));
      if (!placement.has_value()) continue;
      timeline_->Reserve(*placement, terms.exclusive, start, start + shape.PlanningTime());
      planned_++;
      return start;
    }
    return absl::InfiniteFuture();
  }

  Context& context_;
  State& state_;
  std::optional<Timeline> timeline_;  // made when the first job has to wait
  std::map<std::pair<const Shape*, PartitionIndex>, Verdict> verdicts_;
  absl::flat_hash_set<PartitionIndex> blocked_partitions_;
  absl::flat_hash_set<JobId> explained_;
  uint32_t planned_ = 0;
  int64_t budget_ = kPlanBudget;
};

}  // namespace

bool RunSchedule(Context& context) {
  return Pass(context).Run();
}

}  // namespace reeve::ctld
