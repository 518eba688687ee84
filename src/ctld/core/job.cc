#include "ctld/core/job.h"

#include <algorithm>

#include "common/base/saturating.h"
#include "common/base/text.h"
#include "ctld/core/wait_status.h"

namespace reeve::ctld {

const RareWishes& JobSpec::wishes() const {
  static const RareWishes kNone;
  return rare == nullptr ? kNone : *rare;
}

void Usage::Add(const Usage& other) {
  user_usec = SaturatingAdd(user_usec, other.user_usec);
  system_usec = SaturatingAdd(system_usec, other.system_usec);
  if (other.max_rss_kb > max_rss_kb) {
    max_rss_kb = other.max_rss_kb;
    max_rss_node = other.max_rss_node;
    max_rss_task = other.max_rss_task;
  }
}

std::vector<std::string> Step::PendingNodes() const {
  std::vector<std::string> nodes;
  for (size_t i = 0; i < shares.size(); ++i) {
    if (i < parts.size() && parts[i] != PartState::kEnded) nodes.push_back(shares[i].node);
  }
  return nodes;
}

std::vector<std::string> Step::StartedNodes() const {
  std::vector<std::string> nodes;
  for (size_t i = 0; i < shares.size(); ++i) {
    if (i < parts.size() && parts[i] == PartState::kStarted) nodes.push_back(shares[i].node);
  }
  return nodes;
}

uint32_t Step::TotalCpus() const {
  uint32_t cpus = 0;
  for (const NodeShare& share : shares) cpus += share.cpus;
  return cpus;
}

bool Job::ClearOf(const std::string& node) const {
  return Completing() &&
         std::find(pending_nodes.begin(), pending_nodes.end(), node) == pending_nodes.end();
}

bool Job::Finished() const {
  return IsFinished(state);
}

const Step* Job::FindStep(StepId step) const {
  for (const Step& candidate : steps) {
    if (candidate.step_id == step) return &candidate;
  }
  return nullptr;
}

Step* Job::FindStep(StepId step) {
  return const_cast<Step*>(static_cast<const Job*>(this)->FindStep(step));
}

std::string ReasonText(const Job& job) {
  if (job.reason != Reason::kRaisedSignal) return std::string(ReasonName(job.reason));
  const int signal = SignalOf(job.exit_status);
  return StrCat("RaisedSignal:", signal, "(", SignalName(signal), ")");
}

std::string JobLabel(const Job& job) {
  if (job.IsArrayRecord()) {
    return StrCat(job.array_job_id.value, "_[",
                  FormatArrayTasks(job.array->tasks, job.array->limit, 64), "]");
  }
  if (job.IsComponent()) return StrCat(job.het->leader.value, "+", job.het->offset);
  return DisplayJobId(job.id, job.array_job_id, job.array_task_id);
}

}  // namespace reeve::ctld
