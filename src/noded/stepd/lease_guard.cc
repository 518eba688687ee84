#include "noded/stepd/lease_guard.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>

#include "common/base/text.h"
#include "common/os/boot_clock.h"

namespace reeve::noded {
namespace {

// While frozen: how soon a renewal is seen.
constexpr absl::Duration kLookAgain = absl::Milliseconds(200);

}  // namespace

LeaseGuard::LeaseGuard(os::EventLoop* loop, std::string spool_dir, Events events)
    : loop_(loop), spool_dir_(std::move(spool_dir)), events_(std::move(events)) {}

LeaseGuard::~LeaseGuard() {
  if (timer_) loop_->Unwatch(timer_.get());
}

absl::Status LeaseGuard::Start() {
  absl::StatusOr<LeaseRecord> lease = ReadLease(spool_dir_);
  if (!lease.ok()) return Annotate(lease.status(), "this node has no lease");
  lease_ = *std::move(lease);
  if (!lease_.terms.enabled()) return absl::OkStatus();
  if (os::BootClockNow() >= lease_.from + lease_.terms.freeze()) {
    return absl::FailedPreconditionError("this node's lease is over");
  }
  timer_.reset(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer_) return os::ErrnoStatus(errno, "timerfd_create");
  absl::Status watching = loop_->Watch(timer_.get(), EPOLLIN, [this](uint32_t) {
    uint64_t expirations;
    [[maybe_unused]] ssize_t got = read(timer_.get(), &expirations, sizeof(expirations));
    Look();
  });
  if (!watching.ok()) return watching;
  Arm(lease_.from + lease_.terms.freeze());
  return absl::OkStatus();
}

void LeaseGuard::Look() {
  // What can't be read renews nothing.
  absl::StatusOr<LeaseRecord> newer = ReadLease(spool_dir_);
  if (newer.ok() && newer->from > lease_.from) lease_ = *std::move(newer);
  const absl::Duration now = os::BootClockNow();
  const absl::Duration freeze = lease_.from + lease_.terms.freeze();
  const absl::Duration over = lease_.from + lease_.terms.length;
  if (now >= over) return events_.over();
  if (now >= freeze) {
    frozen_ = true;
    events_.freeze(true);
    return Arm(std::min(over, now + kLookAgain));
  }
  if (frozen_) events_.freeze(false);
  frozen_ = false;
  Arm(freeze);
}

void LeaseGuard::Arm(absl::Duration boot_time) {
  itimerspec when = {};
  // Zero would disarm.
  when.it_value = absl::ToTimespec(std::max(boot_time, absl::Nanoseconds(1)));
  timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

}  // namespace reeve::noded
