// The wall clock, and whether somebody has set it. Against the boot clock, which nobody sets, a
// slowly corrected clock and one that jumps look different.
#pragma once

#include <functional>

#include "absl/time/time.h"
#include "common/os/event_loop.h"
#include "common/os/fd.h"

namespace reeve::os {

class ClockWatch {
 public:
  struct Reading {
    absl::Time wall;
    absl::Duration boot;
  };
  // `on_set` runs on the loop soon after the clock was set, so that waits until a time of day can
  // be computed anew. `read`: for tests.
  ClockWatch(EventLoop* loop, std::function<void()> on_set,
             std::function<Reading()> read = ReadClocks);
  ~ClockWatch();

  struct Time {
    absl::Time now;
    absl::Duration jumped;  // since the last Look, when by more than a second; else zero
  };
  Time Look();

  static Reading ReadClocks();

 private:
  void Arm();

  EventLoop* loop_;
  std::function<void()> on_set_;
  std::function<Reading()> read_;
  UniqueFd timer_;
  Reading last_;
};

}  // namespace reeve::os
