#include "common/os/clock_watch.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "absl/time/clock.h"
#include "common/os/boot_clock.h"

namespace reeve::os {
namespace {

constexpr absl::Duration kJump = absl::Seconds(1);

}  // namespace

ClockWatch::ClockWatch(EventLoop* loop, std::function<void()> on_set, std::function<Reading()> read)
    : loop_(loop),
      on_set_(std::move(on_set)),
      read_(std::move(read)),
      timer_(timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK)),
      last_(read_()) {
  // Without the kernel's word a jump is seen at the next Look.
  if (!timer_) return;
  Arm();
  loop_
      ->Watch(timer_.get(), EPOLLIN,
              [this](uint32_t) {
                uint64_t expirations;
                const bool set = ::read(timer_.get(), &expirations, sizeof(expirations)) < 0 &&
                                 errno == ECANCELED;
                Arm();
                if (set) on_set_();
              })
      .IgnoreError();
}

ClockWatch::~ClockWatch() {
  if (timer_) loop_->Unwatch(timer_.get());
}

// In a year, cancelled by whoever sets the clock (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET).
void ClockWatch::Arm() {
  itimerspec when = {};
  when.it_value = absl::ToTimespec(absl::Now() + absl::Hours(24 * 365));
  timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when, nullptr);
}

ClockWatch::Time ClockWatch::Look() {
  const Reading now = read_();
  const absl::Duration by = (now.wall - last_.wall) - (now.boot - last_.boot);
  last_ = now;
  return {now.wall, absl::AbsDuration(by) > kJump ? by : absl::ZeroDuration()};
}

ClockWatch::Reading ClockWatch::ReadClocks() {
  return {absl::Now(), BootClockNow()};
}

}  // namespace reeve::os
