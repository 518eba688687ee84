// CPUs that several jobs of a partition have at the same time (OverSubscribe=YES:n, FORCE:n). Only
// CPUs are shared: memory, generic resources and licences are each job's own. As in slurm.conf(5)
// and sbatch(1), --oversubscribe: a job that shares has a CPU with others of its partition that
// share, never with one that does not, and with at most n-1 of them.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/oversubscribe.h"

namespace reeve::ctld {

class CpuSet;
class State;
struct Job;
struct Node;
struct Partition;
struct Shape;

struct Sharing {
  uint32_t group = 0;  // of jobs that share with each other: a partition's; 0: shares with nobody
  uint32_t most = 1;   // jobs on a CPU

  bool Shares() const { return group != 0; }
  friend bool operator==(const Sharing&, const Sharing&) = default;
};

void SetOverSubscribe(Partition& partition, const OverSubscribeRule& rule);

// Of such a job in that partition, if it started now.
Sharing SharingOf(const Shape& shape, const Partition& partition);
// Of a job that has CPUs: what it was started with.
Sharing SharingOf(const State& state, const Job& job);

// How many jobs of the group have each CPU of the node, by id.
std::vector<uint32_t> LoadsOf(const Node& node, uint32_t group);
// CPUs of the node that others of the group have and that are to be had by one more.
uint32_t CpusToShare(const Node& node, const Sharing& sharing);
// Has the node such CPUs for any group, with as many jobs on each as partitions let there be now?
bool AnyCpuToShare(const State& state, const Node& node);
// Has nobody those CPUs but jobs with whom they may be shared?
bool MayHaveCpus(const Node& node, const CpuSet& cpus, const Sharing& sharing);

}  // namespace reeve::ctld
