// The clock that leases are measured on: time since boot, suspended time included. Nobody sets it.
#pragma once

#include <time.h>

#include "absl/time/time.h"

namespace reeve::os {

inline absl::Duration BootClockNow() {
  timespec now = {};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return absl::DurationFromTimespec(now);
}

}  // namespace reeve::os
