// A requeueable step's watch over its node's lease: on the boot clock, and without reevenoded,
// which may be dead or stopped. See docs/decisions/0004-leases.md.
//
//   holds ──freeze time──► frozen ──L──► over
//     ◄────renewed───────────┘
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/os/event_loop.h"
#include "common/os/fd.h"
#include "noded/stepd/lease_file.h"

namespace reeve::noded {

class LeaseGuard {
 public:
  struct Events {
    std::function<void(bool frozen)>
        freeze;                  // again and again while frozen: a task may have forked
    std::function<void()> over;  // once, last
  };
  LeaseGuard(os::EventLoop* loop, std::string spool_dir, Events events);
  ~LeaseGuard();

  // FailedPrecondition: the lease does not hold, nothing may start. Else watches from now on.
  absl::Status Start();

 private:
  void Look();
  void Arm(absl::Duration boot_time);

  os::EventLoop* loop_;
  std::string spool_dir_;
  Events events_;
  os::UniqueFd timer_;
  LeaseRecord lease_;
  bool frozen_ = false;
};

}  // namespace reeve::noded
