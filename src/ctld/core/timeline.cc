#include "ctld/core/timeline.h"

#include <algorithm>

namespace reeve::ctld {

Timeline::Timeline(const State& state, absl::Time now, absl::Duration grace) : state_(state) {
  nodes_.resize(state.nodes.size());
  for (NodeIndex i = 0; i < nodes_.size(); ++i) {
    const Node& node = *state.nodes[i];
    nodes_[i].push_back({now, node.cpus, static_cast<int64_t>(node.real_memory_mb)});
    for (const auto& [id, use] : node.jobs) {
      const Job* job = state.FindJob(id);
      absl::Time end = now + grace;
      if (job != nullptr && !job->Completing()) {
        const absl::Duration limit =
            job->shape != nullptr ? job->shape->PlanningTime() : absl::Hours(24 * 365);
        // The limit may have been changed since the start: end_time knows, when there is one.
        const absl::Time planned = IsSet(job->end_time) ? job->end_time : job->start_time + limit;
        end = std::max(end, planned);
      }
      const int64_t cpus = use.whole ? node.cpus : use.cpus.Count();
      const int64_t mem = use.whole ? node.real_memory_mb : use.mem_mb;
      Take(i, cpus, mem, now, end);
    }
  }
}

size_t Timeline::SplitAt(std::vector<Point>& points, absl::Time time) {
  const auto next =
      std::upper_bound(points.begin(), points.end(), time,
                       [](absl::Time t, const Point& point) { return t < point.from; });
  const size_t at = next - points.begin() - 1;
  if (points[at].from == time) return at;
  Point point = points[at];
  point.from = time;
  points.insert(next, point);
  return at + 1;
}

void Timeline::Take(NodeIndex node, int64_t cpus, int64_t mem_mb, absl::Time from,
                    absl::Time until) {
  std::vector<Point>& points = nodes_[node];
  const size_t first = SplitAt(points, from);
  const size_t last = SplitAt(points, until);
  for (size_t i = first; i < last; ++i) {
    points[i].cpus -= cpus;
    points[i].mem_mb -= mem_mb;
  }
  releases_.insert(until);
}

Offer Timeline::Least(NodeIndex index, absl::Time from, absl::Time until) const {
  const std::vector<Point>& points = nodes_[index];
  auto at = std::upper_bound(points.begin(), points.end(), from,
                             [](absl::Time t, const Point& point) { return t < point.from; });
  if (at != points.begin()) --at;
  int64_t cpus = INT64_MAX;
  int64_t mem = INT64_MAX;
  for (; at != points.end() && at->from < until; ++at) {
    cpus = std::min(cpus, at->cpus);
    mem = std::min(mem, at->mem_mb);
  }
  const Node* node = state_.nodes[index].get();
  return {index, node, static_cast<uint32_t>(std::clamp<int64_t>(cpus, 0, node->cpus)),
          static_cast<uint64_t>(std::max<int64_t>(mem, 0))};
}

void Timeline::Reserve(const Placement& placement, bool whole, absl::Time from, absl::Time until) {
  for (const Placement::Part& part : placement.parts) {
    const Node& node = *state_.nodes[part.index];
    Take(part.index, whole ? node.cpus : part.cpus, whole ? node.real_memory_mb : part.mem_mb, from,
         until);
  }
}

}  // namespace reeve::ctld
