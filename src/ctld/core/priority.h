// The priorities of jobs.
//
// priority/basic: each new job has one less than the one before, so that the queue is first come,
// first served; nice lowers it. priority/multifactor: priority_factors.h. In both 0 is held, and a
// number that an operator has set (Job::priority_fixed) stays.
//
// Job::priority is what priority/basic goes by, also while priority/multifactor is in force: from
// one to the other jobs keep their order of arrival. Of a job that has started it is the priority
// that it started with.
#pragma once

#include <cstdint>
#include <memory>

#include "ctld/core/cluster_state.h"
#include "ctld/core/priority_factors.h"

namespace reeve::ctld {

uint32_t NextPriority(State& state, int32_t nice);
uint32_t PeekPriority(const State& state, int32_t nice);  // what NextPriority would give
// The priority after a change of nice.
uint32_t AdjustPriority(uint32_t priority, int32_t old_nice, int32_t new_nice);
// Puts the job before the user's other pending jobs, at the cost of those that were before it.
void MoveToTop(Context& context, Job& job);

// A job that waits is filed anew when time has moved its place by so many points.
constexpr double kNoticedPoints = 0.5;

PriorityAsk AskOf(const Job& job);
// The place of a pending job in a partition's queue; where it is queued already, that place.
ReadyKey KeyOf(const State& state, const Job& job, PartitionIndex partition, absl::Time now);
// The place it would be given now.
ReadyKey NewKeyOf(const State& state, const Job& job, PartitionIndex partition, absl::Time now);
// What is shown: the highest of its partitions' while it waits.
uint32_t PriorityOf(const State& state, const Job& job, absl::Time now);

// What the settings and scontrol have made of nodes and partitions; users' shares stay.
std::shared_ptr<const PriorityBook> MakeBook(const State& state);

}  // namespace reeve::ctld
