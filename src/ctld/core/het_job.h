// A heterogeneous job: components that are jobs of their own, each with its own wishes, partition
// and nodes, which start all together or not at all. As in Slurm's heterogeneous_jobs page: the
// first one leads, their ids follow each other, people call them "12+0", "12+1"; the script runs
// for the leader alone, and the end of the leader is the end of all. Components have nodes of their
// own: no node is in two of them.
//
// Whether and when they may start together is het_plan.h's; this is their life.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ctld/core/cluster_state.h"
#include "ctld/core/job_end.h"
#include "ctld/core/start_job.h"

namespace reeve::ctld {

// One request's.
constexpr uint32_t kMostComponents = 128;

// Those of the same job that are still known, in the order of their offsets; with itself.
std::vector<Job*> ComponentsOf(State& state, const Job& component);
// The job alone, or all of its components.
std::vector<Job*> WithComponents(State& state, JobId id);
// Visits them likewise.
template <typename Visit>
void ForEachComponent(State& state, JobId id, Visit visit) {
  Job* job = state.FindJob(id);
  if (job == nullptr) return;
  if (!job->IsComponent()) return visit(*job);
  for (Job* each : ComponentsOf(state, *job)) visit(*each);
}
// Who has the place in the queue and in the plan: the job itself, or its leader.
JobId StandsFor(const State& state, JobId id);

// What a component may not ask for. `first` is what the leader asks for.
absl::Status CheckComponent(const JobSpec& spec, const JobSpec& first, uint32_t offset);
absl::Status CheckComponent(const Shape& shape);
// As State::NextJobId, of so many ids in a row: the first of them; 0: there are none.
JobId NextHetJobId(State& state, uint32_t count);
// A pick without array tasks: "12" of a leader is all components, "12+1" that one.
absl::StatusOr<std::vector<JobId>> ResolveComponents(State& state, const JobPick& pick);

// The component waits for room and nothing else. The leader once that is true of all of them; null:
// it is not.
const Job* ComponentIsReady(Context& context, JobId id);
// It is in the queue, perhaps with components that are others than they were.
void FollowComponents(Context& context, JobId leader);
// It waits for something of its own, or does not wait any more: none of them is in the queue.
void ComponentIsNotReady(Context& context, JobId id);

// Starts all of them: `grants` in the order of their offsets.
void StartTogether(Context& context, JobId leader, const std::vector<Grant>& grants);

// Does the others' run end with this one's? It does when the leader ends, when it never began, when
// a node failed, and when it is to run again.
bool EndsAll(const State& state, const Job& job, const JobEnd& end);
void EndTogether(Context& context, Job& job, JobEnd end);
// A component that is over (perhaps still being cleared away) is to run again, and so are all.
void RunTogetherAgain(Context& context, Job& job, bool hold, bool by_admin);
// A job (any) that is being cleared away and was to run again does not: it ends so.
void StayEnded(Context& context, Job& job, const JobEnd& end);
// A component that was to run again does not: the others that wait for it, or were to run again as
// well, end so. Nothing happens to a job that is no component.
void RunNoneAgain(Context& context, const Job& job, const JobEnd& end);
// No component waits, runs or is being cleared away.
bool AllOver(State& state, const Job& component);

// Appends SLURM_HET_SIZE and SLURM_*_HET_GROUP_n, and the job's id as it is to all components.
void AddHetEnvironment(const State& state, const Job& job, std::vector<std::string>& environment);

}  // namespace reeve::ctld
