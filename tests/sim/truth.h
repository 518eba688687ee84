// What really ran, as the virtual machines know it: the measure for what Reeve says.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "noded/core/step_machine.h"
#include "tests/sim/scene.h"

namespace reeve::sim {

// The controller's trouble is everybody's: a node whose witnesses are too few then ends its jobs.
inline constexpr char kController[] = "the controller";

enum class RunEnd {
  kRunning,
  kByItself,  // with its own status
  kByTerm,    // ended on a SIGTERM of its stepd
  kKilled,    // SIGKILL by its stepd or the node daemon
  kHostDied,
};

struct Run {
  noded::StepKey key;
  std::string node;
  uint32_t item = 0;       // the submission it belongs to
  uint32_t array_job = 0;  // 0: not of an array
  uint32_t array_task = 0;
  bool requeueable = true;
  absl::Time began, ended;
  RunEnd end = RunEnd::kRunning;
  bool stepd_died = false;  // then nobody can know its status
  bool oom = false;
  bool stopped = false;               // it stands still, its job is suspended
  int warnings = 0;                   // SIGUSR1, which its job wants once before its end
  std::vector<noded::TaskEnd> tasks;  // once it has ended
  int32_t status() const;             // the worst of them
};

// Of one part of a step that never ran.
struct FailedLaunch {
  noded::StepKey key;
  std::string node;
  bool job_fault = false;
};

class Truth {
 public:
  explicit Truth(Scene* scene) : scene_(scene) {}

  Run* Begin(Run run);  // lives as long as this
  void End(Run* run, RunEnd end);
  void LaunchFailed(FailedLaunch failed) { failed_.push_back(std::move(failed)); }

  // Runs of the batch step of one attempt, in order.
  std::vector<const Run*> BatchRuns(JobId job, uint32_t attempt) const;
  const FailedLaunch* FindFailed(JobId job, uint32_t attempt, StepId step) const;
  bool HasLiveRuns() const { return live_ > 0; }
  std::vector<const Run*> LiveRuns() const;
  std::string Describe() const;  // what is alive
  size_t count() const { return runs_.size(); }

  // Something that excuses NODE_FAIL happens to the node, until it is over.
  void TroubleBegins(const std::string& node) { trouble_[node].now++; }
  void TroubleEnds(const std::string& node) {
    trouble_[node].now--;
    trouble_[node].last = scene_->clock.now();
  }
  bool Troubled(const std::string& node, absl::Time since) const;

 private:
  using Work = std::pair<uint32_t, uint32_t>;  // a job, or an array's task
  static Work WorkOf(const Run& run);

  Scene* const scene_;
  std::map<uint64_t, Run> runs_;
  std::map<noded::StepKey, std::vector<uint64_t>> of_key_;
  std::map<Work, std::vector<uint64_t>> of_work_;  // batch steps
  struct Trouble {
    int now = 0;
    absl::Time last = absl::InfinitePast();
  };
  std::map<std::string, Trouble> trouble_;
  std::vector<FailedLaunch> failed_;
  size_t live_ = 0;
};

}  // namespace reeve::sim
