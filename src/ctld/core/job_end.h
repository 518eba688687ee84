// The end of a run: from RUNNING (or PENDING) over COMPLETING, while nodes clear away what is left,
// to the final state, or back to PENDING when the job is requeued.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

struct JobEnd {
  JobState state = JobState::kCompleted;
  Reason reason = Reason::kNone;
  std::string detail;
  std::optional<int32_t> exit_status;
  std::optional<uint32_t> kill_uid;
  bool requeue = false;
  bool hold = false;  // requeued and held
  bool hold_by_admin = false;
  // Nodes that are known to have nothing of it left.
  std::vector<std::string> gone;
};

// What tells a node to end its part of the job.
TerminateJob TerminationOf(const Job& job, const Settings& settings);

// Has somebody look when the running job's time is up, and before that if it is to be warned.
void WatchEnd(State& state, const Job& job);

// For pending and running jobs; a completing one has ended already.
void EndJob(Context& context, Job& job, JobEnd end);
// As EndJob, with state and reason from the wait status of the script or of the client's command. A
// job that was to make room and did not end well has been preempted.
void EndJobByExit(Context& context, Job& job, int32_t exit_status, bool oom);

// The node has nothing of the completing job left.
void NodeIsClear(Context& context, Job& job, const std::string& node);

// Puts a job that is over back into the queue.
void Requeue(Context& context, Job& job, bool hold, bool by_admin);
bool MayRequeue(const State& state, const Job& job);
// May the finished job's record be dropped now?
void PurgeIfOld(Context& context, JobId id);

}  // namespace reeve::ctld
