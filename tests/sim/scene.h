// What every part of a simulated world shares: the plan, the clock, the report, and the canary that
// may be built in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "common/base/text.h"
#include "tests/sim/clock.h"
#include "tests/sim/plan.h"
#include "tests/sim/random.h"

namespace reeve::sim {

// A mistake made on purpose, in the simulated shell or node: the oracles must find each.
enum class Canary {
  kNone,
  kReplyBeforeCommit,        // a client has its answer before the disk has the job
  kAcknowledgeBeforeCommit,  // a node may forget a report that is not on disk
  kCommandBeforeCommit,      // a launch leaves before the disk knows of it
  kRequeueAtSilence,         // a silent node's job goes elsewhere at once
  kForgetStartedMark,        // a step daemon does not say that it has let its tasks go
  kLaunchTwiceAfterAdopt,    // a node daemon starts again what it finds at its own start
  kForgetRequests,           // the store keeps jobs but not the request ids they answer
  kIgnoreLease,              // a step daemon goes on when its node's lease is over
  kIgnoreSuspension,         // a node lets suspended jobs run on
  kForgetSuspension,         // a node daemon that registers is not told which jobs are suspended
  kAccountTwice,             // the accounting daemon adds a row a record
  kLoseOutbox,               // accounting records are taken off before they are acknowledged
};
inline constexpr std::pair<Canary, std::string_view> kCanaries[] = {
    {Canary::kReplyBeforeCommit, "reply_before_commit"},
    {Canary::kAcknowledgeBeforeCommit, "acknowledge_before_commit"},
    {Canary::kCommandBeforeCommit, "command_before_commit"},
    {Canary::kRequeueAtSilence, "requeue_at_silence"},
    {Canary::kForgetStartedMark, "forget_started_mark"},
    {Canary::kLaunchTwiceAfterAdopt, "launch_twice_after_adopt"},
    {Canary::kForgetRequests, "forget_requests"},
    {Canary::kIgnoreLease, "ignore_lease"},
    {Canary::kIgnoreSuspension, "ignore_suspension"},
    {Canary::kForgetSuspension, "forget_suspension"},
    {Canary::kAccountTwice, "account_twice"},
    {Canary::kLoseOutbox, "lose_outbox"},
};

// What was seen: the first violation, and (when asked for) everything that happened.
class Report {
 public:
  explicit Report(bool tracing) : tracing_(tracing) {}

  bool tracing() const { return tracing_; }
  template <class... T>
  void Trace(absl::Time now, const T&... parts) {
    if (tracing_) Line(now, StrCat(parts...));
  }
  // `kind` tells violations apart when a seed is shortened. The first one ends the run.
  template <class... T>
  void Violation(absl::Time now, std::string_view kind, const T&... parts) {
    if (failed()) return;
    kind_ = std::string(kind);
    text_ = StrCat(parts...);
    if (tracing_) Line(now, StrCat("VIOLATION ", kind, ": ", text_));
  }
  bool failed() const { return !kind_.empty(); }
  const std::string& kind() const { return kind_; }
  const std::string& text() const { return text_; }

 private:
  void Line(absl::Time now, const std::string& text);

  const bool tracing_;
  std::string kind_;
  std::string text_;
};

struct Scene {
  Scene(const Plan& p, Canary c, bool tracing) : plan(p), canary(c), report(tracing) {}

  template <class... T>
  void Trace(const T&... parts) {
    report.Trace(clock.now(), parts...);
  }
  template <class... T>
  void Violation(std::string_view kind, const T&... parts) {
    report.Violation(clock.now(), kind, parts...);
  }
  bool Is(Canary c) const { return canary == c; }

  const Plan& plan;
  const Canary canary;
  Clock clock;
  Report report;
  bool calm = false;  // no more faults
};

}  // namespace reeve::sim
