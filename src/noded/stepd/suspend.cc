// A step stands still while its job is suspended, or while its node's lease is not renewed, and
// goes on when neither holds any more.
#include <signal.h>
#include <unistd.h>

#include "common/base/text.h"
#include "common/os/log.h"
#include "noded/stepd/process_tree.h"
#include "noded/stepd/stepd.h"

namespace reeve::noded {
namespace {

// Between SIGTSTP, for which a program may get ready, and the stop that it can't catch.
constexpr absl::Duration kStopAfter = absl::Seconds(2);
constexpr absl::Duration kStopRepeat = absl::Milliseconds(20);

}  // namespace

void Stepd::Suspend(bool suspended) {
  if (ended_ || killing_ || terminating_ || suspended == suspended_) return;
  os::LogInfo(StrCat("step ", name_, suspended ? ": suspended" : ": resumed"));
  if (!suspended) {
    LetGo();
    return SignalAll(Descendants(getpid()), SIGCONT);  // for those that SIGTSTP has stopped
  }
  suspended_ = true;
  SignalAll(Descendants(getpid()), SIGTSTP);
  stop_timer_ = loop_.After(kStopAfter, [this] {
    stop_timer_ = os::TimerId::kNone;
    stopped_ = true;
    StandStill();
  });
}

// Its tasks have been forked and wait for the word to exec.
void Stepd::StartSuspended() {
  os::LogInfo(StrCat("step ", name_, ": begins suspended"));
  suspended_ = stopped_ = true;
  StandStill();
}

// It is not suspended any more; the lease may still hold it.
void Stepd::LetGo() {
  if (!suspended_) return;
  loop_.Cancel(stop_timer_);
  stop_timer_ = os::TimerId::kNone;
  suspended_ = stopped_ = false;
  StandStill();
}

void Stepd::StandStill() {
  if (ended_ || killing_) return;
  const bool still = frozen_ || stopped_;
  if (cgroup_.Freeze(still)) return;
  if (still) return StopAll({});
  SignalAll(Descendants(getpid()), SIGCONT);
}

// Without a freezer: until a look finds nobody new, whom one that ran on may have forked.
void Stepd::StopAll(std::vector<pid_t> stopped) {
  if (ended_ || killing_ || !(frozen_ || stopped_)) return;
  std::vector<pid_t> all = Descendants(getpid());
  if (all == stopped) return;
  SignalAll(all, SIGSTOP);
  loop_.After(kStopRepeat, [this, all = std::move(all)] { StopAll(all); });
}

}  // namespace reeve::noded
