// What will be free when: per node a step function of CPUs and memory, from the ends of running
// jobs and the starts and ends of planned ones.
//
//   free CPUs  8 |        ......
//              4 |   .....      :.....   a running job ends, a planned one starts
//              0 |...
//                +---------------------> time
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "absl/time/time.h"
#include "ctld/core/cluster_state.h"
#include "ctld/core/select_nodes.h"

namespace reeve::ctld {

class Timeline {
 public:
  // From the state as it is. A job past its end counts as leaving after `grace`.
  Timeline(const State& state, absl::Time now, absl::Duration grace);

  // The least that is free on the node throughout [from, until).
  Offer Least(NodeIndex node, absl::Time from, absl::Time until) const;
  void Reserve(const Placement& placement, bool whole, absl::Time from, absl::Time until);
  // Times after `now` at which something becomes free, ascending.
  const std::set<absl::Time>& releases() const { return releases_; }

 private:
  struct Point {
    absl::Time from;  // until the next point's
    int64_t cpus;
    int64_t mem_mb;
  };
  void Take(NodeIndex node, int64_t cpus, int64_t mem_mb, absl::Time from, absl::Time until);
  size_t SplitAt(std::vector<Point>& points, absl::Time time);

  const State& state_;
  std::vector<std::vector<Point>> nodes_;
  std::set<absl::Time> releases_;
};

}  // namespace reeve::ctld
