// The plan counted over, hold by hold, without the tracks' step functions.
#include <algorithm>

#include "common/base/text.h"
#include "ctld/core/cluster_state.h"
#include "ctld/core/invariants.h"

namespace reeve::ctld {
namespace {

class PlanChecker {
 public:
  PlanChecker(const State& state, absl::Time now) : state_(state), now_(ToInstant(now)) {}

  std::vector<std::string> Run() {
    for (NodeIndex i = 0; i < state_.nodes.size(); ++i) {
      if (!state_.plan.Changed(i)) CheckNode(i);
    }
    if (state_.PlanIsBehind()) return found_;  // a pass is still to come
    for (const auto& queue : state_.backlog.queues()) {
      if (queue->waits()) CheckWaits(*queue);
    }
    return found_;
  }

 private:
  // What is left at one time beside running jobs and holds that rank above `below` (or all).
  Room LeftAt(NodeIndex index, Instant at, const ReadyKey* below) const {
    const Track& track = state_.plan.track(index);
    const Node& node = *state_.nodes[index];
    Room left{static_cast<int32_t>(node.cpus), static_cast<int32_t>(node.real_memory_mb),
              node.stock.all()};
    const auto take = [&](const Room& room) { left.Add(-room); };
    for (const Track::Use& use : track.running()) {
      if (at < use.until) take(use.room);
    }
    for (const Track::Hold& hold : track.holds()) {
      if (below != nullptr && !(hold.rank < *below)) continue;
      if (hold.from <= at && at < hold.until) take(hold.room);
    }
    return left;
  }

  void CheckNode(NodeIndex index) {
    for (const Track::Hold& hold : state_.plan.track(index).holds()) {
      const Room left = LeftAt(index, hold.from, nullptr);
      const bool memory_fits = left.mem_mb >= 0 || !state_.settings.select.memory;
      if (left.cpus >= 0 && memory_fits && !left.gres.AnyBelowZero()) continue;
      found_.push_back(StrCat("node ", state_.nodes[index]->name,
                              " is planned beyond what it has, ", "with job ",
                              hold.rank.job.value));
    }
  }

  Offer LeastFor(NodeIndex index, const ReadyKey& key, Instant until) const {
    const Node* node = state_.nodes[index].get();
    Room least = LeftAt(index, now_, &key);
    for (const Track::Hold& hold : state_.plan.track(index).holds()) {
      if (hold.from <= now_ || hold.from >= until) continue;
      const Room left = LeftAt(index, hold.from, &key);
      least.cpus = std::min(least.cpus, left.cpus);
      least.mem_mb = std::min(least.mem_mb, left.mem_mb);
      least.gres.KeepLeast(left.gres);
    }
    least.gres.KeepLeast(node->FreeGres());
    return {index, node, std::min<uint32_t>(std::max(least.cpus, 0), node->FreeCpus()),
            std::min<uint64_t>(std::max(least.mem_mb, 0), node->FreeMem()), least.gres};
  }

  // Nothing that could start without delaying a higher one's planned start is left waiting.
  void CheckWaits(const ShapeQueue& queue) {
    const Instant until = now_ + LengthOf(*queue.shape);
    std::vector<Offer> offers;
    for (NodeIndex index : state_.partitions[queue.partition].nodes) {
      const Node& node = *state_.nodes[index];
      if (node.Usable() && NodeFits(*queue.shape, node)) {
        offers.push_back(LeastFor(index, queue.head(), until));
      }
    }
    if (!SelectNodes(queue.terms, offers).has_value()) return;
    found_.push_back(StrCat(
        "job ", queue.head().job.value, " could start and waits: ", queue.missing_nodes, "/",
        queue.missing_tasks, " missing, ", queue.gained_nodes, "/", queue.gained_tasks, " gained"));
  }

  const State& state_;
  const Instant now_;
  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> CheckPlan(const Controller& controller, absl::Time now) {
  const Settings& settings = controller.settings();
  if (!settings.backfill || settings.plan_depth != UINT32_MAX) return {};
  return PlanChecker(controller.state(), now).Run();
}

}  // namespace reeve::ctld
