#include "cli/srun_lost_nodes.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "cli/background.h"

namespace reeve::cli {
namespace {

constexpr absl::Duration kAskAgain = absl::Seconds(5);
// A node that comes back tells how its part went: it is given the time between two answers for it.
constexpr int kAnswersToBelieve = 2;

}  // namespace

bool PartHasEnded(const pb::Job* job, int32_t step_id, const std::string& node) {
  if (job == nullptr) return true;
  for (const pb::Step& step : job->steps()) {
    if (step.step_id() != step_id) continue;
    const auto& pending = step.pending_nodes();
    return std::find(pending.begin(), pending.end(), node) == pending.end();
  }
  return true;
}

LostNodes::LostNodes(std::shared_ptr<os::EventLoop> loop,
                     std::shared_ptr<const ControllerClient> client, uint32_t job_id,
                     int32_t step_id, std::function<void(const std::string& node)> gone)
    : loop_(std::move(loop)),
      client_(std::move(client)),
      step_id_(step_id),
      gone_(std::move(gone)) {
  request_.add_jobs()->set_job_id(job_id);
  request_.set_with_steps(true);
  request_.set_with_finished(true);
}

void LostNodes::Add(const std::string& node) {
  nodes_.emplace(node, 0);
  AskLater();
}

void LostNodes::Remove(const std::string& node) {
  nodes_.erase(node);
}

void LostNodes::AskLater() {
  if (std::exchange(asking_, true)) return;
  loop_->After(kAskAgain, [this] { Ask(); });
}

void LostNodes::Ask() {
  auto call = [client = client_, request = request_] { return QueryJobs(*client, request); };
  InBackground<absl::StatusOr<JobsAnswer>>(loop_, call, [this](auto answer) { OnAnswer(answer); });
}

void LostNodes::OnAnswer(const absl::StatusOr<JobsAnswer>& answer) {
  asking_ = false;
  std::vector<std::string> gone;
  if (answer.ok()) {
    const pb::Job* const job = answer->jobs.empty() ? nullptr : &answer->jobs[0];
    for (auto& [node, times] : nodes_) {
      times = PartHasEnded(job, step_id_, node) ? times + 1 : 0;
      if (times >= kAnswersToBelieve) gone.push_back(node);
    }
  }
  for (const std::string& node : gone) {
    nodes_.erase(node);
    gone_(node);
  }
  if (!nodes_.empty()) AskLater();
}

}  // namespace reeve::cli
