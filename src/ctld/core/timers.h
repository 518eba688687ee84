// What has to be looked at again, and when. An entry is a hint: whoever handles it checks whether
// it still holds, so that nothing has to be taken out when plans change.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "common/base/ids.h"
#include "ctld/core/events.h"

namespace reeve::ctld {

enum class TimerKind : uint8_t {
  kEligible,      // a begin time or a dependency's delay is over
  kTimeLimit,     // of a job
  kStepLimit,     // of a job's steps
  kPurge,         // a finished job is old enough
  kNodeTimeout,   // a node may have been silent too long
  kLease,         // the lease of a silent node may be over
  kCall,          // a waiting call's deadline
  kRequests,      // answers to requests may be forgotten
  kPlannedStart,  // the first job of the plan is to start
  kReservation,   // one begins or is over
  kHealthCheck,   // nodes are to run HealthCheckProgram
  kPriorities,    // priorities are to be worked out anew, or the queue put in order
  kWarning,       // a job may be near its end, and asked for a signal then
  kDeadline,      // a pending job may not be able to end by its deadline any more
};

struct Timer {
  TimerKind kind;
  JobId job;
  std::string node;
  CallToken call;
};

class TimerQueue {
 public:
  void Add(absl::Time when, Timer timer) {
    if (when < absl::InfiniteFuture()) timers_.emplace(when, std::move(timer));
  }
  std::optional<absl::Time> Next() const {
    if (timers_.empty()) return std::nullopt;
    return timers_.begin()->first;
  }
  // Takes out the earliest one that is due.
  std::optional<Timer> Pop(absl::Time now) {
    if (timers_.empty() || timers_.begin()->first > now) return std::nullopt;
    Timer timer = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    return timer;
  }

 private:
  std::multimap<absl::Time, Timer> timers_;
};

}  // namespace reeve::ctld
