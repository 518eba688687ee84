#include "tests/sim/truth.h"

#include "ctld/core/wait_status.h"

namespace reeve::sim {

int32_t Run::status() const {
  int32_t worst = 0;
  for (const noded::TaskEnd& task : tasks) worst = ctld::WorseStatus(worst, task.status);
  return worst;
}

Truth::Work Truth::WorkOf(const Run& run) {
  return run.array_job != 0 ? Work{run.array_job, run.array_task}
                            : Work{run.key.job.value, UINT32_MAX};
}

Run* Truth::Begin(Run run) {
  const std::string name = StrCat(ToString(run.key), " attempt ", run.key.attempt);
  scene_->Trace("  ", run.node, ": ", name, " RUNS");
  for (uint64_t id : of_key_[run.key]) {
    if (runs_[id].node == run.node || run.key.step == kBatchStep) {
      scene_->Violation("ran twice", name, " runs on ", run.node, ", and ran on ", runs_[id].node);
    }
  }
  if (run.key.step == kBatchStep) {
    for (uint64_t id : of_work_[WorkOf(run)]) {
      const Run& other = runs_[id];
      // A step daemon that is killed leaves its tasks to the node daemon: the lease has nobody to
      // enforce it when both are dead. docs/simulator.md says so.
      if (other.end == RunEnd::kRunning && !other.stepd_died) {
        scene_->Violation("runs twice at once", name, " begins on ", run.node, " while attempt ",
                          other.key.attempt, " runs on ", other.node);
      }
      if (!run.requeueable) {
        scene_->Violation("not to be requeued", name, " runs on ", run.node,
                          " again, after attempt ", other.key.attempt, " on ", other.node);
      }
    }
  }
  const uint64_t id = runs_.size();
  of_key_[run.key].push_back(id);
  if (run.key.step == kBatchStep) of_work_[WorkOf(run)].push_back(id);
  run.began = scene_->clock.now();
  ++live_;
  return &(runs_[id] = std::move(run));
}

void Truth::End(Run* run, RunEnd end) {
  if (run->end != RunEnd::kRunning) return;
  run->end = end;
  run->ended = scene_->clock.now();
  --live_;
  scene_->Trace("  ", run->node, ": ", ToString(run->key), " attempt ", run->key.attempt,
                " ENDS, status ", run->status(), end == RunEnd::kByItself ? "" : ", made to");
}

std::vector<const Run*> Truth::BatchRuns(JobId job, uint32_t attempt) const {
  std::vector<const Run*> runs;
  const auto found = of_key_.find({job, kBatchStep, attempt});
  if (found == of_key_.end()) return runs;
  for (uint64_t id : found->second) runs.push_back(&runs_.at(id));
  return runs;
}

std::vector<const Run*> Truth::LiveRuns() const {
  std::vector<const Run*> runs;
  for (const auto& [id, run] : runs_) {
    if (run.end == RunEnd::kRunning) runs.push_back(&run);
  }
  return runs;
}

const FailedLaunch* Truth::FindFailed(JobId job, uint32_t attempt, StepId step) const {
  for (const FailedLaunch& failed : failed_) {
    if (failed.key == noded::StepKey{job, step, attempt}) return &failed;
  }
  return nullptr;
}

std::string Truth::Describe() const {
  std::string text;
  for (const auto& [id, run] : runs_) {
    if (run.end == RunEnd::kRunning) StrAppend(&text, " ", ToString(run.key), " on ", run.node);
  }
  return text;
}

bool Truth::Troubled(const std::string& node, absl::Time since) const {
  const auto found = trouble_.find(node);
  return found != trouble_.end() && (found->second.now > 0 || found->second.last >= since);
}

}  // namespace reeve::sim
