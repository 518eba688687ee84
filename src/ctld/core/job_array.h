// Job arrays: one pending record stands for all tasks that have not started. A task gets a record
// and a job id of its own when it starts or when something is done to it alone; the last one left
// keeps the record, and with it usually the array's own id.
#pragma once

#include "absl/status/statusor.h"
#include "common/base/array_spec.h"
#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

// Takes `tasks` (a subset of the record's) out into a record of their own. When that is all of
// them, it is the record itself. A record of one task becomes that task.
Job& SplitTasks(Context& context, Job& record, const IdRanges& tasks);
// The record of one task, the lowest, ready to be started.
Job& SplitNextTask(Context& context, Job& record);

// May another task of the array start?
// So many of its tasks could start together, and get places in the plan; of another job 1.
uint64_t TasksToPlan(const State& state, const Job& job);
bool BelowArrayLimit(const State& state, const Job& job);
// How many of its tasks may run at once, 0 for any number: a matter of the array as a whole.
void SetArrayLimit(Context& context, JobId array, uint32_t limit);
// Pending records of the array look again whether the limit holds them.
void WakeArray(Context& context, JobId array);

// Also true of what is no array: that is for whoever looks at the job.
bool MayControlArray(const State& state, const Caller& caller, JobId array);

// The jobs that a pick means. Tasks of a pending record are split off when they are meant alone.
// Errors carry Slurm's words.
absl::StatusOr<std::vector<JobId>> ResolvePick(Context& context, const JobPick& pick, bool split);

}  // namespace reeve::ctld
