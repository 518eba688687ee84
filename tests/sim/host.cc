#include "tests/sim/host.h"

#include <signal.h>

#include <algorithm>

#include "tests/sim/stepd.h"

namespace reeve::sim {

Host::Host(Scene* scene, Truth* truth, std::string name, uint32_t cpu_count)
    : cpus(cpu_count),
      scene_(scene),
      truth_(truth),
      name_(std::move(name)),
      random_(scene->plan.seed, name_),
      booted_(scene->clock.now()),
      rate_(1 + random_.Between(-15, 15) / 1000.0) {}

Host::~Host() = default;

uint64_t Host::StartStepd(const noded::StepKey& key) {
  buried_.clear();
  const uint64_t pid = next_pid_++;
  std::optional<uint32_t> doom;
  for (Doom& waiting : dooms_) {
    if (--waiting.count == 0) doom = waiting.phase;
  }
  std::erase_if(dooms_, [](const Doom& d) { return d.count == 0; });
  stepds_[pid] = std::make_unique<Stepd>(this, key, pid, doom);
  stepds_[pid]->Begin();
  return pid;
}

Stepd* Host::FindStepd(uint64_t pid) {
  const auto found = stepds_.find(pid);
  return found == stepds_.end() ? nullptr : found->second.get();
}

void Host::StepdExits(uint64_t pid) {
  const auto found = stepds_.find(pid);
  if (found == stepds_.end()) return;
  for (auto& [key, folder] : spool) {
    if (folder.lock == pid) folder.lock = 0;
  }
  std::unique_ptr<Stepd> stepd = std::move(found->second);
  stepds_.erase(found);
  stepd->CloseConnections();
  buried_.push_back(std::move(stepd));
}

void Host::KillStepd(uint64_t pid) {
  Stepd* stepd = FindStepd(pid);
  if (stepd == nullptr) return;
  scene_->Trace("  ", name_, ": stepd of ", ToString(stepd->key()), " is killed");
  stepd->Killed();
  StepdExits(pid);
}

void Host::KillStepdLater(uint32_t count, uint32_t phase) {
  dooms_.push_back({count, phase});
}

bool Host::KillLeftovers(const noded::StepKey& key) {
  const auto folder = spool.find(key);
  if (folder == spool.end() || folder->second.tasks == nullptr) return false;
  Tasks& tasks = *folder->second.tasks;
  if (!tasks.alive || folder->second.started_boot != boot_) return false;
  tasks.alive = false;
  for (noded::TaskEnd& end : tasks.run->tasks) end.status = SIGKILL;
  truth_->End(tasks.run, RunEnd::kKilled);
  return true;
}

void Host::Die(bool spool_lost) {
  if (!alive()) return;
  scene_->Trace("HOST ", name_, " dies", spool_lost ? ", its spool with it" : "");
  life_.End();
  for (auto& [key, folder] : spool) {
    if (folder.tasks != nullptr && folder.tasks->alive) {
      folder.tasks->alive = false;
      truth_->End(folder.tasks->run, RunEnd::kHostDied);
    }
    folder.lock = 0;
    // Nothing is synced.
    if (random_.OneIn(3)) folder.record.reset();
    if (random_.OneIn(3)) folder.started = false;
  }
  for (auto& [pid, stepd] : stepds_) buried_.push_back(std::move(stepd));
  stepds_.clear();
  dooms_.clear();
  if (spool_lost) {
    spool.clear();
    lease.reset();
  }
}

void Host::Boot() {
  life_ = Life();
  ++boot_;
  booted_ = scene_->clock.now();
  scene_->Trace("HOST ", name_, " boots again, ", boot_id());
}

}  // namespace reeve::sim
