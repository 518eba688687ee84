// A machine: what is there whatever its node daemon does. Its disk (the spool, the node's state)
// also outlives the machine's death; its processes (step daemons, tasks) do not.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/base/lease_terms.h"
#include "ctld/core/effects.h"
#include "noded/core/step_machine.h"
#include "tests/sim/scene.h"
#include "tests/sim/truth.h"

namespace reeve::sim {

class Stepd;

// The tasks of a step on one machine, with or without a stepd over them.
struct Tasks {
  Run* run = nullptr;
  std::vector<noded::TaskEnd> planned;  // how they end by themselves
  OnTerm on_term = OnTerm::kDie;
  bool alive = true;
  bool frozen = false;
  bool due = false;      // they would have ended while frozen
  bool stopped = false;  // their job is suspended
  absl::Time ends;       // by themselves, unless they are stopped before
  absl::Duration left;   // while they are stopped: how long they will run on
  uint64_t turn = 0;     // of running: an end that was foreseen in an earlier one is none
};

// <SlurmdSpoolDir>/steps/<job>.<step>.<attempt>/, see noded/stepd/spool.h.
struct SpoolFolder {
  ctld::StepLaunch launch;
  bool owned = false;  // a stepd wrote its pid into the lock
  uint64_t lock = 0;   // whose; 0: free
  bool started = false;
  uint64_t started_boot = 0;
  bool abandoned = false;
  std::optional<noded::StepOutcome> record;
  std::shared_ptr<Tasks> tasks;
};

// <SlurmdSpoolDir>/lease
struct LeaseFile {
  uint64_t boot = 0;
  LeaseTerms terms;
  absl::Duration from;
  std::vector<std::string> witnesses;
};

class Host {
 public:
  Host(Scene* scene, Truth* truth, std::string name, uint32_t cpus);
  ~Host();

  const std::string& name() const { return name_; }
  bool alive() const { return life_.alive(); }
  const Life& life() const { return life_; }  // of this boot
  std::string boot_id() const { return StrCat("boot", boot_); }

  // The forker's part: the stepd's pid.
  uint64_t StartStepd(const noded::StepKey& key);
  Stepd* FindStepd(uint64_t pid);
  void StepdExits(uint64_t pid);  // of itself
  // As kill -9: its tasks go on without it.
  void KillStepd(uint64_t pid);
  // SIGKILL to what a dead stepd has left; true when something was there.
  bool KillLeftovers(const noded::StepKey& key);
  // Of some stepd at one of its moments; see Stepd::Phase. The n-th that is started from now on.
  void KillStepdLater(uint32_t count, uint32_t phase);
  void SpareStepds() { dooms_.clear(); }
  bool ForkerDead() const { return scene_->clock.now() < forker_dead_until_; }
  void KillForker(absl::Duration away) { forker_dead_until_ = scene_->clock.now() + away; }

  // Power is lost: all processes are gone, what was written last perhaps too.
  void Die(bool spool_lost);
  void Boot();

  // Its boot clock, which is a little fast or slow.
  absl::Duration BootNow() const { return (scene_->clock.now() - booted_) * rate_; }
  absl::Duration UntilBoot(absl::Duration time) const { return (time - BootNow()) / rate_; }

  std::optional<LeaseFile> lease;  // of any boot
  std::map<noded::StepKey, SpoolFolder> spool;
  uint64_t epoch = 0;  // <SlurmdSpoolDir>/node_state
  uint64_t starts = 0;
  uint32_t cpus = 0;
  size_t stepds() const { return stepds_.size(); }

  Scene* scene() const { return scene_; }
  Truth* truth() const { return truth_; }
  Random& random() { return random_; }
  uint64_t boot() const { return boot_; }

 private:
  Scene* const scene_;
  Truth* const truth_;
  const std::string name_;
  Random random_;
  Life life_;
  uint64_t boot_ = 1;
  absl::Time booted_;
  double rate_ = 1;
  uint64_t next_pid_ = 100;
  std::map<uint64_t, std::unique_ptr<Stepd>> stepds_;
  std::vector<std::unique_ptr<Stepd>> buried_;  // may be on the stack still
  absl::Time forker_dead_until_ = absl::InfinitePast();
  struct Doom {
    uint32_t count;
    uint32_t phase;
  };
  std::vector<Doom> dooms_;
};

}  // namespace reeve::sim
