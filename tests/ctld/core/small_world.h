// A cluster small enough for brute force: each instant and each node is looked at.
#pragma once

#include <algorithm>

#include "ctld/core/cluster_state.h"
#include "tests/ctld/core/harness.h"

namespace reeve::ctld {

// A job of the small world: so many nodes, each with so many CPUs, for so many minutes.
struct Ask {
  uint32_t nodes;
  uint32_t cpus;  // on each
  int minutes;
  int least = 0;  // to which the limit may be lowered; 0: not at all
};
struct Taken {
  int from, until;  // minutes
  std::vector<uint32_t> nodes;
  uint32_t cpus;
};

class SmallWorld {
 public:
  SmallWorld(uint32_t nodes, uint32_t cpus) : nodes_(nodes), cpus_(cpus) {}

  // The first minute at or after `from` at which some set of nodes is free; takes nothing.
  int FirstStart(const Ask& ask, int from) const {
    for (int start = from;; ++start) {
      uint32_t free = 0;
      for (uint32_t node = 0; node < nodes_; ++node) free += FreeThroughout(node, ask, start);
      if (free >= ask.nodes) return start;
    }
  }
  bool FreeThroughout(uint32_t node, const Ask& ask, int start) const {
    for (int minute = start; minute < start + ask.minutes; ++minute) {
      uint32_t used = 0;
      for (const Taken& taken : taken_) {
        const bool here = std::count(taken.nodes.begin(), taken.nodes.end(), node) > 0;
        if (here && taken.from <= minute && minute < taken.until) used += taken.cpus;
      }
      if (used + ask.cpus > cpus_) return false;
    }
    return true;
  }
  void Take(Taken taken) { taken_.push_back(std::move(taken)); }

 private:
  uint32_t nodes_, cpus_;
  std::vector<Taken> taken_;
};

inline Spec SpecOf(const Ask& ask) {
  Spec spec;
  spec.Nodes(ask.nodes).PerNode(1).CpusPerTask(ask.cpus).Minutes(ask.minutes);
  if (ask.least > 0) spec.TimeMin(absl::Minutes(ask.least));
  return spec;
}

// Which nodes the controller has given the job, or means to.
inline std::vector<uint32_t> NodesOf(const Cluster& c, const Job& job) {
  std::vector<uint32_t> nodes;
  for (const NodeShare& share : job.shares) {
    nodes.push_back(c.controller->state().node_index.at(share.node));
  }
  if (const Plan::PlannedJob* planned = c.controller->state().plan.Find(job.id)) {
    for (NodeIndex node : planned->places[0].nodes) nodes.push_back(node);
  }
  return nodes;
}

inline int MinutesFrom(absl::Time begin, absl::Time time) {
  EXPECT_EQ(absl::Minutes(absl::ToInt64Minutes(time - begin)), time - begin);
  return static_cast<int>(absl::ToInt64Minutes(time - begin));
}

}  // namespace reeve::ctld
