// Calls that wait for a job to be allocated or to end.
#pragma once

#include "ctld/core/cluster_state.h"

namespace reeve::ctld {

void HandleWait(Context& context, const WaitJob& event);
// The job has started or ended: those who waited for it get their answer.
void AnswerWaiters(Context& context, const Job& job);
// The deadline of a waiting call, of any kind, has come.
void ExpireCall(Context& context, JobId job, CallToken call);
void ForgetCall(Context& context, CallToken call);

}  // namespace reeve::ctld
