// How long a node may go on without its controller, as both compute it from SlurmdTimeout. See
// docs/decisions/0004-leases.md, whose L, H and D these are.
#pragma once

#include <algorithm>

#include "absl/time/time.h"

namespace reeve {

struct LeaseTerms {
  absl::Duration length;  // L; zero: no leases, silence alone moves no job

  static LeaseTerms For(absl::Duration slurmd_timeout) {
    if (slurmd_timeout <= absl::ZeroDuration()) return {};
    return {std::max(slurmd_timeout, absl::Seconds(10))};
  }
  friend bool operator==(const LeaseTerms&, const LeaseTerms&) = default;

  bool enabled() const { return length > absl::ZeroDuration(); }
  // Between two heartbeats.
  absl::Duration heartbeat() const {
    if (!enabled()) return absl::Seconds(30);
    return std::clamp(length / 10, absl::Seconds(1), absl::Seconds(30));
  }
  // Steps freeze this long after the newest acknowledged heartbeat was sent, die at `length`.
  absl::Duration freeze() const { return length * 4 / 5; }
  // H: how long an acknowledgement that has arrived counts for the controller.
  absl::Duration covered() const { return heartbeat() * 3.5; }
  // What a question to a witness may take.
  absl::Duration patience() const { return std::min(absl::Seconds(5), length / 20); }
  // D: without an acknowledgement for so long a node says that the controller is away.
  absl::Duration silent() const { return covered() + patience(); }
  // Beyond `length`, for clocks that do not advance alike.
  absl::Duration margin() const { return length / 20 + absl::Seconds(1); }
};

}  // namespace reeve
