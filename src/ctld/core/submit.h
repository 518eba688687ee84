// A submission: the same request answered twice the same way, a job (or array record) made; or only
// what would become of one (test_only).
#pragma once

#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

void HandleSubmit(Context& context, const SubmitJob& event);
void HandleSubmit(Context& context, const SubmitJobs& event);
// Keeps the answer to a request id for a repeat of it.
void KeepRequest(Context& context, RequestResult result);
void ForgetOldRequests(Context& context);
void WatchRequests(Context& context);  // the oldest answer is to be forgotten when its time comes
// num_cpus, num_nodes and num_tasks of a pending job, as its shape asks for them.
void SetAskedSizes(Job& job);

}  // namespace reeve::ctld
