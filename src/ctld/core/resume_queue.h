// Jobs that stand still for others (PreemptMode=SUSPEND): suspended as by `scontrol suspend`
// (suspend.h), they go on by themselves when whoever took their CPUs has ended, before anybody else
// gets these CPUs. Until then the plan keeps them for the time after that:
//
//   CPUs of the node  |  the preemptor ....... | the one that stood still .......... |
//                     +------------------------+-------------------------------------+--> time
//                     now                      its end                 the rest of its time
//
// Memory and generic resources stay with it all the while. Of several that want the same CPUs those
// of the higher tier go on first, then who started first. As in slurm.conf(5), PreemptMode.
#pragma once

#include "absl/time/time.h"
#include "common/base/ids.h"
#include "ctld/core/track.h"

namespace reeve::ctld {

class State;
struct Context;
struct Job;
struct Node;

bool IsSuspendedForOthers(const Job& job);
// The running job (or one that stands still already) gives its CPUs up for that one, which is to
// start in this pass or the next.
void SuspendForOther(Context& context, Job& job, JobId preemptor);
// Somebody stands still for that job, which has not started yet.
bool HasSuspended(const State& state, JobId preemptor);
// Those that have been looked at and have not started: nobody stands still for them any longer.
// True when there were some.
bool ForgetWhoHasNotStarted(State& state);

// Lets go on who can.
void ResumeThoseNext(Context& context);
// Works out when the others are to go on; what should have left has done so after `grace`. The plan
// looks again at the nodes where that has changed.
void ForecastResumes(State& state, absl::Time now, absl::Duration grace);
// When the job, which stands still for others, is to have ended.
Instant EndWhenResumed(const State& state, const Job& job);
// What the plan keeps of that node for it.
void ClaimCpus(const State& state, const Job& job, const Node& node, Track::Use& use);

}  // namespace reeve::ctld
