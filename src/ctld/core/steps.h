// Steps: an srun's request turned into shares of its job's allocation, and what nodes report.
#pragma once

#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

// Answers at once, or keeps the request until its deadline while other steps hold the CPUs (or the
// job is still pending).
void HandleCreateStep(Context& context, const CreateStep& event);
void HandleStepReported(Context& context, const StepReported& event);
void HandleJobGone(Context& context, const JobGone& event);

// Tries the requests that wait in this job again: it has started, or a step of it has ended.
void RetryWaitingSteps(Context& context, Job& job);
// The job has ended: requests that wait are refused.
void DropWaitingSteps(Context& context, const Job& job);

// One node's part is over; the step ends with its last part. Requests that waited for its CPUs are
// served, so references to the job's steps don't survive this.
void EndPart(Context& context, Job& job, Step& step, size_t share);
// All parts on a node that is known to have nothing left.
void EndPartsOnNode(Context& context, Job& job, const std::string& node);
void CloseAllSteps(Context& context, Job& job);
// Ends one running step: KillStep to every node it still runs on.
void KillStepEverywhere(Context& context, Job& job, Step& step, std::optional<uint32_t> by);
// SignalStep to every node it still runs on.
void SignalStepEverywhere(Context& context, const Job& job, const Step& step, int32_t signal,
                          bool leader_only);
// The node does not know this part of a step: it is launched again when it surely never started.
void ResolveMissingPart(Context& context, Job& job, Step& step, size_t share);

}  // namespace reeve::ctld
