#include "ctld/core/prolog.h"

#include <algorithm>

#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "ctld/core/job_end.h"
#include "ctld/core/wait_status.h"
#include "ctld/core/waiters.h"

namespace reeve::ctld {
namespace {

// A job that may not wait for a better node fails: what was allocated to it can't be used.
void EndUnprepared(Context& context, Job& job, const std::string& detail) {
  JobEnd end{.state = JobState::kFailed,
             .reason = Reason::kJobLaunchFailure,
             .detail = detail,
             .exit_status = StatusOfExit(1)};
  if (MayRequeue(context.state, job)) {
    end.requeue = end.hold = true;
    end.detail = "launch failed requeued held";
  }
  EndJob(context, job, end);
}

}  // namespace

std::shared_ptr<const JobFacts> FactsOf(const Job& job, const Settings& settings) {
  if (!settings.has_prolog && !settings.has_epilog) return nullptr;
  auto facts = std::make_shared<JobFacts>();
  facts->job = job.id;
  facts->attempt = job.restarts;
  facts->owner = job.owner;
  std::vector<std::string> nodes;
  for (const NodeShare& share : job.shares) nodes.push_back(share.node);
  facts->nodes = CompressHostlist(nodes);
  facts->num_nodes = static_cast<uint32_t>(nodes.size());
  facts->partition = job.partition;
  facts->array_job_id = job.array_job_id;
  facts->array_task_id = job.array_task_id;
  facts->exit_status = job.exit_status;
  facts->derived_exit_status = job.derived_exit_status;
  return facts;
}

void PrepareNodes(Context& context, Job& job) {
  const Settings& settings = context.state.settings;
  if (job.rare.IsThere()) job.rare.Edit().unprepared_nodes.clear();
  if (!settings.has_prolog || !settings.prolog_at_allocation) return;
  const std::shared_ptr<const JobFacts> facts = FactsOf(job, settings);
  for (const NodeShare& share : job.shares) {
    job.rare.Edit().unprepared_nodes.push_back(share.node);
    context.Send(share.node, PrepareJob{facts});
  }
  if (!settings.prolog_no_hold) job.flags |= kJobFlagConfiguring;
}

void PrepareAgain(Context& context, const Job& job, const std::string& node) {
  const std::vector<std::string>& waiting = job.rare->unprepared_nodes;
  if (std::find(waiting.begin(), waiting.end(), node) == waiting.end()) return;
  std::shared_ptr<const JobFacts> facts = FactsOf(job, context.state.settings);
  if (facts != nullptr) context.Send(node, PrepareJob{std::move(facts)});
}

void HandleJobPrepared(Context& context, const JobPrepared& event) {
  context.Send(event.node, Acknowledge{event.report_id});
  if (event.failed) DrainForScript(context, event.node, kPrologError);
  Job* job = context.state.FindJob(event.job);
  if (job == nullptr || event.attempt != job->restarts || !job->Active()) return;
  if (event.failed) {
    context.Log(LogLevel::kError,
                StrCat("job ", JobLabel(*job), ": prolog on ", event.node, ": ", event.error));
    return EndUnprepared(context, *job, event.error);
  }
  if (job->rare->unprepared_nodes.empty()) return;
  BoxedVector<std::string>& waiting = job->rare.Edit().unprepared_nodes;
  if (waiting.Remove(event.node) == 0) return;
  if (waiting.empty()) job->flags &= ~kJobFlagConfiguring;
  context.Changed(*job);
  AnswerWaiters(context, *job);
}

void DrainForScript(Context& context, const std::string& name, std::string_view reason) {
  Node* node = context.state.FindNode(name);
  if (node == nullptr) return;
  context.Log(LogLevel::kError, StrCat("node ", name, ": drained, ", reason));
  if (node->drain && !node->reason.empty()) return;  // somebody's words are there already
  node->drain = true;
  node->reason = std::string(reason);
  node->reason_user = "root";
  node->reason_time = context.now;
  context.Changed(*node);
  context.Account(*node);
}

}  // namespace reeve::ctld
