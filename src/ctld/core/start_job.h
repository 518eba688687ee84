// From a placement to a running job: CPU ids taken, the batch step launched.
#pragma once

#include "ctld/core/cluster_state.h"
#include "ctld/core/select_nodes.h"

namespace reeve::ctld {

// What a job is given.
struct Grant {
  Placement placement;
  Instant length = 0;  // its time limit, when that may be lowered
  FromReserve from_reserve = {};
  std::string reservation = {};  // a magnetic one that it starts in
};

// Starts the job, or the next task of an array record, and returns what was started.
Job& StartJob(Context& context, Job& job, PartitionIndex partition, const Grant& grant);

// `count` free CPUs of the node, preferred ones before others, the lowest ids first; with
// whole_cores only cores that are wholly free.
CpuSet PickCpus(const Node& node, uint32_t count, bool whole_cores, const CpuSet& preferred);

// Of a node that there is no more: one CPU.
NodeCpus CpusOf(const State& state, const std::string& node);

// The command that starts one node's part of a step; also used to send it again.
StepLaunch MakeLaunch(const State& state, const Job& job, const Step& step, size_t share);

}  // namespace reeve::ctld
